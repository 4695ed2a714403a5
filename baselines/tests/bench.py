"""A run with two candidates and a folder of baselines, made of next to nothing."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from astropy.io import fits

from baselines.__main__ import main
from baselines.ruler import Ruler
from fixtures.baseline.pack import read_mosaic, write_mosaic
from fixtures.baseline.scalars import changes
from fixtures.measurement.values import NotMeasurable
from fixtures.results import DataSetInfo, Outcome, Picture, Run, read_results, write_results
from fixtures.targets import Metric, Target, Targets

VERSIONS = {"python": "3.11.7", "drizzlepac": "3.11.0", "numpy": "2.4.6"}
SEED = 20101  # the committed one of the twin
WHY = "drizzlepac 3.11.0 is understood"
PAIRS = (("twin", "CCD"), ("twin", "NUV-MAMA"))
CONDITIONS = {
    "dataset": "twin",
    "version": "2",
    "seed": SEED,
    "engine": "python (follows CALSTIS)",
    "parameters": {"digest": "a" * 64, "departures": []},
    "inputs": {
        "ozzc01010": {"digest": "1" * 64, "kind": "identical"},
        "ozzc02010": {"digest": "2" * 64, "kind": "equivalent"},
    },
}
CHECK = Outcome(
    "validation/test_drizzle.py::test_flux[twin-CCD]", "passed", True, "", 1.0, "twin", "CCD", None, "drizzle"
)
NUV_CHECK = replace(CHECK, test="validation/test_drizzle.py::test_flux[twin-NUV-MAMA]", detector="NUV-MAMA")


def outcome(status: str, **what: Any) -> Outcome:
    """Return another check of the mosaic of the CCD."""
    return replace(CHECK, **{"test": "validation/test_drizzle.py::test_other", "status": status, **what})


RUN = Run(
    started="2026-11-24T04:32:27+00:00",
    seconds=300.0,
    versions=VERSIONS,
    engine="python (follows CALSTIS)",
    command="pytest validation -n auto",
    datasets=(DataSetInfo("twin", version="2", seed=SEED, detectors=("CCD", "NUV-MAMA")),),
    platform="Linux-x86_64",
    outcomes=(
        CHECK,
        NUV_CHECK,
        outcome("known_defect"),
        outcome("not_validated", test="validation/test_baselines.py::test_flux", step="baselines"),
    ),
    pictures=(Picture("baselines", "Difference", "abc.png", "t", dataset="twin", detector="CCD"),),
)


class Bench:
    """A folder of baselines `root` and a run in `run`, and the command on both."""

    def __init__(self, folder: Path) -> None:
        self.root, self.run = folder / "baselines", folder / "reports" / "first"
        self.root.mkdir(parents=True)
        self.make()

    def make(self, **what: Any) -> None:
        """Write the run and its candidates anew; `what` differs from `RUN`."""
        self.run.mkdir(parents=True, exist_ok=True)
        write_results(replace(RUN, **what), self.run / "results.json")
        for dataset, detector in PAIRS:
            make_candidate(self.run / "candidates" / dataset / detector)

    def change(self, **what: Any) -> None:
        """Change the results of the run."""
        path = self.run / "results.json"
        write_results(replace(read_results(path), **what), path)

    def again(self, detector: str = "CCD", **what: Any) -> None:
        """Make a candidate anew: see `make_candidate`."""
        make_candidate(self.place(detector), **what)

    def place(self, detector: str = "CCD") -> Path:
        """Return the folder of a candidate of the twin."""
        return self.run / "candidates" / "twin" / detector

    def call(self, command: str, *arguments: str) -> int:
        """Run the command; return its exit status."""
        return main([command, "--root", str(self.root), *arguments], ruler=RULER)

    def approve(self, *arguments: str, reason: str = WHY) -> int:
        """Approve without being asked."""
        return self.call("approve", "--run", str(self.run), "--yes", "--reason", reason, *arguments)

    def bytes(self) -> dict[str, bytes]:
        """Return every file in the folder of baselines."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }

    def history(self) -> list[dict[str, Any]]:
        """Return the lines of the history."""
        return [json.loads(line) for line in (self.root / "history.jsonl").read_text().splitlines()]


def conditions(**what: Any) -> dict[str, Any]:
    """Return conditions of which some differ from `CONDITIONS`."""
    return {**copy.deepcopy(CONDITIONS), **what}


def make_candidate(
    folder: Path,
    *,
    shift: float = 0.0,
    card: str = "VALUE",
    numbers: Mapping[str, float | None] | None = None,
    conditions: Mapping[str, Any] = CONDITIONS,
) -> None:
    """Write a candidate as a run leaves it, with its note; `shift` [counts/s] is added to its image."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mosaic.fits").write_bytes(_mosaic(shift, card))
    (folder / "sources.ecsv").write_text("# %ECSV 1.0\nx\n1\n")
    numbers = {"drizzle.flux": 1.0, "alignment.rms_x": 0.1} if numbers is None else numbers
    scalars = [{"name": name, "exposure": None, "value": number, "unit": "px"} for name, number in numbers.items()]
    (folder / "measurements.json").write_text(json.dumps({"scalars": scalars}))
    (folder / "conditions.json").write_text(json.dumps(conditions))
    note(folder)


@cache
def _mosaic(shift: float, card: str) -> bytes:
    noise = np.random.default_rng(1).normal(0.0, 1.0, (24, 30)).astype("f4")
    header = fits.Header([("TELESCOP", "HST", ""), ("THING", card, "")])
    weights, context = np.ones((24, 30), "f4"), np.ones((24, 30), "i4")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mosaic.fits"
        write_mosaic(path, noise + np.float32(shift), weights, context, header, noise=1.0)
        return path.read_bytes()


def note(folder: Path) -> None:
    """Write down the checksums of a candidate."""
    names = ("mosaic.fits", "sources.ecsv", "measurements.json", "conditions.json")
    sha256 = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    files = {name.split(".")[0]: name for name in names}
    (folder / "product.json").write_text(json.dumps({"files": files, "sha256": sha256, "made": "", "digest": ""}))


def _compare(new: Path, old: Path, detector: str) -> dict[str, Any]:
    a, b = read_mosaic(new / "mosaic.fits"), read_mosaic(old / "mosaic.fits")
    if a.header.get("THING") == "ELSEWHERE":
        raise NotMeasurable("the mosaics have no sky in common")
    changed = [] if a.header["THING"] == b.header["THING"] else ["THING"]
    return {
        "identical": {name: a.digests[name] == b.digests[name] for name in ("sci", "wht", "ctx")},
        "headers": {"added": [], "removed": [], "changed": changed},
        "shift": float(np.median(a.sci - b.sci)),
    }


def _tell(numbers: Mapping[str, Any], outside: Callable[[str, float | None], bool]) -> list[str]:
    if not outside("baseline.background", numbers["shift"]):
        return ["nothing changed beyond the limits"]
    return [f"the background of the mosaic changed by {numbers['shift']:.2f} counts/s"]


def _largest(numbers: Mapping[str, Any]) -> dict[str, float | None]:
    return {"baseline.background": numbers["shift"], "baseline.never_a_number": float("nan")}


def _target(name: str, limit: float, **what: str) -> Target:
    return Target(Metric(f"baseline.{name}", "px", "said"), "by construction", min=-limit, max=limit, **what)


TARGETS = Targets((_target("background", 0.1), _target("alignment.rms_x", 0.01, engine="python")))
RULER = Ruler(_compare, _tell, _largest, changes, TARGETS)
"""What compares two baselines here: quick, and as the suite's own."""
