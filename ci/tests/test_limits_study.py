"""The study of limits: what it keeps of a run, and how it holds limits against the scatter of the seeds."""

from __future__ import annotations

import pandas as pd
import pytest

from ci import limits_study


def measured(metric, value, exposure=None, **other):
    return {"metric": metric, "value": value, "exposure": exposure, "detector": "CCD", "dataset": "twin",
            "limits": "<= 0.2 px", "minimum": None, "maximum": 0.2, "verdict": "passed", **other}  # fmt: skip


def test_images_that_were_exposed_as_long_share_a_row():
    found = limits_study.numbers({"measurements": [
        measured("alignment.rms_image", 0.1, "ozzc01010"), measured("alignment.rms_image", 0.05, "ozzc02050"),
        measured("alignment.rms_image", 0.3, "ozzc02030", verdict="failed"), measured("alignment.rms_mean", 0.15),
    ]})  # fmt: skip
    rows = found.set_index(["metric", "exptime_s"])
    short = rows.loc["alignment.rms_image", 10.0]
    assert (short["n"], short["least"], short["greatest"], short["failed"]) == (2, 0.1, 0.3, 1)
    assert rows.loc["alignment.rms_image", 60.0]["n"] == 1
    assert rows.loc["alignment.rms_mean", 0.0]["median"] == 0.15


def test_what_has_no_scatter_or_no_value_is_left_out():
    found = limits_study.numbers({"measurements": [
        measured("baseline.alignment.rms_x", 0.0), measured("inputs.changed_frames", 0), measured("drizzle.nan", None),
        measured("drizzle.fwhm", 2.0, dataset="m33"), measured("drizzle.fwhm", 2.1),
    ]})  # fmt: skip
    assert found["metric"].tolist() == ["drizzle.fwhm"]
    assert found["greatest"].tolist() == [2.1]


@pytest.mark.parametrize(("values", "sigma"), [((0.9, 1.0, 1.1), 0.1), ((1.0, 1.0, 1.0), 0.05)])
def test_limits_are_three_standard_deviations_of_the_seeds_away(values, sigma):
    """Three seeds may be alike by chance: no deviation is less than a twentieth."""
    table = pd.DataFrame({
        "seed": [1, 2, 3], "detector": "CCD", "metric": "a.b", "exptime_s": 0.0, "n": 1, "least": values,
        "median": values, "greatest": values, "minimum": None, "maximum": 1.05, "failed": [0, 0, 1],
    })  # fmt: skip
    (row,) = limits_study.score(table).to_dict("records")
    assert (row["low"], row["high"]) == pytest.approx((1.0 - 3 * sigma, 1.0 + 3 * sigma))
    assert (row["seeds"], row["outside"], row["maximum"]) == (3, 1, 1.05)
