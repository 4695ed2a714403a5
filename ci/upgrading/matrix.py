"""Versions against numbers: one row a version of drizzlepac, made now or from runs that exist."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ci import verdicts
from ci.upgrading import page
from ci.upgrading.changes import BEYOND, STEPS, Changes, ComparedNumber
from ci.upgrading.comparing import HTML, Comparison
from ci.upgrading.judging import WORDS, tell
from ci.verdicts import CandidateVerdict
from fixtures.results.run import Run, finite
from fixtures.versions import SHOWN

JSON, PAGE = "matrix.json", "matrix.html"
RMS = "alignment.rms_mean"


@dataclass(frozen=True)
class Worst:
    """The largest change of a step on one detector, in units of what is allowed; `said` in words."""

    share: float | None
    said: str
    kind: str


@dataclass(frozen=True)
class Line:
    """One version.

    Parameters
    ----------
    about : str
        What it is, as in "3.10.0".
    verdict : CandidateVerdict
        Against the reference.
    versions : mapping
        Of the packages that matter most.
    worst : mapping
        The largest change, by (step, data set, detector) joined by spaces.
    rms : mapping
        Mean alignment RMS [px] by data set and detector.
    identical : str
        How many mosaics are the same to the last bit, as in "3 of 4".
    report : str
        Where the comparison is; empty if there is none.
    """

    about: str
    verdict: CandidateVerdict
    versions: Mapping[str, str] = field(default_factory=dict)
    worst: Mapping[str, Worst] = field(default_factory=dict)
    rms: Mapping[str, float] = field(default_factory=dict)
    identical: str = ""
    report: str = ""


def line_of(about: str, done: Comparison, output: Path) -> Line:
    """Return the row of a comparison."""
    if done.changes is None or done.new is None or done.new.run is None:
        versions = {one["name"]: one["new"] for one in done.environment if one["name"] in SHOWN}
        return Line(about, done.verdict, versions, report=_relative(output, about))
    return line(about, done.verdict, done.changes, done.new.run, _relative(output, about))


def line(about: str, verdict: CandidateVerdict, changes: Changes, run: Run, report: str = "") -> Line:
    """Return the row of a run that was compared with the reference."""
    mosaics = [pair for pair in changes.mosaics if pair.old is not None]
    same = sum(pair.identical for pair in mosaics)
    versions = {name: run.versions[name] for name in SHOWN if name in run.versions}
    identical = f"{same} of {len(mosaics)}" if mosaics else ""
    return Line(about, verdict, versions, worst_of(changes), rms_of(run), identical, report)


def _relative(output: Path, about: str) -> str:
    path = output / about / HTML
    return f"{about}/{HTML}" if path.is_file() else ""


def worst_of(changes: Changes) -> dict[str, Worst]:
    """Return the largest change of each step and detector."""
    groups: dict[str, list[ComparedNumber]] = {}
    for one in changes.metrics:
        if one.of != "check" and one.dataset:
            groups.setdefault(f"{one.step} {one.dataset} {one.detector}", []).append(one)
    found = {}
    for place, some in groups.items():
        one = max(some, key=lambda one: (one.kind == BEYOND, one.share if one.share is not None else -1.0))
        found[place] = Worst(one.share, tell(one) if one.change != 0 else "no change", one.kind)
    return found


def rms_of(run: Run) -> dict[str, float]:
    """Return the mean alignment RMS [px] by data set and detector."""
    return {
        f"{one.dataset} {one.detector}": one.value
        for one in run.measurements
        if one.metric == RMS and one.value is not None
    }


def columns(lines: Sequence[Line]) -> list[str]:
    """Return the places of all rows, in the order of the workflow."""

    def order(place: str) -> tuple[int, str]:
        step = place.split()[0]
        return (STEPS.index(step) if step in STEPS else len(STEPS)), place

    return sorted({place for one in lines for place in one.worst}, key=order)


def write_matrix(lines: Sequence[Line], reference: str, output: Path, notes: Sequence[str] = ()) -> None:
    """Write matrix.json and matrix.html."""
    output.mkdir(parents=True, exist_ok=True)
    data = {
        "schema_version": 1,
        "reference": reference,
        "notes": list(notes),
        "lines": [finite(asdict(one) | {"verdict": asdict(one.verdict)}) for one in lines],
        "report": PAGE,
    }
    (output / JSON).write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    places = columns(lines)
    rms = sorted({place for one in lines for place in one.rms})
    heads = [(WORDS.get(place.split()[0], place.split()[0]), " ".join(place.split()[1:])) for place in places]
    page.write(
        output / PAGE, "matrix.html", lines=lines, places=places, heads=heads, rms=rms, shown=SHOWN,
        reference=reference, notes=notes, ok=(verdicts.SAFE, verdicts.CHANGED),
    )  # fmt: skip


def table(lines: Sequence[Line]) -> str:
    """Return the matrix as text for the terminal: version, verdict, identical mosaics, largest change by step."""
    rows = [("version", "verdict", "identical mosaics", "largest change")]
    for one in lines:
        worst = max(one.worst.values(), key=lambda w: (w.kind == BEYOND, w.share or 0.0), default=None)
        rows.append((one.about, one.verdict.word, one.identical, worst.said if worst else _short(one.verdict.sentence)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]]) for row in rows
    )


def _short(text: str, most: int = 110) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
