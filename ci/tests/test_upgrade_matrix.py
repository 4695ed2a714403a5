"""The table of versions: from runs that exist, and with rows that failed."""

from __future__ import annotations

import json

import pytest

from ci import version_matrix
from ci.tests.runs import TARGETS, leave, measured, run, stand_in
from ci.upgrading import comparing, judging
from ci.upgrading.changes import compare_runs
from ci.upgrading.comparing import Comparison
from ci.upgrading.judging import judge
from ci.upgrading.matrix import JSON, PAGE, line, line_of, table, write_matrix
from fixtures.results.run import write_results

MOSAIC = {"baseline.shift_x": 0.0}


def _run_folder(folder, shift, version):
    leave(folder, {"alignment.shift_x": shift}, MOSAIC)
    mean = measured(0.17, metric="alignment.rms_mean")
    write_results(run(measurements=[mean], versions={"drizzlepac": version}), folder / "results.json")
    return folder


@pytest.fixture(autouse=True)
def _mosaics(monkeypatch):
    stand_in(monkeypatch)
    monkeypatch.setattr(comparing, "read_targets", lambda path: TARGETS)


def test_a_table_is_made_of_runs_that_exist(tmp_path, capsys):
    a = _run_folder(tmp_path / "a", 0.5, "3.11.0")
    b = _run_folder(tmp_path / "b", 0.51, "3.10.0")
    out = tmp_path / "out"
    arguments = ["--from", f"3.11.0={a}", "--from", f"3.10.0={b}", "--output", str(out)]
    assert version_matrix.main(arguments) == 0
    first, second = json.loads((out / JSON).read_text())["lines"]
    assert (first["verdict"]["word"], second["verdict"]["word"]) == ("safe", "regression")
    assert first["identical"] == "1 of 1"
    assert second["rms"] == {"twin FUV-MAMA": 0.17}
    assert second["worst"]["alignment twin FUV-MAMA"]["share"] == pytest.approx(5.0)
    assert "3.10.0" in (out / PAGE).read_text()
    printed = capsys.readouterr().out
    assert "3.10.0   regression  1 of 1" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "nothing"], "write ABOUT=DIR"),
        (["--from", "a=nowhere"], "is missing"),
        (["3.11.0", "--from", "a=b"], "not both"),
    ],
)
def test_wrong_usage_is_told_in_one_sentence(arguments, said, tmp_path, capsys):
    assert version_matrix.main([*arguments, "--output", str(tmp_path)]) == 4
    assert said in capsys.readouterr().err


def test_a_version_that_cannot_be_had_is_a_row(tmp_path):
    verdict = judging.not_installable("it needs numpy<1.25", ["drizzlepac"])
    failed = line_of("3.4.3", Comparison("2026", ("drizzlepac==3.4.3",), frozenset(), verdict), tmp_path)
    old = leave(tmp_path / "old", {"alignment.shift_x": 0.5}, MOSAIC)
    changes = compare_runs(run(), run(), old, old, TARGETS)
    lines = [line("3.11.0", judge(changes), changes, run()), failed]
    write_matrix(lines, "today", tmp_path)
    assert "it needs numpy&lt;1.25" in (tmp_path / PAGE).read_text()
    assert table(lines).splitlines()[2].startswith("3.4.3    not installable")
