"""Approve the mosaics of a run as new baselines, or remove a baseline: what is checked, shown, asked and written."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines import candidates, history
from baselines.candidates import Candidate
from baselines.ruler import Change, Ruler, by_size, outside, suites_ruler
from baselines.words import table, value
from fixtures.errors import NotValidated, SuiteError
from fixtures.results import Run, finite
from fixtures.store.identity import file_sha256
from fixtures.text import count, one_line, plain

if TYPE_CHECKING:
    from fixtures.baseline.provenance import Provenance

LOCK = ".approval.lock"
SHOWN = 8  # of the changed measurements
LISTED = 20  # of the failed checks
Ask = Callable[[str], str]


@dataclass(frozen=True)
class Request:
    """What the user asks to be approved.

    Parameters
    ----------
    run : Path or None
        Folder of the run; None: the latest.
    datasets, detectors : tuple of str
        What of it; empty: all. Detectors by their full names.
    reason : str
        Why it may be trusted.
    despite : str
        Why in spite of what speaks against it; empty: nothing may.
    store : str or None
        URL of the folder that the files go to; None: where the baseline is, at first into git.
    """

    run: Path | None
    datasets: tuple[str, ...]
    detectors: tuple[str, ...]
    reason: str
    despite: str = ""
    store: str | None = None


@dataclass(frozen=True)
class Stored:
    """The baseline that is there: its verified files in one folder, and what they say."""

    folder: Path
    sha256: str
    conditions: Mapping[str, Any]
    scalars: Sequence[Mapping[str, Any]]
    provenance: Provenance


@dataclass(frozen=True)
class Plan:
    """What an approval would change.

    Parameters
    ----------
    candidate : Candidate
        The new baseline.
    old : Stored or None
        The baseline before; None where there is none, or a damaged one.
    conditions : mapping
        How the new one was made.
    against : tuple of str
        What speaks against it, and is overruled.
    first : tuple of str
        What has to be known before the numbers: other engine, version or parameters.
    words : tuple of str
        What the comparison of the mosaics says.
    changed : tuple of Change
        Measurements that changed, the largest in units of its limit first.
    largest : mapping
        What the history keeps of the numbers.
    versions : mapping
        Version before and after of what differs, and of drizzlepac.
    same : bool
        Pixels to the last bit, header by meaning, sources and measurements are those of the baseline.
    needed : bool
        Whether anything at all would change.
    damaged : bool
        Whether there is a baseline that can't be read.
    """

    candidate: Candidate
    old: Stored | None
    conditions: Mapping[str, Any]
    against: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()
    largest: Mapping[str, float | None] | None = None
    versions: Mapping[str, tuple[str | None, str | None]] | None = None
    same: bool = False
    needed: bool = True
    damaged: bool = False


def approve(
    root: Path,
    request: Request,
    *,
    ruler: Ruler | None = None,
    ask: Ask | None = None,
    dry_run: bool = False,
    say: Callable[[str], None] = print,
) -> bool:
    """Show what would change, ask for each baseline, and write those that are approved.

    Parameters
    ----------
    root : Path
        Folder of the baselines.
    request : Request
        What to approve.
    ruler : Ruler, optional
        What compares; by default the suite's own.
    ask : callable, optional
        Puts a question, returns the answer; None: everything is approved (--yes).
    dry_run : bool
        Only show it.
    say : callable
        Gets the lines.

    Returns
    -------
    bool
        False if the user declined one.

    Raises
    ------
    SuiteError
        Something speaks against one of them (then none is written), or it can't be written.
    """
    if not one_line(request.reason):
        raise SuiteError('Nothing is approved without a reason: say why with --reason "...".')
    folder = candidates.run_folder(request.run)
    run = candidates.read_run(folder)
    pairs = candidates.offered(folder, run, request.datasets, request.detectors)
    who = None if dry_run else author(root)
    with tempfile.TemporaryDirectory(prefix="baselines-") as scratch, _alone(root, only_look=dry_run):
        plans = _plans(root, request, folder, run, pairs, Path(scratch), ruler)
        for name in candidates.without(run, pairs, request.datasets, request.detectors):
            say(f"{name}: the run left nothing to approve")
        agreed = True
        for plan in plans:
            for line in _shown(plan, folder, run, request):
                say(line)
            if dry_run or not plan.needed:
                continue
            if ask is not None and not _yes(ask(f"Approve {plan.candidate.name}? [y/N] ")):
                say(f"{plan.candidate.name} is left as it is.")
                agreed = False
                continue
            _write(root, request, run, plan, who or {}, Path(scratch) / "new" / plan.candidate.name)
            say(f"{plan.candidate.name} is approved: commit {root}.")
        if dry_run:
            say("Nothing was written (--dry-run).")
    return agreed


def forget(
    root: Path,
    dataset: str,
    detector: str,
    reason: str,
    *,
    ask: Ask | None = None,
    say: Callable[[str], None] = print,
) -> bool:
    """Remove a baseline, which stays in git's history, and write that down; False if the user declined.

    Raises
    ------
    SuiteError
        There is no such baseline, no reason, or it can't be written.
    """
    from fixtures.baseline.manifest import read_manifest, remove

    name = f"{dataset}/{detector}"
    if not one_line(reason):
        raise SuiteError('Nothing is removed without a reason: say why with --reason "...".')
    who = author(root)
    with _alone(root):
        entry = read_manifest(root).entries.get(name)
        if entry is None:
            raise SuiteError(f"There is no baseline {plain(name)}: see python -m baselines show.")
        if ask is not None and not _yes(ask(f"Remove the baseline {name}? [y/N] ")):
            say(f"{name} is left as it is.")
            return False
        remove(root, dataset, detector)
        history.append(
            root,
            history.Entry(
                done=history.FORGOTTEN,
                when=_now(),
                who=who,
                why=one_line(reason),
                dataset=dataset,
                detector=detector,
                mosaic_sha256={"before": entry.files["mosaic.fits"].sha256, "after": None},
            ),
        )
    say(f"{name} is removed: commit {root}.")
    return True


def author(root: Path) -> dict[str, str]:
    """Return name and email of the user as git knows them.

    Raises
    ------
    SuiteError
        Git is missing, or does not know them.
    """
    found = {}
    for key, example in (("name", "Your Name"), ("email", "you@example.org")):
        command = ["git", "config", "--get", f"user.{key}"]
        try:
            answer = subprocess.run(command, cwd=root, capture_output=True, check=False).stdout
        except OSError:
            raise SuiteError("git is missing, which says who approves: install it.") from None
        found[key] = one_line(answer.decode("utf-8", "replace"))
        if not found[key]:
            raise SuiteError(f'Git does not know who approves: set it with git config --global user.{key} "{example}".')
    return found


def ask_on_terminal(question: str) -> str:
    """Put a question on the terminal; what ends the input is a no.

    Raises
    ------
    SuiteError
        There is no terminal.
    """
    if not sys.stdin.isatty():
        raise SuiteError("There is no terminal to ask on, so nothing is written: add --yes if you are sure.")
    try:
        return input(question)
    except EOFError:
        print()
        return ""


# --- what would change ---------------------------------------------------------------------------------


def _plans(
    root: Path,
    request: Request,
    folder: Path,
    run: Run,
    pairs: Sequence[tuple[str, str]],
    scratch: Path,
    ruler: Ruler | None,
) -> list[Plan]:
    """Look at every candidate; what is wrong with any of them is told at once, a line each."""
    problems: list[str] = []
    looked: list[tuple[Candidate, _Found]] = []
    for dataset, detector in pairs:
        problems += candidates.incomplete(run, dataset, detector)
        try:
            candidate = candidates.read_candidate(folder, run, dataset, detector)
            found = _look(root, request, run, candidate, scratch)
        except SuiteError as error:
            problems.append(str(error))
            continue
        problems += found.refusals
        looked.append((candidate, found))
    if problems:
        raise SuiteError("\n".join(dict.fromkeys(problems)))
    return [_plan(root, run, candidate, found, scratch / "new" / candidate.name, ruler) for candidate, found in looked]


@dataclass(frozen=True)
class _Found:
    """A candidate and the baseline before it, as read, and what speaks against the one replacing the other."""

    conditions: Mapping[str, Any]
    scalars: Sequence[Mapping[str, Any]]
    old: Stored | None
    damaged: bool
    against: tuple[str, ...]
    refusals: tuple[str, ...]


def _look(root: Path, request: Request, run: Run, candidate: Candidate, scratch: Path) -> _Found:
    from fixtures.baseline.pack import read_mosaic

    dataset, detector = candidate.dataset, candidate.detector
    new = scratch / "new" / candidate.name
    _copy({name: candidate.folder / name for name in candidates.FILES}, new)
    for name, sha256 in candidate.sha256.items():  # what is compared and written is what the run made
        if file_sha256(new / name) != sha256:
            raise SuiteError(f"{candidate.folder / name} is being altered: run the suite again: {plain(run.command)}.")
    conditions = candidates.read_object(new / "conditions.json")
    candidates.check_conditions(conditions, dataset, candidate.folder / "conditions.json")
    scalars = candidates.read_scalars(new / "measurements.json")
    read_mosaic(new / "mosaic.fits")
    against, refusals, damaged = [], [], False
    try:
        old = _stored(root, dataset, detector, scratch / "old" / candidate.name)
    except NotValidated:  # a store that can't be reached holds a sound baseline, as far as is known
        raise
    except SuiteError as error:
        old, damaged = None, True
        against.append(f"the stored baseline can't be compared with: {plain(error)}")
        if not request.despite:
            refusals.append(
                f"{plain(error)} To replace the baseline of {dataset} {detector} without a comparison, "
                'say why with --despite "...".'
            )
    if failed := candidates.failures(run, dataset, detector):
        against += [f"{one.test} failed" for one in failed[:LISTED]]
        against += [f"{len(failed) - LISTED} more failed"] if len(failed) > LISTED else []
        if not request.despite:
            refusals.append(candidates.failure_told(dataset, detector, failed))
    seed = _seed(dataset)
    refusals += candidates.other_inputs(conditions, old.conditions if old else None, dataset, detector, seed)
    return _Found(conditions, scalars, old, damaged, tuple(against), tuple(refusals))


def _stored(root: Path, dataset: str, detector: str, folder: Path) -> Stored | None:
    """Gather the files of the stored baseline in a folder; None where there is none."""
    from fixtures.baseline.cache import cache_folder
    from fixtures.baseline.manifest import NoBaseline, deliver
    from fixtures.baseline.provenance import read_provenance

    try:
        files = deliver(root, dataset, detector, cache=cache_folder())
    except NoBaseline:
        return None
    _copy(files, folder)
    conditions = candidates.read_object(folder / "conditions.json")
    candidates.check_conditions(conditions, dataset, root / dataset / detector / "conditions.json")
    return Stored(
        folder,
        file_sha256(folder / "mosaic.fits"),
        conditions,
        candidates.read_scalars(folder / "measurements.json"),
        read_provenance(folder / "provenance.json"),
    )


def _plan(root: Path, run: Run, candidate: Candidate, found: _Found, new: Path, ruler: Ruler | None) -> Plan:
    from fixtures.baseline.conditions import departures, other_engine
    from fixtures.measurement.values import NotMeasurable

    old = found.old
    if old is None:
        versions = _versions({}, run.versions)
        return Plan(candidate, None, found.conditions, found.against, versions=versions, damaged=found.damaged)
    versions = _versions(old.provenance.versions, run.versions)
    ruler = ruler or suites_ruler(candidates.suite_folder())
    place = {"dataset": candidate.dataset, "detector": candidate.detector, "engine": run.engine.split(" ")[0]}
    try:
        numbers = ruler.compare_folders(new, old.folder, candidate.detector)
        words = ruler.tell(numbers, outside(ruler.targets, **place))
        largest, same = ruler.largest(numbers), _same(numbers, new, old.folder)
    except NotMeasurable as error:
        words, largest, same = [f"the mosaics can't be compared: {error}"], {}, False
    changed = by_size(ruler.changes({"scalars": found.scalars}, {"scalars": old.scalars}), ruler.targets, **place)
    same = same and found.scalars == old.scalars
    as_before = (
        same
        and not any(before != after for before, after in versions.values())
        and found.conditions == old.conditions
        and run.platform == old.provenance.platform
        and _is_told(root, candidate.name, old)
    )
    return Plan(
        candidate,
        old,
        found.conditions,
        found.against,
        (
            *departures(found.conditions, old.conditions),
            *filter(None, [other_engine(found.conditions, old.conditions)]),
        ),
        tuple(words),
        tuple(changed),
        finite(largest),
        versions,
        same,
        not as_before,
    )


def _same(numbers: Mapping[str, Any], new: Path, old: Path) -> bool:
    """Whether the arrays are the same to the last bit, the header by meaning and the catalogue of sources."""
    headers = numbers.get("headers", {})
    return (
        all(numbers["identical"].values())
        and not any(headers.get(kind) for kind in ("added", "removed", "changed"))
        and file_sha256(new / "sources.ecsv") == file_sha256(old / "sources.ecsv")
    )


def _is_told(root: Path, name: str, old: Stored) -> bool:
    """Whether the approval of the stored baseline stands in the history: who was interrupted may approve again."""
    last = history.read_history(root).last(name)
    return last is not None and last.when == old.provenance.approved.when


def _versions(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Return what differs, and drizzlepac."""
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys(), key=lambda name: (name != "drizzlepac", name))
        if name == "drizzlepac" or before.get(name) != after.get(name)
    }


def _seed(dataset: str) -> int | None:
    from fixtures.datasets import dataset as datasets

    return datasets.load(dataset).seed if dataset in datasets.COMMITTED else None


def _shown(plan: Plan, folder: Path, run: Run, request: Request) -> Iterator[str]:
    """Say what an approval would change."""
    name, old = plan.candidate.name, plan.old
    yield f"{name}"
    yield f"  run       {plain(run.started)}, {plain(run.command)}"
    yield f"  report    {folder / 'report.html'}"
    for title, path in candidates.picture_of(folder, run, plan.candidate.dataset, plan.candidate.detector):
        yield f"  picture   {path} ({plain(title)})"
    for one in plan.against:
        yield f"  against   {plain(one)}"
    if plan.against:
        yield f"  despite   {plain(request.despite)}"
    elif request.despite:
        yield "  despite   is not needed, as nothing speaks against it, and not written down"
    if old is None:
        yield f"  baseline  {'damaged, so that nothing is compared' if plan.damaged else 'none yet: this is the first'}"
    else:
        approved = old.provenance.approved
        yield f"  baseline  approved {plain(approved.when)} by {plain(approved.name)}: {plain(approved.why)}"
    for one in plan.first:
        yield f"  first     {plain(one)}"
    if old is not None:
        yield from _compared(plan)
    yield f"  versions  {history.versions_told(plan.versions or {})}"


def _compared(plan: Plan) -> Iterator[str]:
    if not plan.needed:
        yield "  mosaic    identical, pixels, header, sources and measurements: nothing to approve"
        return
    if plan.same:
        yield "  mosaic    identical, pixels, header, sources and measurements: only the provenance would change"
        return
    for one in plan.words:
        yield f"  mosaic    {plain(one)}"
    if not plan.changed:
        yield "  numbers   no measurement changed"
        return
    yield f"  numbers   {count(len(plan.changed), 'measurement')} changed, the largest in units of its limit first:"
    head = ("measurement", "exposure", "before", "after", "unit", "in limits")
    rows = [
        (plain(one.name), plain(one.exposure or "-"), value(one.old), value(one.new), plain(one.unit), _share(one))
        for one in plan.changed[:SHOWN]
    ]
    yield from table([head, *rows], indent="    ")
    if len(plan.changed) > SHOWN:
        yield f"    and {len(plan.changed) - SHOWN} more"


def _share(one: Change) -> str:
    return "-" if one.share is None else "beyond" if math.isinf(one.share) else f"{one.share:.2g}"


# --- writing -------------------------------------------------------------------------------------------


def _write(root: Path, request: Request, run: Run, plan: Plan, who: Mapping[str, str], new: Path) -> None:
    """Put the new baseline in place, then write it down; killed between the two, `verify` says so."""
    from fixtures.baseline.manifest import read_manifest, replace
    from fixtures.baseline.provenance import Approval, Provenance, write_provenance

    candidate, when = plan.candidate, _now()
    why = one_line(request.reason)
    despite = one_line(request.despite) if plan.against else ""
    before = read_manifest(root).entries.get(candidate.name)
    write_provenance(
        new / "provenance.json",
        Provenance(
            versions=dict(run.versions),
            engine=run.engine,
            platform=run.platform,
            inputs={name: one["digest"] for name, one in plan.conditions["inputs"].items()},
            dataset_version=plan.conditions["version"],
            seed=plan.conditions["seed"],
            parameters=plan.conditions["parameters"]["digest"],
            run_started=run.started,
            approved=Approval(who["name"], who["email"], when, why, despite),
        ),
    )
    files = {name: new / name for name in (*candidates.FILES, "provenance.json")}
    store = request.store if request.store is not None else (before.store if before else None)
    replace(root, candidate.dataset, candidate.detector, files, store=store)
    old = before.files["mosaic.fits"].sha256 if before else None
    history.append(
        root,
        history.Entry(
            done=history.APPROVED,
            when=when,
            who=who,
            why=why,
            dataset=candidate.dataset,
            detector=candidate.detector,
            despite=despite,
            against=plan.against,
            run={"started": run.started, "command": run.command},
            engine=run.engine,
            versions=plan.versions or {},
            largest=plan.largest or {},
            mosaic_sha256={"before": old, "after": candidate.sha256["mosaic.fits"]},
        ),
    )


def _alone(root: Path, *, only_look: bool = False) -> AbstractContextManager[None]:
    """Keep every other approval out until this one has ended."""
    from fixtures.files import alone

    if not root.is_dir():
        raise SuiteError(f"There is no folder {root} to keep baselines in: make it, or name another with --root.")
    if only_look:
        return nullcontext()
    return alone(root, LOCK, SuiteError(f"Another approval is under way in {root}: wait until it has ended."))


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, path in files.items():
        try:
            shutil.copyfile(path, folder / name)
        except OSError as error:
            raise SuiteError(f"{path} can't be copied to {folder} ({error.strerror}).") from None


def _yes(answer: str) -> bool:
    return answer.strip().lower() in ("y", "yes")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
