"""The part of the benchmark that measures how cost grows with the number of exposures."""

from __future__ import annotations

import math
import shutil
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ci.benchmarking import figures
from ci.benchmarking.figures import PartResult, Quantity
from ci.benchmarking.work import Bench, products_of, together, wanted_steps
from fixtures.errors import SuiteError
from fixtures.pipeline.alignment import tutorial
from fixtures.pipeline.products import Product
from fixtures.pipeline.session import Session
from fixtures.pipeline.settings import Settings
from fixtures.workflow.parameters import TUTORIAL

LINEAR = (0.9, 1.1)
MULTIPLES = (1, 2, 4)

LINEAR_DETECTORS = ("CCD", "FUV-MAMA")
# Exposures of one field and filter, the others ones that are aligned at the first attempt: the deepest is the reference
# image and stays one (of equally deep ones, most of them pointed alike, the first observed), of the others copies are
# made (a copy of the reference image has nothing to be aligned).
LINEAR_BASE = {
    "CCD": ("ozzc01050", ("ozzc01010",), 3),
    "NUV-MAMA": ("ozzn01a1q", ("ozzn01a2q", "ozzn02a1q"), 4),
    "FUV-MAMA": ("ozzf01a1q", ("ozzf02a1q", "ozzf02a3q"), 4),
}


def linear(bench: Bench) -> PartResult:
    """Measure the cost of the steps with 1, 2 and 4 times the exposures."""
    found = PartResult()
    detectors = [one for one in LINEAR_DETECTORS if one in bench.detectors] or list(bench.detectors)
    for detector in detectors:
        _linear(bench, detector, found)
    return found


def _linear(bench: Bench, detector: str, found: PartResult) -> None:
    reference, others, copies = LINEAR_BASE[detector]
    copies = max(1, copies // 2) if bench.quick else copies
    settings = Settings(datasets=("twin",), detectors=(detector,), alignments=(TUTORIAL,))
    tasks = Session(settings).tasks
    prefix = f"twin/{detector}"
    raws = [f"{prefix}/{rootname}/raw" for rootname in (reference, *others)]
    step = "blt" if detector == "CCD" else "x2d"
    references = tasks[f"{prefix}/{reference}/{step}"].needs[1]
    source = bench.root / f"linear-{detector}-inputs"
    bench.say(f"linear cost, {detector}: making the inputs")
    together(bench, settings, [*raws, references], source, store=bench.root / f"linear-{detector}-store")
    given = products_of(source)
    counts, runs = [], []
    for multiple in MULTIPLES:
        folder = bench.root / f"linear-{detector}-{multiple}x"
        counts.append(copies * multiple * len(others))
        bench.say(f"linear cost, {detector}: {counts[-1]} images and the reference image")
        raw = [given[name].files["raw"] for name in raws]
        _copies(raw[0], raw[1:], copies * multiple, folder / "data")
        some = [_costs(bench, folder, number, given[references].folder) for number in range(bench.repeat)]
        runs.append(min(some, key=lambda one: one["cpu"]) | {"wall": min(one["wall"] for one in some)})
        shutil.rmtree(folder)
    note = f"{' / '.join(map(str, counts))} images beside the reference image"
    for what, title in (("cpu", "CPU"), ("wall", "wall time")):
        value = figures.linearity(counts, [one[what] for one in runs])
        low, high = LINEAR
        found.quantities.append(
            Quantity(f"{detector}, {title}, 4x against the line through 1x and 2x", value, "", low, high, note)
        )
    found.quantities.append(
        Quantity(
            f"{detector}, CPU outside of products, a further image",
            (runs[2]["outside"] - runs[1]["outside"]) / (counts[2] - counts[1]),
            "s",
            note="planning, keys, store",
        )
    )
    found.data[detector] = {"images": counts, "runs": runs}
    rows = [("step, " + detector, *(f"{m}x: CPU s each" for m in MULTIPLES), "4x / 1x")]
    for name in runs[0]["steps"]:
        costs = [one["steps"].get(name, math.nan) for one in runs]
        rows.append((name, *(f"{cost:.3f}" for cost in costs), f"{costs[2] / costs[0]:.2f}" if costs[0] else ""))
    for name in ("wall", "cpu", "outside"):
        rows.append((f"({name}, whole)", *(f"{one[name]:.2f}" for one in runs), ""))
    found.tables.append(
        figures.columns(rows, right=(1, 2, 3, 4))
        + "\n(median of a step's products; of 'cropped' and 'mosaic', one product each, by the number of its images)"
    )


def refuse_unaligned(ready: Mapping[str, Product]) -> None:
    """Refuse the costs of products of which an alignment found no solution."""
    failed = [
        name for name, one in ready.items() if name.endswith("/aligned-tutorial") and not tutorial.of(one).succeeded
    ]
    if failed:
        raise SuiteError(f"{failed[0]} could not be aligned, so that the cost of more exposures can not be told.")


def _costs(bench: Bench, folder: Path, number: int, references: Path) -> dict[str, Any]:
    """Make all of a user's folder with a store of its own; return wall, CPU, what is outside of products, by step."""
    settings = Settings(datasets=("user",), data=folder / "data", alignments=(TUTORIAL,))
    wanted = _wanted_of_user(settings, references)
    root, store = folder / f"run-{number}", folder / f"store-{number}"
    worked = together(bench, settings, wanted, root, store=store, env={"oref": f"{references}/"})
    ready = products_of(root)
    refuse_unaligned(ready)
    images = sum(name.endswith("/image") for name in ready)
    costs = defaultdict(list)
    for name, one in ready.items():
        costs[figures.step_of(name)].append(one.cpu_seconds)
    return {
        "wall": worked.seconds,
        "cpu": worked.cpu_seconds,
        "outside": worked.cpu_seconds - sum(map(sum, costs.values())),
        "steps": {
            name: some[0] / images if name in ("cropped", "mosaic") else statistics.median(some)
            for name, some in sorted(costs.items())
        },
        "told": [sentence for one in worked.found for sentence in one["told"]],
    }


def _wanted_of_user(settings: Settings, references: Path) -> tuple[str, ...]:
    from fixtures.workflow.isolation import environment

    with environment(oref=f"{references}/"):
        return wanted_steps(settings)


def _copies(reference: Path, others: Sequence[Path], copies: int, folder: Path) -> None:
    """Put a reference image and copies of other exposures, each with a rootname of its own, into a folder."""
    from astropy.io import fits

    folder.mkdir(parents=True)
    shutil.copyfile(reference, folder / reference.name)
    for number, source in enumerate([one for _ in range(copies) for one in others]):
        old = source.name.partition("_")[0]
        new = f"{old[:4]}x{number:03d}{old[8]}"  # as long as any, IPPPSSOOT, and nobody's
        with fits.open(source) as hdus:
            for hdu in hdus:
                for card in hdu.header.cards:
                    if isinstance(card.value, str) and card.value.strip().lower() == old:
                        card.value = new
            hdus[0].header["ROOTNAME"], hdus[0].header["FILENAME"] = new, f"{new}_raw.fits"
            hdus.writeto(folder / f"{new}_raw.fits")
