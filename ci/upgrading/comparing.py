"""One comparison from beginning to end: two environments, two runs, what changed, the verdict, and its files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ci.upgrading import judging, page
from ci.upgrading.changes import SAME, Changes, compare_runs
from ci.upgrading.environments import Environment, NotInstallable, build, cache_root, interpreter, pins_of, settled
from ci.upgrading.installed import Moves, Pin, installed, moved
from ci.upgrading.keeping import touch
from ci.upgrading.known import companions_of
from ci.upgrading.resolve import Unresolvable, resolve
from ci.upgrading.running import REPOSITORY, Ran, frozen_suite, validate
from ci.verdicts import CandidateVerdict
from fixtures.baseline.floor import EVIDENCE, floor_of, read_evidence
from fixtures.commandline import shown
from fixtures.errors import SuiteError
from fixtures.results.run import finite
from fixtures.results.targets import read_targets

SCHEMA_VERSION = 1
JSON, HTML = "comparison.json", "comparison.html"
SUITES_OWN = ("pytest", "pytest-xdist", "pytest-html", "galsim", "sep")


@dataclass(frozen=True)
class Plan:
    """How comparisons are made.

    Parameters
    ----------
    arguments : tuple of str
        Options and arguments of the validation.
    workers : str
        Number of processes of a run, or 'auto'.
    timeout : float
        When a run is ended [s].
    cache : Path
        Where environments and copies of the suite are kept.
    suite : Path or None
        The copy of the suite; None: one is made of the suite as it is now.
    say : callable
        Tells what is going on.
    """

    arguments: tuple[str, ...] = ()
    workers: str = "auto"
    timeout: float = 3 * 3600.0
    cache: Path = field(default_factory=cache_root)
    suite: Path | None = None
    say: Callable[[str], None] = field(default=lambda sentence: None)

    @cached_property
    def frozen(self) -> Path:
        """The copy of the suite, made once: all runs of a comparison have the same, whatever is edited in between."""
        return self.suite or frozen_suite(self.cache)

    def build(self, pins: Sequence[str]) -> Environment:
        """Build an environment."""
        return build(pins, self.cache, self.say)


@dataclass(frozen=True)
class Comparison:
    """A candidate held against today's environment.

    Parameters
    ----------
    started : str
        When (UTC).
    candidate : tuple of str
        What was asked for.
    named : frozenset of str
        The packages that it names.
    verdict : CandidateVerdict
        What came out.
    environment : tuple of mapping
        Every package that moved: name, old, new.
    changes : Changes or None
        What changed; None where there was nothing to compare.
    old, new : Ran or None
        Both runs.
    packages : mapping
        How many packages each environment has, by 'old' and 'new'.
    notes, hint :
        What else the reader should know.
    """

    started: str
    candidate: tuple[str, ...]
    named: frozenset[str]
    verdict: CandidateVerdict
    environment: tuple[Mapping[str, str], ...] = ()
    changes: Changes | None = None
    old: Ran | None = None
    new: Ran | None = None
    packages: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    hint: str = ""


def todays_environment(plan: Plan, today: Mapping[str, Pin] | None = None) -> Environment:
    """Build a copy of the environment that runs.

    Raises
    ------
    SuiteError
        It can't be built, or the packages under validation can't be imported there.
    """
    today = installed() if today is None else today
    missing = [name for name in SUITES_OWN if name not in today]
    if missing:
        raise SuiteError(f"Today's environment lacks {missing[0]}, which the suite needs: pip install -e '.[ci]'.")
    try:
        environment = plan.build(pins_of(today, plan.cache))
    except NotInstallable as error:
        raise SuiteError(f"A copy of today's environment can't be built: {error.why}") from None
    if environment.broken:
        raise SuiteError(f"Today's environment does not work: {environment.broken}.")
    return environment


def suite_requirements(repository: Path = REPOSITORY) -> tuple[str, ...]:
    """Return what the validation needs to run."""
    import tomllib

    return tuple(tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"])


def candidate_environment(plan: Plan, today: Mapping[str, Pin], wanted: Moves) -> Environment:
    """Build today's environment with what is wanted in its place.

    Raises
    ------
    Unresolvable, NotInstallable
        There is no such environment, or it can't be built.
    """
    plan.say(f"resolving {wanted.words}")
    settle = partial(settled, cache=plan.cache)
    pins = resolve(today, wanted, interpreter(), suite_requirements(), settle=settle)
    return plan.build(pins)


def upgrade(plan: Plan, wanted: Moves, output: Path, today: Mapping[str, Pin] | None = None) -> Comparison:
    """Hold what is wanted against today's environment, and write the comparison into a folder.

    Raises
    ------
    SuiteError
        Today's environment can't be built or validated.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    today = installed() if today is None else today
    old = todays_environment(plan, today)
    asked = _asked(wanted)
    failed = partial(Comparison, started, asked, wanted.names, packages={"old": len(old.packages)})
    nothing = not wanted.requirements and not wanted.constraints
    try:
        new = old if nothing else candidate_environment(plan, today, wanted)
    except Unresolvable as error:
        done = failed(verdict=judging.not_installable(error.why, sorted(wanted.names)))
    except NotInstallable as error:
        package = [error.package] if error.package else sorted(wanted.names)
        done = failed(verdict=judging.not_installable(error.why, package))
    else:
        done = compare(plan, old, new, output, started=started, candidate=asked, named=wanted.names)
    write(done, output)
    return done


def compare(
    plan: Plan,
    old: Environment,
    new: Environment,
    output: Path,
    *,
    started: str,
    candidate: tuple[str, ...],
    named: frozenset[str],
    before: Ran | None = None,
) -> Comparison:
    """Validate two environments and compare the runs.

    Parameters
    ----------
    plan : Plan
        How.
    old, new : Environment
        Where.
    output : Path
        Folder of both reports.
    before : Ran, optional
        The run in the old one, where there is one already.
    started, candidate, named :
        As of the `Comparison`.

    Raises
    ------
    SuiteError
        The validation breaks down in the old one.
    """
    output.mkdir(parents=True, exist_ok=True)
    packages = {"old": len(old.packages), "new": len(new.packages)}
    differing = tuple(moved(old.packages, new.packages))
    told = partial(Comparison, started, candidate, named, packages=packages, environment=differing)
    for name, environment in (("old", old), ("new", new)):
        (output / f"{name}.txt").write_text("\n".join(environment.pins) + "\n", encoding="utf-8")
    if new.broken:
        names = sorted(named) or ["today's environment"]
        return told(verdict=judging.crashes(new.broken, names), hint=_hint(new))
    before = before or run(plan, old, output / "old", "today's environment")
    if before.timed_out:
        return told(verdict=judging.timed_out(plan.timeout, "today's environment"), old=before)
    if before.run is None:
        raise breakdown(before, "today's environment")
    after = run(plan, new, output / "new", "the candidate")
    told = partial(told, old=before, new=after)
    if after.timed_out:
        return told(verdict=judging.timed_out(plan.timeout))
    if after.run is None:
        why = f"the validation breaks down: {after.last}"
        return told(verdict=judging.crashes(why, sorted(named)))
    changes = changes_of(before, after)
    notes = [_undrawn(ran, which) for ran, which in ((before, "today's environment"), (after, "the candidate"))]
    return told(verdict=judging.judge(changes), changes=changes, notes=tuple(filter(None, notes)))


def breakdown(ran: Ran, which: str) -> SuiteError:
    """Return what to tell where a run that all rests on has no results."""
    why = "it did not end in time (--timeout)" if ran.timed_out else ran.last.rstrip(".")
    return SuiteError(f"The validation breaks down in {which}: {why}; all of it is in {shown(ran.folder)}.log.")


def _undrawn(ran: Ran, which: str) -> str:
    """Say that a run has no report worth the name, though its results count; the validation itself ends with 3 then."""
    log = f"{ran.folder}.log"
    return f"The report of {which} could not be drawn; its results are whole, see the end of {log}." * ran.undrawn


def run(plan: Plan, environment: Environment, folder: Path, which: str) -> Ran:
    """Validate one environment."""
    plan.say(f"validating {which} (log: {shown(folder)}.log)")
    for used in (plan.frozen, environment.python.parents[1]):
        touch(used, plan.timeout)
    ran = validate(environment, plan.frozen, folder, plan.arguments, workers=plan.workers, timeout=plan.timeout)
    plan.say(f"{which}: {ran.run.verdict.sentence if ran.run else ran.last or 'timed out'} [{ran.seconds:.0f} s]")
    return ran


def changes_of(old: Ran, new: Ran) -> Changes:
    """Return what changed between two runs that have results."""
    if old.run is None or new.run is None:
        raise SuiteError("There are no results to compare.")
    targets = read_targets(REPOSITORY / "validation" / "targets.toml")
    return compare_runs(old.run, new.run, old.folder, new.folder, targets, noise_floor())


def noise_floor() -> dict[str, float]:
    """Return the measured noise floor; nothing where there is no evidence of it."""
    return floor_of(read_evidence(EVIDENCE)) if EVIDENCE.is_file() else {}


def _asked(wanted: Moves) -> tuple[str, ...]:
    return (*wanted.requirements, *(f"--constraints {path.name}" for path in wanted.constraints))


def _hint(environment: Environment) -> str:
    """Say what is known to work with a drizzlepac that can't be imported."""
    version = environment.packages.get("drizzlepac", "").split()[0] if "drizzlepac" in environment.packages else ""
    known = companions_of(version)
    if not known:
        return ""
    unmet = [one for one in known if not _holds(one, environment.packages)]
    said = " ".join(f"'{one}'" for one in unmet)
    return f"drizzlepac {version} is known to need {said}: name it too." if unmet else ""


def _holds(requirement: str, packages: Mapping[str, str]) -> bool:
    one = Requirement(requirement)
    found = packages.get(canonicalize_name(one.name))
    return found is None or one.specifier.contains(found.split()[0], prereleases=True)


# --- files -------------------------------------------------------------------------------------------------


def to_json(done: Comparison, output: Path) -> dict[str, Any]:
    """Return a comparison as plain data; the folders of both runs stand relative to that of the comparison."""
    metrics = done.changes.metrics if done.changes else ()
    found = {
        "schema_version": SCHEMA_VERSION,
        "started": done.started,
        "candidate": list(done.candidate),
        "verdict": asdict(done.verdict) | {"steps": list(done.verdict.steps)},
        "environment": [dict(one) for one in done.environment],
        "metrics": [asdict(one) | {"floors": one.floors} for one in metrics],
        "checks": [asdict(one) for one in done.changes.checks] if done.changes else [],
        "mosaics": [
            {"dataset": one.dataset, "detector": one.detector, "identical": one.identical, "said": list(one.said)}
            for one in (done.changes.mosaics if done.changes else ())
        ],
        "costs": [asdict(one) for one in done.changes.costs] if done.changes else [],
        "notes": [*done.notes, *([done.hint] if done.hint else [])],
        "report": HTML,
        "old": _relative(done.old, output),
        "new": _relative(done.new, output),
    }
    return finite(found)


def write(done: Comparison, output: Path) -> None:
    """Write comparison.json and comparison.html."""
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(to_json(done, output), indent=1, allow_nan=False)
    (output / JSON).write_text(text + "\n", encoding="utf-8")
    changes = done.changes
    counted = changes.metrics if changes else ()
    page.write(
        output / HTML,
        "comparison.html",
        candidate=done.candidate,
        verdict=done.verdict,
        started=done.started,
        environment=done.environment,
        named=done.named,
        notes=done.notes,
        hint=done.hint,
        changes=changes,
        metrics=page.listed(changes) if changes else [],
        counts={"same": sum(one.kind == SAME for one in counted), "all": len(counted)},
        mosaics=page.drawn(changes) if changes else [],
        sides={name: _side(getattr(done, name), name, done.packages, output) for name in ("old", "new")},
    )


def _relative(ran: Ran | None, output: Path) -> str:
    return Path(os.path.relpath(ran.folder, output)).as_posix() if ran else ""


def _side(ran: Ran | None, which: str, packages: Mapping[str, int], output: Path) -> dict[str, Any]:
    return {
        "packages": packages.get(which, 0),
        "verdict": ran.run.verdict.sentence if ran and ran.run else "",
        "report": f"{_relative(ran, output)}/report.html",
        "seconds": ran.seconds if ran else 0.0,
    }


def words(found: Sequence[Mapping[str, str]], most: int = 12) -> str:
    """Say which packages moved."""
    said = [f"{one['name']} {one['old'] or '-'} -> {one['new'] or '-'}" for one in found[:most]]
    return ", ".join(said) + (f", and {len(found) - most} more" if len(found) > most else "")
