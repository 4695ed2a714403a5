"""The verdict on an upgrade, in one sentence, with a stable name for a failure and an exit status for scripts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from ci.upgrading.changes import BEYOND, NOISE, SAME, STEPS, WITHIN, Changes, Check, ComparedNumber
from ci.verdicts import CHANGED, CRASHES, INCOMPLETE, NOT_INSTALLABLE, REGRESSION, SAFE, TIMED_OUT, CandidateVerdict

WORDS = {
    "inputs": "inputs and calibration",
    "cti": "CTI correction",
    "alignment": "alignment",
    "drizzle": "drizzling",
    "defects": "upstream defects",
}


def judge(changes: Changes) -> CandidateVerdict:
    """Judge what changed: regression before incomplete before changed before safe.

    Checks against stored baselines don't count: old and new are compared directly, by the same limits.
    """
    beyond = [one for one in changes.metrics if one.kind == BEYOND]
    broke = [one for one in changes.checks if one.kind == "broke" and one.step != "baselines"]
    tail = _also(changes)
    if beyond or broke:
        return _regression(beyond, broke, tail)
    lost = [one for one in changes.checks if one.kind == "lost" and one.step != "baselines"]
    gone = [pair for pair in changes.mosaics if (pair.old is None) != (pair.new is None)]
    compared = any(one.of != "check" for one in changes.metrics)
    missing = list(changes.missing)
    if lost:
        missing.append(f"{_count(lost, 'check')} passed before and {'was' if len(lost) == 1 else 'were'} not validated")
    missing += [f"only one run has a mosaic of {pair.dataset} {pair.detector}" for pair in gone]
    if not compared:
        missing.append("no mosaic could be compared")
    said = _unchanged(changes)
    if missing:
        return CandidateVerdict(
            INCOMPLETE, f"incomplete: nothing failed, but {'; '.join(missing)}; otherwise {said}{tail}."
        )
    within = [one for one in changes.metrics if one.kind == WITHIN]
    if within or any(one.kind == "defect gone" for one in changes.checks):
        return CandidateVerdict(CHANGED, f"changes results within tolerance: {said}{tail}.", _steps(within))
    return CandidateVerdict(SAFE, f"safe: {said}{tail}.")


def not_installable(why: str, packages: Sequence[str]) -> CandidateVerdict:
    """Return the verdict on a candidate that can't be resolved or built."""
    return CandidateVerdict(
        NOT_INSTALLABLE, f"cannot be installed, here: {_ended(why)}", (), f"not installable: {', '.join(packages)}"
    )


def crashes(why: str, packages: Sequence[str]) -> CandidateVerdict:
    """Return the verdict on a candidate whose packages can't be imported, or in which the validation breaks down."""
    return CandidateVerdict(
        CRASHES, f"crashes, here: {_ended(why)}", (), f"crashes: {', '.join(packages)}: {_stable(why)}"
    )


def timed_out(seconds: float, which: str = "the candidate") -> CandidateVerdict:
    """Return the verdict on a run that did not end in time."""
    return CandidateVerdict(
        TIMED_OUT, f"timed out: the validation of {which} did not end within {seconds / 60:g} minutes.", (), "timed out"
    )


def _regression(beyond: Sequence[ComparedNumber], broke: Sequence[Check], tail: str) -> CandidateVerdict:
    both: list[ComparedNumber | Check] = [*beyond, *broke]
    steps = _steps(both)
    first = steps[0]
    at_first = [one for one in both if one.step == first]
    places = _places(at_first)
    worst = max((one for one in beyond if one.step == first), key=_size, default=None)
    said = []
    if worst is not None:
        said.append(tell(worst))
        others = sum(one.step == first for one in beyond) - 1
        if others:
            said.append(f"{others} more {'number is' if others == 1 else 'numbers are'} beyond tolerance")
    failed = [one for one in broke if one.step == first]
    if failed:
        said.append(f"{_count(failed, 'check')} that passed before {'fails' if len(failed) == 1 else 'fail'}")
        said.append(f"first: {failed[0].message.rstrip('.')}")
    if len(steps) > 1:
        said.append(f"it shows in {' and '.join(WORDS.get(step, step) for step in steps[1:])} too")
    where = f"{_place_words(places)} {WORDS.get(first, first)}".strip()
    signature = f"regression: {first} {', '.join('/'.join(filter(None, place)) for place in places)}".strip()
    return CandidateVerdict(REGRESSION, f"regression in {where}: {'; '.join(said)}{tail}.", steps, signature)


def tell(one: ComparedNumber) -> str:
    """Say a metric's change in a few words."""
    unit = "" if one.unit in ("", "1") else f" {one.unit}"
    name = f"{one.exposure} {one.metric}".strip()
    if one.of == "mosaic":
        said = f"{name} {_number(one.new)}{unit}"
    else:
        said = f"{name} {_number(one.old)} -> {_number(one.new)}{unit}"
    if one.share is None or not math.isfinite(one.share):
        return f"{said} (allowed {one.limit})" if one.limit else said
    return f"{said}, {one.share:.3g} tolerances"


def _number(value: float | None) -> str:
    return "no value" if value is None else f"{value:.4g}"


def _size(one: ComparedNumber) -> tuple[float, float]:
    """Sort what was lost and what has no limit to be a multiple of behind what can be told by a number."""
    share = one.share if one.share is not None and math.isfinite(one.share) else 0.0
    return share, abs(one.change or 0.0)


def _steps(found: Iterable[ComparedNumber | Check]) -> tuple[str, ...]:
    there = {one.step for one in found}
    return (*(step for step in STEPS if step in there), *sorted(there - set(STEPS)))


def _places(found: Iterable[ComparedNumber | Check]) -> list[tuple[str, str]]:
    return sorted({one.place for one in found if any(one.place)})


def _place_words(places: Sequence[tuple[str, str]]) -> str:
    """Say detectors, with their data set only where several took part."""
    datasets = {dataset for dataset, _ in places}
    names = [detector if len(datasets) == 1 and detector else " ".join(filter(None, (d, detector)))
             for d, detector in places]  # fmt: skip
    return ", ".join(names)


def _unchanged(changes: Changes) -> str:
    """Say how little changed."""
    counted = [one for one in changes.metrics if one.of != "check"]
    mosaics = [pair for pair in changes.mosaics if pair.old and pair.new]
    identical = sum(pair.identical for pair in mosaics)
    same = sum(one.kind == SAME for one in counted)
    noise = sum(one.kind == NOISE for one in counted)
    said = [f"{identical} of {len(mosaics)} mosaics are the same to the last bit"]
    if same == len(counted):
        said.append(f"all {len(counted)} numbers are the same")
    else:
        said.append(f"of {len(counted)} numbers {same} are the same and {noise} differ by no more than noise")
    within = [one for one in changes.metrics if one.kind == WITHIN]
    if within:
        worst = max(within, key=_size)
        place = " ".join(filter(None, worst.place))
        said.append(f"{len(within)} changed within tolerance, most of all {place} {tell(worst)}")
    return ", ".join(said)


def _also(changes: Changes) -> str:
    """Say what is no fault of the candidate, or good news."""
    said = []
    both = [one for one in changes.checks if one.kind == "both"]
    mended = [one for one in changes.checks if one.kind == "mended"]
    gone = [one for one in changes.checks if one.kind == "defect gone"]
    baselines = [one for one in changes.checks if one.kind == "broke" and one.step == "baselines"]
    if both:
        said.append(f"{_count(both, 'check')} failed in both, which is not the candidate's doing")
    if mended:
        said.append(f"{_count(mended, 'check')} failed before and {'is' if len(mended) == 1 else 'are'} mended")
    if gone:
        said.append(f"{_count(gone, 'known upstream defect')} {'is' if len(gone) == 1 else 'are'} gone")
    if baselines:
        no_longer = "no longer holds" if len(baselines) == 1 else "no longer hold"
        said.append(f"{_count(baselines, 'check')} against the stored baselines {no_longer}")
    return "".join(f"; {one}" for one in said)


def _count(some: Sequence[object], what: str) -> str:
    return f"{len(some)} {what}" if len(some) == 1 else f"{len(some)} {what}s"


def _ended(text: str) -> str:
    return text.rstrip(". ") + "."


def _stable(text: str) -> str:
    """Take numbers and places out of a message, so that it has the same name next time."""
    text = re.sub(r"\S*[/\\]\S*", "...", text)
    text = re.sub(r"0x[0-9a-f]+|\d+(\.\d+)*", "N", text)
    return " ".join(text.split())[:200]
