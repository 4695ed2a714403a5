"""Look at the stored baselines, approve the mosaics of a run as new ones: `python -m baselines --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from baselines import show
from baselines.approve import Request, approve, ask_on_terminal, forget
from baselines.ruler import Ruler
from fixtures.baseline.cache import OWN
from fixtures.commandline import Parser, folder_of, guarded, names
from fixtures.datasets.detectors import detectors_of
from fixtures.errors import SuiteError
from fixtures.status import Status, statuses
from fixtures.text import plain

DESCRIPTION = """\
A baseline is the result of a run that somebody trusted: mosaic, sources and measurements of one data set and
detector, with what they were made of. Every run is compared with it."""
EPILOG = """\
  pytest validation -n auto
  python -m baselines approve --dry-run --reason "drizzlepac 3.11.0"
  python -m baselines approve --dataset twin --detector nuv --reason "drizzlepac 3.11.0, differences understood"

""" + statuses(
    PASSED="done, or nothing to do",
    FAILED="something is damaged (verify, log)",
    ENDED_EARLY="declined, or Ctrl-C",
    USAGE="refused: the message says why",
)


def main(arguments: Sequence[str] | None = None, *, ruler: Ruler | None = None) -> int:
    """Do what the command line says; return the exit status."""
    options = _parser().parse_args(arguments)
    work = partial(_do, options, folder_of(options.root, OWN), ruler)
    return guarded(work, interrupted="interrupted; nothing more was written.")


def _do(options: argparse.Namespace, root: Path, ruler: Ruler | None) -> int:
    if not root.is_dir():
        raise SuiteError(f"There is no folder {root}: name that of the baselines with --root.")
    match options.command:
        case "approve":
            request = Request(
                options.run.expanduser().absolute() if options.run else None,
                names(options.dataset),
                detectors_of(names(options.detector)),
                options.reason,
                options.despite,
                options.store,
            )
            ask = None if options.yes else ask_on_terminal
            done = approve(root, request, ruler=ruler, ask=ask, dry_run=options.dry_run)
            return Status.PASSED if done else Status.ENDED_EARLY
        case "forget":
            (detector,) = detectors_of([options.detector])
            ask = None if options.yes else ask_on_terminal
            done = forget(root, options.dataset, detector, options.reason, ask=ask)
            return Status.PASSED if done else Status.ENDED_EARLY
        case "show":
            for line in show.shown(root, names(options.dataset), detectors_of(names(options.detector))):
                print(line)
            return Status.PASSED
        case "log":
            lines, problems = show.logged(root)
            for line in lines:
                print(line)
            for problem in problems:
                print(plain(problem), file=sys.stderr)
            return Status.FAILED if problems else Status.PASSED
        case _:
            return _verify(root)


def _verify(root: Path) -> int:
    problems = show.problems(root)
    for problem in problems:
        print(plain(problem))
    if not problems:
        print(show.verified(root))
    return Status.FAILED if problems else Status.PASSED


def _parser() -> argparse.ArgumentParser:
    parser = Parser("python -m baselines", description=DESCRIPTION, epilog=EPILOG)
    root = Parser("", add_help=False)
    root.add_argument("--root", type=Path, metavar="DIR", help="folder of the baselines (default: that of the suite)")
    some = Parser("", add_help=False)
    some.add_argument(
        "--dataset", action="append", metavar="NAMES", help="data sets (repeatable or comma list; default: all)"
    )
    some.add_argument(
        "--detector", action="append", metavar="NAMES", help="ccd, nuv, fuv (repeatable or comma list; default: all)"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    make = commands.add_parser("approve", parents=[some, root], help="make the mosaics of a run the new baselines")
    make.add_argument("--run", type=Path, metavar="DIR", help="folder of the run (default: reports/latest)")
    make.add_argument("--reason", default="", metavar="TEXT", help="why they may be trusted; kept in the history")
    make.add_argument(
        "--despite", default="", metavar="TEXT", help="why in spite of failed checks or a damaged baseline; kept too"
    )
    make.add_argument("--dry-run", action="store_true", help="show what would change, and write nothing")
    make.add_argument("--yes", action="store_true", help="do not ask")
    make.add_argument("--store", metavar="URL", help="keep the files there (file, s3) and only their checksums in git")
    drop = commands.add_parser("forget", parents=[root], help="remove a baseline")
    drop.add_argument("--dataset", required=True, metavar="NAME")
    drop.add_argument("--detector", required=True, metavar="NAME", help="ccd, nuv or fuv")
    drop.add_argument("--reason", default="", metavar="TEXT", help="why; kept in the history")
    drop.add_argument("--yes", action="store_true", help="do not ask")
    commands.add_parser("show", parents=[some, root], help="what is stored: who approved it, when, why, of what")
    commands.add_parser("log", parents=[root], help="the history, newest first")
    commands.add_parser("verify", parents=[root], help="hold every file against the manifest")
    return parser


if __name__ == "__main__":
    sys.exit(main())
