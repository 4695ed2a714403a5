"""How every number with a limit scatters over seeds of the twin, and how its limits stand to that.

    python ci/limits_study.py --seeds 20                      # add what is missing to ci/results/limits.csv
    python ci/limits_study.py --detector nuv --seeds 5 --score        # and say where the limits lie

Each seed of a detector is a run of `pytest validation --seed N` in a process of its own, with the store, and leaves a
row a number: the smallest, median and largest value over the images of the detector that were exposed as long. Rows
that are there already are not made again, so that a study can be stopped and taken up; their `commit` says which code
made them. A seed and detector whose rows are to be made anew: `--again`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from fixtures.commandline import Parser, guarded, names
from fixtures.datasets.dataset import load
from fixtures.datasets.detectors import DETECTORS, detectors_of
from fixtures.errors import Status, SuiteError

REPOSITORY = Path(__file__).parents[1]
TABLE = REPOSITORY / "ci/results/limits.csv"
SIGMAS = 3
_ASIDE = ("baseline.", "inputs.")
"""What has no scatter: changes against a baseline, and counts of what is there by construction."""


def numbers(results: dict) -> pd.DataFrame:
    """Return a row a metric and exposure time: how many cases, the smallest, median and largest value, and the limits.

    The time is 0 for a number of a detector as a whole.
    """
    told = pd.DataFrame(results["measurements"])
    told = told[told["value"].notna() & ~told["metric"].str.startswith(_ASIDE) & (told["dataset"] == "twin")]
    told = told.drop_duplicates(["metric", "detector", "exposure", "value", "limits"])
    exptime_s = {one.rootname: one.exptime_s for one in load("twin").exposures}
    told["exptime_s"] = told["exposure"].map(exptime_s).fillna(0)
    told["failed"] = (told["verdict"] == "failed").astype(int)
    groups = told.groupby(["detector", "metric", "exptime_s"], sort=True)
    table = groups.agg(
        n=("value", "size"), least=("value", "min"), median=("value", "median"), greatest=("value", "max"),
        minimum=("minimum", "min"), maximum=("maximum", "max"), failed=("failed", "sum"),
    )  # fmt: skip
    return table.reset_index()


def run(options: argparse.Namespace) -> int:
    """Make missing rows, and say where the limits lie; return the exit status."""
    chosen = detectors_of(names(options.detector) or DETECTORS)
    table = pd.DataFrame(columns=["seed", "detector"])
    if options.table.exists():
        table = pd.read_csv(options.table, dtype={"commit": str})  # 56948e8 is no number
    first = int(load("twin").seed or 0)
    for seed in range(first, first + options.seeds):
        for detector in chosen:
            here = (table["seed"] == seed) & (table["detector"] == detector)
            if here.any() and not options.again:
                continue
            rows = numbers(_validated(seed, detector, options.store, options.processes))
            rows.insert(0, "seed", seed)
            rows = rows.assign(commit=_commit(), drizzlepac=version("drizzlepac"))
            kept = table[~here]
            table = pd.concat([kept, rows], ignore_index=True) if len(kept) else rows
            options.table.parent.mkdir(parents=True, exist_ok=True)
            table.sort_values(["seed", "detector", "metric", "exptime_s"]).to_csv(
                options.table, index=False, float_format="%.6g"
            )
            print(
                f"seed {seed}, {detector}: {len(rows)} numbers, {int((rows['failed'] > 0).sum())} outside limits",
                flush=True,
            )
    if options.score:
        print(score(table[table["detector"].isin(chosen)]).to_string(index=False))
    return Status.PASSED


def score(table: pd.DataFrame) -> pd.DataFrame:
    """Return, of each number, detector and exposure time, its scatter over the seeds and where its limits are.

    `low` and `high` are what limits from these seeds would be: the mean of the smallest and of the largest value of
    each seed, less and plus 3 standard deviations, none of which is taken as less than a twentieth of the mean.
    `outside` says how many seeds fail the limits of today.
    """
    rows = []
    for (detector, metric, exptime_s), group in table.groupby(["detector", "metric", "exptime_s"], sort=True):
        rows.append({
            "detector": detector, "metric": metric, "exptime_s": exptime_s, "n": int(group["n"].median()),
            "seeds": len(group), "least": group["least"].min(), "median": group["median"].median(),
            "greatest": group["greatest"].max(), "low": _limit(group["least"], -SIGMAS),
            "high": _limit(group["greatest"], SIGMAS), "minimum": group["minimum"].min(),
            "maximum": group["maximum"].max(), "outside": int((group["failed"] > 0).sum()),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _limit(worst: pd.Series, sigmas: float) -> float:
    mean, sigma = float(worst.mean()), float(worst.std(ddof=1))
    return mean + sigmas * max(sigma, abs(mean) / 20)


def _validated(seed: int, detector: str, store: Path | None, processes: int) -> dict:
    """Run the validation of a detector of the twin with a seed; return its results."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "validation", "-q", "-p", "no:cacheprovider", "-n", str(processes)]
        command += ["--dataset", "twin", "--detector", detector, "--seed", str(seed), "--report-dir", folder]
        command += ["--store", str(store)] if store else []
        ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
        found = Path(folder) / "results.json"
        if not found.is_file():
            raise SuiteError(f"the run of seed {seed}, {detector} left no results:\n{ended.stdout[-2000:]}")
        return json.loads(found.read_text(encoding="utf-8"))


def _commit() -> str:
    said = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=REPOSITORY)
    return said.stdout.strip()


def main(arguments: list[str] | None = None) -> int:
    """Run the study; return the exit status."""
    parser = Parser("python ci/limits_study.py", description=__doc__)
    parser.add_argument("--table", type=Path, default=TABLE, help="table to add to (default: the committed one)")
    parser.add_argument("--seeds", type=int, default=0, help="how many, from the committed one on")
    parser.add_argument("--detector", action="append", metavar="NAMES", help="only these (ccd, nuv, fuv)")
    parser.add_argument("--again", action="store_true", help="make rows anew that are there")
    parser.add_argument("--store", type=Path, help="as of pytest validation")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="of each run (default: 2)")
    parser.add_argument("--score", action="store_true", help="print how the limits stand to the scatter")
    return guarded(partial(run, parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
