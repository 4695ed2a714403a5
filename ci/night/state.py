"""What one night leaves to the next: all verdicts, failures that are open, and what has still to be told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from packaging.version import Version

from ci.night.record import Record
from ci.verdicts import STATUS
from fixtures.errors import SuiteError
from fixtures.files import write_json
from fixtures.plain import read_as, read_file

NAME = "state.json"
SCHEMA = "stis-drizzlepac-validation nightly 1"

NEW, RECURS, RETURNED, GONE = "new", "recurs", "returned", "gone"
EVENTS = (NEW, RECURS, RETURNED, GONE)


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


def write_whole(path: Path, text: str) -> None:
    """Write a file under a temporary name beside it, and give it its name when it is whole and on the disk."""
    partial = path.with_name(f".partial-{path.name}")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
