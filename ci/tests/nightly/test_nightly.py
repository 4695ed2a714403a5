"""Nights as a whole: what is compared, published and told, and what goes wrong."""

from __future__ import annotations

import html
import json
import os
import re
import select
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ci import nightly, verdicts
from ci.benchmarking import children
from ci.night import site, state, work
from ci.night.candidates import MAIN_LINE, TRIES
from ci.night.state import Record, State

PROGRAM = Path(nightly.__file__)
BELOW = "drizzlepac==3.12.0"


# --- a night -----------------------------------------------------------------------------------------------


def test_without_news_nothing_is_compared(world, capsys):
    assert world.night() == 0
    assert world.compared() == []
    assert "nothing to compare" in capsys.readouterr().out
    assert (world.site / ".nojekyll").exists()
    assert "No verdict yet" in (world.site / "index.html").read_text()


def test_each_release_and_the_head_are_compared_once(world, repository):
    world.index.release("drizzlepac", "3.12.0")
    world.index.release("drizzlepac", "3.12.1")
    world.index.release("stis_cti", "1.7")
    main = {"main-url": str(repository.folder)}
    assert world.night(**main) == 0
    expected = [BELOW, "drizzlepac==3.12.1", "stis_cti==1.7", repository.requirement]
    assert world.compared() == expected
    assert world.night(**main) == 0
    assert world.compared() == expected
    repository.commit()
    assert world.night(**main) == 0
    assert world.compared()[4:] == [repository.requirement]


def test_the_upgrade_program_gets_options_and_index_but_no_token(world, monkeypatch):
    monkeypatch.setenv("GH_TOKEN", "secret")
    world.index.release("drizzlepac", "3.12.0")
    assert world.night("--keep-days", "4", dataset="twin", detector="FUV-MAMA") == 0
    (call,) = world.calls()
    assert call["arguments"][:2] == [BELOW, "--output"]
    assert call["arguments"][3:] == ["--dataset", "twin", "--detector", "FUV-MAMA", "--keep-days", "4"]
    assert call["environment"] == {
        "GH_TOKEN": "",
        "PIP_INDEX_URL": world.index.url,
        "UV_DEFAULT_INDEX": world.index.url,
    }


def test_what_stands_behind_two_dashes_goes_to_pytest(world):
    world.index.release("drizzlepac", "3.12.0")
    assert world.night("--", "--store-size", "2", dataset="twin") == 0
    (call,) = world.calls()
    assert call["arguments"][3:] == ["--dataset", "twin", "--", "--store-size", "2"]


@pytest.mark.parametrize(
    ("plan", "status", "word"),
    [
        ({}, 0, "safe"),
        ({"word": "changed"}, 0, "changed"),
        ({"status": 1}, 1, "regression"),
        ({"status": 6, "word": "not installable"}, 6, "not installable"),
        ({"status": 6}, 6, "crashes"),
        ({"status": 8}, 8, "timed out"),
        ({"status": 10}, 10, "incomplete"),
        ({"status": 4}, 3, "no verdict"),
        ({"status": 7}, 3, "no verdict"),
        ({"kill": True}, 3, "no verdict"),
        ({"data": "none"}, 3, "no verdict"),
        ({"data": ""}, 3, "no verdict"),
        ({"data": "[1]"}, 3, "no verdict"),
        ({"data": "{" * 9000}, 3, "no verdict"),
        ({"data": "[" * 100_000}, 3, "no verdict"),
        ({"data": '{"schema_version": 2}'}, 3, "no verdict"),
        ({"data": '{"schema_version": 1, "verdict": "safe"}'}, 3, "no verdict"),
        ({"data": '{"schema_version": 1, "verdict": {"word": "safe", "sentence": 3}}'}, 3, "no verdict"),
        ({"data": '{"schema_version": 1, "verdict": {"word": "safe", "sentence": "", "steps": 1}}'}, 3, "no verdict"),
        ({"status": 0, "word": "regression"}, 3, "no verdict"),
        ({"status": 1, "word": "safe"}, 3, "no verdict"),
    ],
)
def test_every_end_of_a_comparison_is_a_verdict(world, capsys, plan, status, word):
    world.index.release("drizzlepac", "3.12.0")
    world.plan(BELOW, say="the last words", **plan)
    assert world.night() == status
    assert world.words() == [("drizzlepac 3.12.0", word)]
    assert "Traceback" not in capsys.readouterr().err
    if word == "no verdict":
        assert "the last words" in world.state()["records"][0]["sentence"]
    page = html.unescape((world.site / "index.html").read_text())
    assert f">{word}</span>" in page
    assert world.state()["records"][0]["sentence"] in page


def test_a_comparison_that_takes_too_long_is_given_up(world):
    world.index.release("drizzlepac", "3.12.0")
    world.plan(BELOW, pause=True)
    assert world.night(timeout="0.005") == 8
    assert world.words() == [("drizzlepac 3.12.0", "timed out")]


def test_processes_are_given_up_when_their_time_is_over(tmp_path):
    forever = [sys.executable, "-c", "import signal; signal.pause()"]
    with pytest.raises(subprocess.TimeoutExpired):
        children.run([forever, forever], tmp_path / "child", timeout=0.1)
    assert children.run([[sys.executable, "-c", ""]], tmp_path / "child", timeout=600).status == (0,)


def test_an_upgrade_program_that_is_not_there_is_a_verdict(world):
    world.index.release("drizzlepac", "3.12.0")
    assert world.night(**{"upgrade-command": str(world.folder / "nothing")}) == 3
    assert "could not be started" in world.state()["records"][0]["sentence"]


def test_one_candidates_trouble_does_not_stop_the_others_and_the_worst_is_told(world, capsys):
    for package, version in (("drizzlepac", "3.12.0"), ("stwcs", "1.8.0"), ("tweakwcs", "1.0"), ("stis_cti", "1.7")):
        world.index.release(package, version)
    world.plan(BELOW, data="none")
    world.plan("stwcs==1.8.0", status=8)
    world.plan("tweakwcs==1.0", status=1)
    assert world.night() == 1
    assert [word for _, word in world.words()] == ["no verdict", "timed out", "regression", "safe"]
    assert capsys.readouterr().out.endswith(
        "verdict: regression: tweakwcs 1.0; timed out: stwcs 1.8.0; no verdict: drizzlepac 3.12.0; safe: stis_cti 1.7\n"
    )


def test_the_worst_of_all_words_is_in_the_order_of_the_readme():
    order = [1, 6, 8, 3, 9, 10, 0]
    assert list(dict.fromkeys(verdicts.STATUS.values())) == order
    assert verdicts.worst(["safe", "incomplete", "timed out"]) == 8
    assert verdicts.worst([]) == 0


def test_a_dead_index_is_told_once_and_the_main_branch_is_compared(world, repository, capsys):
    for package in ("drizzlepac", "stwcs", "tweakwcs", "stis-cti"):
        world.index.web.answer(f"/simple/{package}/", "no", status=500)
    assert world.night(**{"main-url": str(repository.folder)}) == 9
    assert [word for _, word in world.words()] == ["not looked at", "safe"]
    sentence = world.state()["records"][0]["sentence"]
    assert "HTTP status 500" in sentence
    assert "Not looked at: drizzlepac, stwcs, tweakwcs, stis_cti." in sentence
    assert sentence in capsys.readouterr().out


def test_a_dead_repository_is_told_and_releases_are_compared(world, tmp_path):
    world.index.release("stwcs", "1.8.0")
    assert world.night(**{"main-url": str(tmp_path / "nothing")}) == 9
    assert [word for _, word in world.words()] == ["not looked at", "safe"]


def test_that_the_index_was_silent_once_is_no_news_for_ever(world):
    good = dict(world.index.web.answers)
    world.index.web.answer("/simple/stwcs/", "no", status=500)
    assert world.night() == 9
    held = json.loads((world.site / "state.json").read_text())
    held["records"][0]["date"] = held["looked"] = "2026-01-01T00:00:00+00:00"
    (world.site / "state.json").write_text(json.dumps(held))
    world.index.web.answers.update(good)
    assert world.night() == 0
    newest, _, every = (world.site / "index.html").read_text().partition("All verdicts")
    assert "HTTP status 500" not in newest
    assert "HTTP status 500" in every


def test_what_can_not_be_compared_is_set_aside_after_some_nights(world, capsys):
    world.index.release("drizzlepac", "3.12.0")
    world.plan(BELOW, status=6)
    for _ in range(TRIES):
        assert world.night() == 6
    assert world.night() == 0
    assert len(world.compared()) == TRIES
    assert f"set aside after {TRIES} tries; try --again {BELOW}" in capsys.readouterr().out
    world.plan(BELOW)
    assert world.night("--again", BELOW) == 0
    assert world.words()[-1] == ("drizzlepac 3.12.0", "safe")


def test_no_more_than_asked_for_in_one_night(world, capsys):
    for version in ("3.12.0", "3.12.1", "3.12.2"):
        world.index.release("drizzlepac", version)
    assert world.night("--at-most", "2") == 0
    assert "left for the next run (--at-most 2): drizzlepac 3.12.2" in capsys.readouterr().out
    assert world.night("--at-most", "2") == 0
    assert world.compared() == [BELOW, "drizzlepac==3.12.1", "drizzlepac==3.12.2"]


# --- dry run -----------------------------------------------------------------------------------------------


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_dry_run_says_everything_and_changes_nothing(world, repository, github, capsys):
    world.index.release("drizzlepac", "3.12.0")
    main = {"main-url": str(repository.folder), "notify": "gh"}
    before = files(world.folder)
    assert world.night("--dry-run", **main) == 0
    said = capsys.readouterr().out
    assert "drizzlepac==3.12.0 --output DIR" in said
    assert f"'{repository.requirement}' --output DIR" in said
    assert f"would publish into {world.site}" in said
    assert "issues of this repository through gh" in said
    assert github.read()["calls"] == [["auth", "status"]]
    github.write({"issues": [], "labels": [], "calls": []})
    assert files(world.folder) == before
    assert not world.site.exists()


def test_a_dry_run_tells_what_would_fail(world, github, capsys):
    github.fail("auth status", status=1, say="You are not logged into any GitHub hosts.")
    assert world.night("--dry-run", notify="gh") == 9
    assert "You are not logged into any GitHub hosts." in capsys.readouterr().err


# --- the published folder ----------------------------------------------------------------------------------


def test_report_and_log_are_published_and_linked(world):
    world.index.release("drizzlepac", "3.12.0")
    assert world.night() == 0
    (run,) = (world.site / "runs").iterdir()
    assert run.name.endswith("-drizzlepac-3.12.0")
    assert sorted(path.name for path in run.iterdir()) == ["comparison.html", "comparison.json", "log.txt"]
    assert "comparing drizzlepac==3.12.0" in (run / "log.txt").read_text()
    assert f'href="runs/{run.name}/comparison.html"' in (world.site / "index.html").read_text()
    assert not (world.folder / "nightly").exists()


def test_no_published_page_links_to_what_is_not_published(world):
    world.index.release("drizzlepac", "3.12.0")
    world.night()
    (page,) = (world.site / "runs").glob("*/comparison.html")
    assert re.findall('href="(.*?)"', page.read_text()) == ["#numbers", "log.txt"]


def test_a_verdict_says_its_word_once(world, capsys):
    world.index.release("drizzlepac", "3.12.0")
    world.index.release("stwcs", "1.8")
    world.plan(BELOW, sentence="safe: all the same.")
    world.plan("stwcs==1.8", status=6, sentence="cannot be imported.")
    world.night()
    said = capsys.readouterr().out
    assert "\n    safe: all the same.\n" in said
    assert "\n    crashes: cannot be imported.\n" in said


def test_pages_of_the_newest_comparisons_are_kept_and_verdicts_of_all(world):
    for count in range(5):
        world.index.release("drizzlepac", f"3.12.{count}")
    assert world.night("--at-most", "3", "--keep", "2") == 0
    assert world.night("--keep", "2") == 0
    assert len(world.words()) == 5
    kept = sorted(path.name[11:] for path in (world.site / "runs").iterdir())
    assert kept == ["drizzlepac-3.12.3", "drizzlepac-3.12.4"]
    page = (world.site / "index.html").read_text()
    assert page.count("comparison.html") == 3  # two, and the newest once more on top
    assert all(f"drizzlepac 3.12.{count}" in page for count in range(5))


def test_two_comparisons_of_one_candidate_in_a_day_have_two_pages(world):
    world.index.release("drizzlepac", "3.12.0")
    world.plan(BELOW, status=8)
    assert [world.night(), world.night()] == [8, 8]
    first, second = sorted(path.name for path in (world.site / "runs").iterdir())
    assert second == f"{first}-2"


def test_what_a_killed_run_left_is_removed_and_what_is_not_ours_stays(world):
    assert world.night() == 0
    runs = world.site / "runs"
    for name in (".partial-2026-01-01-stwcs-9", "2026-01-01-stwcs-9", "2026-01-01-mine", "notes"):
        (runs / name).mkdir()
        (runs / name / ("comparison.html" if "stwcs" in name else "mine.txt")).write_text("x")
    assert world.night() == 0
    assert sorted(path.name for path in runs.iterdir()) == ["2026-01-01-mine", "notes"]


@pytest.mark.parametrize("name", ["index.html", "runs", "history"])
def test_a_folder_of_something_else_is_refused_and_untouched(world, capsys, name):
    world.site.mkdir()
    (world.site / name).write_text("precious")
    assert world.night() == 4
    assert f"holds {name}" in capsys.readouterr().err
    assert (world.site / name).read_text() == "precious"
    assert world.compared() == []


def good_state() -> dict:
    return {"schema": state.SCHEMA, "looked": "", "records": [], "failures": [], "notices": []}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        "{}",
        json.dumps({**good_state(), "schema": "stis-drizzlepac-validation nightly 2"}),
        json.dumps({**good_state(), "records": [{}]}),
        json.dumps({**good_state(), "records": 3}),
        json.dumps({**good_state(), "notices": [{"event": "?"}]}),
        json.dumps({**good_state(), "failures": ["x"]}),
    ],
)
def test_a_damaged_state_is_told_and_untouched(world, capsys, text):
    world.site.mkdir()
    (world.site / "state.json").write_text(text)
    world.index.release("drizzlepac", "3.12.0")
    assert world.night() == 4
    error = capsys.readouterr().err
    assert "state.json" in error
    assert error.count("\n") == 1
    assert (world.site / "state.json").read_text() == text
    assert world.compared() == []


def test_the_state_is_whole_or_absent(world, monkeypatch):
    assert world.night() == 0
    before = (world.site / "state.json").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    world.index.release("drizzlepac", "3.12.0")
    assert world.night() == 4
    assert (world.site / "state.json").read_bytes() == before


def test_a_report_that_leads_out_of_its_folder_is_not_published(world, tmp_path):
    (tmp_path / "secret").write_text("secret")
    world.index.release("drizzlepac", "3.12.0")
    world.plan(BELOW, link=str(tmp_path / "secret"))
    assert world.night() == 0
    assert b"secret" not in b"".join(files(world.site).values())


def history(folder: Path, runs: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(folder / "history.sqlite") as made:
        made.execute("create table runs (name)")
        made.executemany("insert into runs values (?)", [("a",)] * runs)
    made.close()


def test_the_history_is_published_and_linked(world):
    history(world.folder / "reports", 3)
    assert world.night() == 0
    assert "3 runs" in (world.site / "history" / "index.html").read_text()
    assert 'href="history/index.html"' in (world.site / "index.html").read_text()


def test_a_machine_without_history_takes_the_published_one_up(world):
    history(world.folder / "reports", 3)
    assert world.night() == 0
    (world.folder / "reports" / "history.sqlite").unlink()
    assert world.night() == 0
    assert (world.folder / "reports" / "history.sqlite").exists()
    (world.folder / "reports" / "history.sqlite").unlink()
    history(world.folder / "reports", 7)  # a history that is there is not replaced
    assert world.night() == 0
    assert "7 runs" in (world.site / "history" / "index.html").read_text()


def test_the_runs_of_a_comparison_are_in_the_history_that_is_published(world, tmp_path):
    from fixtures.report.history import read_history
    from fixtures.results.run import Run, write_results

    written = {}
    for side, version in (("old", "3.11.0"), ("new", "3.12.0")):
        run = Run("2026-11-25T00:00:00+00:00", 1.0, {"drizzlepac": version}, "python", "pytest", (), "Linux", ())
        written[side] = write_results(run, tmp_path / f"{side}.json").read_text()
    world.index.release("drizzlepac", "3.12.0")
    world.plan("drizzlepac==3.12.0", results=written)
    assert world.night() == 0
    runs, _ = read_history(world.site / "history" / "history.sqlite")
    assert [one.versions["drizzlepac"] for one in runs] == ["3.11.0", "3.12.0"]


def test_a_run_that_can_not_be_read_is_told_and_costs_no_verdict(world, capsys):
    world.index.release("drizzlepac", "3.12.0")
    world.plan("drizzlepac==3.12.0", results={"new": "no JSON"})
    assert world.night() == 9
    assert "A run of the comparison is not in the history" in capsys.readouterr().err
    assert world.words() == [("drizzlepac 3.12.0", "safe")]


@pytest.mark.parametrize("trouble", ["damaged", "command"])
def test_a_history_that_can_not_be_published_costs_no_verdict(world, capsys, trouble):
    world.index.release("drizzlepac", "3.12.0")
    history(world.folder / "reports", 1)
    if trouble == "damaged":
        (world.folder / "reports" / "history.sqlite").write_text("no database" * 100)
    instead = {"history-command": "false"} if trouble == "command" else {}
    assert world.night(**instead) == 9
    assert "The history" in capsys.readouterr().err
    assert world.words() == [("drizzlepac 3.12.0", "safe")]


# --- two at once, killed, interrupted ----------------------------------------------------------------------


@pytest.fixture
def started(world):
    """Start a night in a process of its own; it waits in the comparison of stwcs 99.1."""
    for version in ("99.0", "99.1", "99.2"):
        world.index.release("stwcs", version)
    meet = world.folder / "meet"
    os.mkfifo(meet)
    os.mkfifo(f"{meet}.go")
    world.plan("stwcs==99.1", meet=str(meet))
    arguments = [sys.executable, str(PROGRAM), *world.arguments(packages="stwcs")]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with meet.open() as reader:
        pid = int(reader.readline())
        yield process, reader, meet
        if process.poll() is None:
            process.kill()
        process.communicate()
        if select.select([reader], [], [], 0)[0] == []:  # it lives, and holds its end: nobody else has its number
            os.kill(pid, signal.SIGKILL)


def test_a_second_run_does_nothing_while_one_is_at_work(started, world, capsys):
    process, _, meet = started
    assert world.night() == 9
    assert "another nightly run is at work" in capsys.readouterr().err
    Path(f"{meet}.go").write_text("go")
    assert process.wait(60) == 0
    assert world.compared() == ["stwcs==99.0", "stwcs==99.1", "stwcs==99.2"]
    assert not (world.site / work.LOCK).exists()


def test_a_run_that_was_killed_does_the_rest_next_time(started, world):
    process, _, _ = started
    process.kill()
    process.wait(60)
    world.plan("stwcs==99.1")
    assert world.words() == [("stwcs 99.0", "safe")]
    assert world.night() == 0
    assert world.compared() == ["stwcs==99.0", "stwcs==99.1", "stwcs==99.1", "stwcs==99.2"]
    assert [name for name, _ in world.words()] == ["stwcs 99.0", "stwcs 99.1", "stwcs 99.2"]


def test_a_run_that_is_told_to_end_leaves_nothing_running(started, world):
    process, reader, _ = started
    process.terminate()
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.endswith("error: interrupted; what is done is kept, and the next run does the rest.\n")
    assert reader.read() == ""  # its end of the pipe is closed: the upgrade program is gone
    assert world.words() == [("stwcs 99.0", "safe")]
    assert not [path for path in world.folder.iterdir() if path.name.startswith("nightly-")]


# --- what a failure is, from night to night ----------------------------------------------------------------


def verdict(name: str, word: str, signature: str = "", line: str = MAIN_LINE) -> Record:
    return Record("2026-11-25T00:00:00+00:00", line, name, name, word, f"{word} of {signature}", signature=signature)


def told(*records: Record) -> list[tuple[str, str, str]]:
    now = State()
    for one in records:
        now = state.follow(now, one)
    return [(one.event, one.signature, one.name) for one in now.notices]


def test_a_failure_is_new_then_recurs_then_is_gone_then_returns():
    bad, worse = verdict("a", "regression", "x"), verdict("b", "regression", "x")
    good, again = verdict("c", "safe"), verdict("d", "regression", "x")
    assert told(bad, worse, good, again) == [
        ("new", "x", "a"),
        ("recurs", "x", "b"),
        ("gone", "x", "c"),
        ("returned", "x", "d"),
    ]


def test_a_candidate_that_is_tried_again_is_told_once():
    assert told(*[verdict("a", "crashes", "x")] * 3) == [("new", "x", "a")]


@pytest.mark.parametrize("word", ["crashes", "not installable", "timed out", "incomplete", "no verdict"])
def test_a_failure_is_not_gone_with_a_candidate_whose_results_were_not_compared(word):
    assert ("gone", "x", "b") not in told(verdict("a", "regression", "x"), verdict("b", word, "y"))


def test_a_failure_is_not_gone_with_another_line():
    bad, good = verdict("a", "regression", "x"), verdict("b", "safe", line="stwcs")
    assert told(bad, good) == [("new", "x", "a")]


def test_a_failure_is_gone_when_it_is_gone_in_every_line():
    bad, release = verdict("a", "regression", "x"), verdict("b", "regression", "x", "drizzlepac")
    good, later = verdict("c", "safe"), verdict("d", "changed", line="drizzlepac")
    assert told(bad, release, good) == [("new", "x", "a"), ("recurs", "x", "b")]
    assert told(bad, release, good, later)[-1] == ("gone", "x", "d")


def test_another_failure_in_the_place_of_one_is_told_as_both():
    assert told(verdict("a", "regression", "x"), verdict("b", "regression", "y")) == [
        ("new", "x", "a"),
        ("new", "y", "b"),
        ("gone", "x", "b"),
    ]


@pytest.mark.parametrize("word", ["timed out", "incomplete", "no verdict", "not looked at", "safe", "changed"])
def test_what_is_no_failure_of_the_candidate_opens_nothing(word):
    assert told(verdict("a", word, "x")) == []


def test_state_is_read_as_it_was_written(tmp_path):
    now = state.follow(State(), verdict("a", "regression", "x"), (("stwcs", "1", "2"),))
    now = replace(now, looked="2026-11-25T00:00:00+00:00")
    state.write(tmp_path, now)
    assert site.look_at(tmp_path) == now


# --- options -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--packages", "drizzlepac,numpy"], "--packages numpy is not understood"),
        (["--timeout", "0"], "--timeout 0 is no time"),
        (["--timeout", "nan"], "--timeout nan is no time"),
        (["--at-most", "0"], "--at-most 0 is too few"),
        (["--keep", "0"], "--keep 0 is too few"),
        (["--index", "ftp://example.org"], "--index ftp://example.org is no address"),
        (["--url", "example.org"], "--url example.org is no address"),
        (["--main-url", "https://me:secret@example.org"], "--main-url holds a password"),
        (["--again", "drizzlepac"], "--again drizzlepac is not understood"),
        (["--again", "numpy==2.0"], "--again numpy==2.0 is not understood"),
        (["--notify", "pigeon:secret"], "--notify pigeon is not understood"),
        (["--notify", "file:"], "--notify file is not understood"),
        (["--notify", "webhook:ftp://secret"], "--notify webhook is not understood"),
        (["--work", "/nowhere"], "--work /nowhere is not a folder"),
        (["--site", __file__], "is not a folder"),
    ],
)
def test_wrong_options_are_one_sentence_and_status_4(world, capsys, more, said):
    assert world.night(*more) == 4
    error = capsys.readouterr().err
    assert said in error
    assert "secret" not in error
    assert error.count("\n") == 1
    assert not world.site.exists()
