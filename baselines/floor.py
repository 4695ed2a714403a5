"""The noise floor: how much the numbers change from run to run although nothing that matters does.

``python -m baselines.floor RUN ...`` takes the results of runs that were compared with the same baselines (repeated,
with other versions of the packages, with other instructions of the processor) and writes the evidence that the limits
in ``validation/targets.toml`` rest on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fixtures.commandline import Parser, guarded
from fixtures.errors import SuiteError
from fixtures.results import Run, read_results
from fixtures.status import Status
from fixtures.versions import SHOWN

EVIDENCE = "noise_floor.json"
DIGITS = 2


def evidence_of(run: Run, about: str) -> dict[str, Any]:
    """Return what a run tells of the noise floor.

    Parameters
    ----------
    run : Run
        Its measurements that begin with 'baseline.' are taken, each with its largest absolute value.
    about : str
        What was special about it.

    Raises
    ------
    SuiteError
        The run was not compared with any baseline, or with one that was made from something else.
    """
    found: dict[str, float] = {}
    for one in run.measurements:
        if one.metric.startswith("baseline.") and one.value is not None:
            found[one.metric] = max(found.get(one.metric, 0.0), abs(one.value))
    if not found:
        raise SuiteError(f"The run of {run.started} was not compared with baselines: nothing can be learnt from it.")
    if found.get("baseline.departures") or any(one.engine != run.engine for one in run.baselines):
        raise SuiteError(f"The run of {run.started} has other inputs or another engine than the baselines.")
    identical = {
        f"{row.dataset}/{row.detector}": row.cells["identical to the last bit"]
        for row in run.rows
        if row.section == "baselines"
    }
    return {
        "about": about,
        "versions": {name: run.versions[name] for name in ("python", *SHOWN) if name in run.versions},
        "identical": identical,
        "largest": {name: float(f"{value:.{DIGITS}g}") for name, value in sorted(found.items()) if value},
    }


def floor_of(evidence: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the largest value of each metric over all runs."""
    found: dict[str, float] = {}
    for run in evidence:
        for metric, value in run["largest"].items():
            found[metric] = max(found.get(metric, 0.0), value)
    return dict(sorted(found.items()))


def read_evidence(path: Path) -> list[dict[str, Any]]:
    """Read the evidence.

    Raises
    ------
    SuiteError
        The file is missing or holds something else.
    """
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["runs"])
    except FileNotFoundError:
        raise SuiteError(f"{path} is missing: make it with python -m baselines.floor RUN ...") from None
    except (ValueError, KeyError, TypeError):
        raise SuiteError(f"{path} does not hold the noise floor: restore it with git.") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the evidence of some runs; return the exit status."""
    parser = Parser("python -m baselines.floor", description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="ABOUT=RUN", help="what was special about a run, and its folder")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name(EVIDENCE), metavar="FILE")
    return guarded(partial(_write, parser.parse_args(arguments)))


def _write(given: argparse.Namespace) -> int:
    runs = []
    for text in given.runs:
        about, equals, folder = text.partition("=")
        if not equals:
            raise SuiteError(f"'{text}' does not say what was special about the run: write ABOUT=RUN.")
        runs.append(evidence_of(read_results(Path(folder) / "results.json"), about))
    given.output.write_text(json.dumps({"runs": runs}, indent=1) + "\n", encoding="utf-8")
    for metric, value in floor_of(runs).items():
        print(f"{metric:45} {value:g}")
    return Status.PASSED


if __name__ == "__main__":
    sys.exit(main())
