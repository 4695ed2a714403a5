"""Where failures are told: nowhere, a file, a webhook, or issues on GitHub."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from ci.night.state import GONE, NEW, RECURS, RETURNED, Notice
from ci.night.text import block, inert, plain, slack
from fixtures.errors import SuiteError

WEBHOOK_SECONDS = 30.0
HEADLINES = {
    NEW: "new failure with {name}",
    RECURS: "recurs with {name}",
    RETURNED: "has returned with {name}",
    GONE: "gone with {name}",
}
LABEL = "nightly-validation"
GH_SECONDS = 120.0
ISSUES_LIMIT = 1000
TITLE_LIMIT = 120


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
        issues = Issues(repository, url)
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


# --- issues on GitHub --------------------------------------------------------------------------------------


def mark(kind: str, text: str) -> str:
    """Return a mark that Markdown does not show; a digest, since nothing may end the comment early."""
    return f"<!-- {kind}: {hashlib.sha256(text.encode()).hexdigest()[:20]} -->"


@dataclass(frozen=True)
class Issues:
    """The issues of a repository, one for each failure signature, through GitHub's own client `gh`.

    What GitHub holds decides, not what an earlier run believes to have done: each issue and comment carries hidden
    marks of its signature and candidate, so that a run which was killed between telling and noting it does not tell it
    twice.

    Parameters
    ----------
    repository : str or None
        OWNER/NAME; None: the one whose clone this is run in.
    url : str
        Public address of the published folder; empty if it has none.
    """

    repository: str | None = None
    url: str = ""

    def check(self) -> None:
        """Make sure that `gh` is there and logged in.

        Raises
        ------
        SuiteError
            It is not.
        """
        self._gh("auth", "status")

    def tell(self, notice: Notice) -> str:
        """Make the issue of a failure say what a notice says; return what was done.

        Raises
        ------
        SuiteError
            `gh` is missing, not logged in or fails.
        """
        issue = self._find(notice.signature)
        if notice.event == GONE:
            return self._close(issue, notice)
        if issue is None:
            return self._open(notice)
        number = str(issue["number"])
        said = f"issue {number}"
        if not self._told(issue, notice):
            self._gh("issue", "comment", number, "--body-file", "-", **self._where(), text=self._body(notice))
            said = f"commented on issue {number}"
        # closed by a person as not planned: it stays so
        if issue["state"] == "CLOSED" and issue.get("stateReason") != "NOT_PLANNED":
            self._gh("issue", "reopen", number, **self._where())
            said += ", reopened"
        return said

    def _open(self, notice: Notice) -> str:
        about = {"color": "B60205", "description": "Opened and closed by ci/nightly.py"}
        self._gh("label", "create", LABEL, "--force", **about, **self._where())
        title = inert(f"Nightly validation: {notice.title}", TITLE_LIMIT)
        text = self._body(notice)
        said = self._gh(
            "issue", "create", "--title", title, "--body-file", "-", label=LABEL, **self._where(), text=text
        )
        return f"opened {plain(said) or 'an issue'}"

    def _close(self, issue: Mapping[str, Any] | None, notice: Notice) -> str:
        if issue is None or issue["state"] == "CLOSED":
            return "no open issue to close"
        number = str(issue["number"])
        if not self._told(issue, notice):
            self._gh("issue", "comment", number, "--body-file", "-", **self._where(), text=self._body(notice))
        self._gh("issue", "close", number, "--reason", "completed", **self._where())
        return f"closed issue {number}"

    def _find(self, signature: str) -> Mapping[str, Any] | None:
        """Return the issue of a signature, the oldest if people made more of it; None if there is none."""
        fields = "number,state,stateReason,body"
        facts = {"label": LABEL, "state": "all", "limit": str(ISSUES_LIMIT), "json": fields}
        wanted = mark("signature", signature)
        try:
            found = [
                one
                for one in json.loads(self._gh("issue", "list", **facts, **self._where()))
                if wanted in (one["body"] or "")
            ]
            return min(found, key=lambda one: one["number"], default=None)
        except (ValueError, TypeError, KeyError) as error:
            raise SuiteError("gh answers with something that is no list of issues: try 'gh issue list'.") from error

    def _told(self, issue: Mapping[str, Any], notice: Notice) -> bool:
        """Tell whether the issue or a comment on it is about this event of this candidate already."""
        wanted = mark("candidate", f"{notice.event == GONE} {notice.requirement}")
        try:
            said = json.loads(self._gh("issue", "view", str(issue["number"]), json="comments", **self._where()))
            return any(wanted in body for body in (issue["body"] or "", *(one["body"] for one in said["comments"])))
        except (ValueError, TypeError, KeyError) as error:
            raise SuiteError("gh answers with something that is no issue: try 'gh issue view'.") from error

    def _where(self) -> dict[str, str]:
        return {"repo": self.repository} if self.repository else {}

    def _body(self, notice: Notice) -> str:
        """Return an issue or a comment; everything that comes from a candidate stands in a code block."""
        first = {
            NEW: "The nightly validation found this with a candidate:",
            RECURS: "It is there again, with another candidate:",
            RETURNED: "It has returned:",
            GONE: "It is gone with this candidate:",
        }[notice.event]
        told = [notice.name, notice.requirement, notice.sentence]
        if notice.moved:
            told += ["", "packages that differ from today's environment:"]
            told += [f"  {name} {old} -> {new}" for name, old, new in notice.moved]
        parts = [first, block(told)]
        if page := link(notice, self.url):
            parts.append(f"[The whole comparison]({page})")
        if notice.event in (NEW, RETURNED):
            parts.append(
                "Try it yourself with `python ci/upgrade.py` and the second line. This issue is kept by "
                "`python ci/nightly.py`: it comments once for each candidate that shows the same failure, and closes "
                "it when a later one does not."
            )
        parts.append(mark("signature", notice.signature))
        parts.append(mark("candidate", f"{notice.event == GONE} {notice.requirement}"))
        return "\n\n".join(parts) + "\n"

    def _gh(self, *words: str, text: str | None = None, **options: str) -> str:
        """Run `gh` and return what it prints.

        Raises
        ------
        SuiteError
            It is missing, not logged in, too slow, or says that it failed.
        """
        command = ["gh", *words, *(f"--{name}={value}" for name, value in options.items())]
        try:
            ran = subprocess.run(
                command,
                input=text if text is not None else "",
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=GH_SECONDS,
                check=False,
                env={**os.environ, "GH_PROMPT_DISABLED": "1", "NO_COLOR": "1", "GH_NO_UPDATE_NOTIFIER": "1"},
            )
        except FileNotFoundError:
            raise SuiteError(
                "gh is not installed (https://cli.github.com): use --notify webhook:URL or file:PATH."
            ) from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SuiteError(f"gh {' '.join(words[:2])} could not be run ({type(error).__name__}).") from None
        if ran.returncode == 4:  # what gh documents for it
            raise SuiteError("gh is not logged in: run 'gh auth login', or set GH_TOKEN.")
        if ran.returncode:
            first = next((line for line in ran.stderr.splitlines() if line.strip()), "no reason given")
            said = plain(first, 200).rstrip(".")
            raise SuiteError(f"gh {' '.join(words[:2])} failed with status {ran.returncode}: {said}.")
        return ran.stdout
