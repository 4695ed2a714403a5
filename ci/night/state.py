"""What one night leaves to the next: all verdicts, failures that are open, and what has still to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from packaging.version import Version

from ci.verdicts import CONCLUSIVE, FAILURES, STATUS
from fixtures.errors import SuiteError
from fixtures.files import write_json
from fixtures.plain import read_as, read_file

NAME = "state.json"
SCHEMA = "stis-drizzlepac-validation nightly 1"

NEW, RECURS, RETURNED, GONE = "new", "recurs", "returned", "gone"
EVENTS = (NEW, RECURS, RETURNED, GONE)
"""Of a failure, from night to night."""
REPORT, DATA, LOG = "comparison.html", "comparison.json", "log.txt"
"""What is published of a comparison."""


@dataclass(frozen=True)
class Record:
    """A verdict as it is kept for ever.

    Parameters
    ----------
    date : str
        When, ISO 8601, UTC.
    line, requirement, name, version : str
        Of the candidate; `version` is empty where it has none.
    word, sentence, steps, signature :
        Of the verdict.
    seconds : float
        How long it took.
    page : str
        Folder below `runs/` with its pages; empty if there is none (any more).
    files : tuple of str
        What there is in it.
    """

    date: str
    line: str
    requirement: str
    name: str
    word: str
    sentence: str
    version: str = ""
    steps: tuple[str, ...] = ()
    signature: str = ""
    seconds: float = 0.0
    page: str = ""
    files: tuple[str, ...] = ()

    @property
    def conclusive(self) -> bool:
        """Whether it says something about the candidate's results."""
        return self.word in CONCLUSIVE

    @property
    def told(self) -> str:
        """The verdict in one line; most sentences begin with the word."""
        return self.sentence if self.sentence.startswith(self.word) else f"{self.word}: {self.sentence}"


@dataclass(frozen=True)
class Failure:
    """A failure signature that was seen.

    Parameters
    ----------
    signature, sentence : str
        What it is, for programs and for people.
    lines : dict of str to str
        In which lines (a package, the main branch) it is there now, and the last candidate that showed it. Empty: gone.
    """

    signature: str
    sentence: str
    lines: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Notice:
    """Something to tell about a failure.

    Parameters
    ----------
    event : str
        One of `EVENTS`.
    signature, title : str
        Of the failure.
    requirement, name, sentence, page : str
        The candidate that shows it (or shows it no longer), what its verdict is, and the path of its report in the
        published folder.
    moved : tuple of tuple of str
        Packages that differ from today's environment: name, old, new version.
    """

    event: str
    signature: str
    title: str
    requirement: str
    name: str
    sentence: str
    page: str = ""
    moved: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class State:
    """Everything that is kept.

    Parameters
    ----------
    records : tuple of Record
        All verdicts, in order of time.
    failures : dict of str to Failure
        By signature.
    notices : tuple of Notice
        What has still to be told, in order.
    looked : str
        When the index and the main branch were last looked at, ISO 8601; empty: never.
    """

    records: tuple[Record, ...] = ()
    failures: Mapping[str, Failure] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    looked: str = ""


@dataclass(frozen=True)
class _Kept:
    """The state as its file has it."""

    schema: str
    looked: str
    records: tuple[Record, ...]
    failures: tuple[Failure, ...]
    notices: tuple[Notice, ...]


def read(folder: Path) -> State:
    """Read the state of a published folder; an empty one where there is none.

    Raises
    ------
    SuiteError
        The file can't be read, or is another program's or version's.
    """
    path = folder / NAME
    mend = "nothing was done; put the last good copy in its place, or name another folder with --site."
    data = read_file(path, "The state", f": {mend}", missing=State())
    if isinstance(data, State):
        return data
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise SuiteError(f"{path} is no state of this program ('{SCHEMA}'): {mend}")
    try:
        kept = read_as(_Kept, data, exact=True)
        for one in kept.records:
            if one.version:
                Version(one.version)  # a ValueError if it is none
        if {one.word for one in kept.records} - STATUS.keys() or {one.event for one in kept.notices} - set(EVENTS):
            raise ValueError("unknown words")
    except ValueError as error:
        raise SuiteError(f"{path} is damaged: {mend}") from error
    return State(kept.records, {one.signature: one for one in kept.failures}, kept.notices, kept.looked)


def write(folder: Path, state: State) -> None:
    """Write the state, whole or not at all."""
    failures = tuple(state.failures[key] for key in sorted(state.failures))
    write_json(folder / NAME, asdict(_Kept(SCHEMA, state.looked, state.records, failures, state.notices)))


def follow(now: State, record: Record, moved: tuple[tuple[str, str, str], ...] = ()) -> State:
    """Add a verdict to the state, and to what is to be told.

    A failure is there in a line (a package, the main branch) from the candidate that shows it to the next one of that
    line whose results could be compared and do not show it; it is gone when it is gone in every line. That a release of
    stwcs is safe says nothing about a failure of drizzlepac's main branch.

    Parameters
    ----------
    now : State
        The state until now.
    record : Record
        The verdict.
    moved : tuple of tuple of str
        Packages that differ, for the reader of the notice.
    """
    failures, notices = dict(now.failures), list(now.notices)
    page = f"runs/{record.page}/{REPORT}" if REPORT in record.files else ""

    def tell(event: str, failure: Failure) -> None:
        facts = {"requirement": record.requirement, "name": record.name, "sentence": record.sentence}
        shown = () if event == GONE else moved
        notices.append(Notice(event, failure.signature, failure.sentence, page=page, moved=shown, **facts))

    shows = record.signature if record.word in FAILURES else ""
    if shows:
        before = failures.get(shows)
        failure = before or Failure(shows, record.sentence)
        if failure.lines.get(record.line) != record.requirement:  # told once for each candidate
            tell(NEW if before is None else RECURS if before.lines else RETURNED, failure)
        failures[shows] = replace(failure, lines={**failure.lines, record.line: record.requirement})
    if record.conclusive:
        for signature, failure in sorted(failures.items()):
            if signature != shows and record.line in failure.lines:
                left = {line: last for line, last in failure.lines.items() if line != record.line}
                failures[signature] = replace(failure, lines=left)
                if not left:
                    tell(GONE, failure)
    return replace(now, records=(*now.records, record), failures=failures, notices=tuple(notices))


def still_open(now: State) -> list[Failure]:
    """Return the failures that are there now, by signature."""
    return [now.failures[key] for key in sorted(now.failures) if now.failures[key].lines]
