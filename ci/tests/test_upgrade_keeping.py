"""What comparisons keep stays within a bound: what goes, what stays, and what is told; folders are made up."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

import pytest

from ci import environments
from ci.upgrading import keeping
from ci.upgrading.keeping import COMPLETE, keep_within, kept, lock_of, prune, touch

DAY = 86400


def key(letter: str) -> str:
    return letter * 24


def make(cache: Path, letter: str, *, days: float, kind: str = "environments", size: int = 1000) -> Path:
    """Make a folder of a size that was last used so many days ago."""
    folder = cache / kind / key(letter)
    folder.mkdir(parents=True)
    (folder / COMPLETE).write_text("{}")
    (folder / "module.py").write_bytes(bytes(size - 2))
    then = time.time() - days * DAY
    os.utime(folder, (then, then))
    return folder


@pytest.fixture
def three(tmp_path):
    """Return three environments of 1000 bytes; they were used in the order b, c, a."""
    return [make(tmp_path, letter, days=days) for letter, days in (("a", 5), ("b", 15), ("c", 10))]


def left(cache: Path) -> list[str]:
    return sorted(path.name[0] for path in (cache / "environments").iterdir() if path.is_dir())


def test_what_was_used_longest_ago_goes_first_and_no_more_than_must(three, tmp_path):
    done = prune(tmp_path, 2000)
    assert [one.path.name[0] for one in done.removed] == ["b"]
    assert (left(tmp_path), done.bytes_left, done.bytes_removed) == (["a", "c"], 2000, 1000)


def test_copies_of_the_suite_and_of_sources_count_and_go_too(three, tmp_path):
    make(tmp_path, "d", days=25, kind="suites")
    make(tmp_path, "e", days=20, kind="sources")
    assert [one.kind for one in prune(tmp_path, 3000).removed] == ["suites", "sources"]


def test_what_was_not_used_for_30_days_goes_within_any_limit(three, tmp_path):
    make(tmp_path, "d", days=30.1)
    make(tmp_path, "e", days=29.9)
    assert [one.path.name[0] for one in prune(tmp_path, 10**9).removed] == ["d"]
    assert left(tmp_path) == ["a", "b", "c", "e"]


def test_what_was_used_within_a_day_stays_whatever_the_limit(three, tmp_path):
    touch(three[1])
    assert [one.path.name[0] for one in prune(tmp_path, 0).removed] == ["c", "a"]
    assert left(tmp_path) == ["b"]


def test_what_a_run_of_days_uses_stays(three, tmp_path):
    touch(three[1], 3 * DAY)
    assert kept(tmp_path)[-1].used == pytest.approx(time.time() + 2 * DAY, abs=60)


def test_what_somebody_begins_to_use_meanwhile_stays(three, tmp_path, monkeypatch):
    found = kept(tmp_path)
    touch(three[1])
    monkeypatch.setattr(keeping, "kept", lambda cache: found)
    prune(tmp_path, 0)
    assert left(tmp_path) == ["b"]


def test_what_somebody_is_making_stays(three, tmp_path):
    (three[2] / COMPLETE).unlink()
    with lock_of(three[1]), lock_of(three[2]):
        prune(tmp_path, 0)
        assert left(tmp_path) == ["b", "c"]


def test_use_is_noted(three, tmp_path):
    touch(three[1])
    assert [one.path.name[0] for one in kept(tmp_path)] == ["c", "a", "b"]


def test_what_killed_processes_left_goes_too(three, tmp_path):
    (three[0] / COMPLETE).unlink()
    os.utime(three[0], (0, 0))
    for name in (f".{key('d')}.removing", f".{key('e')}.making"):
        (tmp_path / "environments" / name).mkdir()
        os.utime(tmp_path / "environments" / name, (0, 0))
    prune(tmp_path, 10**9)
    assert left(tmp_path) == ["b", "c"]


def test_nothing_else_in_the_folder_is_touched(three, tmp_path):
    above = tmp_path / "environments"
    (above / key("f")).symlink_to(make(tmp_path, "f", days=99, kind="elsewhere"))
    for name in ("my-environment", ".hidden"):
        make(tmp_path, "e", days=99).rename(above / name)
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
    said = []
    for folder in three:
        touch(folder)
    keep_within(tmp_path, 1000, said.append)
    assert said == [f"0.00 GB in {tmp_path} were used within a day, more than the 1e-06 GB of --cache-size"]


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
    def fails(folder):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(keeping, "_size", fails)
    said = []
    keep_within(tmp_path, 1000, said.append)
    assert said == [f"no room could be made in {tmp_path} (Input/output error): see python ci/environments.py"]


def test_the_command_lists_and_prunes(three, tmp_path, capsys):
    (three[1] / COMPLETE).write_text('{"packages": {"drizzlepac": "3.10.0 (file:///a/b/one.whl)", "numpy": "2.4.6"}}')
    os.utime(three[1], (100, 100))
    touch(three[0])
    assert environments.main(["--cache", str(tmp_path), "list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "bbbbbbbbbbbb   0.00 GB  1970-01-01 00:01  drizzlepac 3.10.0 (one.whl), numpy 2.4.6"
    assert rows[2].startswith("aaaaaaaaaaaa")
    assert rows[2].endswith("  used today")
    assert rows[3].startswith("3 folders, ")
    assert environments.main(["--cache", str(tmp_path), "prune", "--limit", "0"]) == 0
    assert capsys.readouterr().out.startswith("removed what was used longest ago: 2 environments")
    assert left(tmp_path) == ["a"]


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
