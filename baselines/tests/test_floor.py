from __future__ import annotations

from pathlib import Path

import pytest

import fixtures
from baselines.floor import EVIDENCE, floor_of, main, read_evidence
from fixtures.baseline.differences import DIFFERENCES
from fixtures.baseline.scalars import scalars
from fixtures.errors import SuiteError
from fixtures.results import Measurement, Run, write_results
from fixtures.targets import read_targets

HOUSE = Path(fixtures.__file__).parents[1]
CLEAR = 1.5  # times the noise floor: the coarseness of what is stored bounds the pixels' differences, and is part of it


def run(*measurements):
    """Return a run with measurements (metric, value)."""
    return Run(
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        versions={"drizzlepac": "3.11.0", "pytest": "9"},
        engine="python",
        command="pytest validation",
        datasets=(),
        platform="Linux",
        outcomes=(),
        measurements=tuple(Measurement(metric, value, "px", "passed", "test") for metric, value in measurements),
    )


def written(folder, *measurements):
    """Write the results of a run and return its folder."""
    folder.mkdir()
    write_results(run(*measurements), folder / "results.json")
    return folder


def test_largest_value_of_all_runs_is_the_floor(tmp_path):
    one = written(tmp_path / "one", ("baseline.flux", -2e-6), ("baseline.flux", 1e-6), ("alignment.rms_x", 5.0))
    two = written(tmp_path / "two", ("baseline.flux", 1e-7), ("baseline.nan", 0.0))
    assert main([f"again={one}", f"numpy 1={two}", "--output", str(tmp_path / "out.json")]) == 0
    evidence = read_evidence(tmp_path / "out.json")
    assert [each["about"] for each in evidence] == ["again", "numpy 1"]
    assert floor_of(evidence) == {"baseline.flux": 2e-6}
    assert evidence[0]["versions"] == {"drizzlepac": "3.11.0"}


@pytest.mark.parametrize(
    ("measurements", "words"),
    [
        ([("alignment.rms_x", 5.0)], "was not compared with baselines"),
        ([("baseline.departures", 1.0)], "has other inputs or another engine"),
    ],
)
def test_a_run_that_tells_nothing_is_refused(tmp_path, capsys, measurements, words):
    folder = written(tmp_path / "one", *measurements)
    assert main([f"x={folder}", "--output", str(tmp_path / "out.json")]) == 4
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(("argument", "words"), [("nothing", "write ABOUT=RUN"), ("x=nowhere", "nowhere")])
def test_what_is_no_run_is_told(capsys, argument, words):
    assert main([argument]) == 4
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{}", "[]"])
def test_broken_evidence_is_told(tmp_path, content):
    path = tmp_path / "floor.json"
    path.write_text(content)
    with pytest.raises(SuiteError, match=r"floor.json does not hold the noise floor"):
        read_evidence(path)


def test_every_limit_stands_clear_of_the_noise_floor():
    floor = floor_of(read_evidence(HOUSE / "baselines" / EVIDENCE))
    limits = {
        one.metric.name: max(abs(one.min or 0.0), abs(one.max or 0.0))
        for one in read_targets(HOUSE / "validation" / "targets.toml").targets
        if one.metric.name.startswith("baseline.")
    }
    assert {f"baseline.{one.name}" for one in scalars()} | {one.metric for one in DIFFERENCES} <= set(limits)
    assert {
        metric: value for metric, value in floor.items() if metric in limits and limits[metric] < CLEAR * value
    } == {}
