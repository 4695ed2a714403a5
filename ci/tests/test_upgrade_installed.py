"""What is installed, what the user wants in its place, and what moves."""

from __future__ import annotations

import json

import pytest

from ci.tests.wheels import wheel
from ci.upgrading.installed import installed, moved, read_constraints, read_wanted
from ci.upgrading.known import companions_of, matrix_versions
from fixtures.errors import SuiteError


def _dist(site, name, version, origin=None):
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))


def test_installed_packages_are_pinned_by_canonical_name_and_the_suite_is_left_out(tmp_path):
    _dist(tmp_path, "Stis_CTI", "1.6.2")
    _dist(tmp_path, "stis-drizzlepac-validation", "0.1.0")
    assert {name: pin.requirement for name, pin in installed([str(tmp_path)]).items()} == {
        "stis-cti": "stis-cti==1.6.2"
    }


def test_what_stands_first_on_the_path_counts(tmp_path):
    _dist(tmp_path / "a", "numpy", "2.0")
    _dist(tmp_path / "b", "numpy", "1.0")
    assert installed([str(tmp_path / "a"), str(tmp_path / "b")])["numpy"].version == "2.0"


def test_a_git_installation_is_pinned_to_its_commit(tmp_path):
    origin = {"url": "https://x.org/d.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    _dist(tmp_path, "drizzlepac", "3.12.0.dev1", origin)
    assert installed([str(tmp_path)])["drizzlepac"].requirement == "drizzlepac @ git+https://x.org/d.git@abc"


def test_an_editable_installation_is_taken_from_its_folder(tmp_path):
    sources = tmp_path / "sources"
    sources.mkdir()
    _dist(tmp_path / "site", "drizzlepac", "3.11.1", {"url": sources.as_uri(), "dir_info": {"editable": True}})
    pin = installed([str(tmp_path / "site")])["drizzlepac"]
    assert (pin.folder, pin.label) == (sources, f"3.11.1 ({sources.as_uri()})")


@pytest.mark.parametrize("kind", ["dir_info", "archive_info"])
def test_what_was_built_in_a_place_that_is_gone_counts_as_released(tmp_path, kind):
    _dist(tmp_path, "numpy", "2.0", {"url": "file:///croot/numpy/work", kind: {}})
    assert installed([str(tmp_path)])["numpy"].requirement == "numpy==2.0"


def test_requirements_are_taken_as_they_are():
    wanted = read_wanted(["drizzlepac==3.11.0", "Photutils<3"])
    assert wanted.requirements == ("drizzlepac==3.11.0", "Photutils<3")
    assert wanted.names == {"drizzlepac", "photutils"}


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("git+https://x.org/y/drizzlepac.git@main", "drizzlepac @ git+https://x.org/y/drizzlepac.git@main"),
        ("git+https://x.org/y/fork#egg=drizzlepac", "drizzlepac @ git+https://x.org/y/fork"),
        ("drizzlepac @ git+https://x.org/y/fork", "drizzlepac @ git+https://x.org/y/fork"),
    ],
)
def test_a_git_url_names_its_package(text, asked):
    wanted = read_wanted([text])
    assert (wanted.requirements, wanted.names) == ((asked,), {"drizzlepac"})


def test_a_wheel_names_its_package(tmp_path):
    path = wheel(tmp_path, "stis_cti", "9.0")
    wanted = read_wanted([path.name], here=tmp_path)
    assert (wanted.requirements, wanted.names) == ((f"stis-cti @ {path.as_uri()}",), {"stis-cti"})


def test_a_folder_of_sources_names_its_package(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'drizzlepac'\n")
    assert read_wanted([str(tmp_path)]).names == {"drizzlepac"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("drizzlepac=3.11.0", "'drizzlepac=3.11.0' is no requirement"),
        ("./nowhere-1.0-py3-none-any.whl", "nowhere-1.0-py3-none-any.whl is missing"),
        ("--pre", "'--pre' is no requirement"),
        ("", "'' is no requirement"),
    ],
)
def test_what_is_no_requirement_is_refused_in_one_sentence(text, said):
    with pytest.raises(SuiteError, match=said):
        read_wanted([text])


def test_a_folder_without_a_name_is_refused(tmp_path):
    with pytest.raises(SuiteError, match="does not say which package it holds"):
        read_wanted([str(tmp_path)])


def test_constraints_are_about_the_packages_that_they_name(tmp_path):
    path = tmp_path / "tomorrow.txt"
    path.write_text("# made by pip freeze\nNumPy==2.4.6  # the newest\n\nstwcs==1.7.7\nd @ git+https://x.org/d@abc\n")
    assert read_constraints(path) == {
        "numpy": "NumPy==2.4.6",
        "stwcs": "stwcs==1.7.7",
        "d": "d @ git+https://x.org/d@abc",
    }
    assert read_wanted([], [path]).names == {"numpy", "stwcs", "d"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-e git+https://x.org/d\n", "line 1: .* is no constraint"),
        ("numpy 2\n", "line 1: 'numpy 2' is no constraint"),
        ("\n", "holds none"),
    ],
)
def test_a_file_that_holds_no_constraints_is_refused(tmp_path, text, said):
    path = tmp_path / "c.txt"
    path.write_text(text)
    with pytest.raises(SuiteError, match=said):
        read_constraints(path)


def test_a_missing_file_of_constraints_is_refused(tmp_path):
    with pytest.raises(SuiteError, match=r"c\.txt is missing"):
        read_constraints(tmp_path / "c.txt")


def test_every_package_that_moved_is_told_not_only_the_named():
    old = {"a": "1", "b": "1", "gone": "1", "local": "1 (file:///x)"}
    new = {"a": "2", "b": "1", "new": "3", "local": "1 (file:///y)"}
    assert moved(old, new) == [
        {"name": "a", "old": "1", "new": "2"},
        {"name": "gone", "old": "1", "new": ""},
        {"name": "local", "old": "1 (file:///x)", "new": "1 (file:///y)"},
        {"name": "new", "old": "", "new": "3"},
    ]


@pytest.mark.parametrize(
    ("version", "needs"),
    [
        ("3.11.0", ()),
        ("3.9.1", ("photutils<3",)),
        ("3.7.1.1", ("numpy<2", "photutils<2")),
        ("4.0", ()),
        ("nonsense", ()),
    ],
)
def test_companions_of_a_version(version, needs):
    assert companions_of(version) == needs


def test_every_version_of_the_matrix_has_a_rule_but_the_newest():
    without = [version for version in matrix_versions() if not companions_of(version)]
    assert without == ["3.11.0", "3.10.0"]
