"""A drizzlepac with one line altered, and the steps on a small data set with it: what a regression looks like.

    PYTHONPATH=<folder with the altered drizzlepac> python ci/tests/altered.py OUT STORE

makes what a run of three FUV-MAMA exposures of the twin could leave as a baseline, by the suite's own steps.
"""

from __future__ import annotations

import pickle
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

DATASET, DETECTOR = "twin", "FUV-MAMA"
EXPOSURES = ("ozzf01a1q", "ozzf02a1q", "ozzf02a3q")  # of one filter, and aligned at the first attempt


@dataclass(frozen=True)
class Alteration:
    """One line of drizzlepac, and what it becomes.

    Parameters
    ----------
    name : str
        What is altered.
    file : str
        Module of drizzlepac.
    line, altered : str
        The line as it is (without indentation), and as it becomes.
    step : str
        The step whose numbers it must show in first.
    """

    name: str
    file: str
    line: str
    altered: str
    step: str


ALTERATIONS = (
    Alteration(
        "matching tolerance",
        "imgclasses.py",
        "tolerance=matchpars['tolerance'],",
        "tolerance=0.3 * matchpars['tolerance'],",
        "alignment",
    ),
    Alteration(
        "header update skipped",
        "imgclasses.py",
        "updatehdr.updatewcs_with_shift(self._im.hdu, self.refWCS,",
        "(lambda *skipped, **options: None)(self._im.hdu, self.refWCS,",
        "alignment",
    ),
    Alteration(
        "pixel scale",
        "wcs_functions.py",
        "_scale = user_pars['scale']",
        "_scale = 1.001 * user_pars['scale']",
        "drizzle",
    ),
    Alteration(
        "weight exponent",
        "imageObject.py",
        "errmask = (exptime/err)**2 * dqarr",
        "errmask = (exptime/err)**1.9 * dqarr",
        "drizzle",
    ),
    Alteration(
        "half-pixel offset",
        "adrizzle.py",
        "output_wcs,\n            input_wcs.pixel_shape[0],",
        "(lambda w: (setattr(w.wcs, 'crpix', w.wcs.crpix + 0.5), w)[1])(output_wcs.deepcopy()),"
        "\n            input_wcs.pixel_shape[0],",
        "drizzle",
    ),
    Alteration("kernel", "adrizzle.py", 'kernel=paramDict["kernel"],', 'kernel="turbo",', "drizzle"),
)


def installed_drizzlepac() -> Path:
    """Return the folder of the drizzlepac that Python finds, without importing it."""
    return Path(find_spec("drizzlepac").origin).parent


def alter(one: Alteration, folder: Path) -> Path:
    """Put a copy of drizzlepac with the line altered into a folder, for PYTHONPATH.

    Raises
    ------
    ValueError
        The installed drizzlepac has no such line, or several.
    """
    package = Path(shutil.copytree(installed_drizzlepac(), folder / "drizzlepac", ignore=lambda *_: {"__pycache__"}))
    edit(one, package)
    return folder


def edit(one: Alteration, package: Path) -> None:
    """Alter the line in a copy of drizzlepac; its file may share its content with others and is written anew."""
    path = package / one.file
    text = path.read_text(encoding="utf-8")
    if text.count(one.line) != 1:
        raise ValueError(f"drizzlepac/{one.file} has the line {text.count(one.line)} times: {one.line}")
    path.unlink()
    path.write_text(text.replace(one.line, one.altered), encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Make the candidate of the small data set in OUT/candidates, as a run leaves it."""
    from fixtures.build.opening import StoreOptions, open_builder
    from fixtures.datasets.dataset import load
    from fixtures.pipeline.session import Session
    from fixtures.pipeline.settings import Settings

    out, store = Path(arguments[0]), Path(arguments[1])
    twin = load(DATASET)
    few = replace(
        twin,
        exposures=tuple(one for one in twin.exposures if one.rootname in EXPOSURES),
        reference_image={DETECTOR: EXPOSURES[0]},
        drizzled_filter={DETECTOR: twin.drizzled_filter[DETECTOR]},
    )
    settings = Settings(datasets=(DATASET,), detectors=(DETECTOR,), delivered=pickle.dumps((few,)))
    tasks = Session(settings).tasks
    root = out / "work"
    made = open_builder(root, tasks, (), StoreOptions(store)).obtain(f"{DATASET}/{DETECTOR}/candidate")
    target = out / "candidates" / DATASET / DETECTOR
    target.mkdir(parents=True)
    for path in made.files.values():
        shutil.copyfile(path, target / path.name)
    shutil.rmtree(root)


if __name__ == "__main__":
    main(sys.argv[1:])
