"""The programs of this folder as nox sessions: ``nox -f ci/noxfile.py -s upgrade -- drizzlepac==3.11.0``.

Thin on purpose: each calls a program that a person can call, in the environment that nox runs in, and ends with its
exit status. nox makes no environment here; the programs make theirs with uv.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import nox

HERE = Path(__file__).resolve().parent
nox.options.sessions = []


def _call(session: nox.Session, program: str) -> None:
    if find_spec("ci") is None:
        session.error("nox must run in the environment that is to be upgraded: pip install -e '.[ci]' there.")
    command = [sys.executable, str(HERE / program), *session.posargs]
    status = subprocess.call(command, cwd=session.invoked_from)
    if status:
        raise SystemExit(status)  # nox itself would make a 1 of it


@nox.session(venv_backend="none")
def upgrade(session: nox.Session) -> None:
    """Is an upgrade safe? Hold a candidate against today's environment."""
    _call(session, "upgrade.py")


@nox.session(venv_backend="none")
def bisect(session: nox.Session) -> None:
    """Which package did it? Bisect between a good and a bad environment."""
    _call(session, "bisection.py")


@nox.session(venv_backend="none")
def matrix(session: nox.Session) -> None:
    """Versions of drizzlepac side by side."""
    _call(session, "version_matrix.py")
