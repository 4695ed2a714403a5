"""What is known of released versions, as data: ``ci/versions.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

VERSIONS = Path(__file__).resolve().parents[1] / "versions.toml"


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(VERSIONS.read_text(encoding="utf-8"))


def matrix_versions() -> tuple[str, ...]:
    """Return the versions of drizzlepac that the matrix takes, newest first."""
    return tuple(_table()["matrix"])


def companions_of(drizzlepac: str) -> tuple[str, ...]:
    """Return the requirements on other packages that a version of drizzlepac needs to be imported."""
    try:
        version = Version(drizzlepac)
    except InvalidVersion:
        return ()
    for rule in _table()["rule"]:
        if SpecifierSet(rule["versions"]).contains(version, prereleases=True):
            return tuple(rule["needs"])
    return ()
