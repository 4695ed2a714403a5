"""Verdicts: the words, how bad each is, which exit status tells it, and what is kept of one for ever."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fixtures.errors import Status

SAFE = "safe"
CHANGED = "changed"
REGRESSION = "regression"
NOT_INSTALLABLE = "not installable"
CRASHES = "crashes"
TIMED_OUT = "timed out"
INCOMPLETE = "incomplete"
NO_VERDICT = "no verdict"
"""The comparison itself failed: that says nothing about the candidate."""
NOT_LOOKED_AT = "not looked at"
"""The index or the main branch did not answer."""

STATUS = {
    REGRESSION: Status.FAILED,
    NOT_INSTALLABLE: Status.CANDIDATE_BROKEN,
    CRASHES: Status.CANDIDATE_BROKEN,
    TIMED_OUT: Status.TIMED_OUT,
    NO_VERDICT: Status.BROKEN,
    NOT_LOOKED_AT: Status.TRY_AGAIN,
    INCOMPLETE: Status.INCOMPLETE,
    CHANGED: Status.PASSED,
    SAFE: Status.PASSED,
}
"""Exit status of each word, the worst first."""

CONCLUSIVE = frozenset({SAFE, CHANGED, REGRESSION})
"""What says something about the candidate's results, so that it need not be compared again."""
FAILURES = frozenset({REGRESSION, NOT_INSTALLABLE, CRASHES})
"""What is the candidate's own failure, and worth an issue. Anything else is told by the exit status and the page."""


@dataclass(frozen=True)
class NightVerdict:
    """What a comparison came to.

    Parameters
    ----------
    word, sentence : str
        One of `STATUS`, and the sentence for people.
    steps : tuple of str
        Steps of the workflow that it names.
    signature : str
        The same for the same failure; empty if there is none.
    moved : tuple of tuple of str
        Packages that differ: name, old, new version.
    files : dict of str to Path
        What there is to publish, by the name it is published under.
    """

    word: str
    sentence: str
    steps: tuple[str, ...] = ()
    signature: str = ""
    moved: tuple[tuple[str, str, str], ...] = ()
    files: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A verdict as it is kept for ever.

    Parameters
    ----------
    date : str
        When, ISO 8601, UTC.
    line, requirement, name, version : str
        Of the candidate; `version` is empty where it has none.
    word, sentence, steps, signature :
        Of the verdict.
    seconds : float
        How long it took.
    page : str
        Folder below `runs/` with its pages; empty if there is none (any more).
    files : tuple of str
        What there is in it.
    """

    date: str
    line: str
    requirement: str
    name: str
    word: str
    sentence: str
    version: str = ""
    steps: tuple[str, ...] = ()
    signature: str = ""
    seconds: float = 0.0
    page: str = ""
    files: tuple[str, ...] = ()

    @property
    def conclusive(self) -> bool:
        """Whether it says something about the candidate's results."""
        return self.word in CONCLUSIVE

    @property
    def told(self) -> str:
        """The verdict in one line; most sentences begin with the word."""
        return self.sentence if self.sentence.startswith(self.word) else f"{self.word}: {self.sentence}"


def worst(words: Iterable[str]) -> int:
    """Return the exit status of the worst of verdicts; 0 if there is none."""
    order = list(STATUS)
    return STATUS[min(words, key=order.index, default=SAFE)]
