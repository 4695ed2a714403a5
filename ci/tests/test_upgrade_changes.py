"""What changed between two runs, and the verdict on it: made-up runs in, one sentence out."""

from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci import verdicts
from ci.tests.runs import TARGETS, leave, measured, outcome, run, stand_in
from ci.upgrading import judging
from ci.upgrading.changes import BEYOND, NOISE, SAME, UNTOLD, WITHIN, compare_checks, compare_measurements, compare_runs
from ci.upgrading.comparing import JSON, Comparison, write
from ci.upgrading.judging import judge
from fixtures.results.run import Made

SCALARS = {"alignment.shift_x": 0.5, "alignment.matches": 40.0, "drizzle.holes": 0.0}
MOSAIC = {"baseline.shift_x": 0.0, "baseline.sources_lost": 0.0}


@pytest.fixture(autouse=True)
def _mosaics(monkeypatch):
    stand_in(monkeypatch)


@pytest.fixture
def compared(tmp_path):
    """Compare two runs whose numbers are given; what is not given is the same in both."""

    def compare(new=None, mosaic=None, old_run=None, new_run=None, floors=None, old=None):
        before = leave(tmp_path / "old", {**SCALARS, **(old or {})}, MOSAIC)
        after = leave(tmp_path / "new", {**SCALARS, **(new or {})}, {**MOSAIC, **(mosaic or {})})
        return compare_runs(old_run or run(), new_run or run(), before, after, TARGETS, floors)

    return compare


def kind_of(changes, metric):
    (one,) = (one for one in changes.metrics if one.metric == metric)
    return one.kind


# --- numbers -----------------------------------------------------------------------------------------------


def test_a_run_compared_with_itself_has_no_change_in_any_number(compared):
    both = run(measurements=[measured(0.1), measured(None, metric="alignment.shift")])
    changes = compared(old_run=both, new_run=both)
    assert {one.kind for one in changes.metrics} == {SAME}
    assert {one.change for one in changes.metrics} == {0.0}
    assert len(changes.metrics) == 7  # three numbers of the steps, two of the mosaic, two of the checks
    verdict = judge(changes)
    assert (verdict.word, verdict.status, verdict.signature) == ("safe", 0, "")
    assert verdict.sentence == "safe: 1 of 1 mosaics are the same to the last bit, all 5 numbers are the same."


@pytest.mark.parametrize(
    ("value", "floors", "kind"),
    [
        (0.5, None, SAME),
        (0.5001, None, NOISE),  # less than a tenth of the tolerance
        (0.501, None, WITHIN),
        (0.501, {"baseline.alignment.shift_x": 0.0015}, NOISE),  # the measured floor counts where there is one
        (0.5001, {"baseline.alignment.shift_x": 1e-6}, WITHIN),
        (0.5021, None, BEYOND),
        (0.4979, None, BEYOND),
        (None, None, BEYOND),
    ],
)
def test_a_number_is_held_against_floor_and_tolerance(compared, value, floors, kind):
    assert kind_of(compared({"alignment.shift_x": value}, floors=floors), "alignment.shift_x") == kind


def test_change_is_told_in_units_of_floor_and_of_tolerance(compared):
    changes = compared({"alignment.shift_x": 0.501}, floors={"baseline.alignment.shift_x": 0.0005})
    (one,) = (one for one in changes.metrics if one.metric == "alignment.shift_x")
    assert one.share == pytest.approx(0.5)
    assert one.floors == pytest.approx(2.0)


def test_a_number_without_a_limit_is_told_and_not_judged(compared):
    changes = compared({"alignment.unheard": 2.0}, old={"alignment.unheard": 1.0})
    assert kind_of(changes, "alignment.unheard") == UNTOLD
    assert judge(changes).word == "safe"


def test_a_number_that_is_no_longer_measured_is_a_regression(tmp_path):
    before, after = leave(tmp_path / "old", SCALARS, MOSAIC), leave(tmp_path / "new", {}, MOSAIC)
    verdict = judge(compare_runs(run(), run(), before, after, TARGETS))
    assert (verdict.word, verdict.steps) == ("regression", ("alignment", "drizzle"))


def test_what_came_or_went_has_no_finite_share(compared):
    changes = compared({"alignment.shift_x": None})
    (one,) = (one for one in changes.metrics if one.metric == "alignment.shift_x")
    assert math.isinf(one.share)
    assert "0.5 -> no value" in judge(changes).sentence


@settings(deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_no_change_is_the_same_and_a_change_beyond_the_margin_never_is_noise(old, new):
    (one,) = compare_measurements([measured(old, margin=0.1)], [measured(new, margin=0.1)])
    assert (one.kind == SAME) == (old == new)
    if abs(new - old) > 0.1:
        assert one.kind == WITHIN


def test_comparisons_with_stored_baselines_are_left_out():
    both = [measured(0.1, metric="baseline.shift_x")]
    assert compare_measurements(both, both) == []


# --- the verdict -------------------------------------------------------------------------------------------


def test_a_change_within_tolerance_is_told_with_the_largest(compared):
    verdict = judge(compared({"alignment.shift_x": 0.501}))
    assert (verdict.word, verdict.status, verdict.steps) == ("changed", 0, ("alignment",))
    assert verdict.sentence.startswith("changes results within tolerance: ")
    assert "ozzf01a2q alignment.shift_x 0.5 -> 0.501 px, 0.5 tolerances" in verdict.sentence


def test_a_change_beyond_tolerance_names_the_step_and_the_detector(compared):
    verdict = judge(compared({"alignment.shift_x": 0.51}))
    assert (verdict.word, verdict.status, verdict.steps) == ("regression", 1, ("alignment",))
    assert verdict.sentence.startswith("regression in FUV-MAMA alignment: ozzf01a2q alignment.shift_x 0.5 -> 0.51 px")
    assert verdict.signature == "regression: alignment twin/FUV-MAMA"


def test_the_first_step_of_the_workflow_is_blamed_and_what_follows_is_told(compared):
    verdict = judge(compared({"alignment.shift_x": 0.503}, mosaic={"baseline.shift_x": 1.0}))
    assert verdict.steps == ("alignment", "drizzle")
    assert verdict.sentence.startswith("regression in FUV-MAMA alignment")
    assert "it shows in drizzling too" in verdict.sentence


def test_a_mosaic_alone_is_drizzling(compared):
    changes = compared(mosaic={"baseline.sources_lost": 2.0})
    verdict = judge(changes)
    assert verdict.steps == ("drizzle",)
    assert changes.mosaics[0].said == ("baseline.sources_lost changed",)
    assert not changes.mosaics[0].identical


def test_a_check_that_fails_now_is_a_regression_of_its_step(compared):
    new = run([outcome("test_rms"), outcome("test_scale", "failed", "drizzle", "the scale is 2.")])
    verdict = judge(compared(new_run=new))
    assert (verdict.word, verdict.steps) == ("regression", ("drizzle",))
    assert "1 check that passed before fails; first: the scale is 2" in verdict.sentence


def test_what_failed_in_both_is_no_regression(compared):
    both = run([outcome("test_rms"), outcome("test_scale", "failed", "drizzle")])
    verdict = judge(compared(old_run=both, new_run=both))
    assert verdict.word == "safe"
    assert "1 check failed in both, which is not the candidate's doing" in verdict.sentence


def test_what_is_mended_is_told(compared):
    old = run([outcome("test_rms"), outcome("test_scale", "failed", "drizzle")])
    verdict = judge(compared(old_run=old))
    assert verdict.word == "safe"
    assert "1 check failed before and is mended" in verdict.sentence


def test_an_upstream_defect_that_is_gone_is_good_news(compared):
    old, new = (
        run([outcome("test_rms"), outcome("test_unit", one, "drizzle")]) for one in ("known_defect", "defect_gone")
    )
    verdict = judge(compared(old_run=old, new_run=new))
    assert (verdict.word, verdict.status) == ("changed", 0)
    assert "1 known upstream defect is gone" in verdict.sentence


def test_checks_against_stored_baselines_do_not_decide(compared):
    new = run([outcome("test_rms"), outcome("test_baseline", "failed", "baselines")])
    old = run([outcome("test_rms"), outcome("test_baseline", "passed", "baselines")])
    verdict = judge(compared(old_run=old, new_run=new))
    assert verdict.word == "safe"
    assert "1 check against the stored baselines no longer holds" in verdict.sentence


@pytest.mark.parametrize(("status", "word"), [("passed", "safe"), ("not_validated", "incomplete")])
def test_runs_without_stored_baselines_are_compared_all_the_same(compared, status, word):
    """As with CALSTIS, whose engine is not that of the committed ones, and with data of the archive."""
    both = run([outcome("test_rms", status), outcome("test_baseline", "not_validated", "baselines")])
    verdict = judge(compared(old_run=both, new_run=both))
    assert verdict.word == word
    assert ("1 required check not validated in the candidate" in verdict.sentence) == (word == "incomplete")


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"not_selected": 12}, "12 checks not selected"),
        ({"interrupted": "1 worker process(es) died"}, "1 worker process(es) died in the candidate"),
    ],
)
def test_a_run_that_is_not_whole_is_not_validated(compared, about, said):
    verdict = judge(compared(new_run=run(**about)))
    assert (verdict.word, verdict.status) == ("incomplete", 10)
    assert said in verdict.sentence


@pytest.mark.parametrize("status", ["not_validated", "not_run"])
def test_a_check_that_was_lost_makes_it_incomplete(compared, status):
    new = run([outcome("test_rms"), outcome("test_scale", status, "drizzle")])
    verdict = judge(compared(new_run=new))
    assert verdict.word == "incomplete"
    assert "1 check passed before and was not validated" in verdict.sentence


def test_a_check_that_is_not_there_any_more_is_lost():
    (one,) = compare_checks([outcome("test_rms")], [])
    assert (one.kind, one.new) == ("lost", "not there")


def test_a_reproduction_of_a_defect_that_breaks_down_has_a_step_to_be_told_with(compared):
    (old, new) = (outcome("test_defect", status, step="") for status in ("known_defect", "failed"))
    verdict = judge(compared({"alignment.shift_x": 9.0}, old_run=run([old]), new_run=run([new])))
    assert verdict.steps == ("alignment", "defects")
    assert "it shows in upstream defects too" in verdict.sentence


def test_a_regression_counts_more_than_being_incomplete(compared):
    assert judge(compared({"alignment.shift_x": 9.0}, new_run=run(not_selected=3))).word == "regression"


def test_without_any_mosaic_nothing_is_called_safe(tmp_path):
    verdict = judge(compare_runs(run(), run(), tmp_path, tmp_path, TARGETS))
    assert verdict.word == "incomplete"
    assert "no mosaic could be compared" in verdict.sentence


def test_a_mosaic_of_one_run_alone_is_told(tmp_path):
    changes = compare_runs(run(), run(), leave(tmp_path / "old", SCALARS, MOSAIC), tmp_path / "new", TARGETS)
    assert "only one run has a mosaic of twin FUV-MAMA" in judge(changes).sentence


def test_every_detector_of_a_step_is_named(compared):
    new = run([outcome("test_rms", "failed"), outcome("test_b", "failed", detector="CCD"), outcome("test_scale")])
    old = run([outcome("test_rms"), outcome("test_b", detector="CCD"), outcome("test_scale")])
    verdict = judge(compared(old_run=old, new_run=new))
    assert verdict.sentence.startswith("regression in CCD, FUV-MAMA alignment: ")
    assert verdict.signature == "regression: alignment twin/CCD, twin/FUV-MAMA"


@settings(deadline=None)
@given(st.sampled_from([0.003, 0.0123, 1.0, 45.6, 1e6]))
def test_the_name_of_a_failure_holds_no_numbers(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("runs")
    before = leave(folder / "old", SCALARS, MOSAIC)
    after = leave(folder / "new", {**SCALARS, "alignment.shift_x": 0.5 + value}, MOSAIC)
    signature = judge(compare_runs(run(), run(), before, after, TARGETS)).signature
    assert signature == "regression: alignment twin/FUV-MAMA"


@pytest.mark.parametrize(
    ("verdict", "status", "signature"),
    [
        (judging.not_installable("a needs b>=9", ["drizzlepac"]), 6, "not installable: drizzlepac"),
        (
            judging.crashes("x cannot be imported: No module named 'y' (/a/b3.py, line 12)", ["drizzlepac"]),
            6,
            "crashes: drizzlepac: x cannot be imported: No module named 'y' ... line N)",
        ),
        (judging.timed_out(600.0), 8, "timed out"),
    ],
)
def test_what_could_not_be_compared_has_a_verdict_of_its_own(verdict, status, signature):
    assert (verdict.status, verdict.signature) == (status, signature)
    assert verdict.sentence.endswith(".")


def test_every_verdict_has_an_exit_status_of_the_interface():
    assert verdicts.STATUS == {
        "safe": 0, "changed": 0, "regression": 1, "not installable": 6, "crashes": 6, "timed out": 8, "incomplete": 10,
        "no verdict": 3, "not looked at": 9,
    }  # fmt: skip


# --- time and memory ---------------------------------------------------------------------------------------


def test_time_and_memory_are_those_of_what_is_not_the_same_product(compared):
    old = run(products=[Made("t/a/aligned", 2.0, peak_mb=100, key="k1"), Made("t/b/aligned", 3.0, key="same")])
    new = run(products=[Made("t/a/aligned", 5.0, peak_mb=300, key="k2"), Made("t/b/aligned", 9.0, key="same")])
    (cost,) = compared(old_run=old, new_run=new).costs
    assert (cost.step, cost.products, cost.shared) == ("aligned", 1, 1)
    assert (cost.old_seconds, cost.new_seconds, cost.old_peak_mb, cost.new_peak_mb) == (2.0, 5.0, 100, 300)


# --- files -------------------------------------------------------------------------------------------------


def test_the_files_of_a_comparison_that_could_not_be_made(tmp_path):
    verdict = judging.not_installable("because <b>1</b> & 2", ["drizzlepac"])
    done = Comparison(
        "2026-01-01T00:00:00+00:00", ("drizzlepac==9",), frozenset({"drizzlepac"}), verdict, hint="try this"
    )
    write(done, tmp_path)
    found = json.loads((tmp_path / JSON).read_text())
    keys = ("schema_version", "candidate", "environment", "metrics", "report", "old", "new")
    assert {key: found[key] for key in keys} == {
        "schema_version": 1, "candidate": ["drizzlepac==9"], "environment": [], "metrics": [],
        "report": "comparison.html", "old": "", "new": "",
    }  # fmt: skip
    assert found["verdict"] == {
        "word": "not installable",
        "sentence": "cannot be installed, here: because <b>1</b> & 2.",
        "steps": [],
        "signature": "not installable: drizzlepac",
    }
    page = (tmp_path / "comparison.html").read_text()
    assert "because &lt;b&gt;1&lt;/b&gt; &amp; 2" in page
    assert "try this" in page
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)  # it needs no network


def test_numbers_of_a_comparison_are_plain_json(compared, tmp_path, monkeypatch):
    monkeypatch.setattr("ci.upgrading.page.drawn", lambda changes: [])
    changes = compared({"alignment.shift_x": None})
    done = Comparison(
        "2026-01-01", ("a==1",), frozenset({"a"}), judge(changes), ({"name": "a", "old": "0", "new": "1"},), changes
    )
    write(done, tmp_path / "out")
    found = json.loads((tmp_path / "out" / JSON).read_text())
    lost = next(one for one in found["metrics"] if one["metric"] == "alignment.shift_x")
    assert (lost["old"], lost["new"], lost["share"], lost["kind"]) == (0.5, None, None, "beyond")
    page = (tmp_path / "out" / "comparison.html").read_text()
    assert "beyond any" in page
    # the style is that of the report, which hides some of what pytest-html writes
    hidden = {
        name for names in re.findall(r"([^{}]+)\{ display: none; \}", page) for name in re.findall(r"#[\w-]+", names)
    }
    assert hidden.isdisjoint(f"#{name}" for name in re.findall(r'id="([\w-]+)"', page))
    assert re.findall(r'href="#([\w-]+)"', page) == ["packages", "mosaics", "numbers", "checks", "costs"]
    assert re.findall(r'<section id="([\w-]+)"', page) == ["packages", "mosaics", "numbers", "checks", "costs"]
