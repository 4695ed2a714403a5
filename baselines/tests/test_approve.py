"""What an approval shows, asks and writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from baselines import approve, candidates, history
from baselines.tests.bench import RUN, VERSIONS, WHY, Bench
from fixtures.baseline.manifest import file_problems
from fixtures.baseline.provenance import read_provenance
from fixtures.status import Status
from fixtures.store.identity import file_sha256

FILES = ["conditions.json", "measurements.json", "mosaic.fits", "provenance.json", "sources.ecsv"]


def test_the_first_approval_stores_every_candidate(bench, capsys):
    assert bench.approve() == 0
    told = capsys.readouterr().out
    assert told.count("none yet: this is the first") == 2
    for detector in ("CCD", "NUV-MAMA"):
        assert sorted(path.name for path in (bench.root / "twin" / detector).iterdir()) == FILES
        assert (bench.root / "twin" / detector / "mosaic.fits").read_bytes() == (
            bench.place(detector) / "mosaic.fits"
        ).read_bytes()
    assert file_problems(bench.root) == []
    assert not [name for name in bench.bytes() if "lock" in name or name.startswith(".")]


def test_the_provenance_says_of_what_when_by_whom_and_why(bench):
    assert bench.approve("--detector", "CCD") == 0
    found = read_provenance(bench.root / "twin" / "CCD" / "provenance.json")
    assert dict(found.versions) == VERSIONS
    assert (found.engine, found.platform, found.run_started) == (RUN.engine, RUN.platform, RUN.started)
    assert dict(found.inputs) == {"ozzc01010": "1" * 64, "ozzc02010": "2" * 64}
    assert (found.dataset_version, found.seed, found.parameters) == ("2", 20101, "a" * 64)
    assert (found.approved.name, found.approved.email) == ("Ada Lovelace", "ada@example.org")
    assert (found.approved.why, found.approved.despite) == (WHY, "")
    assert found.approved.when == bench.history()[0]["when"]


def test_the_history_gets_a_line_a_baseline(bench):
    assert bench.approve() == 0
    first, second = bench.history()
    assert (first["dataset"], first["detector"], second["detector"]) == ("twin", "CCD", "NUV-MAMA")
    assert first["who"] == {"name": "Ada Lovelace", "email": "ada@example.org"}
    assert first["why"] == WHY
    assert first["run"] == {"started": RUN.started, "command": RUN.command}
    assert first["engine"] == RUN.engine
    assert first["mosaic_sha256"] == {"before": None, "after": file_sha256(bench.place() / "mosaic.fits")}
    assert first["versions"]["drizzlepac"] == [None, "3.11.0"]


def test_a_replacement_shows_what_changes_and_keeps_the_largest_differences(approved, capsys):
    before = file_sha256(approved.place() / "mosaic.fits")
    approved.again(shift=0.25, numbers={"drizzle.flux": 1.0, "alignment.rms_x": 0.125})
    approved.change(versions={**VERSIONS, "drizzlepac": "3.12.0", "scipy": "1.17"})
    assert approved.approve("--detector", "ccd") == 0
    told = capsys.readouterr().out
    assert f"by Ada Lovelace: {WHY}" in told
    assert "the background of the mosaic changed by 0.25 counts/s" in told
    assert "1 measurement changed" in told
    assert [line.split() for line in told.splitlines() if "rms_x" in line] == [
        ["alignment.rms_x", "-", "0.1", "0.125", "px", "2.5"]
    ]
    assert "drizzlepac 3.11.0 -> 3.12.0, scipy 1.17" in told
    assert str(approved.run / "report.html") in told
    assert str(approved.run / "figures" / "abc.png") in told
    entry = approved.history()[-1]
    assert entry["versions"] == {"drizzlepac": ["3.11.0", "3.12.0"], "scipy": [None, "1.17"]}
    assert entry["largest"] == {"baseline.background": pytest.approx(0.25, abs=0.04), "baseline.never_a_number": None}
    assert entry["mosaic_sha256"] == {"before": before, "after": file_sha256(approved.place() / "mosaic.fits")}


def test_a_package_that_is_gone_is_shown(approved, capsys):
    approved.change(versions={"drizzlepac": "3.11.0"})
    assert approved.approve("--detector", "ccd") == 0
    assert "numpy 2.4.6 -> none" in capsys.readouterr().out


def test_a_long_list_of_changes_is_cut(bench, capsys):
    bench.again(numbers={f"number_{number:02d}": 0.0 for number in range(20)})
    assert bench.approve("--detector", "ccd") == 0
    capsys.readouterr()
    bench.again(numbers={f"number_{number:02d}": None for number in range(20)})
    assert bench.approve("--detector", "ccd") == 0
    told = capsys.readouterr().out
    assert "20 measurements changed" in told
    assert "and 12 more" in told
    assert "number_07" in told
    assert "number_08" not in told


def test_what_is_identical_needs_nothing(approved, capsys):
    before = approved.bytes()
    approved.change(started="2026-11-25T00:00:00+00:00")
    assert approved.approve() == 0
    assert capsys.readouterr().out.count("nothing to approve") == 2
    assert approved.bytes() == before


@pytest.mark.parametrize("what", [{"versions": {**VERSIONS, "numpy": "2.5"}}, {"platform": "macOS"}])
def test_of_what_is_identical_the_provenance_can_be_renewed(approved, capsys, what):
    approved.change(**what)
    assert approved.approve("--detector", "ccd") == 0
    assert "only the provenance would change" in capsys.readouterr().out
    found = read_provenance(approved.root / "twin" / "CCD" / "provenance.json")
    assert {name: getattr(found, name) for name in what} == what
    assert approved.call("verify") == 0


@pytest.mark.parametrize("what", [{"shift": 0.25}, {"card": "OTHER"}, {"numbers": {"drizzle.flux": 1.1}}])
def test_what_differs_anywhere_is_not_identical(approved, capsys, what):
    first = {"numbers": {"drizzle.flux": 1.0}}
    approved.again(**first)
    assert approved.approve("--detector", "ccd") == 0
    approved.again(**{**first, **what})
    capsys.readouterr()
    assert approved.approve("--detector", "ccd") == 0
    assert "identical" not in capsys.readouterr().out
    assert len(approved.history()) == 4


def test_mosaics_that_have_nothing_in_common_can_be_approved_and_it_is_said(approved, capsys):
    approved.again(card="ELSEWHERE")
    assert approved.approve("--detector", "ccd") == 0
    assert "can't be compared: the mosaics have no sky in common" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [(), ("--detector", "nuv")])
def test_a_dry_run_writes_nothing(approved, capsys, arguments):
    approved.again(shift=0.25)
    approved.again("NUV-MAMA", shift=0.25)
    before = approved.bytes()
    assert approved.approve("--dry-run", *arguments) == 0
    told = capsys.readouterr().out
    assert "counts/s" in told
    assert "Nothing was written" in told
    assert ("twin/CCD" in told) == (not arguments)
    assert approved.bytes() == before


def test_a_dry_run_needs_no_user_whom_git_knows(bench, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    assert bench.approve("--dry-run") == 0


@pytest.mark.parametrize("names", [["nuv"], ["NUV"], ["Nuv-Mama"], ["ccd,nuv"], ["ccd", "--detector", "NUV-MAMA"]])
def test_detectors_are_named_as_people_do(bench, names):
    assert bench.approve("--detector", *names) == 0
    assert {one["detector"] for one in bench.history()} >= {"NUV-MAMA"}
    assert len(bench.history()) == len(",".join(names).replace("--detector", "").replace(",,", ",").split(","))


def test_what_has_no_candidate_is_said(bench, capsys):
    bench.change(datasets=(replace(RUN.datasets[0], detectors=("CCD", "NUV-MAMA", "FUV-MAMA")),))
    assert bench.approve() == 0
    assert "twin/FUV-MAMA: the run left nothing to approve" in capsys.readouterr().out


@pytest.fixture
def answers(monkeypatch):
    """Return a list of answers that are given on a terminal; when it is empty, the input has ended."""
    given = []

    def answer(question):
        if not given:
            raise EOFError
        print(question)
        return given.pop(0)

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    return given


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("YES", 0), ("n", 2), ("", 2), ("maybe", 2)])
def test_only_a_yes_is_one(bench, answers, capsys, answer, status):
    answers.append(answer)
    before = bench.bytes()
    assert bench.call("approve", "--run", str(bench.run), "--reason", WHY, "--detector", "ccd") == status
    assert "Approve twin/CCD? [y/N]" in capsys.readouterr().out
    assert (bench.bytes() == before) == (status == 2)


def test_each_baseline_is_asked_for(bench, answers):
    answers += ["n", "y"]
    assert bench.call("approve", "--run", str(bench.run), "--reason", WHY) == Status.ENDED_EARLY
    assert [one["detector"] for one in bench.history()] == ["NUV-MAMA"]


def test_the_end_of_the_input_is_a_no(bench, answers):
    assert bench.call("approve", "--run", str(bench.run), "--reason", WHY) == Status.ENDED_EARLY
    assert bench.bytes() == {}


@pytest.mark.parametrize("link", [True, False])
def test_the_latest_run_is_the_default(bench, monkeypatch, link):
    monkeypatch.setattr(candidates, "suite_folder", lambda: bench.run.parents[1])
    latest = bench.run.parent / "latest"
    if link:
        latest.symlink_to(bench.run.name)
    else:
        latest.write_text(f"{bench.run.name}\n")
    assert bench.call("approve", "--yes", "--reason", WHY) == 0
    assert len(bench.history()) == 2


def test_a_baseline_outside_of_git_leaves_its_checksums_only(bench, tmp_path, capsys):
    store = f"file://{tmp_path / 'store'}"
    (tmp_path / "store").mkdir()
    assert bench.approve("--detector", "ccd", "--store", store) == 0
    assert sorted(bench.bytes()) == ["history.jsonl", "manifest.json"]
    bench.again(shift=0.25)
    assert bench.approve("--detector", "ccd") == 0  # stays where it is
    assert sorted(bench.bytes()) == ["history.jsonl", "manifest.json"]
    assert bench.call("show") == 0
    capsys.readouterr()
    assert bench.call("verify") == 0
    assert (
        "of 5 files in a store outside of git this was not looked at ('show' fetches them)" in capsys.readouterr().out
    )


def killed(bench: Bench, place: int | str) -> int:
    """Approve in a child that is killed before its n-th renaming, or when it comes to the history."""
    child = os.fork()
    if child == 0:
        left, real = [place], os.replace

        def replace_(*arguments, **keywords):
            if left[0] == 0:
                os._exit(9)
            left[0] -= 1
            return real(*arguments, **keywords)

        if isinstance(place, int):
            os.replace = replace_
        else:
            history.append = lambda *_: os._exit(9)
        os._exit(bench.approve("--detector", "ccd"))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_kill_between_the_baseline_and_its_history_is_seen_and_mended_by_approving_again(approved, capsys):
    approved.again(shift=0.25)
    assert killed(approved, "history") == 9
    assert file_problems(approved.root) == []
    assert approved.call("verify") == 1
    assert "twin/CCD is not what was approved" in capsys.readouterr().out
    assert approved.approve("--detector", "ccd") == 0
    assert approved.call("verify") == 0


def test_a_kill_before_the_history_is_seen_where_only_the_provenance_changes(approved, capsys):
    approved.change(versions={**VERSIONS, "numpy": "2.5"})
    assert killed(approved, "history") == 9
    assert approved.call("verify") == 1
    assert "is not the latest in its history" in capsys.readouterr().out
    assert approved.approve("--detector", "ccd") == 0
    assert approved.call("verify") == 0


def test_a_kill_at_any_moment_leaves_the_old_or_the_new_state_or_one_that_verify_names(approved, capsys):
    approved.again(shift=0.25)
    before = approved.bytes()
    ends = set()
    for moment in range(30):
        if killed(approved, moment) == 0:
            break
        left = {name: data for name, data in approved.bytes().items() if not Path(name).name.startswith(".")}
        capsys.readouterr()
        if approved.call("verify") == 0:
            ends.add("old" if left == before else "mixed")
        else:
            assert "twin/CCD" in capsys.readouterr().out
            ends.add("named")
        for path in sorted(approved.root.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        for name, data in before.items():
            path = approved.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    else:
        pytest.fail("it never came to an end")
    assert moment >= 2
    assert ends <= {"old", "named"}
    assert approved.call("verify") == 0


def test_two_approvals_at_once_are_one_after_the_other_or_refused(approved):
    approved.again(shift=0.25)
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            os._exit(approved.approve("--detector", "ccd"))
        children.append(child)
    ends = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    assert ends in ([0, 0], [0, Status.USAGE])
    assert len(approved.history()) == 3
    assert approved.call("verify") == 0


def test_a_reason_is_kept_in_one_line_whatever_it_holds(bench, capsys):
    assert bench.approve("--detector", "ccd", reason=" in two\nlines \x1b[2J \udcff ") == 0
    assert bench.call("log") == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "in two lines" in told
    assert json.loads((bench.root / "history.jsonl").read_text())["why"] == "in two lines \x1b[2J \\udcff"


def test_the_author_may_stand_in_the_repository_alone(bench, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for command in (["init", "-q"], ["config", "user.name", "Grace"], ["config", "user.email", "g@example.org"]):
        subprocess.run(["git", *command], cwd=bench.root.parent, check=True)
    assert approve.author(bench.root) == {"name": "Grace", "email": "g@example.org"}


def test_only_what_one_asks_for_is_approved(bench):
    assert bench.approve("--dataset", "twin", "--detector", "nuv") == 0
    assert [one["detector"] for one in bench.history()] == ["NUV-MAMA"]
    assert not (bench.root / "twin" / "CCD").exists()


def test_forget_removes_a_baseline_and_writes_it_down(approved, capsys):
    assert approved.call("forget", "--dataset", "twin", "--detector", "nuv", "--reason", "other files", "--yes") == 0
    assert not (approved.root / "twin" / "NUV-MAMA").exists()
    entry = approved.history()[-1]
    assert (entry["done"], entry["why"], entry["detector"]) == ("forgotten", "other files", "NUV-MAMA")
    assert entry["mosaic_sha256"]["before"] == file_sha256(approved.place("NUV-MAMA") / "mosaic.fits")
    assert approved.call("verify") == 0
    assert approved.approve() == 0
    assert len(approved.history()) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--detector", "fuv", "--reason", "x", "--yes"), "There is no baseline twin/FUV-MAMA"),
        (("--detector", "nuv", "--yes"), "without a reason"),
        (("--detector", "acs", "--reason", "x", "--yes"), "There is no detector 'acs'"),
    ],
)
def test_forget_refuses_in_one_sentence(approved, capsys, arguments, words):
    before = approved.bytes()
    assert approved.call("forget", "--dataset", "twin", *arguments) == Status.USAGE
    assert words in capsys.readouterr().err
    assert approved.bytes() == before


def test_forget_asks(approved, answers):
    before = approved.bytes()
    answers.append("n")
    assert approved.call("forget", "--dataset", "twin", "--detector", "nuv", "--reason", "x") == Status.ENDED_EARLY
    assert approved.bytes() == before


def test_results_with_terminal_commands_do_not_reach_the_terminal(approved, capsys):
    picture = replace(RUN.pictures[0], title="\x1b[2J")
    approved.change(command="pytest \x1b[2J", versions={"drizzlepac": "\x1b[2J"}, pictures=(picture,))
    assert approved.approve() == 0
    assert "\x1b" not in capsys.readouterr().out
