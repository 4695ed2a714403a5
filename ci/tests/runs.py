"""Made-up runs, and folders of what they could leave as baselines, for tests that compare."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fixtures.baseline import comparing, differences
from fixtures.results.run import DataSetInfo, Made, Measurement, Outcome, Run
from fixtures.results.targets import Metric, Target, Targets

DATASET, DETECTOR = "twin", "FUV-MAMA"
PLACE = {"dataset": DATASET, "detector": DETECTOR}


def target(metric: str, **limits: float) -> Target:
    """Return a target of a change."""
    return Target(Metric(metric, "px", "a change"), "made up", **limits)


TARGETS = Targets(
    (
        target("baseline.alignment.shift_x", min=-0.002, max=0.002),
        target("baseline.alignment.matches", min=-3.0, max=3.0),
        target("baseline.alignment.attempts", max=0.0),
        target("baseline.drizzle.holes", max=0.0),
        target("baseline.shift_x", min=-0.002, max=0.002),
        target("baseline.sources_lost", max=0.0),
    )
)


def outcome(test: str, status: str = "passed", step: str = "alignment", message: str = "", **about: Any) -> Outcome:
    """Return how a check went."""
    return Outcome(f"validation/{test}", status, message=message, step=step, **{**PLACE, **about})


def measured(value: float | None, *, metric: str = "alignment.rms_image", margin: float | None = 0.1) -> Measurement:
    """Return a number that a check measured."""
    about = {"margin": margin, "step": "alignment", "exposure": "ozzf01a2q", **PLACE}
    return Measurement(metric, value, "px", "passed", "validation/test_rms", **about)


def run(
    outcomes: Sequence[Outcome] = (),
    measurements: Sequence[Measurement] = (),
    products: Sequence[Made] = (),
    **about: Any,
) -> Run:
    """Return a run."""
    given = {
        "started": "2026-01-01T00:00:00+00:00",
        "seconds": 60.0,
        "versions": {"drizzlepac": "3.11.0", "numpy": "2.4.6"},
        "engine": "python",
        "command": "pytest",
        "platform": "Linux",
        "datasets": (DataSetInfo(DATASET, detectors=(DETECTOR,)),),
        "outcomes": tuple(outcomes) or (outcome("test_rms"), outcome("test_scale", step="drizzle")),
        "measurements": tuple(measurements),
        "products": tuple(products),
    }
    return Run(**{**given, **about})


def leave(folder: Path, scalars: Mapping[str, float | None], mosaic: Mapping[str, float] | None = None) -> Path:
    """Write what a run leaves: numbers by name (all of one exposure), and a stand-in for a mosaic."""
    place = folder / "candidates" / DATASET / DETECTOR
    place.mkdir(parents=True)
    rows = [{"name": n, "exposure": "ozzf01a2q", "value": v, "unit": "px"} for n, v in sorted(scalars.items())]
    (place / "measurements.json").write_text(json.dumps({"scalars": rows}))
    (place / "mosaic.fits").write_text(json.dumps(dict(mosaic or {})))
    return folder


def _compare(new: Path, old: Path, detector: str) -> dict[str, Any]:
    sides = [json.loads((folder / "mosaic.fits").read_text()) for folder in (new, old)]
    names = sorted({*sides[0], *sides[1]})
    return {
        "identical": {"sci": sides[0] == sides[1]},
        "values": {name: sides[0].get(name, 0.0) - sides[1].get(name, 0.0) for name in names},
        "stars": {"n_stars": 9},
    }


def _tell(numbers: dict[str, Any], outside: Any) -> list[str]:
    said = [f"{name} changed" for name, value in numbers["values"].items() if outside(name, value)]
    return said or ["nothing changed"]


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let mosaics be numbers by metric."""
    monkeypatch.setattr(comparing, "compare_folders", _compare)
    monkeypatch.setattr(differences, "tell", _tell)
    monkeypatch.setattr(differences, "largest", lambda numbers: numbers["values"])
