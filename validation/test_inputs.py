"""Which files go which way: selection, CTI routes, and whether the simulated frames are the committed ones."""

from __future__ import annotations

import pytest

from fixtures.pipeline import alignment, cti, inputs
from fixtures.pipeline.cases import (
    has_corrections,
    has_exposures,
    is_archived,
    is_corrected,
    is_raw_ccd,
    is_summed,
    is_twin,
    is_users,
)
from fixtures.pipeline.graph import DATASET, DETECTOR, EXPOSURE
from fixtures.pipeline.products import ProductFailed

pytestmark = pytest.mark.step("inputs")

filled = pytest.mark.cases(DATASET, when=has_exposures)


@pytest.mark.cases(DATASET, when=is_twin)
def test_simulated_frames_are_the_committed_ones(product, check, record, not_validated):
    """On changed input there is no verdict about the software."""
    found = product(inputs.inputs)
    if not found.frames:
        not_validated("another seed than the committed one was asked for, so these frames have no fingerprints")
    equivalent = [name for name, kind in found.kinds.items() if kind == "equivalent"]
    record("inputs.equivalent_frames", len(equivalent), "frames", note=", ".join(equivalent))
    check(
        "inputs.changed_frames", len(found.changed)
    )  # on changed input no failure is a verdict: it is "not validated"


@pytest.mark.cases(DATASET, when=is_archived)
def test_no_exposure_of_the_archive_is_missing(case, check, not_validated):
    """What the archive does not give, or gives damaged, is told; what the data set's rules leave out is no fault."""
    dataset = case.dataset
    if not dataset.exposures:
        not_validated(". ".join(dataset.problems) or "none of its exposures can be used")
    if dataset.problems:
        not_validated(f"{len(dataset.problems)} of its files or exposures: {'. '.join(dataset.problems)}")
    check("inputs.exposures_missing", len(dataset.problems))


@pytest.mark.cases(DATASET, when=is_users)
def test_no_file_of_the_folder_is_left_out(case, check, not_validated):
    """A damaged file, a spectrum or an acquisition in the folder is told, not passed over."""
    problems = case.dataset.problems
    if problems:
        not_validated(f"{len(problems)} files were left out: {'. '.join(problems)}")
    check("inputs.files_left_out", len(problems))


@filled
def test_selection_follows_the_tutorial(case, product, check):
    """CCD: amplifier D; MAMA: NEXTEND of 3, or its imsets summed."""
    selected = set(product(inputs.inputs).selected)
    chosen = [one.exposure for one in case.session.chosen(case.dataset)]
    expected = {e.rootname for e in chosen if e.detector != "CCD" or e.amplifier == "D"}
    check("inputs.selection_differences", len(selected ^ expected), note=", ".join(sorted(selected ^ expected)))


@filled
def test_files_of_several_imsets_are_summed(case, product, check):
    """MAMA files with NEXTEND > 3, and only those."""
    summed = set(product(inputs.inputs).summed)
    expected = {one.exposure.rootname for one in case.session.chosen(case.dataset) if is_summed(one)}
    check("inputs.summed_differences", len(summed ^ expected))


@pytest.mark.cases(EXPOSURE, when=is_raw_ccd)
def test_route_is_the_documented_one(case, product, check, table_row):
    """Pixel-based for amplifier D after SM4, empirical for the others."""
    exposure = case.exposure
    route = product(inputs.inputs).routes[exposure.rootname]
    table_row("inputs", {"image": exposure.rootname, "observed": exposure.observed, "amplifier": exposure.amplifier,
                         "CTI route": route.kind, "reason": route.reason})  # fmt: skip
    expected = "pixel" if is_corrected(case) else "empirical"
    check("inputs.route_wrong", float(route.kind != expected), note=route.reason)


@pytest.mark.cases(EXPOSURE, when=is_raw_ccd)
def test_stis_cti_takes_the_same_route(case, product, check):
    """The installed stis_cti corrects the exposures that the documentation says, and no other."""
    route = product(inputs.inputs).routes[case.exposure.rootname]
    check("inputs.route_disagrees", float(product(inputs.route) != (route.kind == "pixel")))


@pytest.mark.cases(EXPOSURE, when=is_summed)
def test_summed_file_has_one_imset_of_the_whole_exposure_time(case, product, check):
    """SCI extensions are summed into one, exposure times added."""
    from astropy.io import fits

    with fits.open(product(alignment.image)) as hdus:
        extra = sum(hdu.name == "SCI" for hdu in hdus) - 1
        seconds = hdus["SCI", 1].header["EXPTIME"]
    check("inputs.imsets_left", extra)
    check("inputs.summed_exptime", seconds - case.exposure.exptime_s)


@pytest.mark.cases(DETECTOR, when=has_corrections)
def test_every_eligible_raw_has_its_cte(case, product, attempt, check, record, not_validated):
    """As many cte files as eligible raw files, each corrected; what is refused, failed or not validated is all told."""
    from astropy.io import fits

    routes = product(inputs.inputs).routes
    raws = [one for one in case.exposures if is_raw_ccd(one)]
    eligible = [one for one in raws if is_corrected(one)]
    others = [one.exposure.rootname for one in raws if one not in eligible]
    refused = [f"{root}: {routes[root].reason}" for root in others]
    record("inputs.raw_refused", len(refused), "files", note="; ".join(refused))
    failed, unknown = [], []
    for one in eligible:
        root, made = one.exposure.rootname, attempt(cti.cte, one)
        if isinstance(made, ProductFailed):
            (unknown if made.not_validated else failed).append(f"{root}: {made.sentence.rstrip('.')}")
        elif fits.getval(made["cte"], "PCTECORR") != "COMPLETE":
            failed.append(f"{root}: the PCTECORR of its cte is not COMPLETE")
    of = f"of {len(eligible)} eligible raw files"
    if unknown and not failed:
        not_validated(f"{len(unknown)} {of} have no cte: {'; '.join(unknown)}")
    said = [*failed, *(f"not validated, {one}" for one in unknown)]
    check("inputs.cte_missing", len(failed), note=f"{of}: {'; '.join(said)}" if said else of)
