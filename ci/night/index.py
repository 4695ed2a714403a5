"""The package index: which releases of a package it offers that could be installed here."""

from __future__ import annotations

import json
import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
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

from ci.night.text import plain, without_password
from fixtures.datasets.sdist import pip_settings
from fixtures.errors import SuiteError

ANSWER_SECONDS = 20.0
"""How long the index may be silent [s]."""
PAGE_SECONDS = 60.0
"""How long one page may take [s]: a server that drips would hold the night up for ever."""
PAGE_BYTES = 50_000_000
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
RETRY = Retry(total=2, backoff_factor=0.3, status_forcelist=(502, 503, 504), allowed_methods=("GET",))


class NotLookedAt(SuiteError):
    """The index or the main branch could not be asked; the reason in one sentence."""


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
