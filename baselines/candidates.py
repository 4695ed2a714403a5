"""What a run offers as new baselines, and what speaks against it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.errors import SuiteError
from fixtures.plain import read_file
from fixtures.results import BAD, NOT_RUN, NOT_VALIDATED, ONE, PASSED, Outcome, Run, read_results
from fixtures.store.identity import file_sha256
from fixtures.text import count, plain

FILES = ("mosaic.fits", "sources.ecsv", "measurements.json", "conditions.json")
"""What a candidate consists of, besides its note."""
NOTE = "product.json"
STEP = "baselines"
"""The step of the workflow whose checks compare with the stored baseline: they do not count here."""
_OF_THE_DATA = {
    **dict.fromkeys(("--data", "--dataset", "--program", "--archive", "--baselines", "--engine"), 2),
    "--offline": 1,
}
"""Options that decide what a run is of, and how many words each takes."""


@dataclass(frozen=True)
class Candidate:
    """A new baseline as a run left it.

    Parameters
    ----------
    dataset, detector : str
        What it is of.
    folder : Path
        Where its files are.
    sha256 : mapping
        The checksums that the run wrote down, by file name.
    """

    dataset: str
    detector: str
    folder: Path
    sha256: Mapping[str, str]

    @property
    def name(self) -> str:
        """As in twin/CCD."""
        return f"{self.dataset}/{self.detector}"


def suite_folder() -> Path:
    """Return the folder of the suite, where `reports` and `baselines` are."""
    import fixtures

    return Path(fixtures.__file__).resolve().parents[1]


def run_folder(given: Path | None) -> Path:
    """Return the folder of a run; without any that of the latest run.

    Raises
    ------
    SuiteError
        There is none.
    """
    path = given if given is not None else suite_folder() / "reports" / "latest"
    if path.is_file() and path.name == "latest":  # where there are no symbolic links
        path = path.parent / _text(path).strip()
    if not path.is_dir():
        raise SuiteError(
            f"There is no run in {path}: name the folder of one with --run, or make one: pytest validation."
        )
    return path.resolve()


def read_run(folder: Path) -> Run:
    """Read the results of a run.

    Raises
    ------
    SuiteError
        They are missing or not of this version of the suite.
    """
    try:
        return read_results(folder / "results.json")
    except SuiteError as error:
        raise SuiteError(f"{error} Only a run of this suite can be approved: pytest validation.") from None


def offered(folder: Path, run: Run, datasets: Sequence[str], detectors: Sequence[str]) -> list[tuple[str, str]]:
    """Return the data sets and detectors to approve, sorted: those chosen, or all that the run has candidates of.

    Raises
    ------
    SuiteError
        There is none, or one that was chosen is missing.
    """
    took_part = {info.name for info in run.datasets}
    for name in datasets:
        if name not in took_part:
            raise SuiteError(
                f"The run {folder} is not of the data set {plain(name)!r} but of {', '.join(sorted(took_part))}."
            )
    places = folder / "candidates"
    there = sorted((path.parent.name, path.name) for path in places.glob("*/*") if path.is_dir())
    chosen = [
        pair for pair in there if (not datasets or pair[0] in datasets) and (not detectors or pair[1] in detectors)
    ]
    for dataset in datasets:
        if not any(pair[0] == dataset for pair in chosen):
            raise _no_longer_kept(places / dataset, run)
    for detector in detectors:
        if not any(pair[1] == detector for pair in chosen):
            raise _no_longer_kept(places / "*" / detector, run)
    if not chosen:
        raise _no_longer_kept(places, run)
    return chosen


def without(run: Run, pairs: Sequence[tuple[str, str]], datasets: Sequence[str], detectors: Sequence[str]) -> list[str]:
    """Return what took part in a run and has no candidate, as in twin/CCD; empty choices mean all."""
    return [
        f"{info.name}/{detector}"
        for info in run.datasets
        for detector in info.detectors
        if (info.name, detector) not in pairs
        and (not datasets or info.name in datasets)
        and (not detectors or detector in detectors)
    ]


def read_candidate(folder: Path, run: Run, dataset: str, detector: str) -> Candidate:
    """Return a candidate after every byte of it was held against the note that the run left.

    Raises
    ------
    SuiteError
        A file is missing, or was altered.
    """
    place = folder / "candidates" / dataset / detector
    note = read_object(place / NOTE, missing=_no_longer_kept(place / NOTE, run))
    kept = note.get("sha256")
    if not isinstance(kept, dict):
        raise SuiteError(f"{place / NOTE} holds no checksums: run the suite again: {plain(run.command)}.")
    for name in FILES:
        path = place / name
        if not path.is_file():
            raise _no_longer_kept(path, run)
        if file_sha256(path) != kept.get(name):
            raise SuiteError(
                f"{path} is not the file that the run made: it was altered; run the suite again: {plain(run.command)}."
            )
    return Candidate(dataset, detector, place, {name: kept[name] for name in FILES})


def incomplete(run: Run, dataset: str, detector: str) -> list[str]:
    """Say why a run is too incomplete to be approved for a detector; nothing overrules this.

    What was interrupted or not selected counts for the whole run, but for the checks of other detectors of a run with
    ``--detector``; a check that could not be validated counts for what it looks at.
    """
    again = f"run all of it again: {_all_of_it(run)}"
    said = []
    if run.broken:
        said.append(f"{plain(run.broken)} Nothing was validated: {again}.")
    if run.interrupted:
        said.append(f"The run is incomplete, as {plain(run.interrupted)}: {again}.")
    if run.modules_left_out or run.not_selected > run.other_detectors:
        examples = ", ".join(plain(one) for one in (*run.modules_left_out, *run.not_selected_examples)[:2])
        verb = "was" if run.unselected in ONE else "were"
        said.append(f"The run is incomplete, as {run.unselected} {verb} not selected ({examples}): {again}.")
    looked = [one for one in _looking_at(run, dataset, detector) if one.required]
    for status, words, what in (
        (NOT_VALIDATED, "not validated", f"mend that and {again}"),
        (NOT_RUN, "never run", again),
    ):
        if some := [one for one in looked if one.status == status]:
            checks = f"{count(len(some), 'required check')} {'was' if len(some) == 1 else 'were'} {words}"
            said.append(f"The run is incomplete for {dataset} {detector}, as {checks}: {_check(some[0])}; {what}.")
    if not any(one.status == PASSED and one.detector == detector and one.dataset == dataset for one in looked):
        said.append(f"The run is incomplete, as no required check of {dataset} {detector} passed: {again}.")
    return said


def failures(run: Run, dataset: str, detector: str) -> list[Outcome]:
    """Return the checks, required or optional, that failed for a detector or for all."""
    return [one for one in _looking_at(run, dataset, detector) if one.status in BAD]


def failure_told(dataset: str, detector: str, failed: Sequence[Outcome]) -> str:
    """Say that checks failed, and what can be done."""
    examples = "; ".join(_check(one) for one in failed[:3]) + ("; ..." if len(failed) > 3 else "")
    return (
        f"{count(len(failed), 'check')} that {'holds' if len(failed) == 1 else 'hold'} for {dataset} {detector} "
        f'failed: {examples}: mend what failed, or say why it is approved all the same with --despite "...".'
    )


def check_conditions(conditions: Mapping[str, Any], dataset: str, path: Path) -> None:
    """Check that the conditions of a candidate or a baseline are whole.

    Raises
    ------
    SuiteError
        They are not, or belong to another data set.
    """
    try:
        conditions["version"], conditions["seed"], conditions["engine"]
        conditions["parameters"]["digest"], list(conditions["parameters"]["departures"])
        whole = all(
            isinstance(one["digest"], str) and isinstance(one["kind"], str) for one in conditions["inputs"].values()
        )
    except (KeyError, TypeError, AttributeError):
        whole = False
    if not whole or conditions.get("dataset") != dataset:
        raise SuiteError(f"{path} does not hold the conditions of a mosaic of {dataset}: run the suite again.")


def other_inputs(
    new: Mapping[str, Any], old: Mapping[str, Any] | None, dataset: str, detector: str, seed: int | None
) -> list[str]:
    """Say in sentences why a mosaic was not made on the inputs of the data set; nothing overrules this.

    Parameters
    ----------
    new, old : mapping
        Conditions of the candidate and of the stored baseline (None: there is none).
    dataset, detector : str
        What they are of.
    seed : int or None
        The committed seed of the data set.
    """
    from fixtures.baseline.conditions import same_input

    name = f"{dataset} {detector}"
    said = []
    if some := sorted(root for root, one in new["inputs"].items() if one["kind"] == "changed"):
        said.append(
            f"{name} was made on other inputs: {_some(some)} of the simulation are neither identical nor equivalent "
            "to the committed ones: mend the simulation, or give the data set a new version."
        )
    if departures := [plain(one) for one in new["parameters"]["departures"]]:
        said.append(
            f"{name} was made with other parameters than the tutorial's ({'; '.join(departures)}): "
            "run the suite without --parameters."
        )
    if old is None:
        return said
    if new["seed"] is not None and new["seed"] != seed:
        said.append(
            f"{name} was made with the seed {plain(new['seed'])}, but the data set's is {seed}: "
            "run the suite without --seed."
        )
    if new["version"] == old["version"]:
        ours, theirs = new["inputs"], old["inputs"]
        differing = sorted(
            root
            for root in ours.keys() | theirs.keys()
            if root not in ours or root not in theirs or not same_input(ours[root], theirs[root])
        )
        if differing:
            said.append(
                f"{name} was made on other inputs than its baseline, though the data set has the same version: "
                f"{_some(differing)} differ: give the data set a new version, or remove the baseline first: "
                f'python -m baselines forget --dataset {dataset} --detector {detector} --reason "...".'
            )
    return said


def picture_of(folder: Path, run: Run, dataset: str, detector: str) -> list[tuple[str, Path]]:
    """Return titles and paths of the pictures that compare a detector's mosaic with the baseline."""
    return [
        (one.title, folder / "figures" / one.file)
        for one in run.pictures
        if one.section == STEP and one.dataset == dataset and one.detector == detector
    ]


def read_object(path: Path, *, missing: SuiteError | None = None) -> dict[str, Any]:
    """Read a file that holds a JSON object.

    Raises
    ------
    SuiteError
        It is missing (`missing`, if that is given), can't be read or holds something else.
    """
    if missing is not None and not path.is_file():
        raise missing
    data = read_file(path, "The file", ": run the suite again.")
    if not isinstance(data, dict):
        raise SuiteError(f"{path} holds no JSON object.")
    return data


def read_scalars(path: Path) -> list[dict[str, Any]]:
    """Read the measurements of a candidate or a baseline: rows of name, exposure, value, unit.

    Raises
    ------
    SuiteError
        The file can't be read or holds something else.
    """
    rows = read_object(path).get("scalars")
    keys = {"name", "exposure", "value", "unit"}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and keys <= row.keys() for row in rows):
        raise SuiteError(f"{path} does not hold the measurements of a run: run the suite again.")
    for row in rows:
        if not isinstance(row["name"], str) or not isinstance(row["value"], int | float | None):
            raise SuiteError(f"{path} does not hold the measurements of a run: run the suite again.")
    return rows


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SuiteError(f"{path} can't be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise SuiteError(f"{path} can't be read (it is no text).") from None


def _looking_at(run: Run, dataset: str, detector: str) -> list[Outcome]:
    """Return the outcomes of the checks that look at a detector, or at all of them, but for the comparison itself."""
    return [
        one
        for one in run.outcomes
        if one.step != STEP and one.dataset in (None, dataset) and one.detector in (None, detector)
    ]


def _check(outcome: Outcome) -> str:
    message = plain(outcome.message)
    return plain(outcome.test) + (f" ({message[:160]}{'...' if len(message) > 160 else ''})" if message else "")


def _some(names: Sequence[str]) -> str:
    return f"{count(len(names), 'exposure')} ({', '.join(map(plain, names[:3]))}{', ...' if len(names) > 3 else ''})"


def _all_of_it(run: Run) -> str:
    """Return the command of a run without what selects some of its checks."""
    try:
        words = shlex.split(run.command)
    except ValueError:  # of a run that somebody sent
        words = []
    names = [word.partition("=")[0] for word in words]
    # of programmes the detectors are part of what the data set is
    options = _OF_THE_DATA | ({"--detector": 2} if "--program" in names else {})
    kept: list[str] = []
    for place, (name, word) in enumerate(zip(names, words, strict=True)):
        kept += words[place : place + (1 if word != name else options[name])] if name in options else []
    return plain(shlex.join(["pytest", "validation", *kept]))


def _no_longer_kept(path: Path, run: Run) -> SuiteError:
    return SuiteError(f"{path} is missing, so there is nothing to approve: run the suite again: {plain(run.command)}.")
