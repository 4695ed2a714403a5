"""Builds the suite: setuptools for `pip install -e .`, and a sentence for anything else.

The suite runs from its folder, where the checks, the baselines and their history are; a wheel has none of them.
"""

from __future__ import annotations

from typing import NoReturn

from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

SENTENCE = "The validation suite runs from its folder, with the checks and baselines in it: use 'pip install -e .'."


def _refuse(*_: object, **__: object) -> NoReturn:
    """Say how the suite is installed."""
    raise SystemExit(SENTENCE)


prepare_metadata_for_build_wheel = build_wheel = build_sdist = _refuse  # the first that an installer calls ends it
