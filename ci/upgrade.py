"""Is an upgrade safe? Validate today's environment and a candidate beside it, and compare.

    nox -f ci/noxfile.py -s upgrade -- drizzlepac==3.11.0         # calls the next
    python ci/upgrade.py drizzlepac==3.11.0
    python ci/upgrade.py git+https://github.com/spacetelescope/drizzlepac.git
    python ci/upgrade.py drizzlepac==3.11.0 'photutils<3'         # several packages
    python ci/upgrade.py ./drizzlepac-3.12.0-cp311-linux_x86_64.whl
    python ci/upgrade.py --constraints tomorrow.txt               # a whole environment
    python ci/upgrade.py drizzlepac==3.11.0 --dataset twin --detector FUV-MAMA -- -k alignment

Both environments are built beside yours, which is never changed. Without any requirement today's environment is
compared with itself. The report is DIR/comparison.html, the same for programs DIR/comparison.json.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ci.upgrading.comparing import HTML, Plan, upgrade, words
from ci.upgrading.environments import cache_root
from ci.upgrading.installed import read_wanted
from ci.upgrading.keeping import KEPT_DAYS, make_room
from ci.upgrading.running import REPOSITORY
from fixtures.commandline import Parser, guarded, names, shown, split
from fixtures.datasets.detectors import detectors_of
from fixtures.errors import SuiteError, statuses
from fixtures.report import keeping

EPILOG = statuses(
    PASSED="safe, or changes results within tolerance",
    FAILED="regression; the sentence names detector and step",
    ENDED_EARLY="interrupted",
    USAGE="wrong usage, or today's environment itself can't be built or validated",
    CANDIDATE_BROKEN="the candidate can't be installed, or crashes",
    TIMED_OUT="timed out",
    INCOMPLETE="nothing failed, but something was not validated",
)
INTERRUPTED = "interrupted; what was started is ended."
"""What a user reads after Ctrl-C."""


def add_options(made: argparse.ArgumentParser) -> None:
    """Declare what all comparisons have in common."""
    made.add_argument("--output", type=Path, metavar="DIR", help="of the report (default: reports/<kind>-<UTC>)")
    made.add_argument("--dataset", action="append", metavar="NAMES", help="as for pytest validation")
    made.add_argument("--detector", action="append", metavar="NAMES", help="as for pytest validation; then incomplete")
    made.add_argument(
        "--partial", action="store_true", help="a part is what you want: what --detector leaves out is not missed"
    )
    made.add_argument("--workers", default="auto", metavar="N", help="processes of a run (default: one a core)")
    made.add_argument("--timeout", type=float, default=180.0, metavar="MIN", help="of one run (default: 180 minutes)")
    made.add_argument("--cache", type=Path, default=None, metavar="DIR", help="where environments are kept")
    made.add_argument(
        "--keep-days", type=int, default=KEPT_DAYS, metavar="N", help=f"after their last use (default: {KEPT_DAYS})"
    )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    made = Parser("python ci/upgrade.py", description=__doc__, epilog=EPILOG)
    made.add_argument("requirement", nargs="*", metavar="REQUIREMENT", help="what the candidate has")
    made.add_argument("--constraints", action="append", type=Path, default=[], metavar="FILE", help="as of pip freeze")
    add_options(made)
    return made


def plan_of(options: argparse.Namespace, rest: Sequence[str], say: Callable[[str], None]) -> Plan:
    """Return how comparisons are made.

    Raises
    ------
    SuiteError
        A time that is none, or a detector that does not exist.
    """
    if not options.timeout > 0:
        raise SuiteError(f"--timeout {options.timeout:g} is no time: give minutes.")
    asked = [f"--dataset={one}" for one in options.dataset or ()]
    asked += [f"--detector={one}" for one in detectors_of(names(options.detector))]
    asked += ["--partial"] * options.partial
    cache = (options.cache or cache_root()).resolve()
    return Plan((*asked, *rest), options.workers, options.timeout * 60, cache, say=say)


def begin(options: argparse.Namespace, rest: Sequence[str]) -> Plan:
    """Return how comparisons are made, and remove what none has used for long."""
    plan = plan_of(options, rest, teller())
    make_room(plan.cache, options.keep_days, plan.say)
    return plan


def output_of(options: argparse.Namespace, kind: str) -> Path:
    """Return the folder of the report."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    return (options.output or REPOSITORY / "reports" / f"{kind}-{stamp}").resolve()


def keep_few_reports() -> None:
    """Remove the oldest reports of the default folder."""
    with suppress(SuiteError, OSError):
        keeping.prune(REPOSITORY / "reports")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; return the exit status."""
    own, rest = split(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(own)
    return guarded(partial(compare, options, rest), interrupted=INTERRUPTED)


def compare(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Compare a candidate with today's environment, print and write; return the exit status.

    Raises
    ------
    SuiteError
        Wrong usage, or today's environment can't be built or validated.
    """
    wanted = read_wanted(options.requirement, options.constraints)
    output = output_of(options, "upgrade")
    done = upgrade(begin(options, rest), wanted, output)
    if "new" in done.packages:  # else there is no environment in which something could have moved
        count = len(done.environment)
        moves = "package moves" if count == 1 else "packages move"
        print(f"{count} {moves}: {words(done.environment)}" if count else "no package moves")
    print(done.verdict.sentence)
    for note in filter(None, (*done.notes, done.hint)):
        print(note)
    print(f"report: {shown(output / HTML)}")
    keep_few_reports()
    return done.verdict.status


def teller() -> Callable[[str], None]:
    """Return what tells on the terminal what is going on, and since when."""
    began = time.monotonic()

    def say(sentence: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        print(f"[{minutes}:{seconds:02d}] {sentence}", file=sys.stderr, flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
