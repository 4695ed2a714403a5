"""What is to be done: the products of a run, the jobs of the timed processes, and what they found."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ci.benchmarking import children
from fixtures.build.shelf import products_in
from fixtures.datasets.detectors import DETECTORS
from fixtures.pipeline.cases import Case, is_corrected
from fixtures.pipeline.products import Product, Task
from fixtures.pipeline.session import Session
from fixtures.pipeline.settings import Settings

SIDES = Path(__file__).with_name("sides.py")
WANTED = ("image", "aligned-tutorial", "mosaic")
"""What the tutorial wants; all that they need is made too. Measurements, pictures, further mosaics are left out."""


@dataclass(frozen=True)
class Bench:
    """How it is measured.

    Parameters
    ----------
    root : Path
        Where everything is made.
    workers : int
        How many processes the suite works with.
    detectors : tuple of str
        Which take part.
    repeat : int
        How many times both sides, and the linear cost, run; the best counts.
    quick : bool
        A short trial.
    profile : Path or None
        Where the profile of the tutorial's way goes; None: none is made.
    say : callable
        Tells what is going on.
    """

    root: Path
    workers: int
    detectors: tuple[str, ...] = DETECTORS
    repeat: int = 1
    quick: bool = False
    profile: Path | None = None
    say: Callable[[str], None] = field(default=lambda sentence: None)

    @property
    def whole(self) -> bool:
        """Whether all detectors take part."""
        return set(self.detectors) == set(DETECTORS)


@dataclass(frozen=True)
class Worked:
    """What one side did: wall and CPU time of its processes, and what they found."""

    seconds: float
    cpu_seconds: float
    found: tuple[Mapping[str, Any], ...]


def side(name: str, jobs: Sequence[Mapping[str, Any]], folder: Path, *, env: Mapping[str, str] | None = None) -> Worked:
    """Run processes of a side, each with its job, in fresh interpreters side by side.

    Raises
    ------
    SuiteError
        One of them failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    commands, results = [], []
    for count, job in enumerate(jobs):
        path = folder / f"{name}-{count}.json"
        results.append(folder / f"{name}-{count}-result.json")
        path.write_text(json.dumps({**job, "result": str(results[-1])}))
        commands.append([sys.executable, "-P", str(SIDES), name, str(path)])
    ran = children.run(commands, folder / name, env=env)
    children.refuse_failed(ran, folder / name, f"A process of the benchmark ({name})")
    found = tuple(json.loads(path.read_text()) for path in results)
    return Worked(ran.seconds, sum(one["cpu_seconds"] for one in found), found)


def together(
    bench: Bench,
    settings: Settings,
    wanted: Sequence[str],
    root: Path,
    *,
    store: Path,
    env: Mapping[str, str] | None = None,
) -> Worked:
    """Have the bench's workers make products, in the suite's way.

    Raises
    ------
    SuiteError
        One could not be made, so that the time says nothing.
    """
    job = {
        "settings": {
            "datasets": list(settings.datasets),
            "detectors": list(settings.detectors),
            "data": str(settings.data) if settings.data else None,
            "alignments": list(settings.alignments),
        },
        "root": str(root),
        "store": str(store),
        "wanted": list(wanted),
        "workers": bench.workers,
    }
    return side("suite", [job], root.with_name(f"{root.name}-jobs"), env=env)


def products_of(root: Path) -> dict[str, Product]:
    """Return the products in the folder of a run, by name."""
    return {one.name: one for one in products_in(root)}


def chain(tasks: Mapping[str, Task], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return what is wanted with everything that it needs, in order."""
    order: dict[str, None] = {}

    def follow(name: str) -> None:
        if name not in order:
            for need in tasks[name].needs:
                follow(need)
            order[name] = None

    for name in wanted:
        follow(name)
    return tuple(order)


def is_input(name: str) -> bool:
    """Whether a product is what both sides start from."""
    last = name.rsplit("/", 1)[-1]
    return last == "raw" or last.startswith("references")


def wanted_steps(settings: Settings) -> tuple[str, ...]:
    """Return what the tutorial wants of a run, most urgent first."""
    return tuple(name for name in Session(settings).plan if name.rsplit("/", 1)[-1] in WANTED)


def share_store(source: Path, target: Path) -> None:
    """Make a second store with what the first one has, without copying the contents where possible."""
    shutil.copytree(source, target, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def tutorial_job(settings: Settings, inputs: Mapping[str, Product], root: Path) -> dict[str, Any]:
    """Return what the tutorial's way has to do."""
    session = Session(settings)
    (dataset,) = session.datasets
    detectors = {}
    for detector in settings.detectors:
        case = Case(session, (dataset.name, detector))
        exposures = []
        for one in case.exposures:
            step = "blt" if detector == "CCD" else "x2d"
            raw, references = session.tasks["/".join((*one.names, step))].needs
            exposures.append(
                {
                    "rootname": one.exposure.rootname,
                    "exptime_s": one.exposure.exptime_s,
                    "off_pointed": one.exposure.off_pointed,
                    "pixel_based": is_corrected(one),
                    "raw": str(inputs[raw].files["raw"]),
                    "references": str(inputs[references].folder),
                }
            )
        detectors[detector] = {
            "prefix": f"{dataset.name}/{detector}",
            "exposures": exposures,
            "aligned": [one.exposure.rootname for one in case.aligned],
            "drizzled": [one.exposure.rootname for one in case.drizzled],
        }
    return {"root": str(root), "engine": session.engine.name, "detectors": detectors}
