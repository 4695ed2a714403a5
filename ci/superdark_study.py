"""Whether stis_cti, refstis and CALSTIS get the known dark rate back from simulated dark exposures; needs cs0.e.

    python ci/superdark_study.py --darks 6 --workers 2

Simulates the darks of one anneal period of 2010 in two weeks, makes the superdarks as for real ones (the tasks of
`fixtures.pipeline.darks`, kept in the store), and holds them against the rate that the darks were made with. Then one
exposure of the twin goes through the whole chain of stis_cti with the superdark of its week, and is compared with
itself through the chain with the dark that a perfect correction would give. A minute for each dark, and two.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits

from fixtures.build.opening import open_builder, store_options
from fixtures.commandline import Parser, complain, guarded
from fixtures.datasets.dataset import load
from fixtures.errors import Status
from fixtures.pipeline import calibration, inputs
from fixtures.pipeline import cti as perfect
from fixtures.pipeline.cases import Case
from fixtures.pipeline.graph import DETECTOR, EXPOSURE, FOLDER, Call, call, product, tasks_of
from fixtures.pipeline.products import Product, ProductFailed, Task
from fixtures.pipeline.session import Session
from fixtures.pipeline.settings import Settings
from fixtures.simulation.darks import EXPTIME_S, make_dark
from fixtures.workflow import calibrate, cti, superdarks
from fixtures.workflow.superdarks import SuperdarkReferences, Superdarks


class Study(NamedTuple):
    """What is made: the tasks by name, and the names and kinds of what is looked at."""

    tasks: Mapping[str, Task]
    rootname: str
    flts: tuple[str, ...]
    superdarks: str
    with_superdark: str
    with_perfect: str


def tasks(number: int) -> Study:
    """Return the tasks that make superdarks of so many simulated darks, and correct an exposure with one."""
    session = Session(Settings(datasets=("twin",), detectors=("CCD",), engine="calstis"))
    (dataset,) = session.datasets
    exposure = next(e for e in dataset.exposures_of("CCD") if e.observed.startswith("2010") and e.amplifier == "D")
    case = Case(session, (dataset.name, "CCD", exposure.rootname))
    start = datetime.fromisoformat(exposure.observed) - timedelta(days=10)
    darks = {f"ozzd{n:02d}dqq": start + timedelta(days=1 + 2 * n) for n in range(number)}
    half = (number + 1) // 2
    weeks = {name: f"oref$week{1 + n // half}_drk.fits" for n, name in enumerate(darks)}

    @product(DETECTOR, "darks/{}/raw")
    def raw(case: Case, name: str) -> Call[Path]:
        return call(make_dark, name, darks[name], FOLDER, seed=case.seed, darkfile=weeks[name])

    @product(DETECTOR, "darks/{}/flt")
    def flt(case: Case, name: str) -> Call[dict[str, Path]]:
        references = inputs.references_of_year(case, "2010")
        return call(calibrate.calibrate_ccd, raw(case, name), FOLDER, references=references, engine=session.engine)

    @product(DETECTOR, "darks/{}/cte")
    def corrected(case: Case, name: str) -> Call[Path]:
        return call(cti.correct, flt(case, name)["flt"], FOLDER, references=inputs.references_of_year(case, "2010"))

    @product(DETECTOR, "darks/period-100/superdarks")
    def made(case: Case) -> Call[Superdarks]:
        return call(
            superdarks.of_period, tuple(corrected(case, name) for name in darks), FOLDER, index=100, start=start,
            end=start + timedelta(days=28), references=inputs.references_of_year(case, "2010"), engine=session.engine,
        )  # fmt: skip

    @product(EXPOSURE, "references-cti")
    def references(case: Case) -> Call[SuperdarkReferences]:
        others, expected = inputs.references_of_year(case, "2010"), tuple(name.upper() for name in darks)
        return call(superdarks.references_of, inputs.file_of(case), others, made(case), expected, FOLDER)

    @product(EXPOSURE, "cte-superdark")
    def with_superdark(case: Case) -> Call[dict[str, Path]]:
        own = references(case)
        return call(
            cti.corrected, inputs.file_of(case), calibration.blt(case), FOLDER, references=own.folder,
            engine=session.engine, dark=own.superdark,
        )  # fmt: skip

    kinds = (with_superdark, made, perfect.cte)
    found = tasks_of(kinds, lambda level: [case.narrowed(level)])
    flts = tuple(flt.name(case, name) for name in darks)
    return Study(found, exposure.rootname, flts, *(kind.name(case) for kind in (made, with_superdark, perfect.cte)))


def numbers(flts: list[Product], made: Product, seed: int) -> Iterator[str]:
    """Hold the superdarks against the truth, beside the mean of the same darks without CTI correction."""
    from fixtures.simulation.detector import dark_rate

    truth = dark_rate("CCD", 2010, seed=seed)
    frames = np.array([fits.getdata(one.files["flt"], "SCI") / EXPTIME_S for one in flts])
    images = {"median of the darks as observed": np.median(frames, axis=0)}
    images |= {tag: fits.getdata(path, "SCI") for tag, path in sorted(_superdarks(made).items())}
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
            f"hot pixels (> 0.1 e/s) flagged: {flagged(made, name, truth)}"
        )


def _superdarks(made: Product) -> dict[str, Path]:
    """Return the basedark and the superdarks of the weeks, by their names."""
    return {name.removeprefix("weekdarks."): path for name, path in made.files.items() if path.suffix == ".fits"}


def flagged(made: Product, name: str, truth: np.ndarray) -> str:
    """Say which part of the pixels that are hot is flagged so, and how many that are not."""
    if name not in _superdarks(made):
        return "-"
    flags = (fits.getdata(_superdarks(made)[name], "DQ") & 16) > 0
    return f"{flags[truth > 0.15].mean():.3f}, of those under 0.05: {int(flags[truth < 0.05].sum())}"


def compared(one: Product, other: Product) -> Iterator[str]:
    """Compare what the chain makes with the superdark and with the perfect one."""
    for kind in ("cte", "flc", "crc", "s2c"):
        a, b = (fits.getdata(product.files[kind], "SCI").astype(float) for product in (one, other))
        away = fits.getval(one.files[kind], "ATODGAIN") * (a - b)
        yield f"{kind}: median {np.median(away):+.4f}, rms {away.std():.4f}, largest {np.abs(away).max():.2f} electrons"


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
    made = tasks(given.darks)
    names = (made.superdarks, made.with_superdark, made.with_perfect, *made.flts)
    options = store_options(given.store, None, False)
    with tempfile.TemporaryDirectory(prefix="superdarks-") as folder:
        builder = open_builder(Path(folder), made.tasks, names, options, workers=given.workers)
        try:
            found = [builder.obtain(name) for name in names]
        finally:
            builder.close()
        dark, chain, perfect = found[:3]
        print(f"made in {dark.seconds:.0f} s: {', '.join(_superdarks(dark))}")
        told = [*numbers(found[3:], dark, int(load("twin").seed or 0)), f"{made.rootname}, against its perfect dark:"]
        print(*told, *compared(chain, perfect), sep="\n")
    return Status.PASSED


if __name__ == "__main__":
    sys.exit(main())
