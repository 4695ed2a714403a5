"""How fast the suite is, against the tutorial's way of working and against its own limits.

    python ci/benchmark.py                                 # everything; about half an hour on two cores
    python ci/benchmark.py --parts steps --repeat 3        # only the tutorial's way against the suite's
    python ci/benchmark.py --quick                         # a short trial on FUV-MAMA

    steps    the tutorial's way (one process, one step after another over all exposures, plain calls) against the
             suite's (worker processes that share products, with keys and an empty store); both start from the same
             raw frames and reference files, and must make the same products with the same results
    cold     a whole validation with an empty store: wall time, memory of a worker, where the time goes
    second   the same again with nothing changed
    linear   the steps with 1, 2 and 4 times the exposures in one data set

Every time that is compared is measured in fresh interpreters in this one run, so that it means something on a machine
that is not disturbed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ci.benchmarking import figures, machine, parts
from ci.benchmarking.work import Bench
from fixtures.commandline import Parser, guarded, names
from fixtures.datasets.detectors import DETECTORS, detectors_of
from fixtures.errors import Status, SuiteError, statuses

QUICK_DETECTOR = "FUV-MAMA"
SCHEMA = "stis-drizzlepac-validation benchmark 1"


EPILOG = statuses(
    PASSED="all limits hold", FAILED="one is missed", ENDED_EARLY="interrupted", USAGE="it could not be measured"
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    made = Parser("python ci/benchmark.py", description=__doc__, epilog=EPILOG)
    made.add_argument("--parts", default=",".join(parts.PARTS), metavar="NAMES", help="comma list (default: all)")
    made.add_argument("--detector", action="append", metavar="NAMES", help="only these (ccd, nuv, fuv)")
    made.add_argument("--quick", action="store_true", help=f"a short trial: {QUICK_DETECTOR}, fewer exposures")
    made.add_argument("--workers", type=int, default=machine.cores(), help="default: the number of cores")
    made.add_argument(
        "--repeat",
        type=int,
        default=1,
        help="times that the steps (both ways) and the linear cost run; the best counts",
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="default: reports/benchmark-<UTC time>.json")
    made.add_argument("--profile", action="store_true", help="profile the tutorial's way (part steps), untimed")
    made.add_argument("--keep", type=Path, metavar="DIR", help="a new folder for everything that is made; it stays")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    options = parser().parse_args(arguments)
    return guarded(partial(benchmark, options), interrupted="interrupted; what was started is ended.")


def benchmark(options: argparse.Namespace) -> int:
    """Measure, print and write; return 0 when all limits hold, 1 when one is missed.

    Raises
    ------
    SuiteError
        Options that make no sense, or something could not be measured.
    """
    wanted = names([options.parts])
    unknown = [name for name in wanted if name not in parts.PARTS]
    if unknown or not wanted:
        raise SuiteError(f"--parts {options.parts} names what is not there: choose from {', '.join(parts.PARTS)}.")
    for name in ("workers", "repeat"):
        if getattr(options, name) < 1:
            raise SuiteError(f"--{name} {getattr(options, name)} is too few: at least 1.")
    if options.profile and "steps" not in wanted:
        raise SuiteError("--profile belongs to the part 'steps', which --parts leaves out.")
    chosen = detectors_of(names(options.detector) or ((QUICK_DETECTOR,) if options.quick else DETECTORS))
    now = datetime.now(UTC)
    target = options.json or parts.REPOSITORY / "reports" / f"benchmark-{now:%Y-%m-%dT%H-%M-%SZ}.json"
    _refuse_foreign(target)
    about = machine.facts()
    with _folder(options.keep) as root:
        bench = Bench(
            root=root,
            workers=options.workers,
            detectors=tuple(one for one in DETECTORS if one in chosen),
            repeat=options.repeat,
            quick=options.quick,
            profile=target.with_suffix(".profile.txt") if options.profile else None,
            say=_teller(),
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        found = {name: part(bench) for name, part in parts.PARTS.items() if name in wanted}
    quantities = [one for part in found.values() for one in part.quantities]
    data = {
        "schema": SCHEMA,
        "date": now.isoformat(timespec="seconds"),
        "workers": bench.workers,
        "detectors": list(bench.detectors),
        "quick": bench.quick,
        "machine": about,
        "parts": parts.to_json(found),
        "limits_hold": not figures.missed(quantities),
    }
    target.write_text(json.dumps(data, indent=1) + "\n")
    for part in found.values():
        for table in part.tables:
            print(f"{table}\n")
    print(f"{now:%Y-%m-%d %H:%M} UTC, {bench.workers} workers, {', '.join(bench.detectors)}")
    print(f"{machine.sentence(about)}\n\n{figures.table(quantities)}\n")
    if not bench.whole or bench.workers != 2:
        print("A trial: the limits belong to all three detectors with two workers on two cores.")
    print(f"written: {target}")
    return Status.FAILED if figures.missed(quantities) else Status.PASSED


def _refuse_foreign(target: Path) -> None:
    """Refuse to write over a file that is not an earlier benchmark's."""
    if not target.exists():
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if json.loads(target.read_text()).get("schema") == SCHEMA:
            return
    raise SuiteError(f"--json {target} is there already and no benchmark wrote it: give another name.")


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give the folder in which everything is made; it goes when all is measured, unless it is to be kept."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="stis-benchmark-", ignore_cleanup_errors=True) as folder:
            yield Path(folder).resolve()
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise SuiteError(f"--keep {keep} is not an empty folder: give a new one.")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.resolve()


def _teller() -> Callable[[str], None]:
    began = time.perf_counter()

    def say(sentence: str) -> None:
        minutes, seconds = divmod(int(time.perf_counter() - began), 60)
        print(f"[{minutes}:{seconds:02d}] {sentence}", file=sys.stderr, flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
