"""From verdicts to what is to be told: a failure is new, recurs, has returned or is gone."""

from __future__ import annotations

from dataclasses import replace

from ci.night import state as states
from ci.night.comparison import REPORT
from ci.night.record import Record
from ci.night.state import Failure, Notice, State
from ci.verdicts import FAILURES


def follow(state: State, record: Record, moved: tuple[tuple[str, str, str], ...] = ()) -> State:
    """Add a verdict to the state, and to what is to be told.

    A failure is there in a line (a package, the main branch) from the candidate that shows it to the next one of that
    line whose results could be compared and do not show it; it is gone when it is gone in every line. That a release of
    stwcs is safe says nothing about a failure of drizzlepac's main branch.

    Parameters
    ----------
    state : State
        Until now.
    record : Record
        The verdict.
    moved : tuple of tuple of str
        Packages that differ, for the reader of the notice.
    """
    failures, notices = dict(state.failures), list(state.notices)

    page = f"runs/{record.page}/{REPORT}" if REPORT in record.files else ""

    def tell(event: str, failure: Failure) -> None:
        facts = {"requirement": record.requirement, "name": record.name, "sentence": record.sentence}
        shown = () if event == states.GONE else moved
        notices.append(Notice(event, failure.signature, failure.sentence, page=page, moved=shown, **facts))

    shows = record.signature if record.word in FAILURES else ""
    if shows:
        before = failures.get(shows)
        failure = before or Failure(shows, record.sentence)
        if failure.lines.get(record.line) != record.requirement:  # told once for each candidate
            tell(states.NEW if before is None else states.RECURS if before.lines else states.RETURNED, failure)
        failures[shows] = replace(failure, lines={**failure.lines, record.line: record.requirement})
    if record.conclusive:
        for signature, failure in sorted(failures.items()):
            if signature != shows and record.line in failure.lines:
                left = {line: last for line, last in failure.lines.items() if line != record.line}
                failures[signature] = replace(failure, lines=left)
                if not left:
                    tell(states.GONE, failure)
    return replace(state, records=(*state.records, record), failures=failures, notices=tuple(notices))


def still_open(state: State) -> list[Failure]:
    """Return the failures that are there now, by signature."""
    return [state.failures[key] for key in sorted(state.failures) if state.failures[key].lines]
