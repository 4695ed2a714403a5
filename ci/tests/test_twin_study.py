from __future__ import annotations

import pandas as pd
import pytest

from ci import twin_study

IMAGE = "obat01010"


def _table(xrms: list[float]) -> pd.DataFrame:
    known = twin_study.record().loc[IMAGE]
    rows = []
    for seed, value in enumerate(xrms):
        same = {ours: known[theirs] for ours, theirs in twin_study.QUANTITIES.values() if "guess" not in ours}
        rows.append({
            "seed": seed, "factor": 1.0, "alignment": "tutorial", "detector": "CCD", "twin_of": IMAGE,
            "succeeded": True, "attempts": 1, "true_rms_px": 0.01, "guess_error_px": 0.2,
            "guess_dx_px": known["init_dx"],
            "guess_dy_px": known["init_dy"], "dx_px": known["xsh"], "dy_px": known["ysh"], **same, "xrms_px": value,
        })  # fmt: skip
    return pd.DataFrame(rows)


def test_the_record_is_ranked_among_the_seeds_by_image_and_quantity():
    found = twin_study.ranks(_table([0.05, 0.08, 0.10, 0.12, 0.20])).set_index("quantity")  # recorded: 0.11
    assert len(found) == len(twin_study.QUANTITIES)
    assert found.loc["XRMS", "rank"] == pytest.approx(0.6)
    assert found.loc["XRMS", ["in 5-95%", "in 25-75%"]].all()
    assert found.loc["matches", "rank"] == pytest.approx(0.5)
    outside = twin_study.ranks(_table([0.2, 0.3])).set_index("quantity")
    assert outside.loc["XRMS", "rank"] == 0
    assert not outside.loc["XRMS", "in 5-95%"]


def test_the_score_tells_shares_and_means():
    said = twin_study.score(_table([0.05, 0.15]))
    assert "in 25-75%" in said
    assert "0.107" in said


def test_recorded_rotations_are_small_numbers():
    assert twin_study.record()["rot"].abs().max() < 0.1
