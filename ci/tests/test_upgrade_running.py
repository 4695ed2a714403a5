"""The frozen copy of the suite, a run in an environment, and the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ci import upgrade
from ci.benchmarking import children
from ci.tests import runs
from ci.upgrading import comparing, judging, running
from ci.upgrading.environments import Environment
from ci.upgrading.running import Ran, _placed, frozen_suite, validate
from fixtures.commandline import split
from fixtures.errors import SuiteError
from fixtures.results.run import write_results

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


ENDS = """
import pathlib, shutil
import pytest
@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session):
    yield
    shutil.copy({results!r}, session.config.getoption("--report-dir"))
    session.exitstatus = {status}
"""


@pytest.mark.parametrize(
    ("status", "interrupted", "there", "undrawn"),
    [
        (0, "", True, False),
        (10, "a worker died", True, False),
        (3, "", True, True),
        (3, "pytest itself failed", False, False),
        (2, "the run was interrupted", False, False),
    ],
)
def test_results_count_if_the_run_came_to_its_end(tmp_path, status, interrupted, there, undrawn):
    written = write_results(runs.run(interrupted=interrupted), tmp_path / "results.json")
    suite = _suite(tmp_path / "suite", "def test_it(): pass\n")
    (suite / "conftest.py").write_text(OPTION + ENDS.format(results=str(written), status=status))
    ran = validate(HERE, suite, tmp_path / "out", (), workers="0", timeout=60.0)
    assert (ran.status, ran.run is not None, ran.undrawn) == (status, there, undrawn)


@pytest.mark.parametrize(
    ("test", "hook", "status", "said"),
    [
        ("import nowhere_at_all\n", "", 2, "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        (
            "def test_it(): pass\n",
            "def pytest_runtest_logstart():\n    1 / 0\n",
            3,
            "ZeroDivisionError: division by zero",
        ),
    ],
)
def test_why_a_run_breaks_down_is_told_and_not_its_last_line(tmp_path, test, hook, status, said):
    suite = _suite(tmp_path / "suite", test)
    (suite / "conftest.py").write_text(OPTION + hook + "def pytest_unconfigure():\n    print('report: somewhere')\n")
    ran = validate(HERE, suite, tmp_path / "out", (), workers="0", timeout=60.0)
    assert (ran.status, ran.run) == (status, None)
    assert ran.last.startswith(said)


def compared(folder, monkeypatch, old, new):
    """Compare two made-up runs; return the comparison."""

    def run(plan, environment, output, which):
        return old if output.name == "old" else new

    monkeypatch.setattr(comparing, "run", run)
    about = {"started": "2026-01-01T00:00:00+00:00", "candidate": (), "named": frozenset({"drizzlepac"})}
    return comparing.compare(comparing.Plan(), HERE, HERE, folder, **about)


def test_a_run_whose_report_could_not_be_drawn_is_compared_and_told(tmp_path, monkeypatch):
    whole, undrawn = (Ran(runs.run(), tmp_path / name, status, 1.0) for name, status in (("old", 0), ("new", 3)))
    done = compared(tmp_path, monkeypatch, whole, undrawn)
    assert done.changes is not None
    assert done.notes == (
        f"The report of the candidate could not be drawn; its results are whole, see the end of {tmp_path}/new.log.",
    )


def test_a_candidate_in_which_the_validation_breaks_down_crashes_and_says_why(tmp_path, monkeypatch):
    whole, broken = Ran(runs.run(), tmp_path / "old", 0, 1.0), Ran(None, tmp_path / "new", 2, 1.0, "no such module")
    verdict = compared(tmp_path, monkeypatch, whole, broken).verdict
    assert (verdict.word, verdict.status) == ("crashes", 6)
    assert verdict.sentence == "crashes, here: the validation breaks down: no such module."


def test_todays_environment_that_breaks_down_is_an_error_with_its_log(tmp_path, monkeypatch):
    broken = Ran(None, tmp_path / "old", 2, 1.0, "no such module.")
    with pytest.raises(SuiteError, match=r"in today's environment: no such module; all of it is in .*old\.log\.$"):
        compared(tmp_path, monkeypatch, broken, broken)


def test_a_good_environment_that_does_not_end_in_time_is_an_error(tmp_path):
    late = Ran(None, tmp_path / "good", None, 1.0, "[ 37%]")
    assert "in the good environment: it did not end in time" in str(comparing.breakdown(late, "the good environment"))


@pytest.mark.parametrize(
    ("built", "said"), [({"old": 9, "new": 9}, "no package moves"), ({"old": 9}, "cannot be installed, here: why.")]
)
def test_what_moves_is_told_of_environments_that_are(tmp_path, monkeypatch, capsys, built, said):
    verdict = judging.not_installable("why", ["drizzlepac"])
    made = comparing.Comparison("", (), frozenset(), verdict, packages=built)
    monkeypatch.setattr(upgrade, "upgrade", lambda plan, wanted, output: made)
    assert upgrade.main(["drizzlepac==3.11.0", "--output", str(tmp_path)]) == 6
    assert capsys.readouterr().out.splitlines()[0] == said


def test_all_runs_of_a_comparison_have_one_copy_of_the_suite(tmp_path, monkeypatch):
    source = _suite(tmp_path / "suite", "")
    monkeypatch.setattr(comparing, "frozen_suite", lambda cache: frozen_suite(cache, source))
    plan = comparing.Plan(cache=tmp_path / "cache")
    first = plan.frozen
    (source / "validation" / "test_it.py").write_text("changed = True\n")
    assert plan.frozen == first


def test_what_stands_behind_two_dashes_goes_to_pytest():
    assert split(["a==1", "--", "-k", "rms"]) == (["a==1"], ("-k", "rms"))
    options = upgrade.parser().parse_args(["a==1", "--dataset", "twin", "--detector", "ccd", "--partial"])
    plan = upgrade.plan_of(options, ("-k", "rms"), print)
    assert plan.arguments == ("--dataset=twin", "--detector=CCD", "--partial", "-k", "rms")


def test_who_gives_a_comparison_up_waits_until_it_has_ended_its_run():
    """Else a candidate that hangs would run on for ever: its group is its own, and only the comparison can end it."""
    assert len(("SIGTERM", "SIGKILL")) * running.PATIENCE_SECONDS < children.PATIENCE_SECONDS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["drizzlepac=3.11.0"], "is no requirement"),
        (["--constraints", "nowhere.txt"], "nowhere.txt is missing"),
        (["a==1", "--timeout", "0"], "--timeout 0 is no time"),
    ],
)
def test_wrong_usage_ends_with_status_4_and_one_sentence(arguments, said, capsys):
    assert upgrade.main(arguments) == 4
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("session", "arguments", "said"),
    [
        ("upgrade", ["drizzlepac=3.11.0"], "is no requirement"),
        ("bisect", ["nowhere"], "Name two files of constraints"),
        ("matrix", ["--from", "3.11.0"], "write ABOUT=DIR"),
    ],
)
def test_nox_calls_the_program_and_ends_with_its_status(session, arguments, said):
    noxfile = Path(upgrade.__file__).with_name("noxfile.py")
    command = [sys.executable, "-m", "nox", "-f", str(noxfile), "-s", session, "--", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, said in ran.stderr) == (4, True)
