"""Mosaics by AstroDrizzle: frame, coverage, weights, and stars against truth."""

from __future__ import annotations

import pytest

from fixtures.pipeline import drizzled_exposures

pytestmark = pytest.mark.step("drizzle")

BOTH = pytest.mark.parametrize("weighting", ["mosaic", "mosaic_exp"])


def has_mosaic(case) -> bool:
    """Whether the detector has images to drizzle."""
    return len(drizzled_exposures(case.dataset, case.detector)) > 0


def has_truth(case) -> bool:
    """Whether the true stars of the mosaic are known."""
    return has_mosaic(case) and case.dataset.kind == "simulated"


drizzled = pytest.mark.applies(when=has_mosaic)
simulated = pytest.mark.applies(when=has_truth)
pair = pytest.mark.applies(dataset="m33", detector="CCD")


@drizzled
def test_all_aligned_images_of_the_filter_are_in_the_mosaic(dataset, detector, product, check):
    """None was left out."""
    used = product("numbers-mosaic").info["drizzled_images"]
    cropped = product("cropped").info["cropped"]
    reasons = [f"{root}: {one['left_out']}" for root, one in sorted(cropped.items()) if "left_out" in one]
    note = "; ".join(["NDRIZIM of the mosaic", *reasons])
    check("drizzle.inputs_missing", len(drizzled_exposures(dataset, detector)) - used, note=note)


@drizzled
def test_frame_holds_all_inputs(dataset, detector, product, check, figure, view):
    """No side is smaller than the largest input's."""
    figure(product("picture-mosaic").files["png"], section="drizzle",
           title=f"{dataset.name} {detector}: mosaic and reference image")  # fmt: skip
    view(product("view").files["json"], section="drizzle", title=f"{dataset.name} {detector}: mosaic")
    numbers = product("numbers-mosaic").info
    check("drizzle.frame_margin", min(a - b for a, b in zip(numbers["shape"], numbers["largest_input"], strict=True)))


@drizzled
@pytest.mark.parametrize("axis", ["x", "y"])
def test_scale_is_the_smallest_plate_scale(detector, product, check, axis):
    """PLATESC of the inputs, on both axes."""
    numbers = product("numbers-mosaic").info
    check("drizzle.scale", numbers[f"scale_{axis}_arcsec"] - product("mosaic").info["mosaic"]["scale_arcsec"])


@drizzled
def test_orientation_is_that_of_the_inputs(detector, product, check):
    """All images share one position angle, and so does the mosaic."""
    check("drizzle.orientation", product("numbers-mosaic").info["orientation_departure_deg"])


@drizzled
@BOTH
def test_no_holes(detector, product, check, weighting):
    """Pixels without a value or weight that some input covers with DQ = 0."""
    numbers = product(f"numbers-{weighting}").info
    check("drizzle.holes", numbers["holes"], note=f"{weighting}, largest {numbers['largest_hole_px']} px")


@drizzled
@BOTH
def test_no_data_where_no_input_is(detector, product, check, weighting):
    """Pixels with weight that no input reaches."""
    check("drizzle.without_input", product(f"numbers-{weighting}").info["without_input_px"], note=weighting)


@drizzled
def test_context_names_the_inputs_that_cover_a_pixel(detector, product, check):
    """Share of covered pixels without their input's bit, and of bits without input."""
    numbers = product("numbers-mosaic").info
    check("drizzle.context", numbers["context_missing_fraction"] + numbers["context_extra_fraction"])


@drizzled
def test_context_names_no_other_inputs(detector, product, check):
    """Pixels with a bit that belongs to no input."""
    check("drizzle.context_foreign", product("numbers-mosaic").info["context_foreign_px"])


@drizzled
@BOTH
def test_weights_follow_the_inputs(detector, product, check, weighting):
    """Scatter of the weights about the sum of the inputs' weights."""
    check("drizzle.weight_scatter", product(f"numbers-{weighting}").info["weight_ratio_scatter"], note=weighting)


@drizzled
@BOTH
def test_no_pixel_has_another_weight(detector, product, check, weighting):
    """Share of pixels whose weight is more than 10% off: a lost or doubled input, which a robust scatter hides."""
    check("drizzle.weight_deviant", product(f"numbers-{weighting}").info["weight_deviant_fraction"], note=weighting)


@drizzled
@BOTH
def test_light_is_conserved(detector, product, check, weighting):
    """Sum of the mosaic against the weighted mean of its inputs."""
    check("drizzle.flux_conserved", product(f"numbers-{weighting}").info["flux_ratio"], note=weighting)


@drizzled
@BOTH
def test_light_is_conserved_everywhere(detector, product, check, weighting):
    """The same in 4 x 4 blocks: the largest departure from the whole."""
    check("drizzle.flux_block", product(f"numbers-{weighting}").info["block_flux_departure"], note=weighting)


@drizzled
@pytest.mark.known_defect("upstream defect: pixel area from the x scale alone (stwcs pscale squared)")
def test_pixel_area_is_that_of_both_axes(detector, product):
    """Light is conserved to 1e-4 although pixels are not square."""
    assert abs(product("numbers-mosaic_exp").info["flux_ratio"] - 1.0) < 1e-4


@drizzled
def test_exposure_time_is_the_sum_of_the_inputs(detector, product, check):
    """EXPTIME of the mosaic."""
    check("drizzle.exptime", product("numbers-mosaic").info["exptime_departure_s"])


@drizzled
@pytest.mark.known_defect("upstream defect: a mosaic in counts/s says BUNIT 'COUNTS' (drizzlepac/adrizzle.py:1431)")
def test_unit_in_the_header_is_that_of_the_data(detector, product):
    """A mosaic in counts per second says so."""
    assert "/S" in product("numbers-mosaic").info["bunit"].upper()


@drizzled
def test_header_has_a_unit_and_an_exposure_time(detector, product, check):
    """What else is wrong with the unit and the exposure time of the header, in words."""
    problems = product("numbers-mosaic").info["unit_problems"]
    check("drizzle.unit_problems", len(problems), note="; ".join(problems))


@drizzled
def test_pixels_without_counts_were_given_an_error(detector, product, record, check):
    """What was done to the copies because ERR = 0 makes NaN: told, and the mosaic has no NaN on covered pixels."""
    mosaic = product("mosaic").info["mosaic"]
    record("drizzle.err_repaired", mosaic["err_zero_repaired"], "px")
    check("drizzle.nan", product("numbers-mosaic").info["nan_px"])


@simulated
def test_stars_are_where_they_should_be(detector, product, check, record):
    """Median offset from the true positions in the frame of the reference image."""
    numbers = product("numbers-truth").info
    record(
        "drizzle.absolute_offset", numbers["absolute_offset_mas"], "mas", note="holds the reference's pointing error"
    )
    check("drizzle.offset", numbers["offset_mas"], note=f"{numbers['stars']} stars")


@simulated
def test_scatter_of_star_positions(detector, product, check):
    """Scatter of a coordinate about its median: the distortion that calibration does not know, averaged."""
    check("drizzle.scatter", product("numbers-truth").info["scatter_mas"])


@simulated
def test_worst_star_positions(detector, product, check):
    """95th percentile of the residuals."""
    check("drizzle.p95", product("numbers-truth").info["p95_mas"])


@simulated
def test_no_part_of_the_mosaic_is_displaced(detector, product, check):
    """Largest median offset of one of 4 x 4 blocks from the median of all stars."""
    check("drizzle.block_offset", product("numbers-truth").info["block_offset_mas"])


@simulated
def test_true_scale_of_the_mosaic(detector, product, check):
    """Scale measured on the stars against the true sky."""
    check("drizzle.true_scale", product("numbers-truth").info["scale_minus_1"])


@simulated
def test_rotation_of_the_mosaic(detector, product, check):
    """Against the true sky, in the frame of the reference image."""
    check("drizzle.rotation", product("numbers-truth").info["rotation_deg"])


@simulated
def test_true_stars_are_found(detector, product, check):
    """Share of the bright isolated stars that are found in the mosaic."""
    check("drizzle.stars_found", product("numbers-truth").info["matched_fraction"])


@simulated
def test_nothing_is_found_where_no_star_is(detector, product, check):
    """Share of bright detections without a true star."""
    check("drizzle.stars_unexplained", product("numbers-truth").info["unexplained_fraction"])


@simulated
def test_photometry_of_the_companion_weighted_by_exposure_time(detector, product, check, record):
    """Fluxes of isolated stars against the true ones."""
    numbers = product("numbers-truth").info
    record("drizzle.flux_slope_exp", numbers["flux_slope_per_mag_exp"], "1/mag")
    check("drizzle.flux_exp", numbers["flux_ratio_exp"],
          note=f"{numbers['flux_stars']} stars, +-{numbers['flux_ratio_exp_error']:.4f}")  # fmt: skip


@simulated
def test_photometric_scatter_of_the_companion(detector, product, check):
    """Scatter of the flux ratios of isolated bright stars."""
    check("drizzle.flux_scatter_exp", product("numbers-truth").info["flux_scatter_exp"])


@simulated
def test_photometry_of_the_mosaic_weighted_by_errors(detector, product, check, record):
    """Relative to the companion: ERR weighting is known to lose flux of stars; how much must not change."""
    numbers = product("numbers-truth").info
    record("drizzle.flux_slope_err", numbers["flux_slope_per_mag_err_over_exp"], "1/mag")
    check("drizzle.flux_err", numbers["flux_ratio_err_over_exp"])


@simulated
def test_relative_photometry_of_the_mosaic_weighted_by_errors(detector, product, check):
    """Scatter of ERR-weighted over EXP-weighted fluxes from star to star."""
    check("drizzle.flux_scatter_err", product("numbers-truth").info["flux_scatter_err_over_exp"])


@simulated
def test_width_of_stars(detector, product, check):
    """FWHM of bright isolated stars on the companion."""
    check("drizzle.fwhm", product("numbers-truth").info["fwhm_px"])


@simulated
def test_roundness_of_stars(detector, product, check):
    """Ellipticity of the mean shape of bright isolated stars."""
    check("drizzle.ellipticity", product("numbers-truth").info["ellipticity"])


@pair
def test_fluxes_of_real_stars_repeat(detector, product, check, record):
    """Median ratio of the second to the first exposure."""
    numbers = product("numbers-pair").info
    record("drizzle.pair_flux_scatter", numbers["flux_ratio_scatter"], "ratio")
    check("drizzle.pair_flux", numbers["flux_ratio"], note=f"{numbers['stars']} stars")


@pair
def test_real_stars_keep_their_flux_in_the_mosaic(detector, product, check):
    """Median flux in the companion weighted by exposure time over the mean of both exposures."""
    numbers = product("numbers-pair").info
    check("drizzle.pair_mosaic_flux", numbers["mosaic_flux_ratio"], note=f"{numbers['mosaic_stars']} stars")


@pair
@pytest.mark.step("cti")
def test_empirical_correction_of_real_photometry_grows_away_from_the_amplifier(detector, product, check, record):
    """Apply ctestis to the photometry of real stars: more magnitudes at the bottom than at the top."""
    numbers = product("numbers-pair").info
    record("cti.pair_mag_bottom", numbers["empirical_mag_bottom"], "mag")
    check("cti.pair_mag_difference", numbers["empirical_mag_bottom"] - numbers["empirical_mag_top"])
