"""How the twin compares with the recorded run of the tutorial, and how its alignment depends on the seed.

    python ci/twin_study.py --seeds 20                    # add what is missing to ci/results/twin_scorecard.csv
    python ci/twin_study.py --score                       # where the record lies among the seeds
    python ci/twin_study.py OUT.csv --factors 0 0.5 1 2   # RMS against the amplitude of the residual distortion

Each exposure of 'twin-full' that is the twin of a recorded one is simulated, calibrated (engine python) and aligned
twice: with the tutorial's parameters, and with its search radius in whole pixels. The images of a detector are added to
the table together, and what is there already is not made again, so a study can be stopped and taken up.
`guess_error_px` is the larger of the two axes, of the last attempt. The CCD is read out without loss of charge unless
--transfer is given: that takes most of the time, and corrected images differ little.
"""

from __future__ import annotations

import argparse
import csv
import re
import subprocess
import sys
import tempfile
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits

from fixtures.commandline import Parser, guarded, names
from fixtures.datasets.dataset import load
from fixtures.datasets.detectors import DETECTORS, detectors_of
from fixtures.datasets.exposures import Exposure
from fixtures.errors import Status, SuiteError
from fixtures.measurement.files.alignment import true_error
from fixtures.pipeline.cases import aligned_exposures
from fixtures.simulation import make_ccd_darks, make_exposure, make_references
from fixtures.simulation.manifest import dataset, exposures
from fixtures.workflow.parameters import ALIGNMENTS, AlignParameters, align_parameters, ladder

TABLE = Path(__file__).parent / "results/twin_scorecard.csv"
RECORD = Path(__file__).parents[1] / "fixtures/datasets/tutorial_run"
COLUMNS = (
    "seed", "factor", "transfer", "alignment", "detector", "rootname", "twin_of", "succeeded", "attempts", "rung",
    "sources", "reference_sources", "significance", "hist_matches", "guess_dx_px", "guess_dy_px", "matches", "fitted",
    "dx_px", "dy_px", "rotation_deg", "scale", "xrms_px", "yrms_px", "true_dx_px", "true_dy_px", "true_rms_px",
    "true_max_px", "guess_error_px", "twin", "commit", "drizzlepac", "stwcs", "numpy",
)  # fmt: skip
QUANTITIES = {
    "sources in image": ("sources", "objects_image"), "sources in reference": ("reference_sources", "objects_ref"),
    "histogram matches": ("hist_matches", "hist_matches"), "matches": ("matches", "matches"),
    "guess minus fit, x": ("guess_less_fit_x", "guess_less_fit_x"),
    "guess minus fit, y": ("guess_less_fit_y", "guess_less_fit_y"),
    "XRMS": ("xrms_px", "xrms"), "YRMS": ("yrms_px", "yrms"), "rotation": ("rotation_deg", "rot"),
    "scale": ("scale", "scale"),
}  # fmt: skip
"""What is compared: column of the study, column of the record."""
_LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]
TUTORIAL_MEANS = {"CCD": 0.107, "NUV-MAMA": 0.311, "FUV-MAMA": 0.182}
_HISTOGRAM = re.compile(r"Found initial X and Y shifts of .*? with significance of ([\d.e+]+) and (\d+) matches", re.S)


def image_of(exposure: Exposure, work: Path, *, seed: int, factor: float, transfer: bool) -> tuple[Path, Path]:
    """Simulate and calibrate an exposure; return the image that is aligned and the truth."""
    from fixtures.workflow import calibrate, cti
    from fixtures.workflow.imsets import sum_imsets

    folder, references = work / exposure.rootname, work / "references"
    made = make_exposure(
        exposure.rootname, folder / "raw", seed=seed, residual_factor=factor, perfect_transfer=not transfer
    )
    if exposure.detector != "CCD":
        x2d = calibrate.rectify_mama(made.raw, folder / "x2d", references=references, engine="python")["x2d"]
        return sum_imsets(x2d, folder / "image"), made.truth
    if not transfer:
        with fits.open(made.raw, mode="update") as hdus:
            hdus[0].header["DARKFILE"] = hdus[0].header["CTIDARK"]
    blt = calibrate.bias_correct(made.raw, folder / "blt", references=references, engine="python")
    if not transfer:
        return calibrate.calibrate_ccd(blt, folder / "sx2", references=references, engine="python")["sx2"], made.truth
    cte = cti.correct(blt, folder / "cte", references=references)
    return calibrate.calibrate_ccd(cte, folder / "s2c", references=references, engine="python")["s2c"], made.truth


def study(seed: int, factor: float, name: str, work: Path, *, transfer: bool) -> list[dict]:
    """Simulate, calibrate and align the images of one detector; return a row an image and alignment."""
    twin_of = {root: entry.get("twin_of", "") for root, entry in exposures().items()}
    chosen = [one for one in aligned_exposures(load("twin-full"), name) if twin_of[one.rootname]]
    references = make_references(name, work / "references", seed=seed)
    for epoch in sorted({int(one.observed[:4]) for one in chosen if name == "CCD"}):
        make_ccd_darks(epoch, references, seed=seed)
    made = {one.rootname: image_of(one, work, seed=seed, factor=factor, transfer=transfer) for one in chosen}
    rows = []
    for exposure in chosen[1:]:
        for alignment in ALIGNMENTS:
            parameters = align_parameters(
                name, exposure.exptime_s, off_pointed=exposure.off_pointed, alignment=alignment
            )
            row = {"seed": seed, "factor": factor, "transfer": int(transfer and name == "CCD"), "alignment": alignment,
                   "detector": name, "rootname": exposure.rootname, "twin_of": twin_of[exposure.rootname]}  # fmt: skip
            folder = work / exposure.rootname / alignment
            rows.append(
                row | aligned(made[exposure.rootname], made[chosen[0].rootname], folder, parameters) | _versions()
            )
    return rows


def aligned(image: tuple[Path, Path], reference: tuple[Path, Path], work: Path, parameters: AlignParameters) -> dict:
    """Align an image on the reference image (each with its truth); return what the log, the fit and the truth say."""
    from fixtures.workflow.align import align

    fit = align(image[0], reference[0], work, parameters=parameters, ladder=ladder())
    truth = true_error(fit.image, *image, *reference, idcscale_arcsec=parameters.idcscale)
    log = (work / f"attempt_{len(fit.attempts)}/output.log").read_text(errors="replace")
    significance, pairs = (_HISTOGRAM.findall(log) or [("nan", 0)])[-1]
    off = max(abs(fit.guess_dx_px - truth.true_shift_x_px), abs(fit.guess_dy_px - truth.true_shift_y_px))
    return {
        "succeeded": fit.succeeded, "attempts": len(fit.attempts), "rung": fit.rung, "sources": fit.sources,
        "reference_sources": fit.reference_sources, "significance": float(significance), "hist_matches": int(pairs),
        "guess_dx_px": fit.guess_dx_px, "guess_dy_px": fit.guess_dy_px, "matches": fit.matches, "fitted": fit.fitted,
        "dx_px": fit.dx_px, "dy_px": fit.dy_px, "rotation_deg": fit.rotation_deg, "scale": fit.scale,
        "xrms_px": fit.xrms_px, "yrms_px": fit.yrms_px, "true_dx_px": truth.dx_px, "true_dy_px": truth.dy_px,
        "true_rms_px": truth.rms_px, "true_max_px": truth.max_px, "guess_error_px": off,
    }  # fmt: skip


def _versions() -> dict[str, str]:
    said = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=RECORD, check=False
    )
    return {
        "twin": str(dataset()["version"]), "commit": said.stdout.strip(), "drizzlepac": version("drizzlepac"),
        "stwcs": version("stwcs"), "numpy": version("numpy"),
    }  # fmt: skip


def record() -> pd.DataFrame:
    """Return the recorded run, one row an image, with rotations from -180 to 180 deg."""
    table = pd.concat([pd.read_csv(path) for path in sorted(RECORD.glob("*.csv"))], ignore_index=True)
    table["rot"] = (table["rot"] + 180) % 360 - 180
    table["guess_less_fit_x"], table["guess_less_fit_y"] = (
        table["init_dx"] - table["xsh"],
        table["init_dy"] - table["ysh"],
    )
    return table.set_index("root")


def ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Return for each recorded image and quantity its rank among the seeds (0 to 1), and whether it lies between."""
    table = table[(table["alignment"] == "tutorial") & (table["factor"] == 1)].copy()
    table["guess_less_fit_x"] = table["guess_dx_px"] - table["dx_px"]
    table["guess_less_fit_y"] = table["guess_dy_px"] - table["dy_px"]
    known, rows = record(), []
    for (name, root), group in table.groupby(["detector", "twin_of"], sort=False):
        for quantity, (column, recorded) in QUANTITIES.items():
            seeds, value = group[column].dropna().to_numpy(), known.loc[root, recorded]
            if not len(seeds) or not np.isfinite(value):
                continue
            low, first, middle, third, high = np.quantile(seeds, _LEVELS)
            own = [_between(one, np.delete(seeds, number)) for number, one in enumerate(seeds)]
            rows.append({
                "detector": name, "image": root, "quantity": quantity, "record": value, "seeds": len(seeds),
                "5%": low, "median": middle, "95%": high,
                "rank": ((seeds < value).sum() + 0.5 * (seeds == value).sum()) / len(seeds),
                "in 5-95%": low <= value <= high, "in 25-75%": first <= value <= third,
                "seeds in 5-95%": np.mean([one[0] for one in own]), "seeds in 25-75%": np.mean([one[1] for one in own]),
            })  # fmt: skip
    return pd.DataFrame(rows)


def _between(value: float, others: np.ndarray) -> tuple[bool, bool]:
    """Return whether a seed's value lies in the wider and the narrower interval of the other seeds."""
    if not len(others):
        return False, False
    low, first, _, third, high = np.quantile(others, _LEVELS)
    return low <= value <= high, first <= value <= third


def score(table: pd.DataFrame, *, images: bool = False) -> str:
    """Return the scorecard as text: shares of recorded values in the seeds' intervals, and means of the RMS.

    Beside the record's shares stand those of each seed among the others: what a twin just like the record would have.
    """
    found = ranks(table)
    shares = ["in 5-95%", "in 25-75%", "seeds in 5-95%", "seeds in 25-75%"]
    by_quantity = found.groupby(["detector", "quantity"], sort=False)
    inside = by_quantity[shares].mean()
    inside["median rank"] = by_quantity["rank"].median()
    text = [inside.round(2).to_string(), found.groupby("detector", sort=False)[shares].mean().round(2).to_string()]
    if images:
        text.insert(0, found[[name for name in found if "seeds in" not in name]].round(4).to_string(index=False))
    return "\n\n".join([*text, summary(table)])


def summary(table: pd.DataFrame) -> str:
    """Return a table of what the images of each detector, alignment and amplitude did."""
    rows = []
    for (factor, name, alignment), group in table.groupby(["factor", "detector", "alignment"], sort=False):
        good = group[group["succeeded"]].copy()
        good["rms_px"] = (good["xrms_px"] + good["yrms_px"]) / 2
        means = good.groupby("seed")["rms_px"].mean()
        rows.append({
            "residual x": factor, "detector": name, "alignment": alignment, "seeds": group["seed"].nunique(),
            "images": len(group), "failed": int((~group["succeeded"]).sum()),
            "ladder": int((group["attempts"] > 1).sum()),
            "guess > 1 px off": int((group["guess_error_px"] > 1).sum()), "matches": int(good["matches"].median()),
            "of histogram": round((good["matches"] / good["hist_matches"]).median(), 2),
            "RMS": round(good["rms_px"].mean(), 3), "tutorial": TUTORIAL_MEANS[name],
            "per seed": f"{means.min():.3f}-{means.max():.3f}",
            "range": f"{good['rms_px'].min():.3f}-{good['rms_px'].max():.3f}",
            "true error": round(good["true_rms_px"].median(), 3),
            "95%": round(good["true_rms_px"].quantile(0.95), 3), "max": round(good["true_rms_px"].max(), 3),
        })  # fmt: skip
    return pd.DataFrame(rows).to_string(index=False)


def main(arguments: list[str] | None = None) -> int:
    """Run the study; return the exit status."""
    parser = Parser("python ci/twin_study.py", description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=TABLE, help="table to add to (default: the committed one)")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from the committed one on")
    parser.add_argument("--factors", type=float, nargs="+", default=[1.0], help="times the residual distortion")
    parser.add_argument("--detector", action="append", metavar="NAMES", help="only these (ccd, nuv, fuv)")
    parser.add_argument("--transfer", action="store_true", help="the CCD with loss and correction of charge transfer")
    parser.add_argument("--score", action="store_true", help="only print where the record lies among the seeds")
    parser.add_argument("--images", action="store_true", help="with --score: the rank of every image and quantity too")
    parser.add_argument("--summary", action="store_true", help="only print what the table says of the seeds")
    return guarded(partial(run, parser.parse_args(arguments)))


def run(options: argparse.Namespace) -> int:
    """Add what is not there yet to the table, and print what it says; return the exit status."""
    if options.summary or options.score:
        if not options.out.is_file():
            raise SuiteError(f"{options.out} does not exist: run the study first.")
        table = pd.read_csv(options.out)
        print(summary(table) if options.summary else score(table, images=options.images))
        return Status.PASSED
    done = set()
    if options.out.exists():
        known = pd.read_csv(options.out)
        done = set(zip(known["seed"], known["factor"], known["detector"], strict=True))
    first = int(load("twin").seed or 0)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for factor in options.factors:
        for seed in range(first, first + options.seeds):
            for name in detectors_of(names(options.detector) or DETECTORS):
                if (seed, factor, name) in done:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    rows = study(seed, factor, name, Path(folder), transfer=options.transfer)
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
