"""Loads the suite's pytest layer, after making sure that it is this one."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path


def _refusal() -> str | None:
    """Say why the package `fixtures` that Python finds is not the suite's own; None if it is."""
    own = Path(__file__).resolve().parent / "fixtures" / "__init__.py"
    spec = find_spec("fixtures")
    if spec is None:
        return f"The validation suite is not installed: run 'pip install -e {own.parents[1]}'."
    if spec.origin is None or Path(spec.origin).resolve() != own:
        found = Path(spec.origin).parent if spec.origin else next(iter(spec.submodule_search_locations or "?"))
        return (
            f"Python finds another package called 'fixtures' first, in {found}: "
            "uninstall it, or install the validation suite into an environment of its own."
        )
    return None


if _sentence := _refusal():
    sys.stderr.write(f"ERROR: {_sentence}\n")
    raise SystemExit(4)

pytest_plugins = ["fixtures.plugin"]
