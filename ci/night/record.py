"""A verdict as it is kept for ever."""

from __future__ import annotations

from dataclasses import dataclass

from ci.verdicts import CONCLUSIVE


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
