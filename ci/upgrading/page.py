"""The pages of a comparison, a bisection and a matrix: each one self-contained file."""

from __future__ import annotations

import base64
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci.upgrading.changes import BEYOND, KINDS, SAME, UNTOLD, Changes, ComparedNumber
from ci.upgrading.pictures import MosaicPictures, draw
from fixtures import report

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
SHOWN_METRICS = 400
"""Numbers that did not change are told by their count; of the others at most so many are listed ..."""
SHOWN_AT_ONCE = 25
"""... and so many, the worst, before the reader asks for more."""


def write(page: Path, template: str, **given: object) -> Path:
    """Render a template into a file."""
    page.write_text(_environment().get_template(template).render(**given), encoding="utf-8")
    return page


def listed(changes: Changes) -> list[ComparedNumber]:
    """Return the numbers that changed, worst first."""

    def order(one: ComparedNumber) -> tuple[float | str, ...]:
        share = one.share if one.share is not None else -1.0
        return KINDS.index(one.kind), -share, one.step, one.dataset, one.detector, one.metric, one.exposure

    return sorted((one for one in changes.metrics if one.kind != SAME), key=order)[:SHOWN_METRICS]


def drawn(changes: Changes) -> list[dict[str, Any]]:
    """Return the mosaics of each detector as data of a page; of what is the same only one is drawn."""
    shown = []
    for pair in changes.mosaics:
        one: dict[str, Any] = {"pair": pair}
        if pair.old is not None and pair.new is not None:
            pictures: MosaicPictures = draw(pair.old, pair.new)
            names = ("old",) if pair.identical else ("old", "new", "difference")
            one |= {name: base64.b64encode(getattr(pictures, name)).decode("ascii") for name in names}
        shown.append(one)
    return shown


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, float) and math.isinf(value):
        return "beyond any"
    return f"{value:d}" if isinstance(value, int) else f"{value:.5g}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3g}" if value else "0"


def _without(sentence: str, word: str) -> str:
    """Return a sentence without the word that stands before it already."""
    for begin in (f"{word}: ", f"{word} "):
        if sentence.startswith(begin):
            return sentence.removeprefix(begin)
    return sentence


def _css() -> str:
    folder = Path(next(iter(report.__path__))) / "templates"
    return (folder / "report.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.filters.update(number=_number, signed=_signed, without=_without)
    made.globals.update(css=_css(), SHOWN=SHOWN_AT_ONCE, BEYOND=BEYOND, UNTOLD=UNTOLD)
    return made
