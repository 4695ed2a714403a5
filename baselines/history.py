"""The history of the baselines: one line of JSON for each approval, in `history.jsonl`, never changed again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from baselines.words import value
from fixtures.errors import SuiteError
from fixtures.plain import read_as
from fixtures.text import plain

NAME = "history.jsonl"
APPROVED = "approved"
FORGOTTEN = "forgotten"


@dataclass(frozen=True)
class Entry:
    """One approval of a baseline, or its removal.

    Parameters
    ----------
    done : str
        'approved' or 'forgotten'.
    when : str
        UTC, ISO 8601.
    who : mapping
        Name and email, from git's configuration.
    why, despite : str
        The reason, and why it was approved in spite of what spoke against it (or nothing).
    dataset, detector, engine : str
        What the baseline is of, and what calibrated its exposures.
    run : mapping
        When the run started, and its command.
    against : tuple of str
        What `despite` overrules: failed checks, a damaged baseline.
    versions : mapping
        Version before and after of what differs, and of drizzlepac in any case; None before the first baseline.
    largest : mapping
        The largest differences to the baseline before.
    mosaic_sha256 : mapping
        Of the file mosaic.fits, before and after; None where there was or is none.
    """

    done: str
    when: str
    who: Mapping[str, str]
    why: str
    dataset: str
    detector: str
    despite: str = ""
    against: tuple[str, ...] = ()
    run: Mapping[str, str] = field(default_factory=dict)
    engine: str = ""
    versions: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    largest: Mapping[str, float | None] = field(default_factory=dict)
    mosaic_sha256: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As in twin/CCD."""
        return f"{self.dataset}/{self.detector}"


@dataclass(frozen=True)
class History:
    """The entries, oldest first, and one sentence about each line that is none."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...]

    def last(self, name: str) -> Entry | None:
        """Return the latest entry of a baseline ('twin/CCD')."""
        return next((one for one in reversed(self.entries) if one.name == name), None)


def read_history(root: Path) -> History:
    """Read the history of a folder of baselines; none is an empty one. A line that is no entry is told, not fatal.

    Raises
    ------
    SuiteError
        The file can't be read.
    """
    path = root / NAME
    lines = _bytes(path).split(b"\n")
    entries, problems = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        torn = number == len(lines)  # every whole line ends with a line feed
        try:
            entries.append(read_as(Entry, json.loads(line)))
        except (ValueError, RecursionError) as error:
            what = "is torn" if torn else f"is no entry ({plain(error)})"
            problems.append(f"Line {number} of {path} {what}: restore the file with git.")
    return History(tuple(entries), tuple(problems))


def append(root: Path, entry: Entry) -> None:
    """Add an entry; a process killed meanwhile leaves the history as it was. Call it under a lock.

    Raises
    ------
    SuiteError
        The file can't be read or written.
    """
    from fixtures.baseline.files import write_bytes

    path = root / NAME
    before = _bytes(path)
    if before and not before.endswith(b"\n"):  # a torn line of somebody else's: it is told, not lost or joined
        before += b"\n"
    data = {name: item for name, item in asdict(entry).items() if item or name in ("done", "when", "who", "why")}
    line = json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    write_bytes(path, before + line + b"\n")


def told(entry: Entry) -> list[str]:
    """Return an entry in words, a line each."""
    who = f"{plain(entry.who.get('name', ''))} <{plain(entry.who.get('email', ''))}>"
    lines = [
        f"{plain(entry.when)}  {plain(entry.dataset)} {plain(entry.detector)}  {plain(entry.done)} by {who}",
        f"  why       {plain(entry.why)}",
    ]
    if entry.despite:
        lines.append(f"  despite   {plain(entry.despite)}")
    lines += [f"  against   {plain(one)}" for one in entry.against]
    if entry.run:
        lines.append(f"  run       {plain(entry.run.get('started', ''))}, {plain(entry.run.get('command', ''))}")
    if entry.engine:
        lines.append(f"  engine    {plain(entry.engine)}")
    if entry.versions:
        lines.append(f"  versions  {versions_told(entry.versions)}")
    if entry.largest:
        said = [
            f"{plain(name.removeprefix('baseline.'))} {value(number, 4)}"
            for name, number in entry.largest.items()
            if number != 0
        ]
        lines.append(f"  changes   {', '.join(said) or 'none'}")
    before, after = (str(entry.mosaic_sha256.get(side) or "none")[:12] for side in ("before", "after"))
    lines.append(f"  mosaic    {plain(before)} -> {plain(after)}")
    return lines


def versions_told(versions: Mapping[str, tuple[str | None, str | None]]) -> str:
    """Say which versions changed: 'drizzlepac 3.10.0 -> 3.11.0, numpy 2.4.6'."""
    said = []
    for name, (before, after) in versions.items():
        after = after or "none"
        change = f"{before} -> {after}" if before is not None and before != after else after
        said.append(plain(f"{name} {change}"))
    return ", ".join(said)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise SuiteError(f"{path} can't be read ({error.strerror}): restore it with git.") from None
