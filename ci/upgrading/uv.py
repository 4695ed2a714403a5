"""Calls of uv, which resolves and installs.

pip could do both, in minutes; an environment that takes seconds is what makes bisecting worth it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from fixtures.errors import SuiteError

# what an activated environment or a shell set up for another purpose would change
LEFT_OUT = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT")
# A hard link changes the time stamp of a file in every environment that shares it, and a run that is going on there
# would take that for an installer at work: environments of ours share nothing.
OWN_FILES = {"UV_LINK_MODE": "copy"}

PRINTED = ("[stdout]", "[stderr]")  # what uv writes above the output of a build
ERROR = re.compile(r"[Ee]rror(:|$)")


class UvFailed(Exception):
    """uv could not do it; the message is what it said."""


@cache
def uv() -> str:
    """Return the path of uv: that of the running environment, or the one on PATH.

    Raises
    ------
    SuiteError
        There is none.
    """
    beside = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if beside is None:
        raise SuiteError("uv is missing, which builds the environments: pip install -e '.[ci]'.")
    return beside


def clean(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables of this process without those that lead into another environment."""
    return {name: value for name, value in os.environ.items() if name not in LEFT_OUT} | dict(extra or {})


def one_line(said: str) -> str:
    """Return what uv printed as one line, without the lines that it draws; of a build's output only the errors."""
    lines = said.splitlines()
    begins = next((number for number, line in enumerate(lines) if line.strip() in PRINTED), len(lines))
    printed = [line.strip() for line in lines[begins:] if line.startswith(" ") and line.strip() not in ("", *PRINTED)]
    errors = [line[:300] for line in printed if ERROR.search(line)][:2] or [line[:300] for line in printed[-1:]]
    text = ": ".join(filter(None, (" ".join(lines[:begins]).strip(), "; ".join(errors))))
    return " ".join(re.sub(r"[^\x00-\x7f]+", " ", text).split()).removeprefix("error: ")


def call(*arguments: str | Path, cwd: Path | None = None, timeout: float | None = None) -> str:
    """Run uv and return what it printed.

    Raises
    ------
    UvFailed
        It ended with an error, or did not end in time.
    """
    command: Sequence[str] = [uv(), *map(str, arguments), "--no-progress", "--color", "never"]
    try:
        ran = subprocess.run(
            command,
            cwd=cwd,
            env=clean(OWN_FILES),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UvFailed(f"uv {arguments[0]} did not end within {timeout:g} s") from None
    if ran.returncode:
        raise UvFailed(ran.stderr.strip() or f"uv ended with status {ran.returncode}")
    return ran.stdout
