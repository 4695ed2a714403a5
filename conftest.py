"""pytest begins here; the pytest layer itself is loaded before, by `-p fixtures.plugin` in pyproject.toml."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

NEEDED = (
    "hypothesis",
    "distributed",
    "s3fs",
    "moto",
    "flask",
    "jsonschema",
    "playwright",
    "pyte",
    "nox",
)
"""What the suite's own tests import besides what the validation needs: the extra `test`."""


def pytest_configure(config: pytest.Config) -> None:
    """Say in one sentence what is missing for the suite's own tests, before each of them can't be imported.

    Raises
    ------
    pytest.UsageError
        They are to run, and the extra `test` is not installed.
    """
    checks = config.rootpath / "validation"
    paths = (config.invocation_params.dir / argument.split("::")[0] for argument in config.args)
    if all(path.resolve().is_relative_to(checks) for path in paths):
        return
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise pytest.UsageError(
            f"The suite's own tests need {missing[0]}: run pip install -e '.[test]' ('pytest validation' needs less)."
        )
