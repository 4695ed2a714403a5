"""`show`, `log`, `verify`: what people see of the baselines."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from baselines import show
from baselines.tests.bench import WHY
from fixtures.baseline.pack import read_mosaic
from fixtures.status import Status


def test_show_tells_what_a_baseline_is(approved, capsys):
    assert approved.call("show", "--detector", "ccd") == 0
    told = capsys.readouterr().out
    for words in (
        "Ada Lovelace <ada@example.org>",
        WHY,
        "python (follows CALSTIS)",
        "Linux-x86_64",
        "drizzlepac 3.11.0",
        "version 2, seed 20101",
        "measurements  2",
        "in git",
    ):
        assert words in told
    folder = approved.root / "twin" / "CCD"
    assert f"{sum(path.stat().st_size for path in folder.iterdir())} bytes" in told
    assert f"sci {read_mosaic(folder / 'mosaic.fits').digests['sci'][:12]}" in told
    assert "NUV-MAMA" not in told


def test_show_without_names_tells_of_all(approved, capsys):
    assert approved.call("show") == 0
    told = capsys.readouterr().out
    assert "twin CCD" in told
    assert "twin NUV-MAMA" in told


@pytest.mark.parametrize("arguments", [(), ("--dataset", "m33"), ("--detector", "fuv")])
def test_show_says_that_there_is_none(bench, capsys, arguments):
    assert bench.call("show", *arguments) == Status.USAGE
    assert "There is no baseline" in capsys.readouterr().err


def test_show_names_a_damaged_file_and_tells_of_the_others(approved, capsys):
    (approved.root / "twin" / "CCD" / "mosaic.fits").write_bytes(b"")
    assert approved.call("show") == Status.USAGE
    told = capsys.readouterr()
    assert "mosaic.fits" in told.err
    assert "twin CCD" not in told.out
    assert "twin NUV-MAMA" in told.out


def test_log_has_the_newest_first(approved, capsys):
    approved.again(shift=0.25)
    assert approved.approve("--detector", "ccd", reason="the second") == 0
    capsys.readouterr()
    assert approved.call("log") == 0
    told = capsys.readouterr().out
    assert told.index("the second") < told.index(WHY)
    assert told.count("approved by Ada Lovelace") == 3


def test_log_of_nothing(bench, capsys):
    assert bench.call("log") == 0
    assert "nothing was ever approved" in capsys.readouterr().out


def test_log_tells_what_it_can_and_names_a_torn_line(approved, capsys):
    with (approved.root / "history.jsonl").open("a") as stream:
        stream.write('{"done": "appr')
    assert approved.call("log") == 1
    told = capsys.readouterr()
    assert told.out.count("approved by") == 2
    assert "Line 3" in told.err
    assert "torn" in told.err


def test_verify_says_that_all_is_well(approved, capsys):
    assert approved.call("verify") == 0
    told = capsys.readouterr().out
    assert told.startswith("2 baselines, 10 files, ")
    assert told.endswith("KB in git: all as their manifest says\n")


def test_verify_of_nothing_is_well(bench, capsys):
    assert bench.call("verify") == 0
    assert "0 baselines, 0 files" in capsys.readouterr().out


def test_verify_names_every_damaged_file(approved, capsys):
    (approved.root / "twin" / "CCD" / "sources.ecsv").unlink()
    (approved.root / "twin" / "NUV-MAMA" / "measurements.json").write_text("{}")
    (approved.root / "twin" / "NUV-MAMA" / "stranger.txt").write_text("")
    assert approved.call("verify") == 1
    told = capsys.readouterr().out
    for name in ("sources.ecsv", "measurements.json", "stranger.txt"):
        assert name in told


def test_verify_names_a_torn_history(approved, capsys):
    with (approved.root / "history.jsonl").open("a") as stream:
        stream.write("{")
    assert approved.call("verify") == 1
    assert "is torn" in capsys.readouterr().out


def test_verify_names_a_baseline_without_history(approved, capsys):
    path = approved.root / "history.jsonl"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    assert approved.call("verify") == 1
    told = capsys.readouterr().out
    assert "twin/NUV-MAMA has no approval" in told
    assert "twin/CCD" not in told


def test_verify_names_an_approval_without_baseline(approved, capsys):
    line = json.loads((approved.root / "history.jsonl").read_text().splitlines()[0])
    with (approved.root / "history.jsonl").open("a") as stream:
        stream.write(json.dumps({**line, "detector": "FUV-MAMA"}) + "\n")
    assert approved.call("verify") == 1
    assert "twin/FUV-MAMA was approved" in capsys.readouterr().out


def test_verify_names_baselines_that_are_too_large_for_git(approved, capsys, monkeypatch):
    monkeypatch.setattr(show, "LIMIT_BYTES", 1000)
    assert approved.call("verify") == 1
    assert "more than 1.0 KB" in capsys.readouterr().out


def test_the_limit_is_that_of_the_repository():
    assert show.LIMIT_BYTES == 16_000_000


@pytest.mark.parametrize("command", ["show", "log", "verify"])
def test_a_manifest_that_is_none_is_one_sentence(approved, capsys, command):
    (approved.root / "manifest.json").write_text("{")
    status = approved.call(command)
    told = capsys.readouterr()
    assert status == {"show": 4, "log": 0, "verify": 4}[command]
    assert command == "log" or "manifest.json" in told.out + told.err
    assert "Traceback" not in told.err


# --- the command itself ----------------------------------------------------------------------------------


def command(bench, *arguments, **how):
    """Run the command in a process of its own."""
    line = [sys.executable, "-m", "baselines", arguments[0], "--root", str(bench.root), *arguments[1:]]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=300, **how)


def test_without_terminal_nothing_is_approved(bench):
    done = command(bench, "approve", "--run", str(bench.run), "--reason", WHY, stdin=subprocess.DEVNULL)
    assert done.returncode == Status.USAGE
    assert done.stderr == "error: There is no terminal to ask on, so nothing is written: add --yes if you are sure.\n"
    assert bench.bytes() == {}


def test_on_a_terminal_one_is_asked(bench):
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"y\nn\n")
        done = command(bench, "approve", "--run", str(bench.run), "--reason", WHY, stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == Status.ENDED_EARLY, done.stderr
    assert [one["detector"] for one in bench.history()] == ["CCD"]


def test_the_help_names_every_command(bench):
    done = subprocess.run(
        [sys.executable, "-m", "baselines", "--help"], capture_output=True, text=True, check=True, timeout=300
    )
    for word in ("approve", "forget", "show", "log", "verify", "exit status"):
        assert word in done.stdout


def test_a_reader_that_goes_away_is_no_error(approved):
    line = f"{sys.executable} -m baselines log --root {approved.root} | true"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=300)
    assert "Traceback" not in done.stderr


def test_the_suites_own_tests_never_import_the_tool_to_write():
    """The pytest layer and what it imports never reach the tool that approves."""
    line = (
        "import sys, fixtures.plugin, fixtures.pipeline; print([name for name in sys.modules if 'baselines' in name])"
    )
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() == "[]"
