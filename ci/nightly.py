"""Every night: look for new releases and for drizzlepac's main branch, compare each, publish, and tell of failures.

    python ci/nightly.py --dry-run                        # what would be done; nothing is run, written or told
    python ci/nightly.py --site site                      # compare what is new, publish into the folder 'site'
    python ci/nightly.py --site site --notify gh          # the same, one GitHub issue for each failure
    python ci/nightly.py --site site -- --store-size 2    # what stands behind -- goes to pytest, as for ci/upgrade.py

A candidate is a release of drizzlepac, stwcs, tweakwcs, stis_cti, stistools or crds that is newer than what is
installed and than the last one that was compared, or a new head of drizzlepac's main branch. Each is compared with
today's environment by `python ci/upgrade.py`, under a time-out of its own; whatever goes wrong is a verdict of its own
and stops no other. What is done is kept in the published folder after every candidate: a run that was killed does the
rest next time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fixtures.commandline import Parser, complain, guarded, split

try:
    from ci.night import asked, candidates, site, work
except ModuleNotFoundError as error:
    if error.name not in ("packaging", "platformdirs", "pooch", "psutil", "pypi_simple", "requests"):
        raise
    sys.exit(complain(f"The nights need {error.name}: run pip install -e '.[ci]'."))
from fixtures.errors import statuses
from fixtures.versions import WATCHED

REPOSITORY = asked.REPOSITORY


EPILOG = statuses(
    # with several candidates the worst counts
    PASSED="nothing new, or all are safe or within tolerance",
    FAILED="a regression",
    ENDED_EARLY="interrupted; what is done is kept, and the next run does the rest",
    BROKEN="no verdict: a comparison broke down by itself",
    USAGE="wrong usage, or the folder can't be used: nothing was done",
    CANDIDATE_BROKEN="a candidate can't be installed, or crashes",
    TIMED_OUT="a comparison timed out",
    TRY_AGAIN="index or main branch do not answer; or verdicts could not be told or published in full, which the next "
    "run does; or another nightly run is at work in this folder",
    INCOMPLETE="a comparison is incomplete",
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    made = Parser("python ci/nightly.py", description=__doc__, epilog=EPILOG)
    made.add_argument("--dry-run", action="store_true", help="say what would be done; run, write and tell nothing")
    made.add_argument(
        "--only-tell", action="store_true", help="look and compare nothing; tell what is still to be told"
    )

    what = made.add_argument_group("what is looked at")
    what.add_argument("--packages", default=",".join(WATCHED), metavar="NAMES", help="comma list")
    what.add_argument("--index", metavar="URL", help="simple API of a package index (default: pip's own setting)")
    what.add_argument("--pre", action="store_true", help="pre-releases too")
    what.add_argument("--no-main", action="store_true", help="not the main branch of drizzlepac")
    what.add_argument("--main-url", default=candidates.MAIN_URL, metavar="URL", help="another clone of drizzlepac")
    what.add_argument("--main-branch", default=candidates.MAIN_BRANCH, metavar="NAME", help="another branch of it")
    what.add_argument("--again", action="append", default=[], metavar="PACKAGE==VERSION", help="compare once more")

    how = made.add_argument_group("how it is compared")
    how.add_argument("--timeout", type=float, default=120.0, metavar="MINUTES", help="for one candidate (default: 120)")
    how.add_argument("--at-most", type=int, default=6, metavar="N", help="candidates in one run (default: 6)")
    how.add_argument("--dataset", metavar="NAMES", help="for ci/upgrade.py")
    how.add_argument("--detector", metavar="NAMES", help="for ci/upgrade.py")
    how.add_argument("--partial", action="store_true", help="for ci/upgrade.py")
    how.add_argument("--keep-days", metavar="N", help="for ci/upgrade.py")
    how.add_argument("--upgrade-command", metavar="COMMAND", help="instead of ci/upgrade.py")
    how.add_argument(
        "--work", type=Path, metavar="DIR", help="where comparisons are made (default: in the user's cache folder)"
    )

    out = made.add_argument_group("where it is published and told")
    out.add_argument(
        "--site",
        type=Path,
        default=REPOSITORY / "reports" / "nightly",
        metavar="DIR",
        help="the published folder (default: reports/nightly)",
    )
    out.add_argument("--url", default="", help="its public address, for links")
    out.add_argument(
        "--keep",
        type=int,
        default=site.KEEP,
        metavar="N",
        help=f"comparisons whose pages are kept (default: {site.KEEP})",
    )
    out.add_argument("--notify", default="none", metavar="HOW", help="none, gh, webhook:URL, file:PATH, or later")
    out.add_argument("--repo", metavar="OWNER/NAME", help="whose issues gh opens (default: this clone's)")
    out.add_argument(
        "--reports",
        type=Path,
        default=REPOSITORY / "reports",
        metavar="DIR",
        help="the folder of reports whose history is published (default: reports)",
    )
    out.add_argument("--history-command", metavar="COMMAND", help="instead of python -m fixtures.report index")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Do a night's work; return the exit status."""
    own, rest = split(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(own)

    def night() -> int:
        found = asked.check(options, rest)
        return work.dry_run(found) if options.dry_run else work.run(found)

    return guarded(night, interrupted="interrupted; what is done is kept, and the next run does the rest.")


if __name__ == "__main__":
    sys.exit(main())
