"""The processes that are timed: ``python -P sides.py SIDE JOB.json``.

    tutorial    the steps one after another in this one process, as the tutorial does them: plain calls, no workshop
    worker      one of the workers that make products of a plan together, in the suite's way
    warm        imports what both need, so that neither finds the files of the packages on a cold disk

Each leaves what it found in the file that its job names. Nothing of the benchmark is imported here.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATHS = ("image", "match_catalog", "log")


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its children that ended [s]."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Tutorial:
    """The tutorial's steps, in its order.

    Parameters
    ----------
    job : dict
        'root' (a new folder), 'engine' ('calstis' or 'python'), and 'detectors': by detector 'exposures' (rootname,
        exptime_s, off_pointed, pixel_based, raw, references), and the rootnames of 'aligned' (reference first) and
        'drizzled', with the 'prefix' of their products.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        self.root = Path(job["root"])
        self.engine = job["engine"]
        self.detectors = job["detectors"]
        self.made: dict[str, dict[str, str]] = {}
        self.alignments: dict[str, Any] = {}
        self.steps: dict[str, list[float]] = {}
        self._images: dict[str, Path] = {}

    def run(self) -> dict[str, Any]:
        """Do all steps."""
        for step in (self.correct, self.rectify, self.sum, self.align, self.drizzle):
            step()
        return {"made": self.made, "alignments": self.alignments, "steps": self.steps}

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), cpu_seconds()
        yield
        entry = self.steps.setdefault(step, [0, 0.0, 0.0])
        entry[0] += 1
        entry[1] += time.perf_counter() - wall
        entry[2] += cpu_seconds() - cpu

    def _exposures(self, ccd: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        for detector, one in self.detectors.items():
            if (detector == "CCD") == ccd:
                for exposure in one["exposures"]:
                    yield f"{one['prefix']}/{exposure['rootname']}", exposure

    def _note(self, name: str, **files: Path) -> None:
        self.made[name] = {key: str(path) for key, path in files.items()}

    def correct(self) -> None:
        """CCD: correct for CTI what is eligible, and calibrate."""
        from fixtures.workflow import calibrate, cti

        for name, exposure in self._exposures(ccd=True):
            folder = self.root / exposure["rootname"]
            how = {"references": exposure["references"], "engine": self.engine}
            with self._timed("blt"):
                source = calibrate.bias_correct(exposure["raw"], folder / "blt", **how)
            self._note(f"{name}/blt", blt=source)
            kind = "sx2"
            if exposure["pixel_based"]:
                kind = "s2c"
                with self._timed("cte"):
                    if self.engine == "calstis":
                        chain = cti.whole_chain(exposure["raw"], folder / "cte", references=exposure["references"])
                        source = chain["cte"]
                    else:
                        source = cti.correct(source, folder / "cte", references=exposure["references"])
                self._note(f"{name}/cte", cte=source)
            with self._timed(kind):
                if kind == "s2c" and self.engine == "calstis":
                    image = chain["s2c"]  # stis_cti has had CALSTIS make it
                else:
                    image = calibrate.calibrate_ccd(source, folder / kind, **how)[kind]
            self._note(f"{name}/{kind}", **{kind: image})
            self._note(f"{name}/image", image=image)  # the same file
            self._images[exposure["rootname"]] = image

    def rectify(self) -> None:
        """MAMA: make the rectified images, which the tutorial takes from the archive."""
        from fixtures.workflow import calibrate

        for name, exposure in self._exposures(ccd=False):
            folder = self.root / exposure["rootname"] / "x2d"
            with self._timed("x2d"):
                made = calibrate.rectify_mama(
                    exposure["raw"], folder, references=exposure["references"], engine=self.engine
                )
            self._note(f"{name}/x2d", x2d=made["x2d"])

    def sum(self) -> None:
        """MAMA: sum the imsets."""
        from fixtures.workflow.imsets import sum_imsets

        for name, exposure in self._exposures(ccd=False):
            with self._timed("image"):
                image = sum_imsets(Path(self.made[f"{name}/x2d"]["x2d"]), self.root / exposure["rootname"] / "image")
            self._note(f"{name}/image", image=image)
            self._images[exposure["rootname"]] = image

    def align(self) -> None:
        """Align every image on the reference image of its detector."""
        from fixtures.pipeline.values import pack
        from fixtures.workflow.align import align
        from fixtures.workflow.parameters import align_parameters, ladder

        for detector, one in self.detectors.items():
            about = {exposure["rootname"]: exposure for exposure in one["exposures"]}
            for rootname in one["aligned"][1:]:
                parameters = align_parameters(
                    detector, about[rootname]["exptime_s"], off_pointed=about[rootname]["off_pointed"]
                )
                with self._timed("aligned"):
                    result = align(
                        self._images[rootname],
                        self._images[one["aligned"][0]],
                        self.root / rootname / "aligned",
                        parameters=parameters,
                        ladder=ladder(),
                    )
                name = f"{one['prefix']}/{rootname}/aligned-tutorial"
                facts = pack(result, self.root)["info"]["value"]
                self.alignments[name] = {key: value for key, value in facts.items() if key not in PATHS}
                self._note(name, image=result.image)
                self._images[rootname] = result.image

    def drizzle(self) -> None:
        """Crop the aligned images of one filter, and drizzle them."""
        from fixtures.workflow.crop import crop
        from fixtures.workflow.drizzle import drizzle
        from fixtures.workflow.parameters import drizzle_parameters

        for detector, one in self.detectors.items():
            if not one["drizzled"]:
                continue
            with self._timed("cropped"):
                cropped = [
                    crop(self._images[rootname], self.root / detector / "cropped").path
                    for rootname in one["drizzled"]
                    if not self.alignments.get(f"{one['prefix']}/{rootname}/aligned-tutorial", {"reason": ""})["reason"]
                ]
            self._note(f"{one['prefix']}/cropped", **{path.stem: path for path in cropped})
            with self._timed("mosaic"):
                mosaic = drizzle(cropped, self.root / detector / "mosaic", parameters=drizzle_parameters(detector))
            self._note(f"{one['prefix']}/mosaic", sci=mosaic.sci, wht=mosaic.wht)


def tutorial(job: dict[str, Any]) -> dict[str, Any]:
    """Run the tutorial's way; with a 'profile' in the job, under cProfile, whose statistics go there."""
    if not job.get("profile"):
        return Tutorial(job).run()
    import cProfile

    with cProfile.Profile() as profile:
        found = Tutorial(job).run()
    profile.dump_stats(job["profile"])
    return found


def suite(job: dict[str, Any]) -> dict[str, Any]:
    """Have every product made that is wanted, as a run of pytest does."""
    from fixtures.build.opening import StoreOptions, open_builder
    from fixtures.pipeline.session import Session
    from fixtures.pipeline.settings import Settings

    given = job["settings"]
    settings = Settings(
        datasets=tuple(given["datasets"]),
        detectors=tuple(given["detectors"]),
        data=Path(given["data"]) if given["data"] else None,
        alignments=tuple(given["alignments"]),
    )
    options = StoreOptions(Path(job["store"]))
    builder = open_builder(Path(job["root"]), Session(settings).tasks, job["wanted"], options, workers=job["workers"])
    try:
        for name in builder.plan:
            builder.obtain(name)
    finally:
        builder.close()
    return {"told": sorted(builder.messages), "plan": list(builder.plan)}


def warm(job: dict[str, Any]) -> dict[str, Any]:
    """Import what both sides import."""
    import drizzlepac.astrodrizzle
    import drizzlepac.tweakreg  # noqa: F401
    import stis_cti.StisPixCteCorr  # noqa: F401

    return {}


SIDES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"tutorial": tutorial, "suite": suite, "warm": warm}


def main(arguments: list[str]) -> int:
    """Do a job and leave what was found; return the exit status."""
    side, path = arguments
    job = json.loads(Path(path).read_text())
    found = SIDES[side](job)
    found["cpu_seconds"] = cpu_seconds()
    Path(job["result"]).write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
