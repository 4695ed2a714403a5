"""What one night leaves to the next: all verdicts, failures that are open, and what has still to be told."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from fixtures.errors import SuiteError
from fixtures.files import write_json
from night.verdicts import STATUS, Record

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


def read(folder: Path) -> State:
    """Read the state of a published folder; an empty one where there is none.

    Raises
    ------
    SuiteError
        The file can't be read, or is another program's or version's.
    """
    path = folder / NAME
    mend = "nothing was done; put the last good copy in its place, or name another folder with --site."
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return State()
    except OSError as error:
        raise SuiteError(f"{path} can not be read ({error.strerror}): {mend}") from error
    except (ValueError, RecursionError) as error:
        raise SuiteError(f"{path} is damaged: {mend}") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise SuiteError(f"{path} is no state of this program ('{SCHEMA}'): {mend}")
    try:
        return State(
            tuple(_record(one) for one in data["records"]),
            {one["signature"]: Failure(**{**one, "lines": dict(one["lines"])}) for one in data["failures"]},
            tuple(_notice(one) for one in data["notices"]),
            str(data["looked"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SuiteError(f"{path} is damaged: {mend}") from error


def _record(data: Mapping[str, Any]) -> Record:
    made = Record(**{**data, "steps": tuple(data["steps"]), "files": tuple(data["files"])})
    if made.word not in STATUS:
        raise ValueError(made.word)
    if made.version:
        try:
            Version(made.version)
        except InvalidVersion as error:
            raise ValueError(made.version) from error
    return made


def _notice(data: Mapping[str, Any]) -> Notice:
    made = Notice(**{**data, "moved": tuple(tuple(row) for row in data["moved"])})
    if made.event not in EVENTS:
        raise ValueError(made.event)
    return made


def write(folder: Path, state: State) -> None:
    """Write the state, whole or not at all."""
    data = {
        "schema": SCHEMA,
        "looked": state.looked,
        "records": [dataclasses.asdict(one) for one in state.records],
        "failures": [dataclasses.asdict(state.failures[key]) for key in sorted(state.failures)],
        "notices": [dataclasses.asdict(one) for one in state.notices],
    }
    write_json(folder / NAME, data)


def write_whole(path: Path, text: str) -> None:
    """Write a file under a temporary name beside it, and give it its name when it is whole and on the disk."""
    partial = path.with_name(f".partial-{path.name}")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
