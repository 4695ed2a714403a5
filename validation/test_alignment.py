"""Alignment with TweakReg: its RMS against the tutorial's, and its true error, which no RMS shows."""

from __future__ import annotations

import math

import pytest

from fixtures.pipeline import aligned_exposures

pytestmark = pytest.mark.step("alignment")

MATCH_TOLERANCE_PX = 1.0  # TweakReg's `tolerance`: a first guess farther off than this can't be mended by matching


def is_aligned(case) -> bool:
    """Whether the case is an image that is aligned on a reference image."""
    return case.exposure in aligned_exposures(case.dataset, case.detector)[1:]


def has_truth(case) -> bool:
    """Whether the true alignment of the case is known."""
    return is_aligned(case) and case.dataset.kind == "simulated"


aligned = pytest.mark.applies(when=is_aligned)
simulated = pytest.mark.applies(when=has_truth)


def number(value) -> float:
    """Return a number of a JSON file, where null stands for NaN."""
    return math.nan if value is None else float(value)


@pytest.fixture
def fit(dataset, exposure, product, expect_defect):
    """Return what TweakReg said; a wrong first guess in the image's own log marks the check as a known defect."""
    said = product("aligned").info["alignment"]
    if dataset.kind == "simulated" and said["parameters"]["updatehdr"]:
        off = max(wrong_guesses_px(said, product("numbers-aligned").info), default=0.0)
        if off > MATCH_TOLERANCE_PX:
            expect_defect(f"upstream defect: first guess of the shift {off:.2f} px off (imgclasses.py)", strict=False)
    return said


@pytest.fixture
def truth(exposure, product, fit):
    """Return the true error."""
    return product("numbers-aligned").info


def wrong_guesses_px(fit, numbers) -> list[float]:
    """Return, for each attempt whose log tells a first guess of the shift, how far it is from the true shift."""
    found = []
    for attempt in fit["attempts"]:
        apart = [number(attempt[f"guess_d{axis}_px"]) - number(numbers[f"true_shift_{axis}_px"]) for axis in "xy"]
        if not any(map(math.isnan, apart)):
            found.append(math.hypot(*apart))
    return found


def why(fit) -> str:
    """Return why the last attempt found no solution; empty if it found one."""
    return "" if fit["succeeded"] else str(fit["attempts"][-1]["reason"])


def rms(fit) -> float:
    """Return the image's RMS: the mean of XRMS and YRMS; NaN for a failed fit."""
    return 0.5 * (number(fit["xrms_px"]) + number(fit["yrms_px"])) if fit["succeeded"] else math.nan


@aligned
def test_rms_of_the_image(dataset, exposure, fit, product, check, table_row):
    """Within the upper end of the tutorial's range; a failed fit fails."""
    row = {
        "image": exposure.rootname, "filter": exposure.filter, "exposure [s]": exposure.exptime_s, "rung": fit["rung"],
        "extrapolated": fit["extrapolated"], "dx [px]": number(fit["dx_px"]), "dy [px]": number(fit["dy_px"]),
        "rotation [deg]": number(fit["rotation_deg"]), "scale - 1 [1e-6]": 1e6 * (number(fit["scale"]) - 1.0),
        "XRMS [px]": number(fit["xrms_px"]), "YRMS [px]": number(fit["yrms_px"]), "mean RMS [px]": rms(fit),
        "matches": fit["matches"],
    }  # fmt: skip
    if dataset.kind == "simulated":
        row["true error [px]"] = product("numbers-aligned").info["rms_px"]
    table_row("alignment", row)
    check("alignment.rms_image", rms(fit), note=why(fit))


@simulated
def test_rms_is_not_suspiciously_small(fit, check):
    """Within the lower end of the tutorial's range: tests the twin, not the software."""
    check("alignment.rms_image_lower", rms(fit))


@aligned
def test_shift_is_plausible(fit, check):
    """Hundreds of pixels are a false solution."""
    check("alignment.shift", math.hypot(number(fit["dx_px"]), number(fit["dy_px"])), note=why(fit))


@aligned
def test_enough_sources_are_matched(exposure, fit, product, check, figure):
    """More than the smallest number that the parameters ask for."""
    picture = product("picture-matches").files
    if "png" in picture:  # there was a fit
        figure(picture["png"], section="alignment", title=f"{exposure.rootname}: matched sources")
    check("alignment.matches", fit["matches"], note=why(fit))


@aligned
def test_the_tutorials_own_parameters_suffice(exposure, fit, check):
    """The rung of the ladder on which the image was aligned; 0 is the tutorial's row."""
    check("alignment.rung", len(fit["attempts"]) - 1, note=fit["rung"])


@simulated
def test_true_offset(truth, check):
    """The actual offset at the centre of the image, relative to the reference image."""
    check("alignment.true_offset", math.hypot(truth["dx_px"], truth["dy_px"]))


@simulated
def test_true_rotation(truth, check):
    """The actual error of the rotation relative to the reference image."""
    check("alignment.true_rotation", truth["rotation_deg"])


@simulated
def test_true_scale(truth, check):
    """The actual error of the scale relative to the reference image."""
    check("alignment.true_scale", truth["scale_minus_1"])


@simulated
def test_worst_true_error_in_the_frame(truth, check):
    """Offset, rotation and scale together, at the worst place."""
    check("alignment.true_error_max", truth["max_px"])


@pytest.mark.applies(when=lambda case: has_truth(case) and case.exposure.off_pointed)
def test_special_parameters_are_no_worse_than_the_ordinary_ones(exposure, truth, product, check, record):
    """Off-pointed images get parameters of their own in the tutorial; the report tells what the ordinary ones do."""
    fit = product("ordinary").info["alignment"]
    ordinary = product("numbers-ordinary").info["rms_px"]
    record("alignment.ordinary_rms", rms(fit), "px", note=f"rung {fit['rung']}, {fit['matches']} matches")
    record("alignment.ordinary_true_error", ordinary, "px")
    check("alignment.special_minus_ordinary", truth["rms_px"] - ordinary)


@pytest.mark.applies(when=lambda case: len(aligned_exposures(case.dataset, case.detector)) > 1)
def test_mean_rms_of_the_detector(dataset, detector, product, check, figure):
    """The tutorial's number, over all images but the reference; failed fits enter no mean (they fail on their own)."""
    images = aligned_exposures(dataset, detector)[1:]
    fits = [product(e.rootname, "aligned").info["alignment"] for e in images]
    values = [rms(fit) for fit in fits]
    figure(product("picture-rms").files["png"], section="alignment",
           title=f"{dataset.name} {detector}: RMS of all images")  # fmt: skip
    good = [value for value in values if not math.isnan(value)]
    mean = sum(good) / len(good) if good else math.nan
    check("alignment.rms_mean", mean, note=f"{len(good)} of {len(values)} images")
    if dataset.kind == "simulated":
        check("alignment.rms_mean_lower", mean)


@pytest.mark.applies(
    when=lambda case: case.dataset.kind == "simulated" and len(aligned_exposures(case.dataset, case.detector)) > 1
)
def test_number_of_images_with_the_known_defect(dataset, detector, product, check):
    """Images whose own log shows a wrong first guess of the shift (known upstream defect)."""
    known = []
    for exposure in aligned_exposures(dataset, detector)[1:]:
        fit = product(exposure.rootname, "aligned").info["alignment"]
        guesses = wrong_guesses_px(fit, product(exposure.rootname, "numbers-aligned").info)
        if any(off > MATCH_TOLERANCE_PX for off in guesses):
            known.append(exposure.rootname)
    check("alignment.known_defects", len(known), note=", ".join(known))


@simulated
def test_first_guess_is_told_by_the_log(fit, product, check):
    """Without it a known defect could not be told from a new one."""
    check("alignment.guesses_unread", float(not wrong_guesses_px(fit, product("numbers-aligned").info)))


@pytest.mark.applies(when=lambda case: len(aligned_exposures(case.dataset, case.detector)) < 2)
def test_there_is_something_to_align(dataset, detector, not_validated):
    """A detector with a single usable image is not validated."""
    not_validated(f"{detector} of {dataset.name} has fewer than two images that can be aligned on each other")


@pytest.mark.applies(dataset="m33", detector="CCD")
def test_real_pair_has_no_shift(detector, product, check):
    """Two real exposures of one pointing: stars measured by SEP, positions on the sky by the aligned headers."""
    numbers = product("numbers-pair").info
    check("alignment.pair_shift", numbers["shift_px"],
          note=f"{numbers['stars']} stars, scatter {numbers['scatter_px']:.3f} px")  # fmt: skip


@pytest.mark.applies(dataset="m33", detector="CCD")
@pytest.mark.parametrize("axis", ["x", "y"])
def test_known_offset_of_a_real_image_comes_back(detector, product, check, axis):
    """One image's CRPIX was moved by (12.4, 7.7) px before the alignment: real stars, known answer."""
    fit = product("numbers-moved").info
    check("alignment.moved_offset", fit[f"error_{axis}_px"], note=f"found {fit[f'found_{axis}_px']:.3f} px")


@pytest.mark.applies(dataset="m33", detector="CCD")
def test_real_pair_has_enough_stars(detector, product, check):
    """Stars brighter than 1000 counts that are found in both exposures."""
    check("alignment.pair_stars", product("numbers-pair").info["stars"])
