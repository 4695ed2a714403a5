"""What comparisons keep stays within a bound: what goes, what stays, and what is told; folders are made up."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import environments
import pytest
from upgrading import keeping
from upgrading.keeping import COMPLETE, hold, in_use, keep_within, kept, lock_of, prune

CI = Path(environments.__file__).parent
HOLDS = """
import sys, pathlib
from upgrading.keeping import hold
mark = hold(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def key(letter: str) -> str:
    return letter * 24


def make(cache: Path, letter: str, *, used: int, kind: str = "environments", size: int = 1000) -> Path:
    """Make a folder of a size that was last used at a time."""
    folder = cache / kind / key(letter)
    folder.mkdir(parents=True)
    (folder / COMPLETE).write_text("{}")
    (folder / "module.py").write_bytes(bytes(size - 2))
    os.utime(folder, (used, used))
    return folder


@pytest.fixture
def three(tmp_path):
    """Return three environments of 1000 bytes; they were used in the order b, c, a."""
    return [make(tmp_path, letter, used=used) for letter, used in (("a", 300), ("b", 100), ("c", 200))]


def left(cache: Path) -> list[str]:
    return sorted(path.name[0] for path in (cache / "environments").iterdir() if path.is_dir())


@contextmanager
def held_elsewhere(folder: Path):
    """Let another process use a folder."""
    environment = {**os.environ, "PYTHONPATH": f"{CI}{os.pathsep}{CI.parent}"}
    command = [sys.executable, "-c", HOLDS, str(folder)]
    child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "held\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def test_what_was_used_longest_ago_goes_first_and_no_more_than_must(three, tmp_path):
    done = prune(tmp_path, 2000)
    assert [one.path.name[0] for one in done.removed] == ["b"]
    assert (left(tmp_path), done.bytes_left, done.bytes_removed) == (["a", "c"], 2000, 1000)


def test_copies_of_the_suite_and_of_sources_count_and_go_too(three, tmp_path):
    make(tmp_path, "d", used=50, kind="suites")
    make(tmp_path, "e", used=60, kind="sources")
    assert [one.kind for one in prune(tmp_path, 3000).removed] == ["suites", "sources"]


def test_what_another_process_uses_stays_whatever_the_limit(three, tmp_path):
    with held_elsewhere(three[1]):
        assert [one.path.name[0] for one in prune(tmp_path, 0).removed] == ["c", "a"]
        assert left(tmp_path) == ["b"]


def test_what_a_killed_process_used_goes(three, tmp_path):
    with held_elsewhere(three[1]) as child:
        child.kill()
        child.wait()
        prune(tmp_path, 0)
        assert left(tmp_path) == []
        assert list((tmp_path / "in-use").iterdir()) == []


def test_what_this_process_uses_twice_stays_until_both_uses_end(three, tmp_path):
    first, second = hold(three[1]), hold(three[1])
    first.release(remove=True)
    prune(tmp_path, 0)
    assert left(tmp_path) == ["b"]
    second.release(remove=True)
    assert not in_use(three[1])


def test_what_somebody_is_making_stays(three, tmp_path):
    (three[2] / COMPLETE).unlink()
    with lock_of(three[1]), lock_of(three[2]):
        prune(tmp_path, 0)
        assert left(tmp_path) == ["b", "c"]


def test_use_is_noted(three, tmp_path):
    hold(three[1]).release(remove=True)
    assert [one.path.name[0] for one in kept(tmp_path)] == ["c", "a", "b"]


def test_what_killed_processes_left_goes_within_any_limit(three, tmp_path):
    (three[0] / COMPLETE).unlink()
    for name in (f".{key('d')}.removing", f".{key('e')}.making"):
        (tmp_path / "environments" / name).mkdir()
    assert prune(tmp_path, 10**9).removed == ()
    assert left(tmp_path) == ["b", "c"]


def test_nothing_else_in_the_folder_is_touched(three, tmp_path):
    above = tmp_path / "environments"
    (above / key("f")).symlink_to(make(tmp_path, "f", used=1, kind="elsewhere"))
    for name in ("my-environment", ".hidden"):
        make(tmp_path, "e", used=2).rename(above / name)
    prune(tmp_path, 0)
    assert sorted(path.name for path in above.iterdir() if path.suffix != ".lock") == [
        ".hidden",
        key("f"),
        "my-environment",
    ]
    for folder in above.iterdir():
        assert folder.suffix == ".lock" or (folder / "module.py").exists()


def test_what_goes_is_told_in_one_line(three, tmp_path):
    said = []
    keep_within(tmp_path, 1000, said.append)
    what = "removed what was used longest ago: 2 environments (0.00 GB); 0.00 GB are left"
    assert said == [f"{what} of at most 1e-06 GB (--cache-size)"]


def test_nothing_is_told_where_there_is_room(three, tmp_path):
    said = []
    keep_within(tmp_path, 3000, said.append)
    assert said == []


def test_what_is_in_use_beyond_the_limit_is_told(three, tmp_path):
    said, marks = [], [hold(folder) for folder in three]
    keep_within(tmp_path, 1000, said.append)
    assert said == [f"0.00 GB are in use in {tmp_path}, more than the 1e-06 GB of --cache-size"]
    for mark in marks:
        mark.release(remove=True)


def test_what_another_process_removes_meanwhile_is_no_trouble(three, tmp_path, monkeypatch):
    sizes = keeping._size

    def size(folder):
        found = sizes(folder)
        if folder == three[1]:
            shutil.rmtree(folder)
        return found

    monkeypatch.setattr(keeping, "_size", size)
    assert [one.path.name[0] for one in prune(tmp_path, 1000).removed] == ["c"]


def test_trouble_with_pruning_is_told_and_costs_nothing_else(three, tmp_path, monkeypatch):
    def fails(path):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(keeping.locks, "acquire", fails)
    (tmp_path / "in-use").mkdir()
    (tmp_path / "in-use" / f"{key('a')}-host-1-0").touch()
    said = []
    keep_within(tmp_path, 1000, said.append)
    assert said == [f"no room could be made in {tmp_path} (No locks available): see python ci/environments.py"]


def test_the_command_lists_and_prunes(three, tmp_path, capsys):
    (three[1] / COMPLETE).write_text('{"packages": {"drizzlepac": "3.10.0 (file:///a/b/one.whl)", "numpy": "2.4.6"}}')
    mark = hold(three[0])
    assert environments.main(["--cache", str(tmp_path), "list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "bbbbbbbbbbbb   0.00 GB  1970-01-01 00:01  drizzlepac 3.10.0 (one.whl), numpy 2.4.6"
    assert rows[2].startswith("aaaaaaaaaaaa")
    assert rows[2].endswith("in use")
    assert rows[3].startswith("3 folders, ")
    assert environments.main(["--cache", str(tmp_path), "prune", "--limit", "0"]) == 0
    assert capsys.readouterr().out.startswith("removed what was used longest ago: 2 environments")
    assert left(tmp_path) == ["a"]
    mark.release(remove=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cache", "nowhere", "list"], "nowhere is not a folder"),
        (["prune", "--limit", "-1"], "--limit -1 is no size"),
    ],
)
def test_wrong_usage_of_the_command_is_told(arguments, said, capsys):
    assert environments.main(arguments) == 4
    assert said in capsys.readouterr().err
