"""Workflows and recipes: what they call is there, with options that are understood, and no more rights than needed."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import nightly
import pytest
import yaml
from night import asked

ROOT = Path(nightly.__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RECIPES = sorted((ROOT / "ci" / "recipes").iterdir())
CANDIDATES_RUN_IN = "compare"


def read(path: Path) -> dict:
    return yaml.load(path.read_text(), yaml.BaseLoader)  # else 'on' is a truth value


def steps(path: Path) -> list[dict]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def calls() -> list[str]:
    told = [step["run"] for path in WORKFLOWS for step in steps(path) if "run" in step]
    told += [path.read_text() for path in RECIPES]
    return [line for text in told for line in re.findall(r"python ci/nightly\.py (.*)", text)]


def test_there_are_workflows_and_recipes():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "nightly.yml"]
    assert [path.name for path in RECIPES] == ["nightly.cron", "nightly.sbatch"]
    assert len(calls()) == 4


@pytest.mark.parametrize("line", calls())
def test_the_program_understands_what_it_is_called_with(line, tmp_path, monkeypatch):
    monkeypatch.setattr(asked.index, "default_url", lambda: "https://example.org/simple/")
    values = {"SITE": str(tmp_path), "site": str(tmp_path), "URL": "https://example.org/", "AGAIN": "stwcs==1.7.7"}
    filled = re.sub(r'"?\$\{@:3\}"?', "", line)
    filled = re.sub(r"\$\{AGAIN:\+(.*?)\}", r"\1", filled)
    filled = re.sub(r"\$(\w+)", lambda found: values.get(found[1], "owner/name"), filled)
    asked.check(nightly.parser().parse_args(shlex.split(filled)))


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


def test_candidates_run_where_nothing_can_be_written_and_no_token_is():
    jobs = read(ROOT / ".github" / "workflows" / "nightly.yml")["jobs"]
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
