from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import history
from baselines.history import Entry, append, read_history, told
from fixtures.errors import SuiteError

ENTRY = Entry(
    done="approved",
    when="2026-11-24T05:00:00+00:00",
    who={"name": "Ada Lovelace", "email": "ada@example.org"},
    why="understood",
    dataset="twin",
    detector="CCD",
    run={"started": "2026-11-24T04:32:27+00:00", "command": "pytest validation"},
    engine="python",
    versions={"drizzlepac": ("3.10.0", "3.11.0"), "numpy": (None, "2.4.6")},
    largest={"baseline.flux": 1.003, "baseline.shift_x": None, "baseline.nan": 0.0},
    mosaic_sha256={"before": None, "after": "ab" * 32},
)


def test_what_is_appended_is_read_again(tmp_path):
    append(tmp_path, ENTRY)
    append(tmp_path, Entry(**{**vars(ENTRY), "detector": "NUV-MAMA", "against": ("a check failed",), "despite": "so"}))
    found = read_history(tmp_path)
    assert found.entries[0] == ENTRY
    assert found.entries[1].against == ("a check failed",)
    assert found.last("twin/CCD") == ENTRY
    assert found.last("m33/CCD") is None
    assert found.problems == ()


def test_there_is_one_line_an_entry(tmp_path):
    append(tmp_path, Entry(**{**vars(ENTRY), "why": "in\ntwo\u2028lines"}))
    append(tmp_path, ENTRY)
    assert (tmp_path / history.NAME).read_bytes().count(b"\n") == 2
    assert read_history(tmp_path).entries[0].why == "in\ntwo\u2028lines"


def test_no_history_is_an_empty_one(tmp_path):
    assert read_history(tmp_path) == history.History((), ())


@pytest.mark.parametrize("kept", [1, 40, -2])
def test_a_torn_last_line_is_named_and_what_stands_before_it_is_read(tmp_path, kept):
    append(tmp_path, ENTRY)
    path = tmp_path / history.NAME
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:kept])
    found = read_history(tmp_path)
    assert found.entries == (ENTRY,)
    assert found.problems == (f"Line 2 of {path} is torn: restore the file with git.",)


def test_an_entry_after_a_torn_line_stands_on_a_line_of_its_own(tmp_path):
    append(tmp_path, ENTRY)
    path = tmp_path / history.NAME
    path.write_bytes(path.read_bytes()[:50])
    append(tmp_path, ENTRY)
    found = read_history(tmp_path)
    assert found.entries == (ENTRY,)
    assert len(found.problems) == 1
    assert "Line 1" in found.problems[0]


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({**vars(ENTRY), "who": "Ada"}).encode(),
        json.dumps({**vars(ENTRY), "when": None}).encode(),
        json.dumps({**vars(ENTRY), "versions": {"numpy": "1"}}).encode(),
        json.dumps({**vars(ENTRY), "against": 1}).encode(),
    ],
)
def test_a_line_that_is_no_entry_is_named_and_the_others_are_read(tmp_path, line):
    append(tmp_path, ENTRY)
    path = tmp_path / history.NAME
    path.write_bytes(line + b"\n" + path.read_bytes())
    found = read_history(tmp_path)
    assert found.entries == (ENTRY,)
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"Line 1 of {path} is no entry")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_process_killed_while_it_appends_leaves_the_history_as_it_was(tmp_path, step):
    append(tmp_path, ENTRY)
    before = (tmp_path / history.NAME).read_bytes()
    child = os.fork()
    if child == 0:
        for name in ("fsync", "replace", "rename"):
            setattr(os, name, lambda *_, **__: os._exit(9)) if name.startswith(step) else None
        append(tmp_path, ENTRY)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert (tmp_path / history.NAME).read_bytes() == before


def test_a_history_that_can_not_be_read_is_one_sentence(tmp_path):
    (tmp_path / history.NAME).mkdir()
    with pytest.raises(SuiteError, match=r"history\.jsonl can't be read"):
        read_history(tmp_path)
    with pytest.raises(SuiteError, match=r"history\.jsonl can't be read"):
        append(tmp_path, ENTRY)


def test_a_folder_that_can_not_be_written_is_one_sentence(tmp_path):
    with pytest.raises(SuiteError, match=r"history\.jsonl cannot be written"):
        append(tmp_path / "none", ENTRY)


def test_an_entry_is_told_with_everything_that_it_holds():
    text = "\n".join(told(Entry(**{**vars(ENTRY), "despite": "so", "against": ("test_x failed",)})))
    for word in ("Ada Lovelace <ada@example.org>", "understood", "despite   so", "test_x failed", "pytest validation"):
        assert word in text
    assert "drizzlepac 3.10.0 -> 3.11.0, numpy 2.4.6" in text
    assert "changes   flux 1.003, shift_x -\n" in text
    assert "none -> abababababab" in text


@settings(deadline=None)
@given(st.text(), st.text())
def test_nothing_of_an_entry_reaches_the_terminal_raw(why, name):
    lines = told(Entry(**{**vars(ENTRY), "why": why, "who": {"name": name, "email": ""}}))
    assert all(line.isprintable() for line in lines)
    assert len(lines) == len(told(ENTRY))
