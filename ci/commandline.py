"""What the command lines of the programs here have in common."""

from __future__ import annotations

from collections.abc import Sequence


def split(arguments: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Split a command line into our own words and those behind ``--``, which pytest gets."""
    own = list(arguments)
    if "--" not in own:
        return own, ()
    at = own.index("--")
    return own[:at], tuple(own[at + 1 :])
