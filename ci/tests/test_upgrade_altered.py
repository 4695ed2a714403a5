"""One altered line of drizzlepac is a regression that names the step: the steps really run, on three exposures."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ci.tests import altered
from ci.tests.altered import ALTERATIONS, DATASET, DETECTOR
from ci.upgrading.changes import SCALARS, Changes, compare_mosaics, compare_scalars
from ci.upgrading.judging import judge
from ci.upgrading.running import REPOSITORY
from fixtures.baseline.scalars import read_scalars
from fixtures.results.targets import read_targets

pytestmark = pytest.mark.slow

AS_IT_IS = replace(ALTERATIONS[0], name="nothing", altered=ALTERATIONS[0].line, step="")


def _make(name, store, folder, path=None):
    """Run the steps in a fresh interpreter; `path` holds another drizzlepac."""
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    variables |= {"PYTHONPATH": str(path)} if path else {}
    out = folder / name
    command = [sys.executable, "-P", altered.__file__, str(out), str(store)]
    ran = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return out / "candidates" / DATASET / DETECTOR


def _judge(old: Path, new: Path):
    assert (new / SCALARS).is_file()
    targets = read_targets(REPOSITORY / "validation" / "targets.toml")
    pair, found = compare_mosaics(old, new, DATASET, DETECTOR, targets, {})
    found += compare_scalars(read_scalars(old / SCALARS), read_scalars(new / SCALARS), DATASET, DETECTOR, targets, {})
    return judge(Changes(tuple(found), (), (pair,)))


def test_each_altered_line_is_a_regression_that_names_the_step_and_a_copy_is_safe(tmp_path):
    old = _make("old", tmp_path / "store", tmp_path)

    def verdict(one):
        path = altered.alter(one, tmp_path / f"path-{one.name}")
        return _judge(old, _make(one.name, tmp_path / "store", tmp_path, path))

    some = (AS_IT_IS, *ALTERATIONS)
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip((one.name for one in some), pool.map(verdict, some), strict=True))
    words = {name: (one.word, one.steps[0] if one.steps else "") for name, one in found.items()}
    assert words == {"nothing": ("safe", "")} | {one.name: ("regression", one.step) for one in ALTERATIONS}
