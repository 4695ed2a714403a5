"""Which files go which way: selection, CTI routes, and whether the simulated frames are the committed ones."""

from __future__ import annotations

import pytest

from fixtures.pipeline import chosen_exposures, pixel_based
from fixtures.products import ProductFailed

pytestmark = pytest.mark.step("inputs")


def is_raw_ccd(case) -> bool:
    """Whether the case is a raw CCD exposure, which takes one of the CTI routes."""
    return case.exposure.detector == "CCD" and case.exposure.filetype == "raw"


has_exposures = pytest.mark.applies(when=lambda case: bool(case.dataset.exposures))


@pytest.mark.applies(dataset="twin")
def test_simulated_frames_are_the_committed_ones(dataset, product, check, record, not_validated):
    """On changed input there is no verdict about the software."""
    frames = product("inputs").info["frames"]
    if not frames:
        not_validated("another seed than the committed one was asked for, so these frames have no fingerprints")
    equivalent = [name for name, found in frames.items() if found["kind"] == "equivalent"]
    record("inputs.equivalent_frames", len(equivalent), "frames", note=", ".join(equivalent))
    changed = [name for name, found in frames.items() if found["kind"] == "changed"]
    check("inputs.changed_frames", len(changed))  # on changed input no failure is a verdict: it is "not validated"


@pytest.mark.applies(when=lambda case: case.dataset.kind == "archive")
def test_no_exposure_of_the_archive_is_missing(dataset, check, not_validated):
    """What the archive does not give, or gives damaged, is told; what the data set's rules leave out is no fault."""
    if not dataset.exposures:
        not_validated(". ".join(dataset.problems) or "none of its exposures can be used")
    if dataset.problems:
        not_validated(f"{len(dataset.problems)} of its files or exposures: {'. '.join(dataset.problems)}")
    check("inputs.exposures_missing", len(dataset.problems))


@pytest.mark.applies(dataset="user")
def test_no_file_of_the_folder_is_left_out(dataset, check, not_validated):
    """A damaged file, a spectrum or an acquisition in the folder is told, not passed over."""
    if dataset.problems:
        not_validated(f"{len(dataset.problems)} files were left out: {'. '.join(dataset.problems)}")
    check("inputs.files_left_out", len(dataset.problems))


@has_exposures
def test_selection_follows_the_tutorial(dataset, product, check, settings):
    """CCD: amplifier D; MAMA: NEXTEND of 3, or its imsets summed."""
    selected = set(product("inputs").info["selected"])
    chosen = chosen_exposures(dataset, settings)
    expected = {e.rootname for e in chosen if e.detector != "CCD" or e.amplifier == "D"}
    check("inputs.selection_differences", len(selected ^ expected), note=", ".join(sorted(selected ^ expected)))


@has_exposures
def test_files_of_several_imsets_are_summed(dataset, product, check, settings):
    """MAMA files with NEXTEND > 3, and only those."""
    summed = set(product("inputs").info["summed"])
    chosen = chosen_exposures(dataset, settings)
    expected = {e.rootname for e in chosen if e.detector != "CCD" and e.nextend > 3}
    check("inputs.summed_differences", len(summed ^ expected))


@pytest.mark.applies(when=is_raw_ccd)
def test_route_is_the_documented_one(exposure, product, check, table_row):
    """Pixel-based for amplifier D after SM4, empirical for the others."""
    route = product("inputs").info["routes"][exposure.rootname]
    table_row("inputs", {"image": exposure.rootname, "observed": exposure.observed, "amplifier": exposure.amplifier,
                         "CTI route": route["kind"], "reason": route["reason"]})  # fmt: skip
    expected = "pixel" if pixel_based(exposure) else "empirical"
    check("inputs.route_wrong", float(route["kind"] != expected), note=route["reason"])


@pytest.mark.applies(when=is_raw_ccd)
def test_stis_cti_takes_the_same_route(exposure, product, check):
    """The installed stis_cti corrects the exposures that the documentation says, and no other."""
    route = product("inputs").info["routes"][exposure.rootname]
    check("inputs.route_disagrees", float(product("route").info["viable"] != (route["kind"] == "pixel")))


@pytest.mark.applies(when=lambda case: case.exposure.detector != "CCD" and case.exposure.nextend > 3)
def test_summed_file_has_one_imset_of_the_whole_exposure_time(exposure, product, check):
    """SCI extensions are summed into one, exposure times added."""
    from astropy.io import fits

    with fits.open(product("image").files["image"]) as hdus:
        extra = sum(hdu.name == "SCI" for hdu in hdus) - 1
        seconds = hdus["SCI", 1].header["EXPTIME"]
    check("inputs.imsets_left", extra)
    check("inputs.summed_exptime", seconds - exposure.exptime_s)


@pytest.mark.applies(detector="CCD", when=lambda case: any(map(pixel_based, case.dataset.exposures)))
def test_every_eligible_raw_has_its_cte(dataset, detector, product, attempt, check, record, not_validated):
    """As many cte files as eligible raw files, each corrected; what is refused, failed or not validated is all told."""
    from astropy.io import fits

    routes = product("inputs").info["routes"]
    raws = [e for e in dataset.exposures_of(detector) if e.filetype == "raw"]
    eligible = [e for e in raws if pixel_based(e)]
    refused = [f"{e.rootname}: {routes[e.rootname]['reason']}" for e in raws if e not in eligible]
    record("inputs.raw_refused", len(refused), "files", note="; ".join(refused))
    failed, unknown = [], []
    for exposure in eligible:
        made = attempt(exposure.rootname, "cte")
        if isinstance(made, ProductFailed):
            (unknown if made.not_validated else failed).append(f"{exposure.rootname}: {made.sentence.rstrip('.')}")
        elif fits.getval(made.files["cte"], "PCTECORR") != "COMPLETE":
            failed.append(f"{exposure.rootname}: the PCTECORR of its cte is not COMPLETE")
    of = f"of {len(eligible)} eligible raw files"
    if unknown and not failed:
        not_validated(f"{len(unknown)} {of} have no cte: {'; '.join(unknown)}")
    said = [*failed, *(f"not validated, {one}" for one in unknown)]
    check("inputs.cte_missing", len(failed), note=f"{of}: {'; '.join(said)}" if said else of)
