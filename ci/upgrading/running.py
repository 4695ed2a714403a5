"""The validation in an environment: a frozen copy of the suite, one run, and how it ended."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ci.benchmarking.children import last_words
from ci.upgrading.environments import Environment
from ci.upgrading.keeping import lock_of, touch
from ci.upgrading.uv import clean
from fixtures.errors import SuiteError
from fixtures.results.run import Run, read_results
from fixtures.store.identity import file_sha256

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ("fixtures", "validation", "baselines", "conftest.py", "pyproject.toml")
NOT_COPIED = ("__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis")
ENDED_WELL = (0, 1, 10)  # passed, failed, incomplete: there is a report
INTERNAL_ERROR = 3  # pytest itself failed; or the run went well, and its report could not be drawn
TROUBLE = {2: "E ", INTERNAL_ERROR: "INTERNALERROR> "}  # how pytest marks what it could not import, and its own defects
NOT_RUN, TIMED_OUT = "not run", "timed out"
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Ran:
    """How a validation ended.

    Parameters
    ----------
    run : Run or None
        Its results; None if there are none.
    folder : Path
        Its report, with what it could leave as baselines.
    status : int or None
        pytest's exit status; None if it was ended for lack of time.
    seconds : float
        Wall time.
    last : str
        Why there are no results, in the words of its log.
    """

    run: Run | None
    folder: Path
    status: int | None
    seconds: float
    last: str = ""

    @property
    def timed_out(self) -> bool:
        """Whether it was ended for lack of time."""
        return self.status is None

    @property
    def undrawn(self) -> bool:
        """Whether all results are there, though the report could not be drawn."""
        return self.run is not None and self.status == INTERNAL_ERROR


def frozen_suite(cache: Path, source: Path = REPOSITORY) -> Path:
    """Copy the suite under its content, so that both runs have the same one whatever is edited in between."""
    files = [path for part in PARTS for path in _files(source / part)]
    content = hashlib.sha256()
    for path in files:
        content.update(f"{path.relative_to(source).as_posix()}\0{file_sha256(path)}\n".encode())
    target = cache / "suites" / content.hexdigest()[:24]
    target.parent.mkdir(parents=True, exist_ok=True)
    with lock_of(target):
        if not target.is_dir():
            making = target.with_name(f".{target.name}.making")
            shutil.rmtree(making, ignore_errors=True)
            for path in files:
                copy = making / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            making.rename(target)
        touch(target)
    return target


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [one for one in sorted(path.rglob("*")) if one.is_file() and not {*one.parts} & {*NOT_COPIED}]
    if not found:
        raise SuiteError(f"{path} is missing: the suite is not whole; restore it with git.")
    return found


def validate(
    environment: Environment,
    suite: Path,
    folder: Path,
    arguments: Sequence[str],
    *,
    workers: str = "auto",
    timeout: float | None = None,
) -> Ran:
    """Run the validation in an environment; its log goes beside its report, ``<folder>.log``.

    Parameters
    ----------
    environment : Environment
        Where.
    suite : Path
        The copy of the suite.
    folder : Path
        Where the report goes.
    arguments : sequence of str
        Options and arguments of pytest; without any path all of the validation is run.
    workers : str
        Number of processes, or 'auto'.
    timeout : float, optional
        When it is ended [s].

    Raises
    ------
    KeyboardInterrupt
        It was interrupted; the run is ended too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").unlink(missing_ok=True)
    # -P and PYTHONPATH: this copy of the suite, and not one that lies where the user stands
    command = [environment.python, "-P", "-m", "pytest", "-c", suite / "pyproject.toml", "--rootdir", suite]
    command += ["-p", "no:cacheprovider", "-n", workers, f"--report-dir={folder.resolve()}", *_placed(arguments, suite)]
    variables = {
        "PYTHONPATH": str(suite),
        "PATH": os.pathsep.join([str(environment.python.parent), os.environ.get("PATH", "")]),
    }
    log = folder.with_name(f"{folder.name}.log")
    began = time.monotonic()
    with log.open("wb") as printed:
        child = subprocess.Popen(
            [str(word) for word in command],
            env=clean(variables),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, to be ended as a whole
        )
        try:
            status: int | None = child.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
            end(child)
        except BaseException:
            end(child)
            raise
    seconds = time.monotonic() - began
    run = _results(folder, status)
    return Ran(run, folder, status, seconds, "" if run else _why(log, status))


def _results(folder: Path, status: int | None) -> Run | None:
    """Return the results of a run, if it came to its end."""
    try:
        run = read_results(folder / "results.json")
    except SuiteError:
        return None
    whole = status == INTERNAL_ERROR and not run.interrupted
    return run if whole or status in ENDED_WELL else None


def _why(log: Path, status: int | None) -> str:
    """Return what a log says of the trouble that this status stands for, or its last line."""
    mark = TROUBLE.get(status or 0)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if mark else []
    said = [line.removeprefix(mark).strip() for line in lines if mark and line.startswith(mark)]
    return said[-1][:500] if said else last_words(log)


def _placed(arguments: Sequence[str], suite: Path) -> list[str]:
    """Let paths of the validation lead into the copy of the suite; without any, run all of it."""
    placed, found = [], False
    for word in arguments:
        inside = suite / word.split("::")[0].split("[")[0]
        if not word.startswith("-") and word.startswith("validation") and inside.exists():
            placed.append(str(suite / word))
            found = True
        else:
            placed.append(word)
    return placed if found else [str(suite / "validation"), *placed]


def end(child: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE_SECONDS)
