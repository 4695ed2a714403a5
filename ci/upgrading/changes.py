"""What two runs of the validation differ in: numbers of the steps, mosaics, checks, time and memory.

Numbers are held against the same limits as a run against its baseline (``validation/targets.toml``, ``baseline.*``),
and mosaics are compared by the same ruler; only the other side is the run in today's environment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fixtures.baseline.limits import outside
from fixtures.baseline.limits import share as share_of
from fixtures.baseline.scalars import change as change_of
from fixtures.baseline.scalars import read_scalars
from fixtures.results import run as results
from fixtures.results.run import Measurement, Outcome, Run
from fixtures.results.targets import Target, Targets

STEPS = ("inputs", "cti", "alignment", "drizzle", "baselines", "defects")
"""In the order of the workflow: what goes wrong in one shows in all that follow."""
MOSAIC, SCALARS = "mosaic.fits", "measurements.json"
SMALL = 0.1
"""Where no noise floor is known, a change of less than this part of its limit counts as none."""

SAME = "same"  # to the last bit
NOISE = "noise"  # not more than runs differ by although nothing that matters changed
WITHIN = "within"  # of its tolerance
BEYOND = "beyond"
UNTOLD = "untold"  # there is no limit to tell by
KINDS = (BEYOND, WITHIN, NOISE, UNTOLD, SAME)

GOOD = (results.PASSED, results.KNOWN_DEFECT)


@dataclass(frozen=True)
class ComparedNumber:
    """One number, old and new.

    Parameters
    ----------
    step, dataset, detector, exposure : str
        Where it belongs; empty for wider ones.
    metric, unit : str
        Its name and unit.
    old, new : float or None
        Its values. A difference between two mosaics has no old value.
    change : float or None
        New minus old; None where there is a value on one side alone.
    floor : float or None
        The noise floor of such changes, in the same unit; None where it is not known.
    limit : str
        How much it may change, in words.
    share : float or None
        The change in units of that; infinite where a value came or went, or no change is allowed.
    kind : str
        One of `KINDS`.
    """

    step: str
    dataset: str
    detector: str
    exposure: str
    metric: str
    unit: str
    old: float | None
    new: float | None
    change: float | None
    floor: float | None
    limit: str
    share: float | None
    kind: str
    of: str = "step"

    @property
    def place(self) -> tuple[str, str]:
        """Data set and detector."""
        return self.dataset, self.detector

    @property
    def floors(self) -> float | None:
        """The change in units of the noise floor."""
        return None if self.floor is None or self.change is None else abs(self.change) / self.floor


@dataclass(frozen=True)
class Check:
    """A check that went otherwise in both runs, or badly in both.

    `kind` is 'broke', 'both' (bad in both), 'mended', 'defect gone' or 'lost' (it passed, and was not validated now).
    """

    kind: str
    step: str
    dataset: str
    detector: str
    exposure: str
    test: str
    old: str
    new: str
    message: str

    @property
    def place(self) -> tuple[str, str]:
        """Data set and detector."""
        return self.dataset, self.detector


@dataclass(frozen=True)
class MosaicPair:
    """The mosaics of a detector, old and new.

    Parameters
    ----------
    old, new : Path or None
        What each run could leave as a baseline; None if it left none.
    identical : bool
        Whether all arrays are the same to the last bit.
    said : tuple of str
        What changed, in words.
    """

    dataset: str
    detector: str
    old: Path | None
    new: Path | None
    identical: bool = False
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """Time and memory of one step, of the products that were not the same by their very keys."""

    step: str
    products: int
    shared: int
    old_seconds: float
    new_seconds: float
    old_peak_mb: float
    new_peak_mb: float


@dataclass(frozen=True)
class Changes:
    """Everything in which two runs differ."""

    metrics: tuple[ComparedNumber, ...] = ()
    checks: tuple[Check, ...] = ()
    mosaics: tuple[MosaicPair, ...] = ()
    costs: tuple[Cost, ...] = ()
    missing: tuple[str, ...] = field(default=())


def compare_runs(
    old: Run,
    new: Run,
    old_folder: Path,
    new_folder: Path,
    targets: Targets,
    floors: Mapping[str, float] | None = None,
) -> Changes:
    """Compare two runs.

    Parameters
    ----------
    old, new : Run
        Their results.
    old_folder, new_folder : Path
        Their reports, with what they could leave as baselines.
    targets : Targets
        The limits.
    floors : mapping, optional
        The noise floor by metric (as 'baseline.shift_x'), see `fixtures.baseline.floor`.
    """
    floors = floors or {}
    metrics: list[ComparedNumber] = []
    pairs = []
    for dataset, detector in _places(old, new, old_folder, new_folder):
        before, after = (_candidate(folder, dataset, detector) for folder in (old_folder, new_folder))
        if before is None or after is None:
            pairs.append(MosaicPair(dataset, detector, before, after))
            continue
        pair, found = compare_mosaics(before, after, dataset, detector, targets, floors)
        pairs.append(pair)
        metrics += found
        was, now = (read_scalars(one / SCALARS) for one in (before, after))
        metrics += compare_scalars(was, now, dataset, detector, targets, floors)
    metrics += compare_measurements(old.measurements, new.measurements)
    checks = compare_checks(old.outcomes, new.outcomes)
    return Changes(tuple(metrics), checks, tuple(pairs), compare_costs(old, new), missing_of(old, new))


def _places(old: Run, new: Run, *folders: Path) -> list[tuple[str, str]]:
    """Return data sets and detectors that took part or left something, in the runs' order."""
    found = {(one.name, detector): None for run in (old, new) for one in run.datasets for detector in one.detectors}
    left = {(p.parent.parent.name, p.parent.name) for f in folders for p in f.glob(f"candidates/*/*/{MOSAIC}")}
    return [*found, *sorted(left - found.keys())]


def _candidate(folder: Path, dataset: str, detector: str) -> Path | None:
    found = folder / "candidates" / dataset / detector
    return found if (found / MOSAIC).is_file() else None


def compare_mosaics(
    old: Path, new: Path, dataset: str, detector: str, targets: Targets, floors: Mapping[str, float]
) -> tuple[MosaicPair, list[ComparedNumber]]:
    """Compare the mosaics of a detector by the ruler that holds a run against its baseline."""
    from fixtures.baseline.comparing import compare_folders
    from fixtures.baseline.differences import OF_THE_HEADER, largest, tell

    numbers = compare_folders(new, old, detector)
    identical = all(numbers["identical"].values())
    said = tuple(tell(numbers, outside(targets, dataset=dataset, detector=detector)))
    found = []
    for metric, value in largest(numbers).items():
        # of arrays that are the same to the last bit, all else is the coarseness of what is stored
        value = 0.0 if identical and metric not in OF_THE_HEADER and value is not None else value
        target = targets.get(metric, dataset=dataset, detector=detector)
        step, name = "drizzle", metric.replace("baseline.", "mosaic.", 1)
        if value is None and not numbers["stars"]["n_stars"]:
            continue  # there is no star to tell
        found.append(
            _metric(step, dataset, detector, "", name, target, None, value, value, floors.get(metric), of="mosaic")
        )
    return MosaicPair(dataset, detector, old, new, identical, said), found


def compare_scalars(
    old: Sequence[Mapping[str, Any]],
    new: Sequence[Mapping[str, Any]],
    dataset: str,
    detector: str,
    targets: Targets,
    floors: Mapping[str, float],
) -> list[ComparedNumber]:
    """Compare the numbers of every step that are kept with a baseline."""
    sides = [{(row["name"], row["exposure"] or ""): row for row in rows} for rows in (old, new)]
    found = []
    for name, exposure in sorted({*sides[0], *sides[1]}):
        before, after = (side.get((name, exposure)) for side in sides)
        metric = f"baseline.{name}"
        target = targets.get(metric, dataset=dataset, detector=detector, exposure=exposure or None)
        was, now = (None if row is None else row["value"] for row in (before, after))
        lost = before is None or after is None  # not even 'no value': the run did not measure it
        change = None if lost else change_of(now, was)
        unit = (after or before or {})["unit"]
        step = name.split(".")[0]
        one = _metric(step, dataset, detector, exposure, name, target, was, now, change, floors.get(metric), unit=unit)
        found.append(one)
    return found


def _metric(
    step: str,
    dataset: str,
    detector: str,
    exposure: str,
    name: str,
    target: Target | None,
    old: float | None,
    new: float | None,
    change: float | None,
    floor: float | None,
    *,
    unit: str = "",
    of: str = "step",
) -> ComparedNumber:
    share = None if target is None else share_of(change, target)
    kind = _kind(change, target, share, floor)
    unit = unit or (target.unit if target else "")
    limit = target.limits if target else ""
    place = (step, dataset, detector, exposure)
    return ComparedNumber(*place, name, unit, old, new, change, floor or None, limit, share, kind, of)


def _kind(change: float | None, target: Target | None, share: float | None, floor: float | None) -> str:
    if change == 0:
        return SAME
    if target is None:
        return BEYOND if change is None else UNTOLD
    if not target.judge(change).passed:
        return BEYOND
    small = abs(change or 0.0) <= floor if floor else (share or 0.0) <= SMALL
    return NOISE if small else WITHIN


def compare_measurements(old: Iterable[Measurement], new: Iterable[Measurement]) -> list[ComparedNumber]:
    """Compare what the checks measured; whether a target is missed is told by the checks themselves.

    Here the limit is the margin that was left: a change that takes less than a tenth of it counts as none.
    Comparisons with stored baselines are left out, as old and new are compared directly.
    """
    before, after = _by_place(old), _by_place(new)
    found = []
    for key in [key for key in before if key in after]:
        was, now = before[key], after[key]
        change = change_of(now.value, was.value)
        margin = was.margin if was.margin and was.margin > 0 else None
        share = abs(change) / margin if change is not None and margin else None
        kind = SAME if change == 0 else UNTOLD if share is None else NOISE if share <= SMALL else WITHIN
        place = (now.step, now.dataset or "", now.detector or "", now.exposure or "")
        limit = f"margin {margin:.3g}" if margin else ""
        metric = ComparedNumber(
            *place, now.metric, now.unit, was.value, now.value, change, None, limit, share, kind, "check"
        )  # fmt: skip
        found.append(metric)
    return found


def _by_place(measured: Iterable[Measurement]) -> dict[tuple[str | int | None, ...], Measurement]:
    found: dict[tuple[str | int | None, ...], Measurement] = {}
    count: dict[tuple[str | None, ...], int] = defaultdict(int)
    for one in measured:
        if one.metric.startswith("baseline."):
            continue
        key = (one.test, one.metric, one.dataset, one.detector, one.exposure)
        found[*key, count[key]] = one
        count[key] += 1
    return found


def compare_checks(old: Iterable[Outcome], new: Iterable[Outcome]) -> tuple[Check, ...]:
    """Return the checks that went otherwise, and those that went badly in both."""
    before = {one.test: one for one in old}
    after = {one.test: one for one in new}
    found = []
    for test in sorted({*before, *after}):
        was, now = before.get(test), after.get(test)
        kind = _went(was.status if was else None, now.status if now else None)
        one = now or was
        if kind and one is not None:
            # only the reproductions of upstream defects belong to no step of the workflow
            about = (one.step or "defects", one.dataset or "", one.detector or "", one.exposure or "", test)
            old_status, new_status = (side.status if side else "not there" for side in (was, now))
            found.append(Check(kind, *about, old_status, new_status, one.message))
    return tuple(found)


def _went(old: str | None, new: str | None) -> str:
    """Say in a word how the status of a check went; empty where there is nothing to say."""
    if new == results.DEFECT_GONE:
        return "both" if old == results.DEFECT_GONE else "defect gone"
    if new in results.BAD:
        return "both" if old in results.BAD else "broke"
    if old in results.BAD:
        return "mended" if new in GOOD else "lost"
    if old in GOOD and new not in GOOD:
        return "lost"
    return ""


def missing_of(old: Run, new: Run) -> tuple[str, ...]:
    """Say what was not validated, so that the comparison is not whole.

    Checks against stored baselines are left out: the two runs are compared directly, whether there are any or not.
    """
    said = []
    for which, run in (("today's environment", old), ("the candidate", new)):
        asked = [one for one in run.outcomes if one.required and one.step != "baselines"]
        missing = sum(one.status in (results.NOT_VALIDATED, results.NOT_RUN) for one in asked)
        if missing:
            said.append(f"{missing} required {_checks(missing)} not validated in {which}")
        said += [f"{why} in {which}" for why in (run.broken, run.interrupted) if why]
    if not (old.partial and new.partial) and (unselected := new.unselected or old.unselected):
        said.append(f"{unselected} not selected")
    return tuple(said)


def _checks(number: int) -> str:
    return "check" if number == 1 else "checks"


def compare_costs(old: Run, new: Run) -> tuple[Cost, ...]:
    """Return time and memory by step; what stands under the same key in both is the same product."""
    before, after = ({one.name: one for one in run.products if not one.failed} for run in (old, new))
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted({*before, *after}):
        head, _, last = name.rpartition("/")
        groups[head if head in ("defects", "engine") else last].append(name)
    costs = []
    for step, names in groups.items():
        both = [name for name in names if name in before and name in after]
        own = [name for name in both if before[name].key and before[name].key != after[name].key]
        if own:
            sums = [sum(side[name].seconds for name in own) for side in (before, after)]
            peaks = [max(side[name].peak_mb for name in own) for side in (before, after)]
            costs.append(Cost(step, len(own), len(names) - len(own), *sums, *peaks))
    return tuple(sorted(costs, key=lambda one: -max(one.old_seconds, one.new_seconds)))
