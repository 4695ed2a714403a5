"""What the command lines of the programs here have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def split(arguments: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Split a command line into our own words and those behind ``--``, which pytest gets."""
    own = list(arguments)
    if "--" not in own:
        return own, ()
    at = own.index("--")
    return own[:at], tuple(own[at + 1 :])


def shown(path: Path) -> Path:
    """Return a path as it can be typed here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
