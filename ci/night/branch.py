"""The main branch of drizzlepac: which commit is its head."""

from __future__ import annotations

import os
import re
import subprocess

from ci.night.candidates import MAIN_BRANCH, MAIN_URL, Candidate, head
from ci.night.index import NotLookedAt
from ci.night.text import plain, without_password

SECONDS = 60.0
_HEAD = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)")


def main_head(url: str = MAIN_URL, branch: str = MAIN_BRANCH) -> Candidate:
    """Return the candidate that the head of the main branch is.

    Raises
    ------
    NotLookedAt
        The repository does not answer, or has no such branch.
    """
    where = f"The repository {without_password(url)}"
    reference = f"refs/heads/{branch}"
    try:
        ran = subprocess.run(
            ["git", "ls-remote", "--", url, reference],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},  # ask no one for a password
        )
    except FileNotFoundError:
        raise NotLookedAt("git is not installed: the main branch of drizzlepac can not be looked at.") from None
    except (OSError, subprocess.TimeoutExpired):
        raise NotLookedAt(f"{where} does not answer in time.") from None
    if ran.returncode:
        lines = [line for line in ran.stderr.splitlines() if line.strip()]
        said = next(
            (line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "no reason"
        )
        raise NotLookedAt(f"{where} can not be asked ({plain(without_password(said.removeprefix('fatal: ')), 200)}).")
    for line in ran.stdout.splitlines():
        found = _HEAD.fullmatch(line.strip())
        if found and found[2] == reference:
            return head(found[1], url)
    raise NotLookedAt(f"{where} has no branch {branch}.")
