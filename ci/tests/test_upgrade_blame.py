"""Which package did it: delta debugging, and what is said of it; environments are made up."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci import bisection
from ci.tests import runs
from ci.upgrading import blame
from ci.upgrading.blame import JSON, PAGE, find, moves, suspects_first, write_blame
from ci.upgrading.comparing import Comparison
from ci.upgrading.ddmin import BAD, GOOD, UNRESOLVED, minimal
from ci.upgrading.environments import Environment
from ci.upgrading.running import Ran
from ci.verdicts import REGRESSION, SAFE, CandidateVerdict

NAMES = [f"p{number}" for number in range(9)]


@settings(deadline=None)
@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_exactly_the_guilty_are_found_when_all_must_move_together(guilty):
    found = minimal(NAMES, lambda part: BAD if guilty <= part else GOOD)
    assert set(found) == guilty


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_what_cannot_be_had_alone_is_blamed_with_what_it_needs(guilty, needed):
    def test(part):
        if guilty in part and needed not in part:
            return UNRESOLVED
        return BAD if guilty in part else GOOD

    assert set(minimal(NAMES, test)) == {guilty, needed}


def test_no_part_is_tried_twice():
    tried = []

    def test(part):
        tried.append(part)
        return BAD if {"p1", "p7"} <= part else GOOD

    minimal(NAMES, test)
    assert len(tried) == len(set(tried))


def test_nothing_can_be_left_out_of_what_is_found():
    guilty = [{"p0", "p3"}, {"p8"}]
    found = set(minimal(NAMES, lambda part: BAD if any(one <= part for one in guilty) else GOOD))
    assert found in guilty


def test_moves_are_the_pins_that_differ_the_likely_ones_first():
    good = ["zlib==1", "numpy==1", "drizzlepac==1", "stsci-tools==1", "gone==1", "same==1"]
    bad = ["zlib==2", "numpy==2", "drizzlepac @ file:///x", "stsci-tools==2", "added==1", "same==1"]
    assert list(moves(good, bad)) == ["drizzlepac", "numpy", "stsci-tools", "zlib"]
    assert suspects_first(["zlib", "stwcs", "scipy"]) == ["stwcs", "scipy", "zlib"]


class Lab:
    """Environments in which the verdict follows from which packages moved."""

    def __init__(self, names, verdict):
        self.moved = {name: (f"{name}==1", f"{name}==2") for name in names}
        self.output = Path("/out")
        self.tried = []
        self._verdict = verdict

    def try_(self, part):
        self.tried.append(part)
        word = self._verdict(part)
        if word is None:
            return "they contradict one another"
        new = SimpleNamespace(folder=Path(f"/out/tried/{'+'.join(sorted(part))}/new"))
        return SimpleNamespace(verdict=SimpleNamespace(word=word, sentence=f"{word}: as made up."), new=new)


def test_the_guilty_package_is_named_with_both_reports():
    done = find(Lab(NAMES, lambda part: "regression" if "p4" in part else "safe"))
    assert done.packages == ("p4",)
    assert done.sentence == "p4 of 9 moved packages: regression: as made up. All others without: safe: as made up."
    assert done.only == "tried/p4/comparison.html"
    assert done.without == "tried/p0+p1+p2+p3+p5+p6+p7+p8/comparison.html"


def test_two_that_do_it_together_are_named_together():
    done = find(Lab(NAMES, lambda part: "regression" if {"p2", "p7"} <= part else "changed"))
    assert done.packages == ("p2", "p7")
    assert done.sentence.startswith("p2 and p7 together of 9 moved packages: regression")
    assert "no part of them does it, or can be had, alone" in done.sentence


def test_a_second_guilty_package_is_not_hidden():
    done = find(Lab(NAMES, lambda part: "regression" if part & {"p2", "p7"} else "safe"))
    assert "All others do it too: there is more than one to blame" in done.sentence


def test_an_environment_that_crashes_can_be_bisected():
    done = find(Lab(NAMES, lambda part: "crashes" if "p1" in part else "regression" if "p2" in part else "safe"))
    assert (done.word, done.packages) == ("crashes", ("p1",))


def test_where_nothing_turns_there_is_nothing_to_find():
    done = find(Lab(NAMES, lambda part: "safe"))
    assert (done.packages, done.sentence) == ((), "there is nothing to find: safe: as made up.")


def test_a_bad_environment_that_cannot_be_built_is_told():
    done = find(Lab(NAMES, lambda part: None))
    assert done.sentence == "the bad environment can't be built: they contradict one another"


def test_the_same_environment_twice_has_no_guilty():
    assert find(Lab([], lambda part: "safe")).packages == ()


def test_the_files_of_a_bisection(tmp_path):
    write_blame(find(Lab(NAMES[:3], lambda part: "regression" if "p1" in part else "safe")), tmp_path)
    found = json.loads((tmp_path / JSON).read_text())
    assert found["packages"] == ["p1"]
    assert {one["outcome"] for one in found["trials"]} == {"good", "bad"}
    assert 'href="tried/p1/comparison.html"' in (tmp_path / PAGE).read_text()


@pytest.fixture
def environments(monkeypatch, tmp_path):
    """Let environments be what their files say, without building any; `two` decides the verdict."""

    def build(pins):
        return Environment(Path("python"), {}, "key", "", tuple(sorted(pins)))

    def compare(plan, good, new, output, *, before, **about):
        word = REGRESSION if "two==2" in new.pins else SAFE
        return Comparison(verdict=CandidateVerdict(word, f"{word}."), new=ran(output / "new"), **about)

    def ran(folder):
        return Ran(runs.run(), folder, 0, 1.0)

    monkeypatch.setattr(bisection, "_built", lambda plan, path: build(path.read_text().split()))
    monkeypatch.setattr(blame.Laboratory, "_build", lambda lab, part: build(_mixed(lab, part)))
    monkeypatch.setattr(blame, "run", lambda plan, environment, folder, which: ran(folder))
    monkeypatch.setattr(blame, "compare", compare)
    monkeypatch.chdir(tmp_path)


def _mixed(lab, part):
    return [lab.moved[name][1] if name in part else pin for name, pin in blame.by_name(lab.good.pins).items()]


def test_a_bisection_tells_the_guilty_and_both_reports(environments, tmp_path, capsys):
    Path("good.txt").write_text("one==1 two==1 three==1")
    Path("bad.txt").write_text("one==2 two==2 three==2")
    assert bisection.main(["good.txt", "bad.txt", "--output", "out"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "two of 3 moved packages: regression. All others without: safe.",
        "only these moved: out/tried/two/comparison.html",
        "all but these moved: out/tried/one+three/comparison.html",
        "report: out/bisect.html",
    ]
    assert all(
        (tmp_path / "out" / "tried" / name / "comparison.html").is_file() for name in ("two", "one+three", "bad")
    )


def test_a_bisection_where_nothing_turns_ends_with_5(environments, capsys):
    Path("good.txt").write_text("one==1 two==1")
    Path("bad.txt").write_text("one==2 two==1")
    assert bisection.main(["good.txt", "bad.txt", "--output", "out"]) == 5
    assert capsys.readouterr().out.startswith("there is nothing to find: safe.\n")


@pytest.mark.parametrize(
    "arguments", [[], ["one.txt"], ["one.txt", "two.txt", "three.txt"], ["one.txt", "nowhere.txt"]]
)
def test_files_that_are_not_named_are_asked_for(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("one.txt", "two.txt", "three.txt"):
        (tmp_path / name).write_text("a==1\n")
    assert bisection.main(arguments) == 4
    assert capsys.readouterr().err.startswith("error: ")
