"""Look at what comparisons keep (environments, copies of the suite and of sources), and make room.

    python ci/environments.py list                  # the next to go first
    python ci/environments.py prune                 # what was not used for 14 days goes
    python ci/environments.py prune --keep-days 1   # all that was not used within a day
    python ci/environments.py where

What was used within a day stays: a running comparison may use it. Upgrade, bisect and matrix prune by themselves when
they begin (--keep-days).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ci.upgrading.environments import cache_root
from ci.upgrading.keeping import COMPLETE, KEPT_DAYS, KINDS, Kept, kept, prune, size_of
from fixtures.commandline import Parser, guarded
from fixtures.errors import Status, SuiteError, statuses
from fixtures.text import count
from fixtures.versions import SHOWN


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    made = Parser("python ci/environments.py", description=__doc__, epilog=statuses(PASSED="done", USAGE="wrong usage"))
    made.add_argument("--cache", type=Path, default=None, metavar="DIR", help="the folder, if not in the user's cache")
    commands = made.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="all that is kept, the next to go first")
    pruning = commands.add_parser("prune", help="remove what was not used for so many days")
    pruning.add_argument("--keep-days", type=int, default=KEPT_DAYS, metavar="N", help=f"default: {KEPT_DAYS}")
    commands.add_parser("where", help="the folder")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    return guarded(partial(look, parser().parse_args(arguments)))


def look(options: argparse.Namespace) -> int:
    """List, prune or name the folder, and print; return the exit status.

    Raises
    ------
    SuiteError
        A number of days that is too small, or a folder that is not there.
    """
    cache = (options.cache or cache_root()).expanduser().resolve()
    if options.command == "where":
        print(cache)
        return Status.PASSED
    if options.cache and not cache.is_dir():
        raise SuiteError(f"--cache {options.cache} is not a folder.")
    if options.command == "prune":
        print(prune(cache, options.keep_days) or f"all in {cache} was used within {count(options.keep_days, 'day')}")
        return Status.PASSED
    found = kept(cache)
    total = 0
    for one in found:
        size = size_of(one.path)
        total += size
        when = datetime.fromtimestamp(one.used, UTC).strftime("%Y-%m-%d %H:%M")
        print(f"{one.path.name[:12]}  {size / 1e9:5.2f} GB  {when}  {_about(one)}")
    print(f"{len(found)} folders, {total / 1e9:.2f} GB in {cache}")
    return Status.PASSED


def _about(one: Kept) -> str:
    """Say what a folder is: of an environment the packages that matter most."""
    if one.kind != "environments":
        return KINDS[one.kind][0]
    try:
        packages = json.loads((one.path / COMPLETE).read_text(encoding="utf-8"))["packages"]
        said = [f"{name} {_short(packages[name])}" for name in SHOWN if name in packages]
        return ", ".join(said) or KINDS[one.kind][0]
    except (OSError, ValueError, KeyError):
        return "an environment that is not whole"


def _short(label: str) -> str:
    """Return a version, and only the last part of where it comes from."""
    version, _, place = label.partition(" (")
    return f"{version} ({place.rstrip(')/').rpartition('/')[2]})" if place else version


if __name__ == "__main__":
    sys.exit(main())
