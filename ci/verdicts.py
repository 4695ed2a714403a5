"""What can be said of a candidate: the words, how bad each is, and which exit status tells it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
class CandidateVerdict:
    """The verdict on a candidate.

    Parameters
    ----------
    word : str
        One of `STATUS`.
    sentence : str
        Why.
    steps : tuple of str
        The steps that are affected, in the order of the workflow.
    signature : str
        What fails where, without numbers and dates, so that the same failure has the same name next time.
    """

    word: str
    sentence: str
    steps: tuple[str, ...] = ()
    signature: str = ""

    @property
    def status(self) -> int:
        """The exit status."""
        return STATUS[self.word]


def worst(words: Iterable[str]) -> int:
    """Return the exit status of the worst of verdicts; 0 if there is none."""
    order = list(STATUS)
    return STATUS[min(words, key=order.index, default=SAFE)]
