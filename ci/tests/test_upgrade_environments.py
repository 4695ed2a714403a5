"""Environments beside the user's own, from a package index in a folder: nothing here needs a network."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from ci.tests.wheels import wheel
from ci.upgrading.environments import NotInstallable, build, pins_of, settled, snapshot
from ci.upgrading.installed import Pin, read_wanted
from ci.upgrading.keeping import prune
from ci.upgrading.resolve import Unresolvable, agree, resolve

PYTHON = Path(sys.executable)
TODAY = {name: Pin(name, "1.0") for name in ("one", "two", "three")}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Return packages: `one` 2.0 needs another `two`, `one` 1.1 does not; `one` 3.0 can't be had at all."""
    folder = tmp_path_factory.mktemp("index")
    for name in TODAY:
        wheel(folder, name, "1.0")
        wheel(folder, name, "1.1")
    wheel(folder, "one", "2.0", ["two>=1.1", "four"])
    wheel(folder, "one", "3.0", ["two>=9"])
    wheel(folder, "two", "1.2")
    wheel(folder, "four", "1.0")
    return folder


@pytest.fixture
def uv_index(index, monkeypatch):
    """Let uv look at the folder, and nowhere else."""
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    for name in ("UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    return index


def test_nothing_but_the_named_package_moves_if_that_can_be(uv_index):
    pins = resolve(TODAY, read_wanted(["one==1.1"]), PYTHON)
    assert pins == ("one==1.1", "three==1.0", "two==1.0")


def test_what_the_named_package_demands_moves_too_and_nothing_else(uv_index):
    pins = resolve(TODAY, read_wanted(["one==2.0"]), PYTHON)
    assert [pin for pin in pins if pin.startswith(("one", "three", "four"))] == ["four==1.0", "one==2.0", "three==1.0"]
    assert any(pin in pins for pin in ("two==1.1", "two==1.2"))


def test_constraints_move_what_they_name(uv_index, tmp_path):
    (tmp_path / "c.txt").write_text("two==1.1\nfour==1.0\n")
    wanted = read_wanted([], [tmp_path / "c.txt"])
    assert resolve(TODAY, wanted, PYTHON) == ("one==1.0", "three==1.0", "two==1.1")


def test_the_suite_keeps_what_it_needs(uv_index):
    with pytest.raises(Unresolvable, match=r"two"):
        resolve(TODAY, read_wanted(["two==1.0"]), PYTHON, ["two>=1.1"])


@pytest.mark.parametrize(
    ("asked", "said"), [("one==3.0", "two>=9"), ("one==7.0", r"one==7\.0"), ("nowhere-at-all", "nowhere-at-all")]
)
def test_what_cannot_be_had_is_told_in_one_line(uv_index, asked, said):
    with pytest.raises(Unresolvable, match=said) as caught:
        resolve(TODAY, read_wanted([asked]), PYTHON)
    assert "\n" not in caught.value.why


def test_pins_that_contradict_one_another_are_refused(uv_index):
    with pytest.raises(Unresolvable):
        agree(["one==2.0", "two==1.0"], ["four==1.0"], PYTHON)


def test_what_pins_need_is_added_and_nothing_more(uv_index):
    pins = agree(["one==2.0", "two==1.1"], ["four==1.0", "three==1.0"], PYTHON)
    assert pins == ("four==1.0", "one==2.0", "two==1.1")


def test_an_environment_holds_exactly_its_pins(uv_index, tmp_path):
    made = build(
        ["one==2.0", "two==1.0"], tmp_path, check=False
    )  # they contradict one another: nothing is resolved here
    assert dict(made.packages) == {"one": "2.0", "two": "1.0"}
    ran = subprocess.run(
        [made.python, "-c", "import one; print(one.VERSION)"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "2.0\n"


def test_an_environment_is_built_once(uv_index, tmp_path):
    said = []
    first = build(["one==1.0"], tmp_path, said.append, check=False)
    marker = first.python.parent / "marker"
    marker.touch()
    again = build(["one==1.0"], tmp_path, said.append, check=False)
    assert (again, len(said), marker.exists()) == (first, 1, True)


def test_an_environment_that_was_left_half_built_is_built_again(uv_index, tmp_path):
    first = build(["one==1.0"], tmp_path, check=False)
    (first.python.parents[1] / "complete.json").unlink()
    (first.python.parents[1] / "rubbish").touch()
    again = build(["one==1.0"], tmp_path, check=False)
    assert again.key == first.key
    assert not (first.python.parents[1] / "rubbish").exists()


def test_what_was_not_used_for_long_is_made_again_when_it_is_needed(uv_index, tmp_path):
    first, second = (build([f"one=={version}"], tmp_path, check=False) for version in ("1.0", "1.1"))
    os.utime(first.python.parents[1], (0, 0))
    assert prune(tmp_path) == "removed what was not used for 14 days: 1 environment"
    assert [one.python.exists() for one in (first, second)] == [False, True]
    assert build(["one==1.0"], tmp_path, check=False).python.exists()


def test_two_that_build_the_same_at_once_do_not_disturb_each_other(uv_index, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: build(["one==1.0", "two==1.1"], tmp_path, check=False), range(4)))
    assert len({one.key for one in made}) == 1
    assert len(list((tmp_path / "environments").glob("*/complete.json"))) == 1


def test_a_wheel_with_another_content_is_another_environment(uv_index, tmp_path):
    pin = f"one @ {wheel(tmp_path, 'one', '1.0').as_uri()}"
    first = build([pin], tmp_path / "cache", check=False)
    wheel(tmp_path, "one", "1.0", content="VERSION = 'altered'\n")
    second = build([pin], tmp_path / "cache", check=False)
    ran = subprocess.run(
        [second.python, "-c", "import one; print(one.VERSION)"], capture_output=True, text=True, check=True
    )
    assert first.key != second.key
    assert ran.stdout == "altered\n"


def test_files_of_an_environment_are_its_own(uv_index, tmp_path):
    made = build(["one==1.0"], tmp_path, check=False)
    (module,) = made.python.parents[1].rglob("one.py")
    assert module.stat().st_nlink == 1  # a link more would change the time stamps of others, while their runs go on


def test_a_package_that_cannot_be_built_is_named(uv_index, tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[project]\nname = 'broken'\n[build-system]\nrequires = ['nothing-there']\n")
    with pytest.raises(NotInstallable) as caught:
        build([f"broken @ {folder.as_uri()}"], tmp_path / "cache", check=False)
    assert caught.value.package == "broken"
    assert "\n" not in caught.value.why


BUILD = """
import pathlib, shutil
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    pathlib.Path("written-by-the-build").touch()
    {}
    (wheel,) = pathlib.Path().glob("*.whl")
    return pathlib.Path(shutil.copy(wheel, wheel_directory)).name
"""


def sources(folder, trouble="pass"):
    """Write the sources of `one` 7.0: what building them means is to write into their folder, and to copy a wheel."""
    wheel(folder, "one", "7.0")
    (folder / "backend.py").write_text(BUILD.format(trouble))
    system = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
    (folder / "pyproject.toml").write_text(f"[project]\nname = 'one'\ndynamic = ['version']\n{system}")
    return folder


def test_a_folder_of_sources_is_a_candidate_stays_what_it_was_and_is_built_once(uv_index, tmp_path):
    folder, cache, said = sources(tmp_path / "one"), tmp_path / "cache", []
    before = _listing(folder)
    made = []
    for _ in range(2):
        wanted = read_wanted([str(folder)])
        pins = resolve(TODAY, wanted, PYTHON, settle=partial(settled, cache=cache))
        made.append(build(pins, cache, said.append, check=False))
    assert made[0].packages["one"].startswith("7.0 (file://")
    assert _listing(folder) == before
    assert (made[0].key, len(said)) == (made[1].key, 1)


def test_sources_of_todays_environment_are_built_once_though_building_writes_into_their_copy(uv_index, tmp_path):
    folder, cache, said = sources(tmp_path / "one"), tmp_path / "cache", []
    for _ in range(2):
        build(pins_of({"one": Pin("one", "7.0", folder=folder)}, cache), cache, said.append, check=False)
    assert len(list(cache.glob("sources/*/one/written-by-the-build"))) == 1
    assert len(said) == 1


def test_a_build_that_fails_says_its_errors_and_not_all_that_it_printed(uv_index, tmp_path):
    trouble = "print('noise\\n' * 500, 'one.c:1:1: error: no such thing', 'more noise', sep='\\n'); raise SystemExit(1)"
    folder = sources(tmp_path / "one", trouble)
    with pytest.raises(NotInstallable, match=r"one\.c:1:1: error: no such thing$") as caught:
        build([f"one @ {folder.as_uri()}"], tmp_path / "cache", check=False)
    assert "noise" not in caught.value.why
    assert caught.value.package == "one"


def test_sources_are_built_from_a_copy_and_stay_what_they_were(tmp_path):
    folder = tmp_path / "sources"
    (folder / "build").mkdir(parents=True)
    (folder / "one.py").write_text("a = 1\n")
    copy = snapshot(folder, tmp_path / "cache")
    (copy / "written-by-the-build").touch()
    assert sorted(path.name for path in folder.iterdir()) == ["build", "one.py"]
    assert snapshot(folder, tmp_path / "cache") == copy
    (folder / "one.py").write_text("a = 2\n")
    assert snapshot(folder, tmp_path / "cache") != copy


def test_todays_sources_are_pinned_to_their_copy(tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "one.py").touch()
    (pin,) = pins_of({"one": Pin("one", "1.0", folder=folder)}, tmp_path / "cache")
    assert pin == f"one @ {snapshot(folder, tmp_path / 'cache').as_uri()}"


def _listing(folder):
    """Return a digest of every file of a folder: name, size, time of change; and its content if it is Python's."""
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            facts = path.stat()
            content.update(f"{path.relative_to(folder)}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return content.hexdigest()


def test_the_users_own_environment_is_not_touched(uv_index, tmp_path):
    site = Path(sysconfig.get_path("purelib"))
    before = _listing(site)
    build(resolve(TODAY, read_wanted(["one==2.0"]), PYTHON), tmp_path, check=False)
    assert _listing(site) == before
