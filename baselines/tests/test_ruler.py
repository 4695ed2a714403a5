from __future__ import annotations

import math

import pytest

from baselines.ruler import by_size, outside, suites_ruler
from fixtures.errors import SuiteError
from fixtures.targets import Metric, Target, Targets


def target(name, minimum, maximum, **what):
    return Target(Metric(f"baseline.{name}", "px", "said"), "by construction", min=minimum, max=maximum, **what)


TARGETS = Targets(
    (
        target("shift", -0.1, 0.2),
        target("lost", None, 0),
        target("gained", None, 5),
        target("flux", -1, 1),
        target("flux", -0.1, 0.1, dataset="twin"),
    )
)


def row(metric, old, new):
    return {"metric": metric, "exposure": None, "unit": "px", "old": old, "new": new}


@pytest.mark.parametrize(
    ("changed", "share"),
    [
        (row("shift", 1.0, 1.1), 0.5),
        (row("shift", 1.0, 0.9), 1.0),
        (row("lost", 0.0, 1.0), math.inf),
        (row("gained", 3.0, 1.0), 0.0),
        (row("shift", None, 1.0), math.inf),
        (row("shift", 1.0, None), math.inf),
        (row("flux", 1.0, 1.2), 2.0),
        (row("unheard_of", 1.0, 2.0), None),
    ],
)
def test_a_change_is_told_in_units_of_the_limit_on_its_side(changed, share):
    (found,) = by_size([changed], TARGETS, dataset="twin")
    assert found.share == (None if share is None else pytest.approx(share))


def test_the_largest_change_stands_first_and_those_without_limit_last_by_their_size():
    rows = [
        row("small", 1.0, 1.1),
        row("shift", 0.0, 0.02),
        row("large", 1.0, 9.0),
        row("lost", 0.0, 1.0),
        row("flux", 0.0, 0.5),
    ]
    found = by_size(rows, TARGETS)
    assert [one.name for one in found] == ["lost", "flux", "shift", "large", "small"]


def test_what_is_outside_depends_on_data_set_and_limit():
    twin, m33 = outside(TARGETS, dataset="twin"), outside(TARGETS, dataset="m33")
    assert twin("baseline.flux", 0.5)
    assert not m33("baseline.flux", 0.5)
    assert m33("baseline.flux", None)


def test_without_a_limit_every_change_is_told():
    said = outside(TARGETS)
    assert said("baseline.unheard_of", 1e-9)
    assert not said("baseline.unheard_of", 0.0)


def test_a_suite_without_targets_is_one_sentence(tmp_path):
    with pytest.raises(SuiteError, match=r"targets\.toml is missing"):
        suites_ruler(tmp_path)
