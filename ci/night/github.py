"""Issues on GitHub through its own client `gh`: one for each failure signature.

What GitHub holds decides, not what an earlier run believes to have done: each issue and comment carries hidden marks of
its signature and candidate, so that a run which was killed between telling and noting it does not tell it twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ci.night import state
from ci.night.state import Notice
from ci.night.text import block, inert, plain
from fixtures.errors import SuiteError

LABEL = "nightly-validation"
SECONDS = 120.0
LIMIT = 1000
TITLE = 120


def mark(kind: str, text: str) -> str:
    """Return a mark that Markdown does not show; a digest, since nothing may end the comment early."""
    return f"<!-- {kind}: {hashlib.sha256(text.encode()).hexdigest()[:20]} -->"


@dataclass(frozen=True)
class Issues:
    """The issues of a repository.

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
        if notice.event == state.GONE:
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
        title = inert(f"Nightly validation: {notice.title}", TITLE)
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
        facts = {"label": LABEL, "state": "all", "limit": str(LIMIT), "json": fields}
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
        wanted = mark("candidate", f"{notice.event == state.GONE} {notice.requirement}")
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
            state.NEW: "The nightly validation found this with a candidate:",
            state.RECURS: "It is there again, with another candidate:",
            state.RETURNED: "It has returned:",
            state.GONE: "It is gone with this candidate:",
        }[notice.event]
        told = [notice.name, notice.requirement, notice.sentence]
        if notice.moved:
            told += ["", "packages that differ from today's environment:"]
            told += [f"  {name} {old} -> {new}" for name, old, new in notice.moved]
        page = f"{self.url.rstrip('/')}/{notice.page}" if self.url and notice.page else ""
        parts = [first, block(told)]
        parts += [f"[The whole comparison]({page})"] if page else []
        if notice.event in (state.NEW, state.RETURNED):
            parts.append(
                "Try it yourself with `python ci/upgrade.py` and the second line. This issue is kept by "
                "`python ci/nightly.py`: it comments once for each candidate that shows the same failure, and closes "
                "it when a later one does not."
            )
        parts.append(mark("signature", notice.signature))
        parts.append(mark("candidate", f"{notice.event == state.GONE} {notice.requirement}"))
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
                timeout=SECONDS,
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
            said = next((line for line in ran.stderr.splitlines() if line.strip()), "no reason given")
            raise SuiteError(f"gh {' '.join(words[:2])} failed with status {ran.returncode}: {_sentence(said)}.")
        return ran.stdout


def _sentence(said: str) -> str:
    return plain(said, 200).rstrip(".")
