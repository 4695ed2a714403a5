"""What was asked of a night, checked."""

from __future__ import annotations

import argparse
import hashlib
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from packaging.version import InvalidVersion, Version
from platformdirs import user_cache_path

from ci.night import candidates, notify
from ci.night.candidates import Candidate
from ci.night.comparison import Comparing
from ci.night.text import plain, without_password
from fixtures.commandline import names
from fixtures.errors import SuiteError
from fixtures.versions import WATCHED

REPOSITORY = Path(__file__).resolve().parents[2]
MINUTES_LIMIT = 7 * 24 * 60


@dataclass(frozen=True)
class Night:
    """What was asked, checked.

    Parameters
    ----------
    options : argparse.Namespace
        As given.
    packages : tuple of str
        Whose releases are looked at.
    index : str
        URL of the package index.
    again : tuple of Candidate
        What is compared whatever was said of it before.
    comparing : Comparing
        How comparisons are made.
    work : Path
        The folder where they are made; nothing else is in it, and no other run uses it.
    teller : notify.Teller
        Where failures are told.
    """

    options: argparse.Namespace
    packages: tuple[str, ...]
    index: str
    again: tuple[Candidate, ...]
    comparing: Comparing
    work: Path
    teller: notify.Teller


def check(options: argparse.Namespace, rest: Sequence[str] = ()) -> Night:
    """Check the options; `rest` goes to pytest.

    Raises
    ------
    SuiteError
        Some make no sense.
    """
    packages = names([options.packages])
    strange = [one for one in packages if one not in WATCHED]
    if strange:
        known = ", ".join(WATCHED)
        raise SuiteError(f"--packages {', '.join(strange)} is not understood: choose from {known}.")
    if not 0 < options.timeout <= MINUTES_LIMIT:
        raise SuiteError(f"--timeout {options.timeout:g} is no time in minutes, up to a week.")
    for name in ("at_most", "keep"):
        if getattr(options, name) < 1:
            raise SuiteError(f"--{name.replace('_', '-')} {getattr(options, name)} is too few: at least 1.")
    for name in ("index", "url"):
        value = getattr(options, name)
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise SuiteError(
                f"--{name} {plain(without_password(value))} is no address that begins with http:// or https://."
            )
    if without_password(options.main_url) != options.main_url and urlsplit(options.main_url).scheme != "ssh":
        raise SuiteError("--main-url holds a password, which would be published: leave it to git's credential helper.")
    if options.work is not None and not options.work.is_dir():
        raise SuiteError(f"--work {options.work} is not a folder.")
    where = options.index or candidates.default_url()
    command = (sys.executable, str(REPOSITORY / "ci" / "upgrade.py"))
    passed = [
        word
        for name in ("dataset", "detector", "keep-days")
        if (value := getattr(options, name.replace("-", "_")))
        for word in (f"--{name}", value)
    ]
    passed += ["--partial"] * options.partial
    passed += ["--", *rest] if rest else []
    return Night(
        options,
        packages,
        where,
        tuple(_again(one) for one in options.again),
        Comparing(
            tuple(shlex.split(options.upgrade_command)) if options.upgrade_command else command,
            options.timeout * 60.0,
            tuple(passed),
            _same_index(where),
        ),
        _work(options),
        notify.teller(options.notify, url=options.url, repository=options.repo),
    )


def _again(text: str) -> Candidate:
    package, _, version = (part.strip() for part in text.partition("=="))
    try:
        if package in WATCHED:
            return candidates.release(package, Version(version))
    except InvalidVersion:
        pass
    raise SuiteError(f"--again {plain(text)} is not understood: write for instance --again drizzlepac==3.11.0.")


def _same_index(url: str) -> dict[str, str]:
    """Return the environment in which candidates are installed from the index that was looked at; uv asks not pip."""
    if url == candidates.PYPI_SIMPLE_ENDPOINT:
        return {}
    return {"PIP_INDEX_URL": url, "UV_DEFAULT_INDEX": url}


def _work(options: argparse.Namespace) -> Path:
    """Return the work folder of a published folder: always the same, so that what a killed run left can be removed."""
    above = options.work or user_cache_path("stis-drizzlepac-validation", appauthor=False) / "nightly"
    return above / f"nightly-{hashlib.sha256(str(options.site.resolve()).encode()).hexdigest()[:12]}"
