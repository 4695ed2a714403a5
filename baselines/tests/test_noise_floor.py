"""The limits that the stored baselines are held to, beside the noise floor that they rest on."""

from __future__ import annotations

from fixtures.baseline.cache import OWN
from fixtures.baseline.differences import DIFFERENCES
from fixtures.baseline.floor import EVIDENCE, floor_of, read_evidence
from fixtures.baseline.scalars import scalars
from fixtures.results.targets import read_targets

CLEAR = 1.5  # times the noise floor: the coarseness of what is stored bounds the pixels' differences, and is part of it


def test_every_limit_stands_clear_of_the_noise_floor():
    floor = floor_of(read_evidence(EVIDENCE))
    limits = {
        one.metric.name: max(abs(one.min or 0.0), abs(one.max or 0.0))
        for one in read_targets(OWN.parent / "validation" / "targets.toml").targets
        if one.metric.name.startswith("baseline.")
    }
    assert {f"baseline.{one.name}" for one in scalars()} | {one.metric for one in DIFFERENCES} <= set(limits)
    assert {
        metric: value for metric, value in floor.items() if metric in limits and limits[metric] < CLEAR * value
    } == {}
