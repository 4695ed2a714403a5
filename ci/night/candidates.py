"""What could be compared tonight: releases that a package index offers, and the head of drizzlepac's main branch."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import requests
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, sys_tags
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version
from pypi_simple import PYPI_SIMPLE_ENDPOINT, DistributionPackage, ProjectPage, PyPISimple

from pypi_simple import UnexpectedRepoVersionWarning, UnsupportedRepoVersionError  # isort: skip
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from ci.night.state import Record
from ci.night.text import plain, without_password
from fixtures.datasets.sdist import pip_settings
from fixtures.errors import SuiteError

MAIN_LINE = "drizzlepac main"
MAIN_URL = "https://github.com/spacetelescope/drizzlepac"
MAIN_BRANCH = "main"
TRIES = 3
"""How many nights a candidate without a verdict on its results is tried again: what failed may have been the night."""
ANSWER_SECONDS = 20.0
"""How long the index may be silent [s]."""
PAGE_SECONDS = 60.0
"""How long one page may take [s]: a server that drips would hold the night up for ever."""
PAGE_BYTES = 50_000_000
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
RETRY = Retry(total=2, backoff_factor=0.3, status_forcelist=(502, 503, 504), allowed_methods=("GET",))
GIT_SECONDS = 60.0
_HEAD = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)")


class NotLookedAt(SuiteError):
    """The index or the main branch could not be asked; the reason in one sentence."""


@dataclass(frozen=True)
class Candidate:
    """Something that could be installed instead of what is installed.

    Parameters
    ----------
    line : str
        What it is the next of: a package, or ``drizzlepac main``.
    requirement : str
        What an installer is told.
    name : str
        What people are told.
    version : Version or None
        None on the main branch.
    """

    line: str
    requirement: str
    name: str
    version: Version | None = None

    @property
    def slug(self) -> str:
        """The name as a part of a file name."""
        return re.sub(r"[^A-Za-z0-9.]+", "-", self.name).strip("-.")


def release(package: str, version: Version) -> Candidate:
    """Return the candidate that a release is."""
    return Candidate(package, f"{package}=={version}", f"{package} {version}", version)


def head(commit: str, url: str = MAIN_URL) -> Candidate:
    """Return the candidate that a commit of the main branch is."""
    return Candidate(MAIN_LINE, f"drizzlepac @ git+{url}@{commit}", f"{MAIN_LINE} {commit[:10]}")


def new_releases(
    package: str, released: Sequence[Version], installed: str | None, records: Sequence[Record]
) -> tuple[list[Candidate], list[Candidate]]:
    """Return the releases that are newer than what is installed and than the last one compared, oldest first.

    One that could not be compared is tried again for `TRIES` nights, unless a newer one has been compared since. Those
    that were tried so often and are set aside come second. Of a package that is not installed only the newest release
    counts.

    Parameters
    ----------
    package : str
        Its name.
    released : sequence of Version
        What the index offers.
    installed : str or None
        The version in today's environment.
    records : sequence of Record
        All verdicts so far.
    """
    own = [one for one in records if one.line == package and one.version]
    floor = [Version(one.version) for one in own if one.conclusive]
    if installed is not None:
        floor.append(Version(installed))
    elif released:
        released = [max(released)]
    tried = _tries(own)
    fresh = sorted(version for version in set(released) if not floor or version > max(floor))
    made = [release(package, version) for version in fresh]
    due = [one for one in made if tried.get(one.requirement, 0) < TRIES]
    return due, [one for one in made if one not in due]


def new_head(found: Candidate, records: Sequence[Record]) -> list[Candidate]:
    """Return the head of the main branch if it has no verdict yet and was not tried too often."""
    own = [one for one in records if one.requirement == found.requirement]
    return [] if any(one.conclusive for one in own) or len(own) >= TRIES else [found]


def _tries(records: Sequence[Record]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for one in records:
        counts[one.requirement] = counts.get(one.requirement, 0) + 1
    return counts


# --- the package index -------------------------------------------------------------------------------------


def default_url() -> str:
    """Return the URL of the index that pip is configured to use (environment, user, machine), or PyPI's."""
    return pip_settings().get("index-url", PYPI_SIMPLE_ENDPOINT)


@contextmanager
def session() -> Iterator[requests.Session]:
    """Open a session that asks again when a connection breaks or a gateway hiccups."""
    with requests.Session() as made:
        for scheme in ("http://", "https://"):
            made.mount(scheme, HTTPAdapter(max_retries=RETRY))
        yield made


def releases(package: str, url: str, asking: requests.Session, *, pre: bool = False) -> list[Version]:
    """Return the releases with a file that fits this Python and machine and was not yanked, oldest first.

    Parameters
    ----------
    package : str
        Its name, however it is spelt.
    url : str
        Of the index's simple API, JSON (PEP 691) or HTML (PEP 503).
    asking : requests.Session
        From `session`.
    pre : bool
        Whether pre-releases count.

    Raises
    ------
    NotLookedAt
        The index does not answer, or with something that is no list of files.
    """
    files = _page(package, url, asking).packages
    if not files:
        raise NotLookedAt(f"The package index {without_password(url)} lists no file of {package}.")
    found = {version for one in files if (version := _fitting(one)) is not None}
    return sorted(version for version in found if pre or not version.is_prerelease)


def _page(package: str, url: str, asking: requests.Session) -> ProjectPage:
    where = f"The package index {without_password(url)}"
    try:
        with PyPISimple(url, session=asking) as index:
            address = index.get_project_url(package)
        kind, encoding, body, final = _get(address, asking)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnexpectedRepoVersionWarning)  # a newer minor version can be read
            if kind == "application/vnd.pypi.simple.v1+json":
                return ProjectPage.from_json_data(json.loads(body), final)
            if kind in ("application/vnd.pypi.simple.v1+html", "text/html"):
                return ProjectPage.from_html(package, body, final, encoding)
        raise NotLookedAt(f"{where} answers for {package} with {plain(kind, 60)}, which is no page of an index.")
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        said = "does not know" if status == 404 else f"answers with HTTP status {status} for"
        raise NotLookedAt(f"{where} {said} {package}.") from error
    except (requests.Timeout, TimeoutError) as error:
        raise NotLookedAt(f"{where} does not answer for {package} in time.") from error
    except requests.RequestException as error:
        why = "can not be reached" if isinstance(error, requests.ConnectionError) else "can not be asked"
        raise NotLookedAt(f"{where} {why} for {package} ({_reason(error)}).") from error
    except (ValueError, UnsupportedRepoVersionError, RecursionError) as error:
        raise NotLookedAt(f"{where} answers for {package} with something that is no page of an index.") from error


def _get(address: str, asking: requests.Session) -> tuple[str, str | None, bytes, str]:
    """Get a page whole, within its time and size; return content type, encoding, body and final address."""
    until = time.monotonic() + PAGE_SECONDS
    with asking.get(address, timeout=ANSWER_SECONDS, headers={"Accept": ACCEPT}, stream=True) as answer:
        answer.raise_for_status()
        body = b""
        for piece in answer.iter_content(65536):
            body += piece
            if time.monotonic() > until:
                raise TimeoutError
            if len(body) > PAGE_BYTES:
                raise ValueError("larger than any page of an index")
        kind = answer.headers.get("Content-Type", "text/html")
        encoding = re.search(r"charset=\"?([\w-]+)", kind)
        return kind.partition(";")[0].strip().lower(), encoding and encoding[1], body, answer.url


def _reason(error: Exception) -> str:
    """Return the innermost reason of a chain of errors, in a few words."""
    while isinstance(inner := getattr(error, "reason", None) or (error.args or (None,))[0], Exception):
        error = inner
    words = plain(without_password(str(error)), 120).rpartition(": ")[2]
    return words.rstrip(".") or type(error).__name__


def _fitting(one: DistributionPackage) -> Version | None:
    """Return the version of a file that could be installed here, None if it could not."""
    if one.is_yanked:
        return None
    try:
        if one.requires_python and not SpecifierSet(one.requires_python).contains(_python(), prereleases=True):
            return None
        if one.filename.endswith(".whl"):
            _, version, _, tags = parse_wheel_filename(one.filename)
            return version if tags & _tags() else None
        return parse_sdist_filename(one.filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion, InvalidSpecifier):
        return None


def _python() -> str:
    return ".".join(map(str, sys.version_info[:3]))


@cache
def _tags() -> frozenset[Tag]:
    return frozenset(sys_tags())


# --- the main branch ---------------------------------------------------------------------------------------


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
            timeout=GIT_SECONDS,
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
