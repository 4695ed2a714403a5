"""Alignment with TweakReg: its RMS against the tutorial's, and its true error, which no RMS shows."""

from __future__ import annotations

import math

import pytest

from fixtures.pipeline import alignment, drizzle
from fixtures.pipeline.cases import (
    has_aligned_pair,
    has_alignment,
    is_aligned,
    is_aligned_twin,
    is_off_pointed_twin,
    is_simulated,
)
from fixtures.pipeline.graph import DETECTOR, EXPOSURE

pytestmark = pytest.mark.step("alignment")

MATCH_TOLERANCE_PX = 1.0  # TweakReg's `tolerance`: a first guess farther off than this can't be mended by matching

aligned = pytest.mark.cases(EXPOSURE, when=is_aligned)
simulated = pytest.mark.cases(EXPOSURE, when=is_aligned_twin)
pair = pytest.mark.cases(DETECTOR, when=has_aligned_pair)


@pytest.fixture
def fit(case, product, expect_defect):
    """Return what TweakReg said; a wrong first guess in the image's own log marks the check as a known defect."""
    said = product(alignment.aligned)
    if is_simulated(case) and said.parameters.updatehdr:
        off = max(wrong_guesses_px(said, product(alignment.error)), default=0.0)
        if off > MATCH_TOLERANCE_PX:
            expect_defect(f"upstream defect: first guess of the shift {off:.2f} px off (imgclasses.py)", strict=False)
    return said


@pytest.fixture
def truth(product, fit):
    """Return the true error."""
    return product(alignment.error)


def wrong_guesses_px(fit, error) -> list[float]:
    """Return, for each attempt whose log tells a first guess of the shift, how far it is from the true shift."""
    found = (
        math.hypot(one.guess_dx_px - error.true_shift_x_px, one.guess_dy_px - error.true_shift_y_px)
        for one in fit.attempts
    )
    return [one for one in found if not math.isnan(one)]


@aligned
def test_rms_of_the_image(case, fit, product, check, table_row):
    """Within the upper end of the tutorial's range; a failed fit fails."""
    exposure = case.exposure
    row = {
        "image": exposure.rootname, "filter": exposure.filter, "exposure [s]": exposure.exptime_s, "rung": fit.rung,
        "extrapolated": fit.extrapolated, "dx [px]": fit.dx_px, "dy [px]": fit.dy_px,
        "rotation [deg]": fit.rotation_deg, "scale - 1 [1e-6]": 1e6 * (fit.scale - 1.0),
        "XRMS [px]": fit.xrms_px, "YRMS [px]": fit.yrms_px, "mean RMS [px]": fit.rms_px, "matches": fit.matches,
    }  # fmt: skip
    if is_simulated(case):
        row["true error [px]"] = product(alignment.error).rms_px
    table_row("alignment", row)
    check("alignment.rms_image", fit.rms_px, note=fit.reason)


@simulated
def test_rms_is_not_suspiciously_small(fit, check):
    """Within the lower end of the tutorial's range: tests the twin, not the software."""
    check("alignment.rms_image_lower", fit.rms_px)


@aligned
def test_shift_is_plausible(fit, check):
    """Hundreds of pixels are a false solution."""
    check("alignment.shift", math.hypot(fit.dx_px, fit.dy_px), note=fit.reason)


@aligned
def test_enough_sources_are_matched(case, fit, product, check, figure):
    """More than the smallest number that the parameters ask for."""
    picture = product(alignment.matches)
    if picture is not None:  # there was a fit
        figure(picture, section="alignment", title=f"{case.exposure.rootname}: matched sources")
    check("alignment.matches", fit.matches, note=fit.reason)


@aligned
def test_the_tutorials_own_parameters_suffice(fit, check):
    """The rung of the ladder on which the image was aligned; 0 is the tutorial's row."""
    check("alignment.rung", len(fit.attempts) - 1, note=fit.rung)


@simulated
def test_true_offset(truth, check):
    """The actual offset at the centre of the image, relative to the reference image."""
    check("alignment.true_offset", math.hypot(truth.dx_px, truth.dy_px))


@simulated
def test_true_rotation(truth, check):
    """The actual error of the rotation relative to the reference image."""
    check("alignment.true_rotation", truth.rotation_deg)


@simulated
def test_true_scale(truth, check):
    """The actual error of the scale relative to the reference image."""
    check("alignment.true_scale", truth.scale_minus_1)


@simulated
def test_worst_true_error_in_the_frame(truth, check):
    """Offset, rotation and scale together, at the worst place."""
    check("alignment.true_error_max", truth.max_px)


@pytest.mark.cases(EXPOSURE, when=is_off_pointed_twin)
def test_special_parameters_are_no_worse_than_the_ordinary_ones(truth, product, check, record):
    """Off-pointed images get parameters of their own in the tutorial; the report tells what the ordinary ones do."""
    fit = product(alignment.ordinary)
    ordinary_px = product(alignment.ordinary_error).rms_px
    record("alignment.ordinary_rms", fit.rms_px, "px", note=f"rung {fit.rung}, {fit.matches} matches")
    record("alignment.ordinary_true_error", ordinary_px, "px")
    check("alignment.special_minus_ordinary", truth.rms_px - ordinary_px)


@pytest.mark.cases(DETECTOR, when=has_alignment)
def test_mean_rms_of_the_detector(case, product, check, figure):
    """The tutorial's number, over all images but the reference; failed fits enter no mean (they fail on their own)."""
    values = [product(alignment.aligned, one).rms_px for one in case.aligned[1:]]
    title = f"{case.dataset.name} {case.detector}: RMS of all images"
    figure(product(alignment.rms), section="alignment", title=title)
    good = [value for value in values if not math.isnan(value)]
    mean = sum(good) / len(good) if good else math.nan
    check("alignment.rms_mean", mean, note=f"{len(good)} of {len(values)} images")
    if is_simulated(case):
        check("alignment.rms_mean_lower", mean)


@pytest.mark.cases(DETECTOR, when=lambda case: is_simulated(case) and has_alignment(case))
def test_number_of_images_with_the_known_defect(case, product, check):
    """Images whose own log shows a wrong first guess of the shift (known upstream defect)."""
    known = []
    for one in case.aligned[1:]:
        guesses = wrong_guesses_px(product(alignment.aligned, one), product(alignment.error, one))
        if any(off > MATCH_TOLERANCE_PX for off in guesses):
            known.append(one.exposure.rootname)
    check("alignment.known_defects", len(known), note=", ".join(known))


@simulated
def test_first_guess_is_told_by_the_log(fit, product, check):
    """Without it a known defect could not be told from a new one."""
    check("alignment.guesses_unread", float(not wrong_guesses_px(fit, product(alignment.error))))


@pytest.mark.cases(DETECTOR, when=lambda case: not has_alignment(case))
def test_there_is_something_to_align(case, not_validated):
    """A detector with a single usable image is not validated."""
    not_validated(f"{case.detector} of {case.dataset.name} has fewer than two images that can be aligned on each other")


@pair
def test_real_pair_has_no_shift(product, check):
    """Two real exposures of one pointing: stars measured by SEP, positions on the sky by the aligned headers."""
    numbers = product(drizzle.pair)
    note = f"{numbers.stars} stars, scatter {numbers.scatter_px:.3f} px"
    check("alignment.pair_shift", numbers.shift_px, note=note)


@pair
@pytest.mark.parametrize("axis", ["x", "y"])
def test_known_offset_of_a_real_image_comes_back(product, check, axis):
    """One image's CRPIX was moved by (12.4, 7.7) px before the alignment: real stars, known answer."""
    found = product(alignment.found_move)
    note = f"found {getattr(found, f'found_{axis}_px'):.3f} px"
    check("alignment.moved_offset", getattr(found, f"error_{axis}_px"), note=note)


@pair
def test_real_pair_has_enough_stars(product, check):
    """Stars brighter than 1000 counts that are found in both exposures."""
    check("alignment.pair_stars", product(drizzle.pair).stars)
