"""What is held against a limit, the verdicts on it, and the tables that are printed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from fixtures.errors import SuiteError
from fixtures.results.run import finite

OK, MISSED, RECORDED = "ok", "missed", ""

GROUPS = {
    "raw": "simulation", "references": "simulation",
    "flt": "calibration", "blt": "calibration", "sx2": "calibration", "s2c": "calibration", "x2d": "calibration",
    "image": "calibration", "engine": "engine against CALSTIS",
    "cte": "CTI correction", "route": "CTI correction", "ctestis": "CTI correction",
    "aligned": "alignment", "ordinary": "alignment", "displaced": "alignment",
    "cropped": "drizzling", "mosaic": "drizzling", "mosaic_exp": "drizzling",
    "numbers": "measurement", "inputs": "measurement", "defects": "upstream defects", "imported": "imports",
    "stars": "measurement", "picture": "pictures", "view": "pictures",
    "conditions": "baselines", "measurements": "baselines", "sources": "baselines", "candidate": "baselines",
    "baseline": "baselines",
}  # fmt: skip
"""Group of a product, by the last word of its name, what stands before its dash, or the first word."""

OTHER = "other"
FACTS = ("dx_px", "dy_px", "rotation_deg", "scale", "xrms_px", "yrms_px", "matches", "fitted", "rung", "reason")
"""What both sides must say alike of an alignment."""


@dataclass(frozen=True)
class Quantity:
    """A number that was measured, and its limits.

    Parameters
    ----------
    name : str
        What it is.
    value : float
        nan: it could not be measured, which misses any limit.
    unit : str
        As in "s"; empty for a ratio.
    minimum, maximum : float or None
        The limits, both inclusive; None: no limit on this side.
    note : str
        How it was measured.
    """

    name: str
    value: float
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """'ok' or 'missed'; empty without a limit."""
        if self.minimum is None and self.maximum is None:
            return RECORDED
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        return OK if low <= self.value <= high else MISSED

    @property
    def limits(self) -> str:
        """The limits in words."""
        if self.minimum is not None and self.maximum is not None:
            return f"{self.minimum:g} to {self.maximum:g}"
        if self.maximum is not None:
            return f"at most {self.maximum:g}"
        return "" if self.minimum is None else f"at least {self.minimum:g}"

    def to_json(self) -> dict[str, Any]:
        """Return plain data; a value that is no number becomes None."""
        return finite({**asdict(self), "verdict": self.verdict})


@dataclass
class PartResult:
    """What a part found.

    Parameters
    ----------
    quantities : list of Quantity
        For the table.
    data : dict
        For the JSON.
    tables : list of str
        To be printed beside.
    """

    quantities: list[Quantity] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)


def missed(quantities: Iterable[Quantity]) -> bool:
    """Whether any limit is missed."""
    return any(one.verdict == MISSED for one in quantities)


def columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Return rows of cells as text, the first under-ruled; columns of the numbers in `right` end flush."""
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))]

    def line(row: Sequence[str]) -> str:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        for index in right:
            cells[index] = row[index].rjust(widths[index])
        return "  ".join(cells).rstrip()

    return "\n".join([line(rows[0]), "  ".join("-" * width for width in widths), *map(line, rows[1:])])


def table(quantities: Iterable[Quantity]) -> str:
    """Return the quantities with limits and verdicts as text."""
    rows = [("quantity", "measured", "", "limit", "verdict", "")]
    for one in quantities:
        rows.append((one.name, number(one.value), one.unit, one.limits, one.verdict, one.note))
    return columns(rows, right=(1,))


def number(value: float) -> str:
    """Write a number with three figures behind the point if it is small, with fewer if it is large."""
    if not math.isfinite(value):
        return "?"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


# --- where the time goes -----------------------------------------------------------------------------------


def step_of(name: str) -> str:
    """Return the step that makes a product: the last word of its name, years and rootnames left out."""
    first, last = name.split("/")[0], name.rsplit("/", 1)[-1]
    return first if first in ("engine", "defects", "ctestis") else last.partition("-20")[0]


def group_of(name: str) -> str:
    """Return which part of the work a product belongs to."""
    step = step_of(name)
    return GROUPS.get(step) or GROUPS.get(step.partition("-")[0], OTHER)


class Costly(Protocol):
    """What took time."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def seconds(self) -> float: ...  # noqa: D102
    @property
    def cpu_seconds(self) -> float: ...  # noqa: D102


def costs_by(kind: Callable[[str], str], products: Iterable[Costly]) -> dict[str, dict[str, float]]:
    """Sum up what products took, by `kind(name)`, the largest CPU first.

    Parameters
    ----------
    kind : callable
        `step_of` or `group_of`.
    products : iterable
        Anything with `name`, `seconds` and `cpu_seconds`.

    Returns
    -------
    dict
        By kind: 'products', 'wall_s', 'cpu_s' and 'share' (of all CPU).
    """
    sums: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for one in products:
        entry = sums[kind(one.name)]
        entry[0] += 1
        entry[1] += one.seconds
        entry[2] += one.cpu_seconds
    whole = sum(entry[2] for entry in sums.values())
    return {
        name: {"products": count, "wall_s": wall, "cpu_s": cpu, "share": cpu / whole if whole else math.nan}
        for name, (count, wall, cpu) in sorted(sums.items(), key=lambda item: (-item[1][2], item[0]))
    }


def costs_table(title: str, costs: Mapping[str, Mapping[str, float]]) -> str:
    """Return what `costs_by` found as text."""
    rows = [(title, "products", "wall s", "CPU s", "share")]
    for name, one in costs.items():
        share = "" if math.isnan(one["share"]) else f"{100 * one['share']:.1f}%"
        rows.append((name, str(int(one["products"])), f"{one['wall_s']:.1f}", f"{one['cpu_s']:.1f}", share))
    return columns(rows, right=(1, 2, 3, 4))


# --- linear cost -------------------------------------------------------------------------------------------


def linearity(counts: Sequence[int], costs: Sequence[float]) -> float:
    """Return how the cost at the third count stands to the straight line through the first two.

    With C = a + b n through the first two points, (C3 - a) / (C1 - a) divided by n3 / n1: 1 when the third lies on
    the line, 1.1 when what grows with n costs 10% more there. The fixed part `a` (interpreters, imports, keys, the
    reference image) counts on neither side. nan when the cost does not grow from the first to the second.

    Parameters
    ----------
    counts : sequence of int
        Three different numbers, increasing.
    costs : sequence of float
        Their costs.
    """
    (n1, n2, n3), (c1, c2, c3) = counts, costs
    slope = (c2 - c1) / (n2 - n1)
    if not slope > 0:
        return math.nan
    fixed = c1 - slope * n1
    return (c3 - fixed) / (slope * n3)


# --- both sides do the same --------------------------------------------------------------------------------


def refuse_different_work(tutorial: Iterable[str], suite: Iterable[str]) -> None:
    """Make sure that both sides made the same products.

    Raises
    ------
    SuiteError
        One of them made what the other did not.
    """
    one, two = set(tutorial), set(suite)
    if one == two:
        return
    name, side = min([(name, "tutorial's") for name in one - two] + [(name, "suite's") for name in two - one])
    more = len(one ^ two) - 1
    raise SuiteError(
        f"The two sides did not do the same work: only the {side} way made {name}"
        + (f" (and {more} other products differ)." if more else ".")
    )


def refuse_different_results(tutorial: Mapping[str, Mapping[str, Any]], suite: Mapping[str, Mapping[str, Any]]) -> int:
    """Make sure that both sides found the same; return how many numbers were compared.

    Parameters
    ----------
    tutorial, suite : mapping
        By product, what was found, by name; all are compared exactly, as the same code ran on the same files.

    Raises
    ------
    SuiteError
        Something differs.
    """
    compared = 0
    for name in sorted({*tutorial, *suite}):
        one, two = tutorial.get(name, {}), suite.get(name, {})
        for fact in sorted({*one, *two}):
            if one.get(fact) != two.get(fact):
                raise SuiteError(
                    f"The two sides did not find the same: {fact} of {name} is {one.get(fact)} in the tutorial's way "
                    f"and {two.get(fact)} in the suite's."
                )
            compared += 1
    return compared
