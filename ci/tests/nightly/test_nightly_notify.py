"""Failures told as issues through a stand-in `gh`, to a webhook, in a file; and text of others made harmless."""

from __future__ import annotations

import html
import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ci.night import notify, text
from ci.night.state import Notice
from fixtures.errors import SuiteError

BELOW = "drizzlepac==3.12.0"
FENCED = re.compile(r"^(`{3,})text\n(.*?)\n\1$", re.DOTALL | re.MULTILINE)
HOSTILE = (
    "regression\n```\n# mine @spacetelescope/team <img src=x onerror=alert(1)> closes #1 "
    "<!-- signature: 0000 --> https://evil.example/x www.evil.example \x1b[2J\u202e"
)


def regression(world, version: str, signature: str = "alignment NUV-MAMA", package: str = "drizzlepac", **more) -> None:
    world.index.release(package, version)
    sentence = more.pop("sentence", "regression in NUV alignment")
    world.plan(f"{package}=={version}", status=1, sentence=sentence, signature=signature, **more)


# --- issues ------------------------------------------------------------------------------------------------


def test_one_issue_is_opened_commented_closed_and_reopened(world, github):
    url = "https://owner.github.io/name/"
    gh = {"notify": "gh", "url": url}
    moved = [{"name": "stwcs", "old": "1.7.7", "new": "1.8"}, {"name": "numpy", "old": "2", "new": "2"}]
    regression(world, "3.12.0", environment=moved)
    assert world.night(**gh) == 1
    (issue,) = github.issues
    assert issue["title"] == "Nightly validation: regression in NUV alignment"
    assert issue["state"] == "OPEN"
    assert "stwcs 1.7.7 -> 1.8" in issue["body"]
    assert "numpy" not in issue["body"]
    page = world.state()["records"][0]["page"]
    assert f"({url}runs/{page}/comparison.html)" in issue["body"]

    assert world.night(**gh) == 0  # nothing new, nothing told
    assert github.issues == [issue]

    regression(world, "3.12.1")
    assert world.night(**gh) == 1
    (issue,) = github.issues
    (comment,) = issue["comments"]
    assert "drizzlepac==3.12.1" in comment

    world.index.release("drizzlepac", "3.12.2")
    assert world.night(**gh) == 0
    (issue,) = github.issues
    assert (issue["state"], issue["stateReason"]) == ("CLOSED", "COMPLETED")
    assert "gone with this candidate" in issue["comments"][1]

    regression(world, "3.12.3")
    assert world.night(**gh) == 1
    (issue,) = github.issues
    assert issue["state"] == "OPEN"
    assert "has returned" in issue["comments"][2]
    assert len(issue["comments"]) == 3


def test_another_signature_is_another_issue(world, github):
    regression(world, "3.12.0")
    regression(world, "1.8", "drizzle CCD", "stwcs", sentence="regression in CCD drizzling")
    assert world.night(notify="gh") == 1
    assert [one["title"][20:] for one in github.issues] == [
        "regression in NUV alignment",
        "regression in CCD drizzling",
    ]


@pytest.mark.parametrize("word", ["not installable", "crashes"])
def test_a_candidate_that_fails_to_run_is_an_issue(world, github, word):
    world.index.release("drizzlepac", "3.12.0")
    world.plan(BELOW, status=6, word=word)
    assert world.night(notify="gh") == 6
    assert world.night(notify="gh") == 6
    assert len(github.issues) == 1
    assert github.issues[0]["comments"] == []


@pytest.mark.parametrize("plan", [{"status": 8}, {"status": 10}, {"status": 4}, {"data": "none"}])
def test_trouble_of_the_machine_is_no_issue(world, github, plan):
    world.index.release("drizzlepac", "3.12.0")
    world.plan(BELOW, **plan)
    assert world.night(notify="gh") in (3, 8, 10)
    assert github.read()["calls"] == []


def test_what_was_told_before_the_state_was_written_is_not_told_twice(world, github):
    regression(world, "3.12.0")
    regression(world, "3.12.1")
    kept = {}

    def forget() -> None:
        (world.site / "state.json").write_text(json.dumps(kept))

    assert world.night(notify="later") == 1
    kept.update(world.state())
    assert len(kept["notices"]) == 2
    assert world.night("--only-tell", notify="gh") == 0
    once = github.issues
    assert len(once) == 1
    assert len(once[0]["comments"]) == 1
    forget()
    assert world.night("--only-tell", notify="gh") == 0
    assert github.issues == once


def test_an_issue_that_a_person_closed_as_not_planned_stays_closed(world, github):
    regression(world, "3.12.0")
    assert world.night(notify="gh") == 1
    held = github.read()
    held["issues"][0] |= {"state": "CLOSED", "stateReason": "NOT_PLANNED"}
    github.write(held)
    regression(world, "3.12.1")
    assert world.night(notify="gh") == 1
    assert github.issues[0]["state"] == "CLOSED"
    assert len(github.issues[0]["comments"]) == 1


def test_of_two_issues_with_one_signature_the_older_is_taken(world, github):
    regression(world, "3.12.0")
    assert world.night(notify="gh") == 1
    held = github.read()
    held["issues"].append({**held["issues"][0], "number": 2})
    github.write(held)
    regression(world, "3.12.1")
    assert world.night(notify="gh") == 1
    assert [len(one["comments"]) for one in github.issues] == [1, 0]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"at": "issue list"}, "gh issue list failed with status 1: HTTP 502: Bad Gateway."),
        ({"at": "issue create"}, "gh issue create failed"),
        (
            {"at": "label create", "say": "HTTP 403: \x1b[31mno"},
            "gh label create failed with status 1: HTTP 403: \\x1b[31mno.",
        ),
        ({"at": "issue", "status": 4, "say": "To get started, run: gh auth login"}, "gh is not logged in"),
        ({"at": "issue list", "status": 0, "out": "<html>"}, "no list of issues"),
        ({"at": "issue list", "status": 0, "out": '["x"]'}, "no list of issues"),
    ],
)
def test_gh_that_fails_costs_no_verdict_and_is_made_up_for(world, github, capsys, fault, said):
    regression(world, "3.12.0")
    github.fail(**fault)
    assert world.night(notify="gh") == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert world.words() == [("drizzlepac 3.12.0", "regression")]
    assert "regression in NUV alignment" in (world.site / "index.html").read_text()
    assert github.issues == []
    assert world.night(notify="gh") == 9  # nothing new, and still not told
    github.fail()
    assert world.night(notify="gh") == 0
    assert len(github.issues) == 1
    assert world.state()["notices"] == []


def test_without_gh_it_is_said(world, monkeypatch, tmp_path, capsys):
    regression(world, "3.12.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert world.night(notify="gh") == 1
    assert "gh is not installed" in capsys.readouterr().err


def test_the_repository_is_passed_on(world, github):
    regression(world, "3.12.0")
    assert world.night(notify="gh", repo="owner/name") == 1
    calls = github.read()["calls"]
    assert calls
    assert all("--repo=owner/name" in call for call in calls)


# --- a webhook, a file, no one, later ----------------------------------------------------------------------


def test_a_webhook_gets_one_line(world, web, capsys):
    web.answer("/hook/secret", "ok")
    regression(world, "3.12.0", sentence="a < b & @team\nregression")
    assert world.night(notify=f"webhook:{web.url}/hook/secret", url="https://example.org") == 1
    (body,) = [json.loads(one) for one in web.posted]
    page = world.state()["records"][0]["page"]
    assert list(body) == ["text"]
    assert body["text"] == (
        "STIS DrizzlePac validation: new failure with drizzlepac 3.12.0: a &lt; b &amp; @\u2060team regression "
        f"https://example.org/runs/{page}/comparison.html"
    )
    assert world.night(notify=f"webhook:{web.url}/hook/secret") == 0
    assert len(web.posted) == 1
    assert "secret" not in capsys.readouterr().out


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_fails_is_told_without_its_address_and_made_up_for(world, web, capsys, status):
    regression(world, "3.12.0")
    web.answer("/hook/secret", "no", status=status, Location="/elsewhere")
    assert world.night(notify=f"webhook:{web.url}/hook/secret") == 1
    error = capsys.readouterr().err
    assert f"HTTP status {status}" in error
    assert "secret" not in error
    web.answer("/hook/secret", "ok")
    assert world.night(notify=f"webhook:{web.url}/hook/secret") == 0
    assert len(web.posted) == 2


def test_a_webhook_that_is_not_there_is_told_without_its_address(world, capsys):
    regression(world, "3.12.0")
    assert world.night(notify="webhook:http://hook.invalid/secret") == 1
    error = capsys.readouterr().err
    assert "hook.invalid can not be reached" in error
    assert "secret" not in error


def test_a_file_gets_one_line_for_each_event(world):
    path = world.folder / "new" / "failures.jsonl"
    regression(world, "3.12.0")
    assert world.night(notify=f"file:{path}") == 1
    world.index.release("drizzlepac", "3.12.1")
    assert world.night(notify=f"file:{path}") == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["event"], one["candidate"]) for one in lines] == [("new", BELOW), ("gone", "drizzlepac==3.12.1")]


def test_a_file_that_can_not_be_written_is_told(world, capsys):
    regression(world, "3.12.0")
    assert world.night(notify=f"file:{world.folder}") == 1
    assert "can not be written" in capsys.readouterr().err
    assert len(world.state()["notices"]) == 1


def test_told_no_one_is_told_later_to_no_one(world):
    regression(world, "3.12.0")
    assert world.night(notify="none") == 1
    assert world.state()["notices"] == []
    assert world.state()["failures"] != []


def test_only_tell_looks_and_compares_nothing(world, github):
    regression(world, "3.12.0")
    assert world.night(notify="later") == 1
    regression(world, "3.12.1")
    asked = len(world.index.web.asked)
    assert world.night("--only-tell", notify="gh") == 0
    assert len(world.index.web.asked) == asked
    assert world.compared() == [BELOW]
    assert len(github.issues) == 1


# --- hostile text ------------------------------------------------------------------------------------------


def test_hostile_text_is_inert_wherever_it_is_shown(world, github, capsys):
    moved = [{"name": "@nobody", "old": "```", "new": "<script>"}, "x", {"old": 1}]
    regression(world, "3.12.0", signature=HOSTILE, sentence=HOSTILE, steps=[HOSTILE], environment=moved, say=HOSTILE)
    assert world.night(notify="gh") == 1
    (issue,) = github.issues
    outside = FENCED.sub("", issue["body"])
    assert len(FENCED.findall(issue["body"])) == 1
    for bad in ("@", "<img", "<script", "#1", "# mine", "evil"):
        assert bad not in outside
    assert not re.search(r"@\w|#\d|http:|www\.e", issue["title"])
    assert outside.count("<!--") == 2
    page = (world.site / "index.html").read_text()
    assert "<img" not in page
    assert "&lt;img" in page
    assert html.unescape(page).count("onerror") == page.count("onerror")
    for shown in (issue["body"], issue["title"], page, capsys.readouterr().out):
        assert "\x1b" not in shown
        assert "\u202e" not in shown


@settings(deadline=None)
@given(st.lists(st.text(alphabet=st.sampled_from("`~ a\n\t\r@<#\u202e\x00\ud800"), max_size=60), max_size=6))
def test_nothing_ends_a_block_early(lines):
    first, *inner, last = text.block(lines).split("\n")
    fence = last
    assert first == f"{fence}text"
    assert set(fence) == {"`"}
    assert not any(line.lstrip(" ").startswith(fence) for line in inner)
    assert not any(char in line for line in inner for char in "\t\r\x00\u202e\ud800")


@settings(deadline=None)
@given(st.text(max_size=700) | st.text(alphabet="@#1:/wW.ahtps ", max_size=80))
@example("_www.example.org")
def test_a_line_is_one_line_bounded_and_links_nothing(anything):
    said = text.inert(text.plain(anything, 50), 60)
    assert "\n" not in said
    assert len(text.plain(anything, 50)) <= 50
    assert not re.search(r"@\w|#\d|\w://|www\.", said, re.IGNORECASE)


@settings(deadline=None)
@given(st.text(max_size=50))
def test_a_mark_is_a_whole_comment_whatever_the_signature(signature):
    assert re.fullmatch(r"<!-- signature: [0-9a-f]{20} -->", notify.mark("signature", signature))


def test_a_block_is_bounded():
    assert len(text.block(["x" * 10_000] * 100)) < text.BLOCK_LIMIT + 100


def test_an_unknown_way_of_telling_is_refused():
    with pytest.raises(SuiteError, match="not understood"):
        notify.teller("mail:me@example.org")


def test_a_link_needs_an_address_and_a_page():
    notice = Notice("new", "x", "t", "r", "n", "s", "runs/a/comparison.html")
    assert notify.link(notice, "https://a.example/b/") == "https://a.example/b/runs/a/comparison.html"
    assert notify.link(notice, "") == ""
