"""What comparisons keep: it goes when it was not used for 30 days, or earlier where there is no room.

Below the cache folder lie ``environments/<key>``, ``suites/<key>`` and ``sources/<key>``. Who makes or removes one
holds ``<key>.lock`` beside it; who uses one notes the time (`touch`), and again before each run. What was used within a
day counts as in use and stays.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fixtures.errors import SuiteError
from fixtures.files import Lock, wait_for_lock

KINDS = {
    "environments": ("environment", "environments"),
    "suites": ("copy of the suite", "copies of the suite"),
    "sources": ("copy of sources", "copies of sources"),
}
COMPLETE = "complete.json"
"""What an environment holds once it is whole."""
DEFAULT_LIMIT_GB = 10.0
DAY_SECONDS = 86400.0
KEPT_DAYS = 30

_KEY = re.compile(r"\.*[0-9a-f]{24}(\.(making|removing))*")  # with what killed processes left


@dataclass(frozen=True)
class Kept:
    """One folder: of which kind, how large [bytes], and when last used [s since 1970]."""

    kind: str
    path: Path
    bytes: int
    used: float

    @property
    def in_use(self) -> bool:
        """Whether somebody may be using it."""
        return time.time() - self.used < DAY_SECONDS


@dataclass(frozen=True)
class PrunedEnvironments:
    """What `prune` removed, how much that was [bytes], and how much is left [bytes]."""

    removed: tuple[Kept, ...]
    bytes_left: int

    @property
    def bytes_removed(self) -> int:
        """The size of what was removed."""
        return sum(one.bytes for one in self.removed)


def limit_bytes(limit_gb: float, option: str = "--cache-size") -> int:
    """Return the bound that an option gives, in bytes.

    Raises
    ------
    SuiteError
        It is no size.
    """
    if not 0 <= limit_gb < float("inf"):
        raise SuiteError(f"{option} {limit_gb:g} is no size in GB.")
    return round(limit_gb * 1e9)


def lock_of(folder: Path, *, wait: bool = True) -> Lock:
    """Take the lock under which a folder is made, taken or removed; TimeoutError if it is held and `wait` is False."""
    return wait_for_lock(folder.with_suffix(".lock"), seconds=math.inf if wait else 0)


def touch(folder: Path, seconds: float = 0.0) -> None:
    """Note that a folder is used now, and for so many seconds, so that nobody removes it within a day."""
    then = time.time() + max(0.0, seconds - DAY_SECONDS)
    with suppress(OSError):  # it is another user's, who alone can remove it
        os.utime(folder, (then, then))


def kept(cache: Path) -> list[Kept]:
    """Return what is kept, in the order in which it would go."""
    found = []
    for kind in KINDS:
        for path in _folders(cache / kind):
            with suppress(FileNotFoundError):  # another process has just removed it
                if _KEY.fullmatch(path.name):
                    found.append(Kept(kind, path, _size(path), path.stat().st_mtime))
    return sorted(found, key=lambda one: (one.used, one.path.name))


def prune(cache: Path, limit: int) -> PrunedEnvironments:
    """Remove what was not used for 30 days, and what was used longest ago until the rest is within a limit [bytes].

    What is in use or being made stays, whatever the limit. Does not wait.
    """
    removed, left = [], kept(cache)
    total = sum(one.bytes for one in left)
    for one in left:
        old = time.time() - one.used > KEPT_DAYS * DAY_SECONDS
        if (old or total > limit) and _remove(one.path):
            removed.append(one)
            total -= one.bytes
    return PrunedEnvironments(tuple(removed), total)


def keep_within(cache: Path, limit: int, say: Callable[[str], None]) -> None:
    """Prune, and tell in one line what was removed, or that all that is left over the limit was used within a day.

    Trouble is told, too: it must not cost the comparison that is under way.
    """
    try:
        done = prune(cache, limit)
    except OSError as error:
        say(f"no room could be made in {cache} ({error.strerror or error}): see python ci/environments.py")
        return
    if done.removed:
        say(f"{told(done)} of at most {limit / 1e9:g} GB (--cache-size)")
    elif done.bytes_left > limit:
        size = gigabytes(done.bytes_left)
        say(f"{size} in {cache} were used within a day, more than the {limit / 1e9:g} GB of --cache-size")


def told(done: PrunedEnvironments) -> str:
    """Say what was removed and how much is left."""
    left = f"{gigabytes(done.bytes_left)} are left"
    if not done.removed:
        return f"nothing is removed, {left}"
    counts = {kind: sum(one.kind == kind for one in done.removed) for kind in KINDS}
    said = [f"{number} {KINDS[kind][number > 1]}" for kind, number in counts.items() if number]
    return f"removed what was used longest ago: {', '.join(said)} ({gigabytes(done.bytes_removed)}); {left}"


def gigabytes(number: int) -> str:
    """Return a size for people."""
    return f"{number / 1e9:.2f} GB"


def _folders(above: Path) -> Iterator[Path]:
    """Yield the folders in a folder; links are none."""
    if above.is_dir():
        yield from sorted(path for path in above.iterdir() if path.is_dir() and not path.is_symlink())


def _size(folder: Path) -> int:
    """Return the size of all files below a folder [bytes]; what vanishes meanwhile counts nothing."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(where, name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def _remove(folder: Path) -> bool:
    """Remove a folder unless it is in use or being made; tell whether it was."""
    away = folder.with_name(f".{folder.name}.removing")
    try:
        with lock_of(folder, wait=False):
            if time.time() - folder.stat().st_mtime < DAY_SECONDS:
                return False
            shutil.rmtree(away, ignore_errors=True)
            folder.rename(away)  # as a whole: half an environment is never taken for one
            shutil.rmtree(away, ignore_errors=True)
            return True
    except OSError:  # somebody makes it, was faster at removing it, or it can't be removed
        return False
