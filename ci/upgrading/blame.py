"""Which packages turn the verdict: the moved ones are tried part by part, each in an environment of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ci.upgrading import page
from ci.upgrading.comparing import HTML, Comparison, Plan, breakdown, compare, run, write
from ci.upgrading.ddmin import BAD, GOOD, UNRESOLVED, minimal
from ci.upgrading.environments import Environment, NotInstallable, interpreter
from ci.upgrading.resolve import Unresolvable, agree
from ci.verdicts import CHANGED, CRASHES, INCOMPLETE, NOT_INSTALLABLE, REGRESSION, SAFE
from fixtures.versions import PACKAGES

SUSPECTS = (*(canonicalize_name(one.name) for one in PACKAGES if not one.own), "drizzle", "stsci-*")
"""What is tried first; the packages that move beside these count too."""
JSON, PAGE = "bisect.json", "bisect.html"
MILDER = {
    REGRESSION: (SAFE, CHANGED, INCOMPLETE),
    CHANGED: (SAFE,),
    CRASHES: (SAFE, CHANGED, INCOMPLETE, REGRESSION),
}


@dataclass(frozen=True)
class Trial:
    """One environment that was tried: good but for some packages that are as in the bad one."""

    packages: tuple[str, ...]
    outcome: str
    sentence: str
    report: str = ""


@dataclass(frozen=True)
class Blame:
    """What came out.

    Parameters
    ----------
    word : str
        The verdict on the bad environment.
    sentence : str
        Who is to blame.
    packages : tuple of str
        The smallest set whose move turns the verdict.
    moved : mapping
        All packages that move: (good, bad).
    trials : tuple of Trial
        What was tried.
    only, without : str
        Reports of the environments in which only these move, and all but these; relative, empty if there is none.
    """

    word: str
    sentence: str
    packages: tuple[str, ...] = ()
    moved: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    only: str = ""
    without: str = ""


def by_name(pins: Sequence[str]) -> dict[str, str]:
    """Return pins by the package that they are about."""
    return {canonicalize_name(Requirement(pin).name): pin for pin in pins}


def suspects_first(names: Sequence[str]) -> list[str]:
    """Sort packages: those whose move is likely to matter first."""

    def place(name: str) -> tuple[int, str]:
        known = [number for number, pattern in enumerate(SUSPECTS) if fnmatchcase(name, pattern)]
        return (known[0] if known else len(SUSPECTS)), name

    return sorted(names, key=place)


def moves(good: Sequence[str], bad: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the pins that differ between two environments, of packages that both have."""
    before, after = by_name(good), by_name(bad)
    names = [name for name in before if name in after and before[name] != after[name]]
    return {name: (before[name], after[name]) for name in suspects_first(names)}


class Laboratory:
    """Tries environments between a good and a bad one; each is built, validated and compared once."""

    def __init__(self, plan: Plan, good: Environment, bad: Environment, output: Path) -> None:
        self.plan = plan
        self.good = good
        self.bad = bad
        self.output = output
        self.moved = moves(good.pins, bad.pins)
        self.trials: list[Trial] = []
        self._done: dict[frozenset[str], Comparison | str] = {}
        self._before = run(plan, good, output / "good", "the good environment")
        if self._before.run is None:
            raise breakdown(self._before, "the good environment")

    def try_(self, part: frozenset[str]) -> Comparison | str:
        """Compare the good environment with one in which a part of the packages is as in the bad one.

        Returns
        -------
        Comparison or str
            Or why there is no such environment.
        """
        if part not in self._done:
            self._done[part] = self._try(part)
        return self._done[part]

    def folder(self, part: frozenset[str]) -> Path:
        """Return the folder of a comparison."""
        names = suspects_first(sorted(part))
        name = "bad" if part == frozenset(self.moved) else "+".join(names[:3]) + ("+" if len(names) > 3 else "")
        number = sorted(self._done, key=lambda one: (len(one), sorted(one))).index(part) if part in self._done else 0
        return self.output / "tried" / (name if len(names) <= 3 or name == "bad" else f"{name}{len(names)}-{number}")

    def _try(self, part: frozenset[str]) -> Comparison | str:
        self.plan.say(f"trying {', '.join(suspects_first(sorted(part)))}")
        try:
            new = self.bad if part == frozenset(self.moved) else self._build(part)
        except (Unresolvable, NotInstallable) as error:
            return error.why
        output = _fresh(self.folder(part))
        done = compare(
            self.plan,
            self.good,
            new,
            output,
            before=self._before,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            candidate=tuple(self.moved[name][1] for name in suspects_first(sorted(part))),
            named=part,
        )
        write(done, output)
        return done

    def _build(self, part: frozenset[str]) -> Environment:
        pins = by_name(self.good.pins) | {name: self.moved[name][1] for name in part}
        added = [pin for name, pin in by_name(self.bad.pins).items() if name not in pins]
        return self.plan.build(agree(list(pins.values()), added, interpreter()))


def _fresh(folder: Path) -> Path:
    """Return a folder that is not there yet."""
    number, found = 1, folder
    while found.exists():
        number += 1
        found = folder.with_name(f"{folder.name}-{number}")
    return found


class Lab(Protocol):
    """What `find` asks of a laboratory."""

    moved: dict[str, tuple[str, str]]
    output: Path

    def try_(self, part: frozenset[str], /) -> Comparison | str: ...  # noqa: D102


def find(lab: Lab) -> Blame:
    """Find the smallest set of packages whose move turns the verdict.

    Parameters
    ----------
    lab : Lab
        A `Laboratory`, or a stand-in.
    """
    everything = frozenset(lab.moved)
    if not everything:
        return Blame(SAFE, "no package differs between the good and the bad environment.")
    whole = lab.try_(everything)
    if isinstance(whole, str):
        return Blame(NOT_INSTALLABLE, f"the bad environment can't be built: {whole}", moved=lab.moved)
    word = whole.verdict.word
    trials = [_trial(lab, everything, whole, BAD)]
    if word not in MILDER:
        return Blame(word, f"there is nothing to find: {whole.verdict.sentence}", (), lab.moved, tuple(trials))

    def test(part: frozenset[str]) -> str:
        done = lab.try_(part)
        outcome = _outcome(done, word)
        if part != everything:
            trials.append(_trial(lab, part, done, outcome))
        return outcome

    found = minimal(list(lab.moved), test)
    only = lab.try_(frozenset(found))
    rest = everything - frozenset(found)
    without = lab.try_(rest) if rest else ""
    if rest and not any(set(one.packages) == rest for one in trials):
        trials.append(_trial(lab, rest, without, _outcome(without, word)))
    sentence = _sentence(found, only, without, len(everything), word)
    reports = (_report(lab, only), _report(lab, without))
    return Blame(word, sentence, tuple(suspects_first(found)), lab.moved, tuple(trials), *reports)


def _outcome(done: Comparison | str, word: str) -> str:
    if isinstance(done, str):
        return UNRESOLVED
    if done.verdict.word == word:
        return BAD
    return GOOD if done.verdict.word in MILDER[word] else UNRESOLVED


def _trial(lab: Lab, part: frozenset[str], done: Comparison | str, outcome: str) -> Trial:
    sentence = f"can't be had: {done}" if isinstance(done, str) else done.verdict.sentence
    return Trial(tuple(suspects_first(sorted(part))), outcome, sentence, _report(lab, done))


def _report(lab: Lab, done: Comparison | str) -> str:
    if isinstance(done, str) or done.new is None:
        return ""
    return (done.new.folder.parent / HTML).relative_to(lab.output).as_posix()


def _sentence(found: Sequence[str], only: Comparison | str, without: Comparison | str, count: int, word: str) -> str:
    names = suspects_first(found)
    who = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} together"
    why = (only if isinstance(only, str) else only.verdict.sentence).rstrip(".")
    said = f"{who} of {count} moved {'package' if count == 1 else 'packages'}: {why}"
    if len(names) > 1:
        said += "; no part of them does it, or can be had, alone"
    if isinstance(without, str):
        return f"{said}." if not without else f"{said}. All but these can't be had together."
    if without.verdict.word == word:
        return f"{said}. All others do it too: there is more than one to blame."
    return f"{said}. All others without: {without.verdict.sentence}"


def write_blame(done: Blame, output: Path) -> None:
    """Write bisect.json and bisect.html."""
    data = {
        "schema_version": 1,
        "word": done.word,
        "sentence": done.sentence,
        "packages": list(done.packages),
        "moved": [{"name": name, "good": good, "bad": bad} for name, (good, bad) in done.moved.items()],
        "trials": [
            {"packages": list(one.packages), "outcome": one.outcome, "sentence": one.sentence, "report": one.report}
            for one in done.trials
        ],
        "only": done.only,
        "without": done.without,
        "report": PAGE,
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / JSON).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    page.write(output / PAGE, "bisect.html", done=done)
