"""What compares two baselines and says what matters: the measurements of the suite, held against its targets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.targets import Target, Targets

Numbers = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Ruler:
    """The functions that compare two baselines; those of the suite, or stand-ins.

    Parameters
    ----------
    compare_folders : callable
        (new, old, detector) -> numbers, with `identical` (by array) and `headers` (added, removed, changed).
    tell : callable
        (numbers, outside) -> sentences; outside(metric, value) says whether a number is beyond its limits.
    largest : callable
        (numbers) -> the numbers that the history keeps, by metric.
    changes : callable
        (new, old measurements) -> rows of metric, exposure, unit, old, new.
    targets : Targets
        The limits, as baseline.<name>.
    """

    compare_folders: Callable[[Path, Path, str], Numbers]
    tell: Callable[[Numbers, Callable[[str, float | None], bool]], list[str]]
    largest: Callable[[Numbers], dict[str, float | None]]
    changes: Callable[[Numbers, Numbers], list[dict[str, Any]]]
    targets: Targets


@dataclass(frozen=True)
class Change:
    """A measurement that changed.

    `share` is the change in units of its limit, None where it has none; infinite where there is a value on one
    side alone, or no change is allowed.
    """

    name: str
    exposure: str | None
    unit: str
    old: float | None
    new: float | None
    share: float | None


def suites_ruler(folder: Path) -> Ruler:
    """Return the ruler of the suite in `folder`.

    Raises
    ------
    SuiteError
        Its targets can't be read.
    """
    from fixtures.baseline.comparing import changes, compare_folders, largest, tell
    from fixtures.targets import read_targets

    return Ruler(compare_folders, tell, largest, changes, read_targets(folder / "validation" / "targets.toml"))


def outside(targets: Targets, **place: str | None) -> Callable[[str, float | None], bool]:
    """Return what says whether a number of a data set and detector is beyond its limits; without any, all but 0 is."""

    def outside_(metric: str, value: float | None) -> bool:
        target = targets.get(metric, **place)
        return value != 0 if target is None else not target.judge(value).passed

    return outside_


def by_size(rows: Rows, targets: Targets, **place: str | None) -> list[Change]:
    """Return changed measurements, the largest in units of its limit first, those without limits last."""
    changes = []
    for row in rows:
        target = targets.get(f"baseline.{row['metric']}", **{**place, "exposure": row["exposure"]})
        share = None if target is None else _share(row["new"], row["old"], target)
        changes.append(Change(row["metric"], row["exposure"], row["unit"], row["old"], row["new"], share))
    return sorted(changes, key=lambda one: (-1.0 if one.share is None else one.share, _relative(one)), reverse=True)


def _share(new: float | None, old: float | None, target: Target) -> float:
    if new is None or old is None:
        return math.inf
    limit = target.max if new > old else target.min
    if limit is None:  # nothing is said against a change in this direction
        return 0.0
    return abs(new - old) / abs(limit) if limit else math.inf


def _relative(one: Change) -> float:
    if one.new is None or one.old is None:
        return math.inf
    return abs(one.new - one.old) / max(abs(one.new), abs(one.old))
