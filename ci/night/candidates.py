"""What could be compared tonight: releases of packages, and the head of drizzlepac's main branch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.version import Version

from ci.night.state import Record

MAIN_LINE = "drizzlepac main"
MAIN_URL = "https://github.com/spacetelescope/drizzlepac"
MAIN_BRANCH = "main"
TRIES = 3
"""How many nights a candidate without a verdict on its results is tried again: what failed may have been the night."""


@dataclass(frozen=True)
class Candidate:
    """Something that could be installed instead of what is installed.

    Parameters
    ----------
    line : str
        What it is the next of: a package, or ``drizzlepac main``.
    requirement : str
        What an installer is told.
    name : str
        What people are told.
    version : Version or None
        None on the main branch.
    """

    line: str
    requirement: str
    name: str
    version: Version | None = None

    @property
    def slug(self) -> str:
        """The name as a part of a file name."""
        return re.sub(r"[^A-Za-z0-9.]+", "-", self.name).strip("-.")


def release(package: str, version: Version) -> Candidate:
    """Return the candidate that a release is."""
    return Candidate(package, f"{package}=={version}", f"{package} {version}", version)


def head(commit: str, url: str = MAIN_URL) -> Candidate:
    """Return the candidate that a commit of the main branch is."""
    return Candidate(MAIN_LINE, f"drizzlepac @ git+{url}@{commit}", f"{MAIN_LINE} {commit[:10]}")


def new_releases(
    package: str, released: Sequence[Version], installed: str | None, records: Sequence[Record]
) -> tuple[list[Candidate], list[Candidate]]:
    """Return the releases that are newer than what is installed and than the last one compared, oldest first.

    One that could not be compared is tried again for `TRIES` nights, unless a newer one has been compared since. Those
    that were tried so often and are set aside come second. Of a package that is not installed only the newest release
    counts.

    Parameters
    ----------
    package : str
        Its name.
    released : sequence of Version
        What the index offers.
    installed : str or None
        The version in today's environment.
    records : sequence of Record
        All verdicts so far.
    """
    own = [one for one in records if one.line == package and one.version]
    floor = [Version(one.version) for one in own if one.conclusive]
    if installed is not None:
        floor.append(Version(installed))
    elif released:
        released = [max(released)]
    tried = _tries(own)
    fresh = sorted(version for version in set(released) if not floor or version > max(floor))
    made = [release(package, version) for version in fresh]
    due = [one for one in made if tried.get(one.requirement, 0) < TRIES]
    return due, [one for one in made if one not in due]


def new_head(found: Candidate, records: Sequence[Record]) -> list[Candidate]:
    """Return the head of the main branch if it has no verdict yet and was not tried too often."""
    own = [one for one in records if one.requirement == found.requirement]
    return [] if any(one.conclusive for one in own) or len(own) >= TRIES else [found]


def _tries(records: Sequence[Record]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for one in records:
        counts[one.requirement] = counts.get(one.requirement, 0) + 1
    return counts
