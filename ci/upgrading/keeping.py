"""What comparisons keep, within a bound: what was used longest ago goes first, and never what somebody uses.

Below the cache folder lie ``environments/<key>``, ``suites/<key>`` and ``sources/<key>``. Who makes, takes or removes
one holds ``<key>.lock`` beside it; who uses one leaves a mark in ``in-use``, locked for as long as its process lives.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from fixtures.errors import SuiteError
from fixtures.store import locks

KINDS = {
    "environments": ("environment", "environments"),
    "suites": ("copy of the suite", "copies of the suite"),
    "sources": ("copy of sources", "copies of sources"),
}
IN_USE = "in-use"
COMPLETE = "complete.json"
"""What an environment holds once it is whole."""
DEFAULT_LIMIT_GB = 10.0

_KEY = re.compile(r"[0-9a-f]{24}")
_LEFT_OVER = re.compile(r"\.([0-9a-f]{24})\.(making|removing)")


@dataclass(frozen=True)
class Kept:
    """One folder: of which kind, how large [bytes], when last used [s since 1970], and whether somebody uses it."""

    kind: str
    path: Path
    bytes: int
    used: float
    in_use: bool


@dataclass(frozen=True)
class Pruned:
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


def lock_of(folder: Path, *, wait: bool = True) -> FileLock:
    """Return the lock under which a folder is made, taken or removed."""
    return FileLock(folder.with_suffix(".lock"), timeout=-1 if wait else 0)


def hold(folder: Path) -> locks.Lock:
    """Mark a folder as used by this process, until the mark is released or the process ends, and note the time.

    Its lock (`lock_of`) must be held, so that nobody removes the folder in between.
    """
    marks = folder.parents[1] / IN_USE
    marks.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    who = f"{folder.name}-{socket.gethostname()}-{os.getpid()}"
    marked = (locks.acquire(marks.resolve() / f"{who}-{number}") for number in count())
    return next(mark for mark in marked if mark)  # a process can use one folder several times


def in_use(folder: Path) -> bool:
    """Tell whether a living process uses a folder; marks of dead ones are removed."""
    found = False
    for path in (folder.parents[1] / IN_USE).resolve().glob(f"{folder.name}-*"):
        mark = locks.acquire(path)
        if mark is None:
            found = True
        else:
            mark.release(remove=True)
    return found


def kept(cache: Path) -> list[Kept]:
    """Return what is kept, in the order in which it would go."""
    found = []
    for kind in KINDS:
        for path in _folders(cache / kind):
            with suppress(FileNotFoundError):  # another process has just removed it
                if _KEY.fullmatch(path.name):
                    found.append(Kept(kind, path, _size(path), path.stat().st_mtime, in_use(path)))
    return sorted(found, key=lambda one: (one.used, one.path.name))


def prune(cache: Path, limit: int) -> Pruned:
    """Remove what was used longest ago until the rest is within a limit [bytes], and what killed processes left.

    What somebody uses or is making stays, whatever the limit. Does not wait.
    """
    _sweep(cache)
    removed, left = [], kept(cache)
    total = sum(one.bytes for one in left)
    for one in left:
        if total > limit and _remove(one.path):
            removed.append(one)
            total -= one.bytes
    return Pruned(tuple(removed), total)


def keep_within(cache: Path, limit: int, say: Callable[[str], None]) -> None:
    """Prune, and tell in one line what was removed, or that all that is left over the limit is in use.

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
        say(f"{gigabytes(done.bytes_left)} are in use in {cache}, more than the {limit / 1e9:g} GB of --cache-size")


def told(done: Pruned) -> str:
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
    """Remove a folder unless somebody uses or makes it; tell whether it was."""
    try:
        with lock_of(folder, wait=False):
            if in_use(folder):
                return False
            away = folder.with_name(f".{folder.name}.removing")
            shutil.rmtree(away, ignore_errors=True)
            folder.rename(away)  # as a whole: half an environment is never taken for one
            shutil.rmtree(away, ignore_errors=True)
            return True
    except (Timeout, OSError):  # somebody makes it, was faster at removing it, or it can't be removed
        return False


def _sweep(cache: Path) -> None:
    """Remove what processes left that were killed while they made or removed something."""
    for kind in KINDS:
        for path in _folders(cache / kind):
            left = _LEFT_OVER.fullmatch(path.name)
            if left:
                _clear(path, path.with_name(left[1]))
            elif kind == "environments" and _KEY.fullmatch(path.name) and not (path / COMPLETE).is_file():
                _clear(path, path)


def _clear(path: Path, folder: Path) -> None:
    try:
        with lock_of(folder, wait=False):
            if path != folder or not (path / COMPLETE).is_file():  # else it was finished meanwhile
                shutil.rmtree(path, ignore_errors=True)
    except (Timeout, OSError):
        return
