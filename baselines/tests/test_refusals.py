"""What is never approved, or only despite: each refusal names what it is about, and nothing is written."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from baselines.__main__ import main
from baselines.tests.bench import CHECK, RULER, WHY, conditions, note, outcome
from fixtures.files import try_lock
from fixtures.results import DataSetInfo
from fixtures.status import Status


@pytest.fixture
def refused(bench, capsys):
    """Return what approves, checks that it is refused and nothing is written, and returns the sentences."""

    def refused_(*arguments, lines=1, **what):
        before = bench.bytes()
        capsys.readouterr()
        assert bench.approve(*arguments, **what) == Status.USAGE
        told = capsys.readouterr()
        assert told.out == ""
        assert bench.bytes() == before
        assert len(told.err.splitlines()) == lines
        assert all(line.startswith("error: ") for line in told.err.splitlines())
        return told.err

    return refused_


@pytest.mark.parametrize("reason", ["", " \n\t"])
def test_an_approval_without_a_reason(refused, reason):
    assert "without a reason" in refused(reason=reason)


@pytest.mark.parametrize("status", ["failed", "error", "defect_gone"])
@pytest.mark.parametrize("required", [True, False])
def test_a_failed_check_of_the_detector(bench, refused, status, required):
    bench.change(outcomes=(CHECK, outcome(status, required=required, message="flux 1.1 is above 1.02")))
    said = refused("--detector", "ccd")
    assert "test_other (flux 1.1 is above 1.02)" in said
    assert "--despite" in said


@pytest.mark.parametrize("place", [{"dataset": None, "detector": None}, {"detector": None}])
def test_a_failed_check_that_holds_for_all_detectors(bench, refused, place):
    bench.change(outcomes=(CHECK, outcome("failed", **place)))
    assert "test_other" in refused("--detector", "ccd")


def test_a_failed_check_of_another_detector_is_no_matter(bench):
    bench.change(outcomes=(CHECK, outcome("failed", detector="NUV-MAMA")))
    assert bench.approve("--detector", "ccd") == 0


def test_a_failed_comparison_with_the_baseline_is_no_matter(bench):
    bench.change(outcomes=(CHECK, outcome("failed", step="baselines")))
    assert bench.approve("--detector", "ccd") == 0


def test_a_known_defect_is_no_matter(bench):
    bench.change(outcomes=(CHECK, outcome("known_defect")))
    assert bench.approve("--detector", "ccd") == 0


def test_despite_overrules_a_failed_check_and_is_written_down(bench, capsys):
    bench.change(outcomes=(CHECK, outcome("failed")))
    assert bench.approve("--detector", "ccd", "--despite", "the target is wrong") == 0
    (entry,) = bench.history()
    assert entry["despite"] == "the target is wrong"
    assert entry["against"] == ["validation/test_drizzle.py::test_other failed"]
    assert "the target is wrong" in capsys.readouterr().out
    assert bench.call("show") == 0
    assert "the target is wrong" in capsys.readouterr().out


def test_despite_is_not_written_down_where_nothing_speaks_against_it(bench, capsys):
    assert bench.approve("--detector", "ccd", "--despite", "whatever comes") == 0
    assert "whatever comes" not in b"".join(bench.bytes().values()).decode("latin-1")
    assert "despite   is not needed" in capsys.readouterr().out


@pytest.mark.parametrize("despite", [(), ("--despite", "I want it")])
@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"interrupted": "the run was interrupted"}, "as the run was interrupted"),
        (
            {"not_selected": 3, "not_selected_examples": ("test_a", "test_b")},
            "3 checks were not selected",
        ),
        ({"not_selected": 3, "other_detectors": 2}, "3 checks were not selected"),
        ({"outcomes": (CHECK, outcome("not_validated"))}, "1 required check was not validated"),
        ({"outcomes": (CHECK, outcome("not_run"))}, "1 required check was never run"),
        ({"outcomes": (CHECK, outcome("not_validated", dataset=None, detector=None))}, "test_other"),
        ({"outcomes": ()}, "no required check of twin CCD passed"),
        ({"outcomes": (outcome("passed", step="baselines"),)}, "no required check of twin CCD passed"),
    ],
)
def test_an_incomplete_run_whatever_is_said(bench, refused, what, words, despite):
    bench.change(**what)
    said = refused("--detector", "ccd", *despite)
    assert "incomplete" in said
    assert words in said


@pytest.mark.parametrize(
    ("command", "again"),
    [
        ("pytest validation -n auto -k rms", "pytest validation"),
        ("pytest validation --dataset tutorial --detector CCD", "pytest validation --dataset tutorial"),
        ("pytest validation --data='my files' -k rms", "pytest validation '--data=my files'"),
        (
            "pytest validation --program 12345 --detector CCD --offline -x",
            "pytest validation --program 12345 --detector CCD --offline",
        ),
        ("pytest 'torn", "pytest validation"),
    ],
)
def test_an_incomplete_run_with_the_command_of_all_of_it(bench, refused, command, again):
    bench.change(command=command, not_selected=3, not_selected_examples=("test_a",))
    assert f"run all of it again: {again}." in refused("--detector", "ccd")


def test_checks_of_detectors_that_were_not_asked_for_are_no_matter(bench):
    bench.change(not_selected=3, other_detectors=3)
    assert bench.approve("--detector", "ccd") == 0


def test_an_optional_check_that_was_not_validated_is_no_matter(bench):
    bench.change(outcomes=(CHECK, outcome("not_validated", required=False)))
    assert bench.approve("--detector", "ccd") == 0


@pytest.mark.parametrize("despite", [(), ("--despite", "I want it")])
def test_a_mosaic_of_changed_frames_whatever_is_said(bench, refused, despite):
    inputs = {"ozzc01010": {"digest": "3" * 64, "kind": "changed"}}
    bench.again(conditions=conditions(inputs=inputs))
    said = refused("--detector", "ccd", *despite)
    assert "other inputs" in said
    assert "ozzc01010" in said


def test_a_mosaic_of_other_parameters(bench, refused):
    bench.again(conditions=conditions(parameters={"digest": "b" * 64, "departures": ["CCD: pixfrac 0.9"]}))
    said = refused("--detector", "ccd")
    assert "CCD: pixfrac 0.9" in said
    assert "--parameters" in said


def test_a_seed_that_is_not_the_data_sets(bench, refused):
    assert bench.approve("--detector", "ccd") == 0
    bench.again(conditions=conditions(seed=5))
    said = refused("--detector", "ccd")
    assert "the seed 5, but the data set's is 20101" in said


@pytest.mark.parametrize(
    "inputs",
    [
        {"ozzc01010": {"digest": "3" * 64, "kind": ""}, "ozzc02010": {"digest": "2" * 64, "kind": ""}},
        {"ozzc01010": {"digest": "1" * 64, "kind": "identical"}},
        {
            "ozzc01010": {"digest": "1" * 64, "kind": "identical"},
            "ozzc02010": {"digest": "2" * 64, "kind": "identical"},
            "ozzc03010": {"digest": "4" * 64, "kind": "identical"},
        },
    ],
    ids=["changed", "lost", "added"],
)
def test_other_inputs_than_the_baselines(bench, refused, inputs):
    assert bench.approve("--detector", "ccd") == 0
    bench.again(conditions=conditions(inputs=inputs))
    said = refused("--detector", "ccd")
    assert "other inputs than its baseline" in said
    assert "python -m baselines forget --dataset twin --detector CCD" in said


def test_inputs_of_another_version_of_the_data_set_are_approved_and_said_first(bench, capsys):
    assert bench.approve("--detector", "ccd") == 0
    capsys.readouterr()
    bench.again(conditions=conditions(version="3", inputs={"new": {"digest": "1" * 64, "kind": "identical"}}))
    assert bench.approve("--detector", "ccd") == 0
    assert "first     the data set has version 3, the baseline 2" in capsys.readouterr().out


def test_inputs_that_are_equivalent_are_the_same(bench):
    assert bench.approve("--detector", "ccd") == 0
    inputs = {root: {"digest": "9" * 64, "kind": "equivalent"} for root in ("ozzc01010", "ozzc02010")}
    bench.again(conditions=conditions(inputs=inputs))
    assert bench.approve("--detector", "ccd") == 0
    assert len(bench.history()) == 2


@pytest.mark.parametrize("broken", ["inputs", "parameters", "version"])
def test_conditions_that_are_not_whole(bench, refused, broken):
    bench.again(conditions={name: one for name, one in conditions().items() if name != broken})
    assert "conditions.json does not hold the conditions" in refused("--detector", "ccd")


def test_a_candidate_of_another_data_set(bench, refused):
    bench.again(conditions=conditions(dataset="m33"))
    assert "conditions.json does not hold the conditions of a mosaic of twin" in refused("--detector", "ccd")


def test_candidates_that_are_no_longer_kept(bench, refused):
    shutil.rmtree(bench.run / "candidates")
    said = refused()
    assert f"{bench.run / 'candidates'} is missing" in said
    assert "pytest validation -n auto" in said


@pytest.mark.parametrize(
    "name", ["mosaic.fits", "sources.ecsv", "measurements.json", "conditions.json", "product.json"]
)
def test_a_file_of_a_candidate_that_is_missing(bench, refused, name):
    (bench.place() / name).unlink()
    said = refused()
    assert f"{bench.place() / name} is missing" in said
    assert "run the suite again" in said


@pytest.mark.parametrize("name", ["mosaic.fits", "sources.ecsv", "measurements.json", "conditions.json"])
def test_a_file_of_a_candidate_that_was_altered(bench, refused, name):
    path = bench.place() / name
    path.write_bytes(path.read_bytes() + b" ")
    said = refused("--despite", "I want it")
    assert f"{path} is not the file that the run made" in said


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sha256": []}', "[" * 100_000, "\xff"])
def test_a_note_that_is_none(bench, refused, content):
    (bench.place() / "product.json").write_bytes(content.encode("latin-1"))
    assert "product.json" in refused()


@pytest.mark.parametrize("content", [b"", b"no FITS"])
def test_a_mosaic_that_is_none(bench, refused, content):
    (bench.place() / "mosaic.fits").write_bytes(content)
    note(bench.place())
    assert "mosaic.fits" in refused()


def test_everything_that_is_wrong_is_said_at_once(bench, refused):
    bench.change(outcomes=(CHECK, outcome("failed")))
    said = refused(lines=2)
    assert "test_other" in said
    assert "no required check of twin NUV-MAMA passed" in said


def test_results_of_another_schema(bench, refused):
    path = bench.run / "results.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    assert "schema version 99" in refused()


@pytest.mark.parametrize("content", ["", "{", "[]", None])
def test_results_that_are_none(bench, refused, content):
    path = bench.run / "results.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    assert "results.json" in refused()


def test_a_run_that_is_not_there(bench, refused):
    shutil.rmtree(bench.run)
    assert f"There is no run in {bench.run}" in refused()


def test_a_data_set_that_did_not_take_part(bench, refused):
    assert "not of the data set 'm33' but of twin" in refused("--dataset", "m33")


def test_a_data_set_without_candidates(bench, refused):
    bench.change(datasets=(DataSetInfo("twin"), DataSetInfo("m33")))
    assert f"{bench.run / 'candidates' / 'm33'} is missing" in refused("--dataset", "m33")


def test_a_detector_without_candidates(bench, refused):
    assert "FUV-MAMA is missing" in refused("--detector", "fuv")


def test_a_detector_that_does_not_exist(bench, refused):
    assert "There is no detector 'wfc3': choose from CCD, NUV-MAMA, FUV-MAMA." in refused("--detector", "wfc3")


@pytest.mark.parametrize("key", ["name", "email"])
def test_a_user_whom_git_does_not_know(bench, refused, tmp_path, key):
    settings = tmp_path / "gitconfig"
    settings.write_text("\n".join(line for line in settings.read_text().splitlines() if f"{key} =" not in line))
    assert f"git config --global user.{key}" in refused()


def test_a_machine_without_git(bench, refused, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git is missing" in refused()


def test_a_second_approval_at_once(bench, refused):
    lock = try_lock(bench.root / ".approval.lock")
    try:
        assert "Another approval is under way" in refused()
    finally:
        lock.release(remove=True)
    assert bench.approve() == 0


def test_a_folder_of_baselines_that_is_not_there(bench, capsys):
    root = bench.root / "none"
    assert (
        main(["approve", "--root", str(root), "--run", str(bench.run), "--yes", "--reason", WHY], ruler=RULER)
        == Status.USAGE
    )
    assert f"There is no folder {root}" in capsys.readouterr().err
    assert not root.exists()


def test_a_damaged_baseline_unless_despite(bench, refused, capsys):
    assert bench.approve("--detector", "ccd") == 0
    path = bench.root / "twin" / "CCD" / "measurements.json"
    path.write_bytes(path.read_bytes() + b" ")
    said = refused("--detector", "ccd")
    assert "measurements.json" in said
    assert "--despite" in said
    assert bench.approve("--detector", "ccd", "--despite", "the disk was full") == 0
    assert "damaged, so that nothing is compared" in capsys.readouterr().out
    assert "measurements.json" in bench.history()[-1]["against"][0]
    assert bench.call("verify") == 0


def test_nobody_to_ask(bench, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", open("/dev/null"))  # noqa: PTH123, SIM115
    before = bench.bytes()
    assert bench.call("approve", "--run", str(bench.run), "--reason", WHY) == Status.USAGE
    assert "add --yes" in capsys.readouterr().err
    assert bench.bytes() == before
