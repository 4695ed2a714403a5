"""What the stored baselines are, their history, and whether they are whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from baselines import history
from baselines.candidates import read_scalars
from baselines.words import size
from fixtures.errors import SuiteError
from fixtures.text import count, plain

if TYPE_CHECKING:
    from fixtures.baseline.manifest import Entry

LIMIT_BYTES = 16_000_000
"""How large all baselines in git may be together."""


def shown(root: Path, datasets: Sequence[str], detectors: Sequence[str]) -> Iterator[str]:
    """Describe baselines, a line each fact; empty names mean all.

    Raises
    ------
    SuiteError
        There is none of that name, or one is damaged.
    """
    from fixtures.baseline.manifest import read_manifest

    found, damaged = 0, []
    for name, entry in sorted(read_manifest(root).entries.items()):
        dataset, detector = name.split("/")
        if (not datasets or dataset in datasets) and (not detectors or detector in detectors):
            found += 1
            try:
                yield from _baseline(root, dataset, detector, entry)
            except SuiteError as error:  # the others are shown all the same
                damaged.append(str(error))
    if damaged:
        raise SuiteError("\n".join(damaged))
    if not found:
        wanted = " ".join([*datasets, *detectors])
        raise SuiteError(
            f"There is no baseline{f' of {plain(wanted)}' if wanted else ''} in {root}: "
            'make one of a run: python -m baselines approve --reason "...".'
        )


def _baseline(root: Path, dataset: str, detector: str, entry: Entry) -> Iterator[str]:
    from fixtures.baseline.cache import cache_folder
    from fixtures.baseline.manifest import deliver
    from fixtures.baseline.pack import read_mosaic
    from fixtures.baseline.provenance import read_provenance

    files = deliver(root, dataset, detector, cache=cache_folder())
    made, digests = read_provenance(files["provenance.json"]), read_mosaic(files["mosaic.fits"]).digests
    scalars = read_scalars(files["measurements.json"])
    total = sum(fact.bytes for fact in entry.files.values())
    approved = made.approved
    yield f"{dataset} {detector}"
    yield f"  approved      {plain(approved.when)} by {plain(approved.name)} <{plain(approved.email)}>"
    yield f"  why           {plain(approved.why)}"
    if approved.despite:
        yield f"  despite       {plain(approved.despite)}"
    yield f"  run           {plain(made.run_started)}"
    seed = f", seed {made.seed}" if made.seed is not None else ""
    yield f"  data set      version {plain(made.dataset_version) or '(none)'}{seed}"
    yield f"  engine        {plain(made.engine)}"
    yield f"  platform      {plain(made.platform)}"
    yield f"  versions      {', '.join(plain(f'{name} {version}') for name, version in made.versions.items())}"
    yield f"  size          {total} bytes ({size(total)}), {plain(entry.store) if entry.store else 'in git'}"
    yield f"  measurements  {len(scalars)}"
    yield f"  arrays        {', '.join(f'{array} {digests[array][:12]}' for array in sorted(digests))}"


def logged(root: Path) -> tuple[list[str], tuple[str, ...]]:
    """Return the lines of the history, newest first, and what is wrong with it."""
    found = history.read_history(root)
    lines: list[str] = []
    for entry in reversed(found.entries):
        lines += [*history.told(entry), ""]
    return lines[:-1] or ["There is no history: nothing was ever approved."], found.problems


def problems(root: Path) -> list[str]:
    """Return everything that is wrong with the baselines, a sentence each."""
    from fixtures.baseline.manifest import file_problems, read_manifest

    found = file_problems(root)
    past = history.read_history(root)
    found += past.problems
    manifest = read_manifest(root)
    for name, entry in sorted(manifest.entries.items()):
        found += _untold(root, name, entry, past.last(name))
    for name in sorted({one.name for one in past.entries} - set(manifest.entries)):
        last = past.last(name)
        if last is not None and last.done == history.APPROVED:
            found.append(
                f"{plain(name)} was approved {plain(last.when)} but is not there: restore {root} with git, or "
                "approve it anew."
            )
    _, in_git, *_ = totals(root)
    if in_git > LIMIT_BYTES:
        found.append(
            f"The baselines in git have {size(in_git)} together, more than {size(LIMIT_BYTES)}: "
            "keep the largest outside of git (approve --store URL)."
        )
    return found


def _untold(root: Path, name: str, entry: Entry, last: history.Entry | None) -> list[str]:
    """Say if the latest approval in the history is not that of the baseline that is there."""
    again = 'approve it again: python -m baselines approve --reason "...".'
    if last is None or last.done != history.APPROVED:
        return [f"{name} has no approval in {root / history.NAME}: restore that with git, or {again}"]
    if last.mosaic_sha256.get("after") != entry.files["mosaic.fits"].sha256:
        return [f"{name} is not what was approved {plain(last.when)}: restore {root} with git, or {again}"]
    if entry.store:
        return []
    from fixtures.baseline.provenance import read_provenance

    try:
        approved = read_provenance(root / name / "provenance.json").approved
    except SuiteError as error:
        return [str(error)]
    if approved.when != last.when:
        return [f"The approval of {name} of {plain(approved.when)} is not the latest in its history: {again}"]
    return []


def totals(root: Path) -> tuple[int, int, int, int]:
    """Return the number of baselines, the size of those in git [bytes], and the number of files: all, not in git."""
    from fixtures.baseline.manifest import read_manifest

    entries = read_manifest(root).entries.values()
    in_git = sum(fact.bytes for entry in entries if not entry.store for fact in entry.files.values())
    away = sum(len(entry.files) for entry in entries if entry.store)
    return len(entries), in_git, sum(len(entry.files) for entry in entries), away


def verified(root: Path) -> str:
    """Say that all is well."""
    number, in_git, files, away = totals(root)
    told = f"{count(number, 'baseline')}, {count(files, 'file')}, {size(in_git)} in git: all as their manifest says"
    if away:
        told += f"; of {count(away, 'file')} in a store outside of git this was not looked at ('show' fetches them)"
    return told
