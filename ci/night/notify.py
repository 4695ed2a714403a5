"""Where failures are told: nowhere, a file, or a webhook; `github` tells them as issues."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests

from ci.night import github, state
from ci.night.state import Notice
from ci.night.text import inert, slack
from fixtures.errors import SuiteError

WEBHOOK_SECONDS = 30.0
HEADLINES = {
    state.NEW: "new failure with {name}",
    state.RECURS: "recurs with {name}",
    state.RETURNED: "has returned with {name}",
    state.GONE: "gone with {name}",
}


@dataclass(frozen=True)
class Teller:
    """A way of telling.

    Parameters
    ----------
    what : str
        What it does, for people; without secrets.
    tell : callable
        Tells one notice and returns what it did; raises SuiteError if it could not.
    check : callable
        Raises SuiteError where it can be seen beforehand that telling will fail; changes nothing.
    keeps : bool
        Whether notices are kept for another run instead of being told.
    """

    what: str
    tell: Callable[[Notice], str]
    check: Callable[[], None] = lambda: None
    keeps: bool = False


def teller(target: str, *, url: str = "", repository: str | None = None) -> Teller:
    """Return the way of telling that the user named.

    Parameters
    ----------
    target : str
        ``none``, ``later``, ``file:PATH``, ``webhook:URL`` or ``gh``.
    url : str
        Public address of the published folder, for links; empty if it has none.
    repository : str, optional
        OWNER/NAME, for `gh`.

    Raises
    ------
    SuiteError
        It names none of these.
    """
    kind, _, rest = target.partition(":")
    if target == "none":
        return Teller("telling no one", lambda notice: "told no one")
    if target == "later":
        return Teller("keeping them for --only-tell", lambda notice: "kept", keeps=True)
    if target == "gh":
        issues = github.Issues(repository, url)
        return Teller(
            f"opening, commenting and closing issues of {repository or 'this repository'} through gh",
            issues.tell,
            issues.check,
        )
    if kind == "file" and rest:
        path = Path(rest)
        return Teller(f"adding lines to {path}", lambda notice: _to_file(path, notice, url))
    if kind == "webhook":
        parts = urlsplit(rest)
        if parts.scheme in ("http", "https") and parts.hostname:
            return Teller(f"posting to {parts.hostname}", lambda notice: _to_webhook(rest, notice, url))
    raise SuiteError(f"--notify {kind} is not understood: use none, later, gh, webhook:URL or file:PATH.")


def deliver(notices: Sequence[Notice], how: Teller, done: Callable[[Notice, str], None]) -> str:
    """Tell notices in their order; stop at the first that can't be told, since later ones build on it.

    Parameters
    ----------
    notices : sequence of Notice
        What to tell.
    how : Teller
        Where.
    done : callable
        Called after each with what was done.

    Returns
    -------
    str
        Why it stopped, in a sentence; empty if all are told.
    """
    for notice in notices:
        try:
            said = how.tell(notice)
        except SuiteError as error:
            return str(error)
        done(notice, said)
    return ""


def link(notice: Notice, url: str) -> str:
    """Return the address of the page of a notice's comparison; empty if there is none."""
    return f"{url.rstrip('/')}/{notice.page}" if url and notice.page else ""


def headline(notice: Notice) -> str:
    """Return what happened in one line."""
    said = HEADLINES[notice.event].format(name=notice.name)
    return f"STIS DrizzlePac validation: {said}: {notice.title}"


def _to_file(path: Path, notice: Notice, url: str) -> str:
    line = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "event": notice.event,
        "signature": notice.signature,
        "candidate": notice.requirement,
        "sentence": notice.sentence,
        "text": inert(headline(notice)),
        "report": link(notice, url),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    except OSError as error:
        raise SuiteError(f"{path} can not be written ({error.strerror}): name another file with --notify.") from error
    return f"added a line to {path}"


def _to_webhook(target: str, notice: Notice, url: str) -> str:
    host = urlsplit(target).hostname
    address = link(notice, url)
    text = slack(headline(notice)) + (f" {address}" if address else "")
    try:
        answer = requests.post(target, json={"text": text}, timeout=WEBHOOK_SECONDS, allow_redirects=False)
    except requests.RequestException as error:  # its words may hold the whole address, which is a secret
        raise SuiteError(f"The webhook at {host} can not be reached ({type(error).__name__}).") from None
    if not answer.ok or answer.is_redirect:
        raise SuiteError(f"The webhook at {host} answers with HTTP status {answer.status_code}.")
    return f"posted to {host}"
