"""The benchmark's verdicts, tables and comparisons; nothing is timed here."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci import benchmark
from ci.benchmarking import children, figures, linear, work
from ci.benchmarking.figures import MISSED, OK, RECORDED, Quantity
from fixtures.errors import Status, SuiteError
from fixtures.pipeline.session import Session
from fixtures.pipeline.settings import Settings
from fixtures.pipeline.values import pack
from fixtures.workflow.alignment import Alignment
from fixtures.workflow.parameters import TUTORIAL, align_parameters

NUMBERS = st.floats(0.01, 1e4)


# --- verdicts and the table --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "minimum", "maximum", "verdict"),
    [
        (0.65, None, 0.65, OK),
        (0.6501, None, 0.65, MISSED),
        (0.9, 0.9, 1.1, OK),
        (0.89, 0.9, 1.1, MISSED),
        (1.11, 0.9, 1.1, MISSED),
        (math.nan, None, 0.65, MISSED),
        (math.nan, 0.9, 1.1, MISSED),
        (1e9, None, None, RECORDED),
        (math.nan, None, None, RECORDED),
    ],
)
def test_verdict(value, minimum, maximum, verdict):
    assert Quantity("ratio", value, "", minimum, maximum).verdict == verdict


def test_one_missed_limit_is_enough():
    good, bad = Quantity("a", 1.0, maximum=2.0), Quantity("b", 3.0, maximum=2.0)
    assert not figures.missed([good, Quantity("c", 99.0)])
    assert figures.missed([good, bad])


def test_table_tells_quantity_number_limit_and_verdict():
    lines = figures.table(
        [
            Quantity("cold run", 250.04, "s", maximum=240.0),
            Quantity("ratio", 0.5, "", 0.9, 1.1, "copies"),
            Quantity("x", 1),
        ]
    ).splitlines()
    assert lines[2].split() == ["cold", "run", "250.0", "s", "at", "most", "240", "missed"]
    assert lines[3].split() == ["ratio", "0.500", "0.9", "to", "1.1", "missed", "copies"]
    assert lines[4].split() == ["x", "1.000"]
    assert lines[2].index("250.0") + 5 == lines[3].index("0.500") + 5  # numbers end flush


def test_a_quantity_that_is_no_number_is_written_as_json():
    data = json.loads(json.dumps(Quantity("a", math.nan, maximum=1.0).to_json(), allow_nan=False))
    assert (data["value"], data["verdict"]) == (None, MISSED)


# --- where the time goes -----------------------------------------------------------------------------------


def test_every_product_of_a_run_belongs_to_a_part_of_the_work():
    tasks = Session(Settings()).tasks
    assert [name for name in tasks if figures.group_of(name) == figures.OTHER] == []


@pytest.mark.parametrize(
    ("name", "step", "group"),
    [
        ("twin/CCD/references-2010", "references", "simulation"),
        ("twin/CCD/ozzc01010/cte", "cte", "CTI correction"),
        ("twin/CCD/mosaic_exp", "mosaic_exp", "drizzling"),
        ("twin/CCD/numbers-mosaic", "numbers-mosaic", "measurement"),
        ("m33/CCD/displaced-image", "displaced-image", "alignment"),
        ("twin/CCD/picture-rms", "picture-rms", "pictures"),
        ("defects/nan_guard", "defects", "upstream defects"),
        ("unheard/of", "of", figures.OTHER),
    ],
)
def test_step_and_group(name, step, group):
    assert (figures.step_of(name), figures.group_of(name)) == (step, group)


def test_costs_are_summed_by_step_the_largest_first():
    def cost(name, wall, cpu):
        return SimpleNamespace(name=name, seconds=wall, cpu_seconds=cpu)

    some = [cost("a/raw", 2.0, 1.0), cost("a/b/cte", 9.0, 6.0), cost("b/raw", 4.0, 1.0)]
    costs = figures.costs_by(figures.step_of, some)
    assert list(costs) == ["cte", "raw"]
    assert costs["raw"] == {"products": 2, "wall_s": 6.0, "cpu_s": 2.0, "share": 0.25}
    assert figures.costs_table("step", costs).splitlines()[2].split() == ["cte", "1", "9.0", "6.0", "75.0%"]


def test_costs_of_nothing_have_no_share():
    costs = figures.costs_by(figures.step_of, [SimpleNamespace(name="a/raw", seconds=0.0, cpu_seconds=0.0)])
    assert math.isnan(costs["raw"]["share"])
    assert "nan" not in figures.costs_table("step", costs)


# --- linear cost -------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(fixed=st.floats(0, 1e4), slope=NUMBERS, first=st.integers(1, 50))
def test_a_fixed_cost_and_one_by_exposure_are_linear(fixed, slope, first):
    counts = [first, 2 * first, 4 * first]
    value = figures.linearity(counts, [fixed + slope * count for count in counts])
    assert value == pytest.approx(1, rel=1e-3 + 1e-12 * fixed / slope)


@settings(deadline=None)
@given(fixed=st.floats(0, 100), slope=NUMBERS, first=st.integers(1, 50))
def test_a_cost_that_grows_with_the_square_is_not_linear(fixed, slope, first):
    counts = [first, 2 * first, 4 * first]
    costs = [fixed + slope * count**2 for count in counts]
    assert figures.linearity(counts, costs) == pytest.approx(1.5, rel=1e-2)


def test_what_is_dearer_at_the_third_count_alone_is_noticed():
    assert figures.linearity([1, 2, 4], [11.0, 12.0, 14.44]) == pytest.approx(1.11)


@pytest.mark.parametrize("costs", [[5.0, 5.0, 9.0], [5.0, 4.0, 9.0], [math.nan, 4.0, 9.0]])
def test_no_growth_is_no_measure_of_linearity(costs):
    assert math.isnan(figures.linearity([1, 2, 4], costs))


# --- both sides do the same --------------------------------------------------------------------------------


def test_the_same_work_in_another_order_is_the_same():
    figures.refuse_different_work(["a", "b"], ["b", "a"])


@pytest.mark.parametrize(
    ("tutorial", "suite", "said"),
    [
        (["a", "b"], ["a"], "only the tutorial's way made b."),
        (["a"], ["a", "b", "c"], r"only the suite's way made b \(and 1 other"),
    ],
)
def test_different_work_is_refused(tutorial, suite, said):
    with pytest.raises(SuiteError, match=said):
        figures.refuse_different_work(tutorial, suite)


def test_equal_results_are_counted():
    facts = {"a": {"dx_px": 1.5, "rung": "tutorial"}, "m": {"sci": 2.0}}
    assert figures.refuse_different_results(facts, json.loads(json.dumps(facts))) == 3


@pytest.mark.parametrize(
    "other", [{"a": {"dx_px": 1.5000001}}, {"a": {}}, {}, {"a": {"dx_px": 1.5}, "b": {"dx_px": 0.0}}]
)
def test_different_results_are_refused(other):
    with pytest.raises(SuiteError, match=r"dx_px of [ab] is .* in the tutorial's way and .* in the suite's"):
        figures.refuse_different_results({"a": {"dx_px": 1.5}}, other)


def test_what_is_timed_holds_the_tutorials_products_and_no_others():
    settings = Settings(datasets=("twin",), detectors=("CCD", "FUV-MAMA"), alignments=(TUTORIAL,))
    tasks = Session(settings).tasks
    timed = [name for name in work.chain(tasks, work.wanted_steps(settings)) if not work.is_input(name)]
    assert {figures.step_of(name) for name in timed} == {
        "blt", "cte", "s2c", "sx2", "x2d", "image", "aligned-tutorial", "cropped", "mosaic",
    }  # fmt: skip
    for number, name in enumerate(timed):
        assert {need for need in tasks[name].needs if not work.is_input(need)} <= set(timed[:number])


def alignment(folder, reason):
    """Return the product of an image's alignment that TweakReg has found, or not for a reason."""
    numbers = dict.fromkeys(("guess_dx_px", "guess_dy_px", "dx_px", "dy_px", "rotation_deg", "scale"), 1.0)
    counts = dict.fromkeys(("guess_matches", "sources", "reference_sources", "matches", "fitted"), 30)
    found = Alignment(
        rung="tutorial", parameters=align_parameters("FUV-MAMA", 60.0), xrms_px=0.1, yrms_px=0.1, reason=reason,
        fatal=False, rootname="oaaa02010", reference="oaaa01010", attempts=(), extrapolated=False, wcsname="",
        image=folder / "oaaa02010.fits", match_catalog=None, log=folder / "tweakreg.log", **numbers, **counts,
    )  # fmt: skip
    return SimpleNamespace(folder=folder, info=pack(found, folder)["info"])


def test_cost_of_images_that_were_not_aligned_is_refused(tmp_path):
    good = {"user/FUV-MAMA/oaaa02010/aligned-tutorial": alignment(tmp_path, "")}
    linear.refuse_unaligned(good)
    with pytest.raises(SuiteError, match="oaaa03010/aligned-tutorial could not be aligned"):
        linear.refuse_unaligned(good | {"user/FUV-MAMA/oaaa03010/aligned-tutorial": alignment(tmp_path, "no matches")})


# --- processes ---------------------------------------------------------------------------------------------


def test_a_process_that_fails_is_told_with_its_last_words(tmp_path):
    command = [sys.executable, "-c", "import sys; print('one'); sys.exit('the reason')"]
    ran = children.run([command], tmp_path / "child")
    assert ran.status == (1,)
    with pytest.raises(SuiteError, match=r"A child ended with status 1: the reason"):
        children.refuse_failed(ran, tmp_path / "child", "A child")


def test_an_interruption_ends_what_was_started_and_all_that_it_started(tmp_path, monkeypatch):
    pipe = tmp_path / "alive"
    os.mkfifo(pipe)
    grandchild = f"import time; f = open({str(pipe)!r}, 'w'); f.write('x'); f.flush(); time.sleep(600)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    readers = []

    def interrupted(process, timeout=None):
        if timeout is None:
            readers.append(pipe.open())
            assert readers[0].read(1) == "x"  # the grandchild is there
            raise KeyboardInterrupt
        return wait(process, timeout)

    wait = children.subprocess.Popen.wait
    monkeypatch.setattr(children.subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        children.run([[sys.executable, "-c", child]], tmp_path / "child")
    with readers[0] as reader:
        assert reader.read() == ""  # its end of the pipe is closed: it is gone


def test_memory_of_a_process_is_seen():
    own = children.resident({os.getpgrp()})
    assert any(now > 10e6 and high >= now * 0.5 for now, high in own)


# --- options -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--parts", "steps,warp"], "--parts steps,warp names what is not there"),
        (["--parts", ","], "names what is not there"),
        (["--workers", "0"], "--workers 0 is too few"),
        (["--parts", "cold", "--profile"], "--profile belongs to the part 'steps'"),
    ],
)
def test_wrong_options_are_one_sentence_and_status_4(arguments, said, capsys):
    assert benchmark.main(arguments) == 4
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_users_file_or_folder_is_not_touched(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(benchmark.parts, "PARTS", {"steps": lambda bench: pytest.fail("it ran")})
    precious = tmp_path / "precious.json"
    precious.write_text('{"mine": 1}')
    assert benchmark.main(["--json", str(precious)]) == 4
    assert benchmark.main(["--json", str(tmp_path / "new.json"), "--keep", str(tmp_path)]) == 4
    assert precious.read_text() == '{"mine": 1}'
    assert capsys.readouterr().err.count("error: ") == 2


@pytest.mark.parametrize(("value", "status"), [(0.5, 0), (0.7, 1)])
def test_status_and_json_follow_the_limits(value, status, tmp_path, monkeypatch, capsys):
    seen = []

    def part(bench):
        seen.append(bench.root)
        (bench.root / "something").write_text("large")
        return benchmark.parts.PartResult([Quantity("ratio", value, "", maximum=0.65)], {"seconds": [1.0]}, ["a table"])

    monkeypatch.setattr(benchmark.parts, "PARTS", {"steps": part})
    target = tmp_path / "new" / "out.json"
    assert benchmark.main(["--json", str(target)]) == status
    data = json.loads(target.read_text())
    assert data["limits_hold"] == (status == 0)
    assert data["parts"]["steps"]["quantities"][0]["value"] == value
    assert {"cores", "processor", "memory_gb", "versions"} <= set(data["machine"])
    assert "ratio" in capsys.readouterr().out
    assert not Path(seen[0]).exists()
    assert benchmark.main(["--json", str(target)]) == status  # an earlier benchmark's own file is replaced


def test_nothing_is_left_after_an_interruption(tmp_path, monkeypatch, capsys):
    seen = []

    def part(bench):
        seen.append(bench.root)
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark.parts, "PARTS", {"steps": part})
    assert benchmark.main(["--json", str(tmp_path / "out.json")]) == Status.ENDED_EARLY
    assert not seen[0].exists()
    assert not (tmp_path / "out.json").exists()
    assert "interrupted" in capsys.readouterr().err
