"""One comparison: the upgrade program run for a candidate, and what it left read with distrust."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ci import verdicts
from ci.benchmarking import children
from ci.night.candidates import Candidate
from ci.night.state import DATA, LOG, REPORT
from ci.night.text import plain, without_password
from ci.verdicts import CandidateVerdict
from fixtures.errors import Status
from fixtures.plain import read_as

WORDS = (verdicts.SAFE, verdicts.CHANGED, verdicts.REGRESSION, verdicts.NOT_INSTALLABLE, verdicts.CRASHES,
         verdicts.TIMED_OUT, verdicts.INCOMPLETE)  # fmt: skip
"""What a comparison may say of a candidate."""
DATA_BYTES = 100_000_000
LOG_BYTES = 100_000
STEPS, MOVED = 20, 400
SECRETS = (
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
)
"""What a candidate, which is anybody's code, has no use for."""


@dataclass(frozen=True)
class Comparing:
    """How comparisons are made.

    Parameters
    ----------
    command : tuple of str
        The upgrade program; the candidate and the folder are added.
    seconds : float
        When it is given up [s].
    options : tuple of str
        More options for it.
    environment : dict
        Set for it, beside this process's own.
    """

    command: tuple[str, ...]
    seconds: float
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def line(self, candidate: Candidate, folder: Path) -> list[str]:
        """Return the command for a candidate."""
        return [*self.command, candidate.requirement, "--output", str(folder), *self.options]


@dataclass(frozen=True)
class Compared:
    """What a comparison came to.

    Parameters
    ----------
    verdict : CandidateVerdict
        On the candidate.
    files : dict of str to Path
        What there is to publish, by the name it is published under.
    moved : tuple of tuple of str
        Packages that differ: name, old, new version.
    """

    verdict: CandidateVerdict
    files: dict[str, Path] = field(default_factory=dict)
    moved: tuple[tuple[str, str, str], ...] = ()


class _Unreadable(Exception):
    """Why what the upgrade program left is no verdict, as the end of a sentence."""


def compare(candidate: Candidate, how: Comparing, folder: Path) -> Compared:
    """Compare a candidate with today's environment; whatever goes wrong is a verdict.

    Parameters
    ----------
    candidate : Candidate
        What to compare.
    how : Comparing
        The program and its time.
    folder : Path
        A new folder for what it makes.
    """
    output = folder / "output"
    logs = folder / "upgrade"
    environment = {**dict.fromkeys(SECRETS, ""), **how.environment}
    try:
        ran = children.run([how.line(candidate, output)], logs, env=environment, timeout=how.seconds)
    except subprocess.TimeoutExpired:
        sentence = f"{candidate.name} was given up after {how.seconds / 60:g} minutes."
        return Compared(CandidateVerdict(verdicts.TIMED_OUT, sentence), _files(output, folder))
    except OSError as error:
        sentence = f"The comparison could not be started: {error.strerror or error}: {how.command[0]}."
        return Compared(CandidateVerdict(verdicts.NO_VERDICT, plain(sentence)))
    log = Path(f"{logs}-0.log")
    files = _files(output, folder)
    status = ran.status[0]
    try:
        verdict, moved = _verdict(candidate, output / DATA, status)
    except _Unreadable as why:
        end = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        said = without_password(children.last_words(log)).rstrip(".")
        sentence = f"The comparison {end} and {why}; its last words: {said}."
        return Compared(CandidateVerdict(verdicts.NO_VERDICT, plain(sentence, 600)), files)
    return Compared(verdict, files, moved)


def _files(output: Path, folder: Path) -> dict[str, Path]:
    """Return what there is to publish: report, data, and the end of what was printed."""
    inside = folder.resolve()  # no link that a candidate lays leads out of it
    found = {
        name: path
        for name in (REPORT, DATA)
        if (path := output / name).is_file() and path.resolve().is_relative_to(inside)
    }
    log, end = folder / "upgrade-0.log", folder / LOG
    if log.is_file():
        with log.open("rb") as printed:
            printed.seek(max(0, log.stat().st_size - LOG_BYTES))
            end.write_text(without_password(printed.read().decode("utf-8", "replace")))
        found[LOG] = end
    return found


def _verdict(
    candidate: Candidate, path: Path, status: int
) -> tuple[CandidateVerdict, tuple[tuple[str, str, str], ...]]:
    if status == Status.USAGE:
        raise _Unreadable("could not compare: its usage is wrong, or today's environment can not be built")
    found, environment = _read(path)
    if found.word not in WORDS or found.status != status:
        raise _Unreadable(f"its {DATA} says '{plain(found.word, 30)}', which is not what that status says")
    signature = ""
    if found.word in verdicts.FAILURES:
        signature = plain(found.signature) or plain(": ".join([found.word, candidate.line, *sorted(found.steps)]))
    steps = tuple(plain(one, 60) for one in found.steps[:STEPS])
    return CandidateVerdict(found.word, plain(found.sentence) or found.word, steps, signature), _moved(environment)


def _read(path: Path) -> tuple[CandidateVerdict, object]:
    """Return the verdict as it was left, and the packages that moved."""
    try:
        if path.stat().st_size > DATA_BYTES:
            raise _Unreadable(f"left a {DATA} of {path.stat().st_size / 1e6:.0f} MB")
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.get("schema_version") != 1:
            raise _Unreadable(f"left a {DATA} of another schema")
        return read_as(CandidateVerdict, data.get("verdict")), data.get("environment")
    except FileNotFoundError:
        raise _Unreadable(f"left no {DATA}") from None
    except (OSError, ValueError, RecursionError):
        raise _Unreadable(f"left a {DATA} that can not be read") from None


def _moved(environment: object) -> tuple[tuple[str, str, str], ...]:
    """Return the packages that differ; this is only told, so what can't be read is left out."""
    rows: Sequence[object] = environment if isinstance(environment, list) else []
    found = []
    for row in rows[:MOVED]:
        if isinstance(row, dict) and row.get("old") != row.get("new"):
            name, old, new = (plain(str(row.get(key) or "-"), 60) for key in ("name", "old", "new"))
            found.append((name, old, new))
    return tuple(found)
