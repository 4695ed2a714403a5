"""Versions of drizzlepac side by side: the validation in each, held against today's environment, as one table.

    python ci/version_matrix.py                            # the versions of ci/versions.toml
    python ci/version_matrix.py 3.11.0 3.10.0 3.9.1 --dataset twin
    python ci/version_matrix.py --from 3.11.0=reports/a --from 3.10.0=reports/b   # from runs that exist
    nox -f ci/noxfile.py -s matrix -- 3.11.0 3.10.0

What a version needs beside it to be imported stands in ci/versions.toml, and moves with it. With --from, the first
run is the reference. The table is DIR/matrix.html, the same for programs DIR/matrix.json.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ci.upgrade import INTERRUPTED, add_options, begin, output_of
from ci.upgrading import judging
from ci.upgrading.comparing import (
    Comparison,
    Plan,
    breakdown,
    candidate_environment,
    changes_of,
    compare,
    run,
    todays_environment,
    write,
)
from ci.upgrading.environments import NotInstallable
from ci.upgrading.installed import installed, read_wanted
from ci.upgrading.known import companions_of, matrix_versions
from ci.upgrading.matrix import PAGE, Line, line, line_of, table, write_matrix
from ci.upgrading.resolve import Unresolvable
from ci.upgrading.running import Ran
from fixtures.commandline import Parser, guarded, shown, split
from fixtures.errors import Status, SuiteError, statuses
from fixtures.results.run import read_results

EPILOG = statuses(
    PASSED="the table is made, whatever stands in it",
    ENDED_EARLY="interrupted",
    USAGE="wrong usage, or today's environment can't be built or validated",
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    made = Parser("python ci/version_matrix.py", description=__doc__, epilog=EPILOG)
    made.add_argument("versions", nargs="*", metavar="VERSION", help="of drizzlepac (default: ci/versions.toml)")
    made.add_argument("--from", dest="existing", action="append", default=[], metavar="ABOUT=DIR", help="a report")
    add_options(made)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the table; return the exit status."""
    own, rest = split(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(own)
    return guarded(partial(matrix, options, rest), interrupted=INTERRUPTED)


def matrix(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Make the table, print and write it; return the exit status.

    Raises
    ------
    SuiteError
        Wrong usage, or today's environment can't be built or validated.
    """
    output = output_of(options, "matrix")
    if options.existing:
        if options.versions:
            raise SuiteError("Give versions to run, or --from for runs that exist, not both.")
        reference, lines = from_existing(options.existing)
    else:
        versions = options.versions or matrix_versions()
        reference, lines = from_versions(versions, begin(options, rest), output)
    write_matrix(lines, reference, output)
    print(table(lines))
    print(f"report: {shown(output / PAGE)}")
    return Status.PASSED


def from_existing(given: Sequence[str]) -> tuple[str, list[Line]]:
    """Return the reference and the rows of runs that exist."""
    runs = []
    for text in given:
        about, equals, folder = text.partition("=")
        if not equals or not about:
            raise SuiteError(f"--from {text}: write ABOUT=DIR, as in 3.10.0=reports/latest.")
        path = Path(folder).resolve()
        done = read_results(path / "results.json")
        runs.append((about, done, Ran(done, path, None, 0.0)))
    reference, lines = runs[0], []
    for about, done, ran in runs:
        changes = changes_of(reference[2], ran)
        lines.append(line(about, judging.judge(changes), changes, done))
    return reference[0], lines


def from_versions(versions: Sequence[str], plan: Plan, output: Path) -> tuple[str, list[Line]]:
    """Validate each version and return the rows; one that fails is a row too."""
    today = installed()
    old = todays_environment(plan, today)
    before = run(plan, old, output / "today", "today's environment")
    if before.run is None:
        raise breakdown(before, "today's environment")
    lines = []
    for version in versions:
        wanted = read_wanted((f"drizzlepac=={version}", *companions_of(version)))
        started, asked = datetime.now(UTC).isoformat(timespec="seconds"), wanted.requirements
        folder = output / version
        try:
            new = candidate_environment(plan, today, wanted)
        except (Unresolvable, NotInstallable) as error:
            done = Comparison(started, asked, wanted.names, judging.not_installable(error.why, ["drizzlepac"]))
        else:
            done = compare(plan, old, new, folder, before=before, started=started, candidate=asked, named=wanted.names)
        write(done, folder)
        plan.say(f"{version}: {done.verdict.sentence}")
        lines.append(line_of(version, done, output))
        write_matrix(lines, "today's environment", output)  # so that a long matrix can be read as it grows
    return f"today's environment (drizzlepac {old.packages.get('drizzlepac', 'missing')})", lines


if __name__ == "__main__":
    sys.exit(main())
