"""Whether stis_cti, refstis and CALSTIS get the known dark rate back from simulated dark exposures; needs cs0.e.

    python ci/superdark_study.py --darks 6 --workers 2

Simulates the darks of one anneal period of 2010 in two weeks, makes the superdarks as for real ones (the tasks of
`fixtures.darktasks`, kept in the store), and holds them against the rate that the darks were made with. Then one
exposure of the twin goes through the whole chain of stis_cti with the superdark of its week, and is compared with
itself through the chain with the dark that a perfect correction would give. A minute for each dark, and two.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from astropy.io import fits

from fixtures.archive.darks import Dark, Period
from fixtures.commandline import Parser, complain, guarded
from fixtures.darktasks import dark_tasks, period_task_name, references_task
from fixtures.datasets.dataset import load
from fixtures.keys import shared_keys
from fixtures.products import Product, ProductFailed, Task, Workshop
from fixtures.simulation.darks import EXPTIME_S
from fixtures.status import Status
from fixtures.steps import calibrate, cti, simulate, simulate_darks
from fixtures.storage import open_store, store_options
from fixtures.workflow.calibrate import find_engine
from fixtures.workflow.isolation import captured_output

BASE = "twin/CCD/darks"
REFERENCES = "twin/CCD/references-2010"
EXPOSURE = "twin/CCD/{}/{}"


def tasks(number: int) -> tuple[dict[str, Task], str, str]:
    """Return the tasks by name, the rootname of the exposure, and the name of the superdarks' task."""
    dataset, engine = load("twin"), find_engine("calstis")
    seed = int(dataset.seed or 0)
    exposure = next(e for e in dataset.exposures_of("CCD") if e.observed.startswith("2010") and e.amplifier == "D")
    day = datetime.fromisoformat(exposure.observed)
    start = day - timedelta(days=10)
    darks = [Dark(f"OZZD{n:02d}DQQ", 11844, start + timedelta(days=1 + 2 * n), EXPTIME_S) for n in range(number)]
    half = (number + 1) // 2
    made = [
        Task("twin/CCD/references", partial(simulate.references, "CCD", seed)),
        Task(REFERENCES, partial(simulate.darks, 2010, seed), ("twin/CCD/references",)),
    ]
    delivered = {}
    for n, dark in enumerate(darks):
        name = f"{BASE}/{dark.exposure.lower()}/flt"
        week = f"oref$week{1 + n // half}_drk.fits"
        make = partial(simulate_darks.dark, dark.exposure.lower(), dark.started, week, seed, engine)
        made.append(Task(name, make, (REFERENCES,)))
        delivered[dark.exposure] = name
    period = Period(100, start, start + timedelta(days=28), tuple(darks))
    made += dark_tasks(BASE, [period], delivered, lambda exposure: REFERENCES, engine)
    raw, blt = (EXPOSURE.format(exposure.rootname, step) for step in ("raw", "blt"))
    own = EXPOSURE.format(exposure.rootname, "references")
    made += [
        Task(raw, partial(simulate.exposure, exposure.rootname, seed)),
        Task(blt, partial(calibrate.bias_correct, engine), (raw, REFERENCES)),
        references_task(own, raw, REFERENCES, period_task_name(BASE, period)),
        Task(EXPOSURE.format(exposure.rootname, "cte"), partial(cti.correct, engine), (raw, blt, REFERENCES)),
        Task(EXPOSURE.format(exposure.rootname, "cte-superdark"), partial(cti.correct, engine), (raw, blt, own)),
    ]
    return {task.name: task for task in made}, exposure.rootname, period_task_name(BASE, period)


def numbers(flts: list[Product], superdarks: Product, seed: int) -> Iterator[str]:
    """Hold the superdarks against the truth, beside the mean of the same darks without CTI correction."""
    from fixtures.simulation.detector import dark_rate

    truth = dark_rate("CCD", 2010, seed=seed)
    frames = np.array([fits.getdata(one.files["flt"], "SCI") / EXPTIME_S for one in flts])
    images = {"median of the darks as observed": np.median(frames, axis=0)}
    images |= {tag: fits.getdata(path, "SCI") for tag, path in sorted(superdarks.files.items())}
    low = np.zeros(truth.shape, bool)
    low[20:341] = True  # far from the amplifier
    cool = (truth < 0.04) & ~np.isin(truth, truth[truth > 0.1])
    y, x = np.nonzero(low & (truth > 0.3) & (truth < 5.0))
    y, x = y[y > 30], x[y > 30]
    yield f"{len(flts)} darks; {len(y)} hot pixels of 0.3 to 5 e/s in the bottom third"
    for name, image in images.items():
        away = image - truth
        trail = np.mean([away[y - step, x] for step in range(1, 6)], axis=0)
        yield (
            f"{name}: median {np.median(away):+.5f} e/s, robust scatter "
            f"{1.4826 * np.median(np.abs(away - np.median(away))):.5f}, bottom third without hot pixels "
            f"{np.median(away[low & cool]):+.5f}; hot pixels hold {np.median(image[y, x] / truth[y, x]):.3f} of their "
            f"rate, the five pixels behind them {np.median(trail):+.5f} e/s too much each; "
            f"hot pixels (> 0.1 e/s) flagged: {flagged(superdarks, name, truth)}"
        )


def flagged(superdarks: Product, name: str, truth: np.ndarray) -> str:
    """Say which part of the pixels that are hot is flagged so, and how many that are not."""
    if name not in superdarks.files:
        return "-"
    flags = (fits.getdata(superdarks.files[name], "DQ") & 16) > 0
    return f"{flags[truth > 0.15].mean():.3f}, of those under 0.05: {int(flags[truth < 0.05].sum())}"


def compared(one: Product, other: Product) -> Iterator[str]:
    """Compare what the chain makes with the superdark and with the perfect one."""
    for kind in ("cte", "flc", "crc", "s2c"):
        a, b = (fits.getdata(product.files[kind], "SCI").astype(float) for product in (one, other))
        away = a - b
        yield f"{kind}: median {np.median(away):+.4f}, rms {away.std():.4f}, largest {np.abs(away).max():.2f} electrons"


def _obtain(root: Path, options: object, number: int, names: tuple[str, ...], process: str) -> list[Product]:
    made, *_ = tasks(number)
    shop = Workshop(
        root, made, names, store=open_store(options, print), keys=shared_keys(root, made), process=process,
        capture=captured_output,
    )  # fmt: skip
    return [shop.obtain(name) for name in names]


def main() -> int:
    """Run the study; return the exit status."""
    parser = Parser("python ci/superdark_study.py", description=__doc__)
    parser.add_argument("--darks", type=int, default=6, help="how many, in two weeks (default: 6)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--store", type=Path, default=None, help="where products are kept (default: as for a run)")
    given = parser.parse_args()

    def work() -> int:
        try:
            return study(given)
        except ProductFailed as error:
            return complain(error, Status.BROKEN)

    return guarded(work)


def study(given: argparse.Namespace) -> int:
    """Make superdarks of simulated darks, and print how well they give the known rate back; return the exit status."""
    made, rootname, superdarks = tasks(given.darks)
    names = (superdarks, EXPOSURE.format(rootname, "cte-superdark"), EXPOSURE.format(rootname, "cte"))
    options = store_options(given.store, None, False)
    with tempfile.TemporaryDirectory(prefix="superdarks-") as folder:
        others = [
            multiprocessing.Process(target=_obtain, args=(Path(folder), options, given.darks, names, f"{n}"))
            for n in range(1, given.workers)
        ]
        for one in others:
            one.start()
        flts = tuple(sorted(name for name in made if name.startswith(BASE) and name.endswith("/flt")))
        found = _obtain(Path(folder), options, given.darks, (*names, *flts), "main")
        for one in others:
            one.join()
        dark, chain, perfect = found[:3]
        print(f"made in {dark.seconds:.0f} s: {', '.join(week['tag'] for week in dark.info['weeks'])}")
        told = [*numbers(found[3:], dark, int(load("twin").seed or 0)), f"{rootname}, against its perfect dark:"]
        print(*told, *compared(chain, perfect), sep="\n")
    return Status.PASSED


if __name__ == "__main__":
    sys.exit(main())
