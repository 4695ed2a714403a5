"""What comparisons keep: it goes when it was not used for some days.

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
from fixtures.text import count

KINDS = {
    "environments": ("environment", "environments"),
    "suites": ("copy of the suite", "copies of the suite"),
    "sources": ("copy of sources", "copies of sources"),
}
COMPLETE = "complete.json"
"""What an environment holds once it is whole."""
DAY_SECONDS = 86400.0
KEPT_DAYS = 14

_KEY = re.compile(r"\.*[0-9a-f]{24}(\.(making|removing))*")  # with what killed processes left


@dataclass(frozen=True)
class Kept:
    """One folder: of which kind, and when last used [s since 1970]."""

    kind: str
    path: Path
    used: float


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
                    found.append(Kept(kind, path, path.stat().st_mtime))
    return sorted(found, key=lambda one: (one.used, one.path.name))


def prune(cache: Path, days: int = KEPT_DAYS) -> str:
    """Remove what was not used for so many days; return what went in one line, empty if nothing did.

    What is in use or being made stays. Does not wait.

    Raises
    ------
    SuiteError
        It is less than a day.
    """
    if days < 1:
        raise SuiteError(f"--keep-days {days} is too few: at least 1, as what was used today may be in use.")
    gone = [one.kind for one in kept(cache) if _is_old(one.used, days) and _remove(one.path, days)]
    said = [f"{number} {KINDS[kind][number > 1]}" for kind in KINDS if (number := gone.count(kind))]
    return f"removed what was not used for {count(days, 'day')}: {', '.join(said)}" if said else ""


def make_room(cache: Path, days: int, say: Callable[[str], None]) -> None:
    """Prune, and tell what went. Trouble is told, too: it must not cost the comparison that begins."""
    try:
        said = prune(cache, days)
    except OSError as error:
        said = f"no room could be made in {cache} ({error.strerror or error}): see python ci/environments.py"
    if said:
        say(said)


def size_of(folder: Path) -> int:
    """Return the size of all files below a folder [bytes]; what vanishes meanwhile counts nothing."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(where, name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def _folders(above: Path) -> Iterator[Path]:
    """Yield the folders in a folder; links are none."""
    if above.is_dir():
        yield from sorted(path for path in above.iterdir() if path.is_dir() and not path.is_symlink())


def _is_old(used: float, days: int) -> bool:
    return time.time() - used > days * DAY_SECONDS


def _remove(folder: Path, days: int) -> bool:
    """Remove a folder unless it is being made or was used meanwhile; tell whether it was."""
    away = folder.with_name(f".{folder.name}.removing")
    try:
        with lock_of(folder, wait=False):
            if not _is_old(folder.stat().st_mtime, days):
                return False
            shutil.rmtree(away, ignore_errors=True)
            folder.rename(away)  # as a whole: half an environment is never taken for one
            shutil.rmtree(away, ignore_errors=True)
            return True
    except OSError:  # somebody makes it, was faster at removing it, or it can't be removed
        return False
