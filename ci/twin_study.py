"""How the alignment of the twin depends on its seed, and on the distortion that calibration does not know.

    python ci/twin_study.py OUT.csv --seeds 20            # failure rate and spread over seeds
    python ci/twin_study.py OUT.csv --factors 0 0.5 1 2   # RMS against the amplitude of the residual distortion

The images of a detector are added to OUT.csv together, and what is there already is not made again, so a study can be
stopped and taken up. `guess_error_px` is the larger of the two axes, of the first attempt. The table of
fixtures/simulation/README.md is made with --summary.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from functools import partial
from pathlib import Path

import pandas as pd

from fixtures.commandline import Parser, guarded, names
from fixtures.datasets.dataset import load
from fixtures.datasets.detectors import DETECTORS, detectors_of
from fixtures.errors import Status, SuiteError
from fixtures.measurement.files.alignment import true_error
from fixtures.pipeline.cases import aligned_exposures, pixel_based
from fixtures.simulation import make_ccd_darks, make_exposure, make_references

COLUMNS = (
    "seed", "factor", "detector", "rootname", "exptime_s", "succeeded", "attempts", "rung", "rms_px", "matches",
    "true_rms_px", "true_max_px", "guess_error_px",
)  # fmt: skip


def study(seed: int, factor: float, detector: str, work: Path) -> list[dict]:
    """Simulate, calibrate and align the images of one detector; return a row an image."""
    from fixtures.workflow import calibrate, cti
    from fixtures.workflow.align import align
    from fixtures.workflow.imsets import sum_imsets
    from fixtures.workflow.parameters import align_parameters, ladder

    dataset = load("twin")
    exposures = aligned_exposures(dataset, detector)
    references = make_references(detector, work / "references", seed=seed)
    if detector == "CCD":
        for epoch in sorted({int(e.observed[:4]) for e in exposures}):
            make_ccd_darks(epoch, references, seed=seed)
    images, truths, rows = {}, {}, []
    for exposure in exposures:
        folder = work / exposure.rootname
        made = make_exposure(exposure.rootname, folder / "raw", seed=seed, residual_factor=factor)
        truths[exposure.rootname] = made.truth
        if pixel_based(exposure):
            blt = calibrate.bias_correct(made.raw, folder / "blt", references=references, engine="python")
            cte = cti.correct(blt, folder / "cte", references=references)
            s2c = calibrate.calibrate_ccd(cte, folder / "s2c", references=references, engine="python")["s2c"]
            images[exposure.rootname] = s2c
        else:
            x2d = calibrate.rectify_mama(made.raw, folder / "x2d", references=references, engine="python")["x2d"]
            images[exposure.rootname] = sum_imsets(x2d, folder / "image")
    reference = exposures[0].rootname
    for exposure in exposures[1:]:
        root = exposure.rootname
        parameters = align_parameters(detector, exposure.exptime_s, off_pointed=exposure.off_pointed)
        fit = align(images[root], images[reference], work / root / "aligned", parameters=parameters, ladder=ladder())
        truth = true_error(
            fit.image, images[root], truths[root], images[reference], truths[reference],
            idcscale_arcsec=parameters.idcscale,
        )  # fmt: skip
        first = fit.attempts[0]
        off = max(abs(first.guess_dx_px - truth.true_shift_x_px), abs(first.guess_dy_px - truth.true_shift_y_px))
        rows.append(
            dict(
                zip(
                    COLUMNS,
                    (seed, factor, detector, root, exposure.exptime_s, fit.succeeded, len(fit.attempts), fit.rung,
                     fit.rms_px, fit.matches, truth.rms_px, truth.max_px, off),
                    strict=True,
                )
            )
        )  # fmt: skip
    return rows


def summary(table: pd.DataFrame) -> str:
    """Return a table of what the images of each detector and amplitude did."""
    rows = []
    for (factor, detector), group in table.groupby(["factor", "detector"], sort=True):
        good = group[group["succeeded"]]
        means = good.groupby("seed")["rms_px"].mean()
        rows.append({
            "residual x": factor, "detector": detector, "seeds": group["seed"].nunique(), "images": len(group),
            "not on the first rung": int((group["attempts"] > 1).sum()), "failed": int((~group["succeeded"]).sum()),
            "first guess > 1 px off": int((group["guess_error_px"] > 1).sum()),
            "RMS mean": round(good["rms_px"].mean(), 3), "mean per seed": f"{means.min():.3f}-{means.max():.3f}",
            "RMS range": f"{good['rms_px'].min():.3f}-{good['rms_px'].max():.3f}",
            "true error median": round(good["true_rms_px"].median(), 3),
            "95%": round(good["true_rms_px"].quantile(0.95), 3),
            "max": round(good["true_rms_px"].max(), 3), "> 0.5 px": int((good["true_rms_px"] > 0.5).sum()),
        })  # fmt: skip
    return pd.DataFrame(rows).to_string(index=False)


def main(arguments: list[str] | None = None) -> int:
    """Run the study; return the exit status."""
    parser = Parser("python ci/twin_study.py", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=1, help="how many, from the committed one on")
    parser.add_argument("--factors", type=float, nargs="+", default=[1.0], help="times the residual distortion")
    parser.add_argument("--detector", action="append", metavar="NAMES", help="only these (ccd, nuv, fuv)")
    parser.add_argument("--summary", action="store_true", help="only print what OUT.csv says")
    return guarded(partial(run, parser.parse_args(arguments)))


def run(options: argparse.Namespace) -> int:
    """Add what is not there yet to OUT.csv, and print its table; return the exit status."""
    if options.summary:
        if not options.out.is_file():
            raise SuiteError(f"{options.out} does not exist: run the study first.")
        print(summary(pd.read_csv(options.out)))
        return Status.PASSED
    done = set()
    if options.out.exists():
        known = pd.read_csv(options.out)
        done = set(zip(known["seed"], known["factor"], known["detector"], strict=True))
    first = int(load("twin").seed or 0)
    detectors = detectors_of(names(options.detector) or DETECTORS)
    for factor in options.factors:
        for seed in range(first, first + options.seeds):
            for detector in detectors:
                if (seed, factor, detector) in done:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    rows = study(seed, factor, detector, Path(folder))
                new = not options.out.exists()
                with options.out.open("a", newline="") as stream:
                    writer = csv.DictWriter(stream, COLUMNS)
                    if new:
                        writer.writeheader()
                    writer.writerows(rows)
    print(summary(pd.read_csv(options.out)))
    return Status.PASSED


if __name__ == "__main__":
    sys.exit(main())
