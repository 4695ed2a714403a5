"""What comparisons keep goes by age: what goes, what stays, and what is told; folders are made up."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

import pytest

from ci import environments, upgrade
from ci.upgrading import keeping
from ci.upgrading.keeping import COMPLETE, kept, lock_of, make_room, prune, touch
from fixtures.errors import SuiteError

DAY = 86400


def key(letter: str) -> str:
    return letter * 24


def make(cache: Path, letter: str, *, days: float, kind: str = "environments") -> Path:
    """Make a folder of 1000 bytes that was last used so many days ago."""
    folder = cache / kind / key(letter)
    folder.mkdir(parents=True)
    (folder / COMPLETE).write_text("{}")
    (folder / "module.py").write_bytes(bytes(998))
    then = time.time() - days * DAY
    os.utime(folder, (then, then))
    return folder


@pytest.fixture
def three(tmp_path):
    """Return three environments; they were used in the order b, c, a."""
    return [make(tmp_path, letter, days=days) for letter, days in (("a", 5), ("b", 13), ("c", 10))]


def left(cache: Path) -> list[str]:
    return sorted(path.name[0] for path in (cache / "environments").iterdir() if path.is_dir())


def test_what_was_not_used_for_14_days_goes(three, tmp_path):
    make(tmp_path, "d", days=14.1)
    make(tmp_path, "e", days=13.9)
    assert prune(tmp_path) == "removed what was not used for 14 days: 1 environment"
    assert left(tmp_path) == ["a", "b", "c", "e"]


def test_the_days_can_be_chosen(three, tmp_path):
    assert prune(tmp_path, 7) == "removed what was not used for 7 days: 2 environments"
    assert left(tmp_path) == ["a"]


def test_copies_of_the_suite_and_of_sources_go_too(three, tmp_path):
    made = [
        make(tmp_path, "d", days=25, kind="suites"),
        *(make(tmp_path, one, days=20, kind="sources") for one in "ef"),
    ]
    assert prune(tmp_path) == "removed what was not used for 14 days: 1 copy of the suite, 2 copies of sources"
    assert not any(one.exists() for one in made)


def test_what_was_used_within_a_day_stays(three, tmp_path):
    touch(three[1])
    prune(tmp_path, 1)
    assert left(tmp_path) == ["b"]


@pytest.mark.parametrize("days", [0, -1])
def test_less_than_a_day_is_refused_as_somebody_may_be_using_it(three, tmp_path, days):
    with pytest.raises(SuiteError, match=f"--keep-days {days} is too few: at least 1"):
        prune(tmp_path, days)
    assert left(tmp_path) == ["a", "b", "c"]


def test_what_a_run_of_days_uses_stays(three, tmp_path):
    touch(three[1], 3 * DAY)
    assert kept(tmp_path)[-1].used == pytest.approx(time.time() + 2 * DAY, abs=60)


def test_what_somebody_begins_to_use_meanwhile_stays(three, tmp_path, monkeypatch):
    found = kept(tmp_path)
    touch(three[1])
    monkeypatch.setattr(keeping, "kept", lambda cache: found)
    prune(tmp_path, 1)
    assert left(tmp_path) == ["b"]


def test_what_somebody_is_making_stays(three, tmp_path):
    (three[2] / COMPLETE).unlink()
    with lock_of(three[1]), lock_of(three[2]):
        prune(tmp_path, 1)
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
    prune(tmp_path)
    assert left(tmp_path) == ["b", "c"]


def test_nothing_else_in_the_folder_is_touched(three, tmp_path):
    above = tmp_path / "environments"
    (above / key("f")).symlink_to(make(tmp_path, "f", days=99, kind="elsewhere"))
    for name in ("my-environment", ".hidden"):
        make(tmp_path, "e", days=99).rename(above / name)
    prune(tmp_path, 1)
    assert sorted(path.name for path in above.iterdir() if path.suffix != ".lock") == [
        ".hidden",
        key("f"),
        "my-environment",
    ]
    for folder in above.iterdir():
        assert folder.suffix == ".lock" or (folder / "module.py").exists()


def test_what_goes_is_told_in_one_line_and_nothing_if_all_stays(three, tmp_path):
    said = []
    for _ in range(2):
        make_room(tmp_path, 7, said.append)
    assert said == ["removed what was not used for 7 days: 2 environments"]


def test_what_another_process_removes_meanwhile_is_no_trouble(three, tmp_path, monkeypatch):
    found = kept(tmp_path)
    shutil.rmtree(three[1])
    monkeypatch.setattr(keeping, "kept", lambda cache: found)
    assert prune(tmp_path, 7) == "removed what was not used for 7 days: 1 environment"


def test_trouble_with_pruning_is_told_and_costs_nothing_else(three, tmp_path, monkeypatch):
    def fails(cache):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(keeping, "kept", fails)
    said = []
    make_room(tmp_path, 14, said.append)
    assert said == [f"no room could be made in {tmp_path} (Input/output error): see python ci/environments.py"]


def test_a_comparison_begins_with_it(three, tmp_path, capsys):
    options = upgrade.parser().parse_args(["--cache", str(tmp_path), "--keep-days", "7"])
    assert upgrade.begin(options, ()).cache == tmp_path
    assert left(tmp_path) == ["a"]
    assert capsys.readouterr().err == "[0:00] removed what was not used for 7 days: 2 environments\n"


def test_the_command_lists_and_prunes(three, tmp_path, capsys):
    (three[1] / COMPLETE).write_text('{"packages": {"drizzlepac": "3.10.0 (file:///a/b/one.whl)", "numpy": "2.4.6"}}')
    os.utime(three[1], (100, 100))
    touch(three[0])
    assert environments.main(["--cache", str(tmp_path), "list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "bbbbbbbbbbbb   0.00 GB  1970-01-01 00:01  drizzlepac 3.10.0 (one.whl), numpy 2.4.6"
    assert rows[2].startswith("aaaaaaaaaaaa")
    assert rows[3].startswith("3 folders, ")
    for said in ("removed what was not used for 1 day: 2 environments", f"all in {tmp_path} was used within 1 day"):
        assert environments.main(["--cache", str(tmp_path), "prune", "--keep-days", "1"]) == 0
        assert capsys.readouterr().out == f"{said}\n"
    assert left(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cache", "nowhere", "list"], "nowhere is not a folder"),
        (["prune", "--keep-days", "-1"], "--keep-days -1 is too few"),
    ],
)
def test_wrong_usage_of_the_command_is_told(arguments, said, capsys):
    assert environments.main(arguments) == 4
    assert said in capsys.readouterr().err
