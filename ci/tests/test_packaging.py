"""How the suite is installed: from its folder and no other way, with a version of its own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from fixtures.installation import OWN

REPOSITORY = OWN.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


@pytest.fixture
def copy(tmp_path) -> Path:
    """Copy what a build looks at, without git."""
    folder = tmp_path / "copy"
    shutil.copytree(REPOSITORY / "ci", folder / "ci", ignore=shutil.ignore_patterns("tests", "__pycache__"))
    shutil.copytree(REPOSITORY / "fixtures" / "plugin", folder / "fixtures" / "plugin")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(REPOSITORY / name, folder / name)
    return folder


def backend(folder: Path, call: str) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.path.insert(0, 'ci'); import backend; print(backend.{call})"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize(
    "call", ["prepare_metadata_for_build_wheel('out')", "build_wheel('out')", "build_sdist('out')"]
)
def test_anything_but_an_editable_installation_is_refused_in_one_sentence(copy, call):
    done = backend(copy, call)
    assert done.returncode == 1
    assert done.stderr == (
        "The validation suite runs from its folder, with the checks and baselines in it: use 'pip install -e .'.\n"
    )


def test_a_copy_without_git_has_the_version_of_the_last_release(copy):
    what = ("--quiet", "--dry-run", "--no-deps", "--report", "report.json", "-e", ".")
    subprocess.run([sys.executable, "-m", "pip", "install", *what], cwd=copy, check=True, capture_output=True)
    (one,) = json.loads((copy / "report.json").read_text())["install"]
    version = one["metadata"]["version"]
    assert re.search(rf"^## {re.escape(version)}\b", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_change_log_and_the_citation_are_of_one_version():
    newest = re.search(r"^## (\S+)", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())["version"] == newest


def test_python_versions_that_are_promised_are_those_of_ci():
    promised = {one.rpartition(" ")[2] for one in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", one)}
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())
    assert set(workflow["jobs"]["python"]["strategy"]["matrix"]["python"]) == promised


def test_the_oldest_packages_are_installed_as_their_file_says():
    text = (REPOSITORY / "ci" / "oldest.txt").read_text()
    (command,) = re.findall(r"^#     uv pip install (.*)$", text, re.MULTILINE)
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())
    steps = [" ".join(one.get("run", "").split()) for one in workflow["jobs"]["oldest"]["steps"]]
    assert f"uv pip install --system {command}" in steps


def test_calstis_comes_with_the_python_of_stsci():
    text = yaml.safe_load((REPOSITORY / "ci" / "environment.yml").read_text())
    assert "python>=3.12" in text["dependencies"]
    assert any(str(one).startswith("hstcal>=") for one in text["dependencies"])
