"""The frozen copy of the suite, a run in an environment, and the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import upgrade
from upgrading.environments import Environment
from upgrading.running import _placed, frozen_suite, validate

HERE = Environment(Path(sys.executable), {}, "here")
OPTION = "def pytest_addoption(parser):\n    parser.addoption('--report-dir')\n"


def _suite(folder, test):
    """Write something that looks like the suite."""
    for part in ("validation", "fixtures", "baselines"):
        (folder / part).mkdir(parents=True)
        (folder / part / "__init__.py").touch()
    (folder / "conftest.py").write_text(OPTION)
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\ntestpaths = ['validation']\n")
    (folder / "validation" / "test_it.py").write_text(test)
    return folder


def test_edits_in_between_do_not_reach_the_copy(tmp_path):
    source = _suite(tmp_path / "suite", "")
    copy = frozen_suite(tmp_path / "cache", source)
    (source / "validation" / "test_it.py").write_text("changed = True\n")
    assert (copy / "validation" / "test_it.py").read_text() == ""
    assert frozen_suite(tmp_path / "cache", source) != copy


def test_paths_of_the_validation_lead_into_the_copy(tmp_path):
    suite = _suite(tmp_path, "")
    (tmp_path / "validation" / "test_a.py").touch()
    inside = str(suite / "validation")
    assert _placed(["-k", "rms"], suite) == [inside, "-k", "rms"]
    assert _placed(["validation/test_a.py::test_b"], suite) == [f"{inside}/test_a.py::test_b"]


def test_a_run_that_does_not_end_is_ended_and_told(tmp_path):
    suite = _suite(tmp_path / "suite", "import threading\ndef test_waits():\n    threading.Event().wait()\n")
    ran = validate(HERE, suite, tmp_path / "out", (), workers="0", timeout=3.0)
    assert (ran.timed_out, ran.run) == (True, None)


def test_a_run_that_breaks_down_has_no_results_and_last_words(tmp_path):
    suite = _suite(tmp_path / "suite", "import os\nprint('the last words', flush=True)\nos._exit(9)\n")
    ran = validate(HERE, suite, tmp_path / "out", ("-s",), workers="0", timeout=60.0)
    assert (ran.status, ran.run, ran.timed_out) == (9, None, False)
    assert "the last words" in ran.last


def test_what_stands_behind_two_dashes_goes_to_pytest():
    assert upgrade.split(["a==1", "--", "-k", "rms"]) == (["a==1"], ("-k", "rms"))
    options = upgrade.parser().parse_args(["a==1", "--dataset", "twin", "--detector", "CCD"])
    plan = upgrade.plan_of(options, ("-k", "rms"), print)
    assert plan.arguments == ("--dataset", "twin", "--detector", "CCD", "-k", "rms")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["drizzlepac=3.11.0"], "is no requirement"),
        (["--constraints", "nowhere.txt"], "nowhere.txt is missing"),
        (["a==1", "--timeout", "0"], "--timeout 0 is no time"),
    ],
)
def test_wrong_usage_ends_with_status_2_and_one_sentence(arguments, said, capsys):
    assert upgrade.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
