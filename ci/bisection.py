"""Which package did it? Find the smallest set of packages whose move turns the verdict from good to bad.

    python ci/bisection.py good.txt bad.txt                # two environments as pip freeze writes them
    python ci/bisection.py reports/upgrade-2026-11-25      # what a comparison has found: DIR/old.txt and DIR/new.txt
    nox -f ci/noxfile.py -s bisect -- good.txt bad.txt --dataset twin

What a file does not name is as in today's environment. Each environment is built beside yours and validated once; what
was validated before comes from the store. The report is DIR/bisect.html, the same for programs DIR/bisect.json.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ci.upgrade import INTERRUPTED, add_options, begin, output_of
from ci.upgrading.blame import JSON, PAGE, Laboratory, find, write_blame
from ci.upgrading.comparing import Plan, candidate_environment
from ci.upgrading.environments import Environment, NotInstallable
from ci.upgrading.installed import installed, read_wanted
from ci.upgrading.resolve import Unresolvable
from ci.verdicts import NOT_INSTALLABLE
from fixtures.commandline import Parser, guarded, shown, split
from fixtures.errors import Status, SuiteError, statuses

EPILOG = statuses(
    PASSED="found",
    ENDED_EARLY="interrupted",
    USAGE="wrong usage, or the good environment can't be built or validated",
    NOTHING_FOUND="the verdict does not turn, so that there is nothing to find",
    CANDIDATE_BROKEN="the bad environment can't be built",
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    made = Parser("python ci/bisection.py", description=__doc__, epilog=EPILOG)
    made.add_argument("environments", nargs="*", type=Path, metavar="GOOD BAD", help="or the folder of a comparison")
    made.add_argument("--good", type=Path, metavar="FILE", help="constraints of the good environment")
    made.add_argument("--bad", type=Path, metavar="FILE", help="constraints of the bad environment")
    add_options(made)
    return made


def sides_of(options: argparse.Namespace) -> tuple[Path, Path]:
    """Return the files that tell the good and the bad environment.

    Raises
    ------
    SuiteError
        They are not named, or not there.
    """
    given = [one for one in (options.good, options.bad) if one is not None] + list(options.environments)
    if len(given) == 1 and given[0].is_dir():
        given = [given[0] / "old.txt", given[0] / "new.txt"]
    if len(given) != 2:
        raise SuiteError("Name two files of constraints, the good one first, or the folder of a comparison.")
    for path in given:
        if not path.is_file():
            raise SuiteError(f"{path} is missing: give a file as pip freeze writes it.")
    return given[0], given[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Bisect; return the exit status."""
    own, rest = split(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(own)
    return guarded(partial(bisect, options, rest), interrupted=INTERRUPTED)


def bisect(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Find who is to blame, print and write; return the exit status.

    Raises
    ------
    SuiteError
        Wrong usage, or the good environment can't be built or validated.
    """
    good_file, bad_file = sides_of(options)
    plan = begin(options, rest)
    output = output_of(options, "bisect")
    if (output / JSON).exists() or (output / "tried").exists():
        raise SuiteError(f"--output {output} holds a bisection already: give a new folder.")
    try:
        good = _built(plan, good_file)
    except (Unresolvable, NotInstallable) as error:
        raise SuiteError(f"The good environment can't be built: {error.why}") from None
    if good.broken:
        raise SuiteError(f"The good environment does not work: {good.broken}.")
    try:
        bad = _built(plan, bad_file)
    except (Unresolvable, NotInstallable) as error:
        print(f"The bad environment can't be built: {error.why}")
        return Status.CANDIDATE_BROKEN
    done = find(Laboratory(plan, good, bad, output))
    write_blame(done, output)
    print(done.sentence)
    for name, report in (("only these moved", done.only), ("all but these moved", done.without)):
        if report:
            print(f"{name}: {shown(output / report)}")
    print(f"report: {shown(output / PAGE)}")
    if done.packages:
        return Status.PASSED
    return Status.CANDIDATE_BROKEN if done.word == NOT_INSTALLABLE else Status.NOTHING_FOUND


def _built(plan: Plan, path: Path) -> Environment:
    return candidate_environment(plan, installed(), read_wanted((), (path,)))


if __name__ == "__main__":
    sys.exit(main())
