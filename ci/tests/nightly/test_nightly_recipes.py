"""Workflows and recipes: what they call is there, with options that are understood, and no more rights than needed."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from ci import nightly
from ci.night import asked
from fixtures.commandline import split
from fixtures.datasets import m33
from fixtures.store.disk import default_root

ROOT = Path(nightly.__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RECIPES = sorted((ROOT / "ci" / "recipes").iterdir())
NIGHTLY = ROOT / ".github" / "workflows" / "nightly.yml"
CANDIDATES_RUN_IN = "compare"
GITHUB_KEEPS_GB = 10


def read(path: Path) -> dict:
    return yaml.load(path.read_text(), yaml.BaseLoader)  # else 'on' is a truth value


def steps(path: Path) -> list[dict]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def calls() -> list[str]:
    told = [step["run"] for path in WORKFLOWS for step in steps(path) if "run" in step]
    told += [path.read_text() for path in RECIPES]
    return [line for text in told for line in re.findall(r"python ci/nightly\.py (.*)", text)]


def rights(path: Path) -> dict[str, set[str]]:
    """Return what each job may write."""
    flow = read(path)
    found = {}
    for name, job in flow["jobs"].items():
        given = job.get("permissions", flow["permissions"]) or {}
        assert isinstance(given, dict)  # not 'write-all'
        found[name] = {right for right, how in given.items() if how != "read"}
    return found


def cached(step: dict) -> list[str]:
    """Return the folders that a step caches."""
    return step["with"]["path"].split() if step.get("uses", "").startswith("actions/cache") else []


def test_there_are_workflows_and_recipes():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "nightly.yml"]
    assert [path.name for path in RECIPES] == ["nightly.cron", "nightly.sbatch"]
    assert len(calls()) == 4


@pytest.mark.parametrize("line", calls())
def test_the_program_understands_what_it_is_called_with(line, tmp_path, monkeypatch):
    monkeypatch.setattr(asked.candidates, "default_url", lambda: "https://example.org/simple/")
    values = {"SITE": str(tmp_path), "site": str(tmp_path), "URL": "https://example.org/", "AGAIN": "stwcs==1.7.7"}
    filled = re.sub(r'"?\$\{@:3\}"?', "", line)
    filled = re.sub(r"\$\{AGAIN:\+(.*?)\}", r"\1", filled)
    filled = re.sub(r"\$(\w+)", lambda found: values.get(found[1], "owner/name"), filled)
    own, rest = split(shlex.split(filled))
    asked.check(nightly.parser().parse_args(own), rest)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_rights_are_few(path):
    flow = read(path)
    assert {step["uses"] for step in steps(path) if "uses" in step and not re.search(r"@v\d+$", step["uses"])} == set()
    assert flow["concurrency"]["group"]
    assert flow["permissions"] in ("", {}, {"contents": "read"})
    for job in flow["jobs"].values():
        assert int(job["timeout-minutes"]) <= 360
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] == "false"
            assert "${{" not in step.get("run", "")  # values of others come by the environment, never into a script


def test_only_who_tells_and_who_publishes_may_write_and_no_more_than_that():
    may = {f"{path.stem}/{job}": what for path in WORKFLOWS for job, what in rights(path).items() if what}
    assert may == {"nightly/tell": {"issues"}, "nightly/publish": {"pages", "id-token"}}


def test_who_may_write_runs_nothing_but_what_tells_and_publishes():
    jobs = read(NIGHTLY)["jobs"]
    assert [step["uses"] for step in jobs["publish"]["steps"]] == ["actions/deploy-pages@v4"]
    runs = [step["run"] for step in jobs["tell"]["steps"] if "run" in step]
    assert [run.split(" --")[0] for run in runs] == [
        "pip install -e .[ci] -c requirements.lock",
        "python ci/nightly.py",
    ]
    assert "--only-tell" in runs[1]


def test_only_what_a_night_can_use_again_is_cached_and_it_fits_into_what_github_keeps():
    folder = "~/.cache/stis-drizzlepac-validation"
    downloaded = m33.manifest()
    large = [f"{folder}/{default_root().name}", f"{folder}/{downloaded['name']}-{downloaded['version']}"]
    found = [(cached(step), step["with"]["key"]) for path in WORKFLOWS for step in steps(path) if cached(step)]
    assert [paths for paths, _ in found] == [["reports/nightly"], large, ["reports/nightly"]]
    assert "run_id" not in found[1][1]  # else there would be another copy every night
    told = "".join(path.read_text() for path in WORKFLOWS)
    assert "cache-environment" not in told
    (size,) = re.findall(r"--store-size (\S+)", told)
    assert 2 * float(size) < GITHUB_KEEPS_GB - 3  # the store before a change and after it, and room for the rest


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_recipes_tell_how_the_environment_is_made(path):
    assert "conda env create -f ci/environment.yml" in path.read_text()
    assert "pip install -e '.[ci]'" in path.read_text()


def test_candidates_run_where_nothing_can_be_written_and_no_token_is():
    jobs = read(NIGHTLY)["jobs"]
    compare = jobs[CANDIDATES_RUN_IN]
    assert compare["permissions"] == {"contents": "read"}
    assert "token" not in yaml.dump(compare)
    others = [step.get("run", "") for name, job in jobs.items() if name != CANDIDATES_RUN_IN for step in job["steps"]]
    assert all("--only-tell" in run for run in others if "nightly.py" in run)


def test_every_file_that_is_named_is_there():
    text = "".join(path.read_text() for path in (*WORKFLOWS, *RECIPES))
    named = set(re.findall(r"\bci/[\w/]+\.\w+|\.ci/run", text))
    assert {"ci/nightly.py", ".ci/run"} <= named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_recipe_for_slurm_is_a_script():
    assert subprocess.run(["bash", "-n", str(ROOT / "ci/recipes/nightly.sbatch")], check=False).returncode == 0
