"""Run what the documents print: every `console` block of a page, in a new clone with an empty home folder.

    python ci/pages.py README.md --first-hour               # the path of a new user, as .ci/run does
    python ci/pages.py README.md ci/README.md               # whole pages, as .ci/night does
    python ci/pages.py README.md:125,183                    # only the blocks that begin in these lines
    python ci/pages.py --left-out                           # what is never run, and why

Each page gets a clone, a home folder and a shell of its own; with `--environment` the clone is made around an
environment that is there (.../.venv), so that installing finds all in place. Of each command is compared the exit
status (0, or what ``# status 10`` behind it says), and that the lines which the page shows below it were printed, in
this order: numbers and times apart, and up to ``...``. A comment before a block, ``<!-- run: first-hour, archive -->``,
says more; what has a value stands in a line of its own:

    first-hour          the block is part of the first hour
    archive             MAST is a stand-in on this machine, which holds the twin's rectified FUV images
    left out: REASON    it is not run
    instead: COMMAND    this is run in its place, and its lines are not compared
    replace: A => B     A is replaced by B in each command (a smaller part of the data); may be repeated
    prepare: COMMAND    this is run before, and must end well
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from fixtures.commandline import Parser, guarded
from fixtures.errors import Status, SuiteError, statuses
from fixtures.store.environment import PREFIXES
from fixtures.text import count

REPOSITORY = Path(__file__).resolve().parents[1]
EPILOG = statuses(PASSED="all is as printed", FAILED="something is not", USAGE="a page is not there, or not clear")
KEYS = ("first-hour", "archive", "left out", "instead", "replace", "prepare")
PATIENCE_S = 3600
VENV = ".venv"
LAST_LINES = 25
_BLOCK = re.compile(r"(?:<!-- run:\s*(?P<marks>.*?)\s*-->\n)?```console\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_STATUS = re.compile(r"\s+# status (\d+)$")
_RULE = re.compile(r"={3,}|-{3,}")
_NUMBER = re.compile(r"\b[0-9a-f]*\d[0-9a-f]*(?:[-.,:TZ]?[0-9a-f]*\d[0-9a-fZ]*)*(?![0-9a-f])")


@dataclass(frozen=True)
class Command:
    """A command of a page, the lines that the page shows below it, and the status that it says."""

    text: str
    shown: tuple[str, ...] = ()
    status: int = 0


@dataclass(frozen=True)
class Block:
    """A block of a page, with what the comment before it says; `line` is its first line (1-based)."""

    page: str
    line: int
    commands: tuple[Command, ...]
    marks: dict[str, str] = field(default_factory=dict)


def blocks_of(page: Path, name: str = "") -> list[Block]:
    """Return the `console` blocks of a page.

    Raises
    ------
    SuiteError
        The page is missing, a comment says what is not known, or a block does not begin with a command.
    """
    name = name or page.name
    try:
        text = page.read_text(encoding="utf-8")
    except OSError as error:
        raise SuiteError(f"The page {page} can't be read ({error.strerror}).") from None
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("text")) + 1
        marks = _marks(match["marks"] or "")
        if unknown := [key for key in marks if key not in KEYS]:
            raise SuiteError(
                f"{name}, line {line}: a block can't be marked '{unknown[0]}': choose from {', '.join(KEYS)}."
            )
        found.append(Block(name, line, tuple(_commands(match["text"], f"{name}, line {line}")), marks))
    return found


def _marks(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = (part.strip() for part in line.partition(":"))
        if colon:
            found[key] = f"{found[key]}\n{value}" if key in found else value
        else:
            found |= {one.strip(): "" for one in line.split(",") if one.strip()}
    return found


def _commands(text: str, where: str) -> Iterator[Command]:
    command, shown = "", []
    for line in [*text.splitlines(), "$ "]:
        if not line.startswith("$ "):
            if not command:
                raise SuiteError(f"{where}: a block begins with a command, after '$ '.")
            shown.append(line)
            continue
        if command:
            status = _STATUS.search(command)
            yield Command(_STATUS.sub("", command), tuple(shown), int(status[1]) if status else 0)
        command, shown = line.removeprefix("$ ").strip(), []


def plain(text: str, home: str = "") -> str:
    """Return a text as it is compared: numbers, times and hashes as #, home as ~, rules and spaces of one length."""
    text = text.replace(home, "~") if home else text
    return " ".join(_RULE.sub("---", _NUMBER.sub("#", text)).split())


def not_printed(shown: Sequence[str], printed: str, home: str = "") -> str:
    """Return the first line that a page shows and that was not printed in its place; empty if all were."""
    text, at = plain(printed, home), 0
    for line in shown:
        for part in (plain(one) for one in line.split("...")):
            found = text.find(part, at)
            if found < 0:
                return line
            at = found + len(part)
    return ""


class Shell:
    """A shell that keeps its folder, its variables and its activated environment from command to command."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._end = f"end-of-command-{os.getpid()}"
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip

    def run(self, command: str) -> tuple[int, str]:
        """Run a command to its end; return its status and what it printed.

        Raises
        ------
        SuiteError
            It takes longer than an hour, or ends the shell.
        """
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        limited = f"eval {shlex.quote(command)} < /dev/null"
        self._shell.stdin.write(f"{limited}\nprintf '\\n{self._end} %s\\n' $?\n")
        self._shell.stdin.flush()
        printed: list[str] = []
        watch = threading.Timer(PATIENCE_S, os.killpg, (self._shell.pid, signal.SIGKILL))
        watch.start()
        try:
            for line in self._shell.stdout:
                if line.startswith(f"{self._end} "):
                    return int(line.split()[1]), "".join(printed)
                printed.append(line)
        finally:
            watch.cancel()
        raise SuiteError(f"The shell ended in: {command}")

    def close(self) -> None:
        """End the shell."""
        self._shell.communicate("exit\n", timeout=60)


KEPT = (
    "PATH", "LANG", "TMPDIR",
    "PIP_CONSTRAINT", "PIP_INDEX_URL", "PIP_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_CACHE_DIR",
    "SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy",
)  # fmt: skip
"""What a page's shell has of this one's variables: the way to a package index. `PREFIXES`: what decides numbers."""


@contextmanager
def place(environment: Path | None, work: Path) -> Iterator[tuple[Path, Shell]]:
    """Make a clone with what is not committed, a home folder, and a shell in it."""
    clone, home = environment.parent if environment else work / "clone", work / "home"
    home.mkdir(parents=True)
    for path in clone.iterdir() if environment else ():
        if path.name != VENV:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    _git("clone", "--quiet", "--no-checkout", str(REPOSITORY), str(work / "new"))
    clone.mkdir(exist_ok=True)
    (work / "new" / ".git").rename(clone / ".git")
    _git("-C", str(clone), "checkout", "--quiet", "--force")
    changes = _git("-C", str(REPOSITORY), "diff", "--binary", "HEAD")
    if changes:
        subprocess.run(["git", "-C", clone, "apply"], input=changes, check=True)
    variables = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(PREFIXES)}
    python = Path(sys.base_prefix) / "bin"  # the Python of this environment, whatever PATH has first
    variables |= {"HOME": str(home), "PATH": f"{python}:{os.environ['PATH']}", "COLUMNS": "100", "GIT_AUTHOR_NAME": "A"}
    shell = Shell(clone, variables)
    shell.run("git config --global user.name 'A. Stronomer' && git config --global user.email a@example.org")
    try:
        yield clone, shell
    finally:
        shell.close()


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], check=True, capture_output=True).stdout


@dataclass(frozen=True)
class BlockOutcome:
    """How a command of a page went: what is wrong (empty: nothing), and how long it took [s]."""

    block: Block
    command: str
    wrong: str
    seconds: float
    printed: str = ""


def run_page(name: str, blocks: Sequence[Block], environment: Path | None, work: Path) -> Iterator[BlockOutcome]:
    """Run blocks of a page one after another."""
    with place(environment, work) as (clone, shell):
        if blocks and blocks[0] != blocks_of(REPOSITORY / "README.md")[0]:  # which does this
            status, printed = shell.run(". .venv/bin/activate && pip install --quiet -e '.[test]'")
            if status:
                raise SuiteError(f"The environment for {name} can't be made: {printed[-500:]}")
        for block in blocks:
            yield from _run_block(block, clone, shell, work / "home")


def _run_block(block: Block, clone: Path, shell: Shell, home: Path) -> Iterator[BlockOutcome]:
    if command := block.marks.get("prepare"):
        status, printed = shell.run(command)
        if status:
            yield BlockOutcome(block, command, f"the preparation ended with {status}", 0.0, printed)
            return
    server = _archive(clone, shell, home) if "archive" in block.marks else None
    try:
        instead = block.marks.get("instead")
        for one in [Command(instead)] if instead else map(partial(_smaller, block), block.commands):
            began = time.monotonic()
            status, printed = shell.run(one.text)
            missing = not_printed(one.shown, printed, str(home))
            wrong = f"status {status}, the page says {one.status}" if status != one.status else ""
            wrong = wrong or (f"not printed: {missing}" if missing else "")
            yield BlockOutcome(block, one.text, wrong, time.monotonic() - began, printed)
    finally:
        if server is not None:
            server.terminate()
            server.wait()
            shell.run("unset STIS_VALIDATION_MAST")


def _at(blocks: Sequence[Block], name: str, lines: str) -> list[Block]:
    """Return the blocks that begin in these lines ("125,183").

    Raises
    ------
    SuiteError
        None that is run begins there.
    """
    known = {str(block.line): block for block in blocks}
    if unknown := [line for line in lines.split(",") if line not in known]:
        raise SuiteError(f"{name} has no block that is run in line {unknown[0]}: they begin in {', '.join(known)}.")
    return [known[line] for line in lines.split(",")]


def _smaller(block: Block, command: Command) -> Command:
    """Return a command as it is run: with the replacements of its block."""
    text = command.text
    for line in filter(None, block.marks.get("replace", "").splitlines()):
        old, _, new = (part.strip() for part in line.partition("=>"))
        text = text.replace(old, new)
    return replace(command, text=text)


def _archive(clone: Path, shell: Shell, home: Path) -> subprocess.Popen[str]:
    """Start the stand-in for MAST, and let the shell know its address."""
    server = subprocess.Popen(
        [clone / ".venv" / "bin" / "python", clone / "ci" / "tests" / "pages" / "prepare.py", "archive"],
        stdout=subprocess.PIPE, text=True, cwd=clone, env={**os.environ, "HOME": str(home), "XDG_CACHE_HOME": ""},
    )  # fmt: skip
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    shell.run(f"export STIS_VALIDATION_MAST={address}")
    return server


def pages() -> list[str]:
    """Return all pages that have a `console` block."""
    listed = _git("-C", str(REPOSITORY), "ls-files", "*.md").decode().split()
    return [name for name in listed if _BLOCK.search((REPOSITORY / name).read_text(encoding="utf-8"))]


def left_out() -> list[tuple[str, str]]:
    """Return every command that is never run, with the reason, in the order of the pages."""
    return [
        (f"{block.page}: {command.text}", block.marks["left out"])
        for name in pages()
        for block in blocks_of(REPOSITORY / name, name)
        if "left out" in block.marks
        for command in block.commands
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run pages; return the exit status."""
    parser = Parser("python ci/pages.py", description=__doc__, epilog=EPILOG)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="as README.md, or README.md:125 (default: all)")
    parser.add_argument("--first-hour", action="store_true", help="only the blocks that are marked so")
    parser.add_argument("--left-out", action="store_true", help="list what is never run, and why")
    parser.add_argument("--environment", type=Path, metavar="DIR/.venv", help="an environment to be the clone's")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where clones and homes are made, and stay")
    return guarded(partial(run, parser.parse_args(arguments)))


def run(options: argparse.Namespace) -> int:
    """Run pages and print a table; return the exit status."""
    if options.left_out:
        for command, why in left_out():
            print(f"{command}\n    {why}")
        return Status.PASSED
    work = Path(tempfile.mkdtemp(prefix="stis-pages-")) if options.work is None else options.work
    environment = options.environment.absolute() if options.environment else None
    if environment and environment.name != VENV:
        raise SuiteError(f"--environment {options.environment} is not called {VENV}: the pages call it so.")
    wrong = 0
    try:
        for page in options.pages or pages():
            name, _, lines = page.partition(":")
            blocks = [one for one in blocks_of(REPOSITORY / name, name) if "left out" not in one.marks]
            blocks = [one for one in blocks if not options.first_hour or "first-hour" in one.marks]
            blocks = _at(blocks, name, lines) if lines else blocks
            for done in run_page(name, blocks, environment, work / name.replace("/", "-")):
                word = "WRONG" if done.wrong else "ok"
                print(f"{word:5}  {done.seconds:6.1f} s  {name}:{done.block.line}  {done.command}")
                if done.wrong:
                    wrong += 1
                    last = "\n".join(f"    | {line}" for line in done.printed.rstrip().splitlines()[-LAST_LINES:])
                    print(f"    {done.wrong}\n{last}")
                sys.stdout.flush()
    finally:
        if options.work is None:
            shutil.rmtree(work, ignore_errors=True)
    print(f"{count(wrong, 'command')} of the pages not as printed." if wrong else "All is as printed.")
    return Status.FAILED if wrong else Status.PASSED


if __name__ == "__main__":
    sys.exit(main())
