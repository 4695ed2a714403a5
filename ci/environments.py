"""Look at what comparisons keep (environments, copies of the suite and of sources), and make room.

    python ci/environments.py list                  # the next to go first
    python ci/environments.py prune                 # what was not used for 30 days goes, or is more than 10 GB
    python ci/environments.py prune --limit 5       # what was used longest ago goes, until 5 GB are left
    python ci/environments.py prune --limit 0       # all that was not used within a day
    python ci/environments.py where

What was used within a day stays: a running comparison may use it. Upgrade, bisect and matrix prune by themselves
(--cache-size).
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
from ci.upgrading.keeping import COMPLETE, DEFAULT_LIMIT_GB, KINDS, Kept, gigabytes, kept, limit_bytes, prune, told
from fixtures.commandline import Parser, guarded
from fixtures.errors import Status, SuiteError, statuses
from fixtures.versions import SHOWN


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    made = Parser("python ci/environments.py", description=__doc__, epilog=statuses(PASSED="done", USAGE="wrong usage"))
    made.add_argument("--cache", type=Path, default=None, metavar="DIR", help="the folder, if not in the user's cache")
    commands = made.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="all that is kept, the next to go first")
    pruning = commands.add_parser("prune", help="remove what was not used for 30 days, and what is too much")
    pruning.add_argument(
        "--limit", type=float, default=DEFAULT_LIMIT_GB, metavar="GB", help="what may stay (default: 10)"
    )
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
        A size that is none, or a folder that is not there.
    """
    cache = (options.cache or cache_root()).expanduser().resolve()
    if options.command == "where":
        print(cache)
        return Status.PASSED
    if options.cache and not cache.is_dir():
        raise SuiteError(f"--cache {options.cache} is not a folder.")
    if options.command == "prune":
        print(f"{told(prune(cache, limit_bytes(options.limit, '--limit')))} in {cache}")
        return Status.PASSED
    found = kept(cache)
    for one in found:
        when = datetime.fromtimestamp(one.used, UTC).strftime("%Y-%m-%d %H:%M")
        print(f"{one.path.name[:12]}  {gigabytes(one.bytes):>8}  {when}  {_about(one)}{'  used today' * one.in_use}")
    print(f"{len(found)} folders, {gigabytes(sum(one.bytes for one in found))} in {cache}")
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
