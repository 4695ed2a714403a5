"""Alignment with TweakReg: its RMS against the tutorial's, and its true error, which no RMS shows.

Every image is aligned in two ways: with the tutorial's own parameters, whose RMS must be the tutorial's, and with a
search radius in whole pixels, whose result must be right. An upstream defect lies between them: docs/findings.md.
"""

from __future__ import annotations

import math
from statistics import median

import pytest

from fixtures.pipeline import alignment, drizzle
from fixtures.pipeline.cases import (
    aligned_by,
    has_aligned_pair,
    has_alignment,
    has_right_alignment,
    is_aligned,
    is_aligned_twice,
    is_aligned_twin,
    is_off_pointed_twin,
    is_simulated,
    is_twin,
    twin_aligned_by,
)
from fixtures.pipeline.graph import DETECTOR, EXPOSURE
from fixtures.workflow.parameters import TUTORIAL, WHOLE_PIXEL

pytestmark = pytest.mark.step("alignment")

METRICS = {TUTORIAL: "tutorial", WHOLE_PIXEL: "alignment"}
"""The first word of the metrics of each way: each has limits of its own."""

aligned = pytest.mark.cases(EXPOSURE, when=is_aligned)
whole_pixel_twin = pytest.mark.cases(EXPOSURE, when=twin_aligned_by(WHOLE_PIXEL))
detector = pytest.mark.cases(DETECTOR, when=has_alignment)
right = pytest.mark.cases(DETECTOR, when=has_right_alignment)
pair = pytest.mark.cases(DETECTOR, when=has_aligned_pair)


@pytest.fixture
def fit(case, how, product):
    """Return what TweakReg said."""
    return product(alignment.ALIGNED[how])


@pytest.fixture
def truth(case, product, expect_defect):
    """Return the true error; a wrong first guess in the image's own log marks the check as a known defect."""
    said, error = product(alignment.whole_pixel), product(alignment.whole_pixel_error)
    off = max(wrong_guesses_px(said, error), default=0.0)
    if off > alignment.MATCH_TOLERANCE_PX / 2:  # pairs are lost on one side, and the fit follows the rest
        expect_defect(f"upstream defect: first guess of the shift {off:.2f} px off (imgclasses.py)", strict=False)
    return error


def wrong_guesses_px(fit, error) -> list[float]:
    """Return, for each attempt whose log tells a first guess of the shift, how far it is from the true shift."""
    found = (
        math.hypot(one.guess_dx_px - error.true_shift_x_px, one.guess_dy_px - error.true_shift_y_px)
        for one in fit.attempts
    )
    return [one for one in found if not math.isnan(one)]


def is_biased(case) -> bool:
    """Whether the tutorial's search radius makes the first guess of an image's shift too far off for matching."""
    return alignment.guess_bias_px(case) > alignment.LOSING_PX


@aligned
def test_rms_of_the_image(case, how, fit, product, check, table_row):
    """Within the upper end of the tutorial's range; a failed fit fails."""
    exposure, truth = case.exposure, {}
    if is_simulated(case):
        best = product(alignment.whole_pixel_ideal) if how == WHOLE_PIXEL else None
        truth = {
            "true error [px]": product(alignment.ERRORS[how]).rms_px,
            "beyond the ideal [px]": best.rms_px if best else None,
        }
    row = {
        "image": exposure.rootname, "parameters": how, "mean RMS [px]": fit.rms_px, **truth,
        "matches": fit.matches, "in the guess": fit.guess_matches, "filter": exposure.filter,
        "exposure [s]": exposure.exptime_s, "rung": fit.rung, "extrapolated": fit.extrapolated,
        "dx [px]": fit.dx_px, "dy [px]": fit.dy_px, "rotation [deg]": fit.rotation_deg,
        "scale - 1 [1e-6]": 1e6 * (fit.scale - 1.0), "XRMS [px]": fit.xrms_px, "YRMS [px]": fit.yrms_px,
    }  # fmt: skip
    table_row("alignment", row)
    check(f"{METRICS[how]}.rms_image", fit.rms_px, note=fit.reason)


@pytest.mark.cases(EXPOSURE, when=twin_aligned_by(TUTORIAL))
def test_true_error_of_the_tutorials_image(product, record):
    """Recorded of each image; held against a target for the detector as a whole."""
    what = "RMS over the frame of the true error of the tutorial's alignment."
    record("tutorial.true_error", product(alignment.tutorial_error).rms_px, "px", definition=what)


@aligned
def test_shift_is_plausible(how, fit, check):
    """Hundreds of pixels are a false solution."""
    check(f"{METRICS[how]}.shift", math.hypot(fit.dx_px, fit.dy_px), note=fit.reason)


@aligned
def test_enough_sources_are_matched(case, how, fit, product, check, figure):
    """At least the smallest number that the parameters ask for; on the twin about as many as before."""
    if how == case.alignment and (picture := product(alignment.matches)) is not None:  # there was a fit
        figure(picture, section="alignment", title=f"{case.exposure.rootname}: matched sources")
    least = fit.parameters.minobj if how == TUTORIAL else 0
    check(f"{METRICS[how]}.matches", fit.matches - least, note=fit.reason or f"{fit.matches} matches")


@aligned
def test_the_first_parameters_suffice(case, how, fit, check, holds, expect_defect):
    """The rung of the ladder on which the image was aligned; 0 is the tutorial's row."""
    rung = len(fit.attempts) - 1
    if how == TUTORIAL and not holds("tutorial.rung", rung) and is_biased(case):
        expect_defect(
            "upstream defect: the first guess of the shift is so far off that nothing matches (imgclasses.py)"
        )
    check(f"{METRICS[how]}.rung", rung, note=fit.rung)


@whole_pixel_twin
def test_true_offset(truth, check):
    """The actual offset at the centre of the image, relative to the reference image."""
    check("alignment.true_offset", math.hypot(truth.dx_px, truth.dy_px))


@whole_pixel_twin
def test_true_rotation(truth, check):
    """The actual error of the rotation relative to the reference image."""
    check("alignment.true_rotation", truth.rotation_deg)


@whole_pixel_twin
def test_true_scale(truth, check):
    """The actual error of the scale relative to the reference image."""
    check("alignment.true_scale", truth.scale_minus_1)


@whole_pixel_twin
def test_worst_true_error_in_the_frame(truth, check):
    """Offset, rotation and scale together, at the worst place."""
    check("alignment.true_error_max", truth.max_px)


@whole_pixel_twin
def test_alignment_is_the_best_that_its_stars_allow(product, truth, check):
    """Held against the least-squares solution of the same stars from where they truly appear on both images."""
    best = product(alignment.whole_pixel_ideal)
    note = "no fit" if best is None else f"{best.stars} stars, {best.others} sources that are none"
    check("alignment.beyond_ideal", math.nan if best is None else best.rms_px, note=note)


@pytest.mark.cases(EXPOSURE, when=is_aligned_twice)
def test_how_far_the_two_alignments_are_apart(product, record):
    """Recorded, with a sentence where the two ways differ by more than their errors: that is the known defect."""
    one, two = product(alignment.tutorial), product(alignment.whole_pixel)
    if one.succeeded and two.succeeded:
        apart_px = product(alignment.difference).rms_px
        # of a shift, a rotation and a scale together, over the frame
        error_px = 2 * math.hypot(*(fit.rms_px / math.sqrt(max(fit.fitted, 1)) for fit in (one, two)))
        note = f"more than the errors of both ({error_px:.3f} px)" if apart_px > 3 * error_px else ""
        what = "RMS over the frame of the tutorial's alignment minus the one with a search radius in whole pixels."
        record("tutorial.difference", apart_px, "px", note=note, definition=what)


@pytest.mark.cases(DETECTOR, when=lambda case: is_simulated(case) and has_alignment(case) and case.is_made(TUTORIAL))
def test_true_error_of_the_tutorials_alignment(case, product, check, expect_defect):
    """Half of the images are right within 0.1 px; not so where the first guess is too far off for matching.

    A guess that is off by a little less than what matching takes spoils the twin; frames without distortion may do.
    """
    images = case.aligned[1:]
    bias_px = median(alignment.guess_bias_px(one) for one in images)
    if bias_px > alignment.LOSING_PX:
        expect_defect(
            f"upstream defect: the first guess of every shift is {bias_px:.2f} px off, as the search radius is no "
            "whole number of pixels (imgclasses.py; docs/findings.md)",
            strict=is_twin(case) or bias_px > alignment.MATCH_TOLERANCE_PX,
        )
    good = [one for one in images if product(alignment.tutorial, one).succeeded]
    errors = [product(alignment.tutorial_error, one).rms_px for one in good] or [math.nan]
    note = f"{len(good)} of {len(images)} images, the worst {max(errors):.2f} px"
    check("tutorial.true_error_median", median(errors), note=note)


@pytest.mark.cases(EXPOSURE, when=lambda case: is_off_pointed_twin(case) and aligned_by(WHOLE_PIXEL)(case))
def test_special_parameters_are_no_worse_than_the_ordinary_ones(case, product, check, record):
    """Off-pointed images get parameters of their own in the tutorial; the report tells what the ordinary ones do."""
    fit = product(alignment.ordinary)
    special_px = product(alignment.whole_pixel_error).rms_px
    ordinary_px = product(alignment.ordinary_error).rms_px
    record("alignment.ordinary_rms", fit.rms_px, "px", note=f"rung {fit.rung}, {fit.matches} matches")
    record("alignment.ordinary_true_error", ordinary_px, "px")
    check("alignment.special_minus_ordinary", special_px - ordinary_px)


@detector
def test_mean_rms_of_the_detector(case, how, product, check, figure):
    """The tutorial's number, over all images but the reference; failed fits enter no mean (they fail on their own)."""
    values = [product(alignment.ALIGNED[how], one).rms_px for one in case.aligned[1:]]
    if how == case.alignment:
        title = f"{case.dataset.name} {case.detector}: RMS of all images"
        figure(product(alignment.rms), section="alignment", title=title)
    good = [value for value in values if not math.isnan(value)]
    mean = sum(good) / len(good) if good else math.nan
    check(f"{METRICS[how]}.rms_mean", mean, note=f"{len(good)} of {len(values)} images")
    if is_simulated(case) and how == TUTORIAL:
        check("tutorial.rms_mean_lower", mean)


@pytest.mark.cases(DETECTOR, when=lambda case: is_simulated(case) and has_alignment(case) and case.is_made(WHOLE_PIXEL))
def test_number_of_images_with_the_known_defect(case, product, check):
    """Images whose first guess of the shift is wrong in spite of a search radius in whole pixels (known defect)."""
    known = []
    for one in case.aligned[1:]:
        guesses = wrong_guesses_px(product(alignment.whole_pixel, one), product(alignment.whole_pixel_error, one))
        if any(off > alignment.MATCH_TOLERANCE_PX for off in guesses):
            known.append(one.exposure.rootname)
    check("alignment.known_defects", len(known), note=", ".join(known))


@pytest.mark.cases(EXPOSURE, when=is_aligned_twin)
def test_first_guess_is_told_by_the_log(how, fit, product, check):
    """Without it a known defect could not be told from a new one."""
    check("alignment.guesses_unread", float(not wrong_guesses_px(fit, product(alignment.ERRORS[how]))))


@detector
def test_exposures_of_one_pointing_are_not_shifted(case, how, product, check, record):
    """Between exposures of one visit, filter and pointing nothing moves but for a few mas; needs no truth.

    Of the tutorial's alignment it is recorded: there it shows the known defect.
    """
    found = product(alignment.CLOSURES[how])
    record(f"{METRICS[how]}.closures", len(found), "pairs", definition="Pairs of exposures of one pointing.")
    worst = max(found, key=lambda one: one.apart_mas, default=None)
    if worst is None:
        return
    note = f"{worst.first} and {worst.second}; {len(found)} pairs"
    if how == TUTORIAL:
        what = "Largest shift between two exposures of one visit, filter and pointing."
        record("tutorial.closure", worst.apart_mas, "mas", note=note, definition=what)
    else:
        check("alignment.closure", worst.apart_mas, note=note)


@right
@pytest.mark.parametrize("quantity", ["offset", "rotation", "scale"])
def test_known_change_of_a_header_is_taken_back(product, check, quantity):
    """The header of an image is moved by (12.4, 7.7) px, turned by 0.03 deg and scaled by 1.0005: a known answer.

    An error that both alignments have in common does not show.
    """
    left = product(alignment.taken_back)
    values = {
        "offset": math.hypot(left.dx_px, left.dy_px),
        "rotation": left.rotation_deg,
        "scale": left.scale_minus_1,
    }
    check(f"alignment.displaced_{quantity}", values[quantity], note=product(alignment.displaced).reason)


@right
def test_there_and_back_is_the_same_place(product, check):
    """Of two images aligned on each other both ways, one solution is the inverse of the other; needs no truth."""
    left = product(alignment.round_trip)
    note = product(alignment.back).reason or f"worst place {left.max_px:.3f} px"
    check("alignment.round_trip", math.hypot(left.dx_px, left.dy_px), note=note)


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
def test_real_pair_has_enough_stars(product, check):
    """Stars brighter than 1000 counts that are found in both exposures."""
    check("alignment.pair_stars", product(drizzle.pair).stars)
