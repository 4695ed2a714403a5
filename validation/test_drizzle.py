"""Mosaics by AstroDrizzle: frame, coverage, weights, and stars against truth."""

from __future__ import annotations

import pytest

from fixtures.datasets.detectors import detector
from fixtures.pipeline import alignment, drizzle
from fixtures.pipeline.cases import has_aligned_pair, has_mosaic, has_true_mosaic
from fixtures.pipeline.graph import DETECTOR
from fixtures.workflow.parameters import TUTORIAL, drizzle_parameters

pytestmark = pytest.mark.step("drizzle")

FEW_STARS = 25
WEIGHTINGS = {"mosaic": drizzle.coverage, "mosaic_exp": drizzle.coverage_exp}
BOTH = pytest.mark.parametrize("weighting", WEIGHTINGS)

drizzled = pytest.mark.cases(DETECTOR, when=has_mosaic)
pair = pytest.mark.cases(DETECTOR, when=has_aligned_pair)


def simulated(test):
    """Run a check on mosaics whose true stars are known."""
    return pytest.mark.cases(DETECTOR, when=has_true_mosaic)(pytest.mark.usefixtures("tutorials_defect")(test))


@pytest.fixture
def tutorials_defect(case, expect_defect):
    """Say that a mosaic of the tutorial's own alignment (`--alignment tutorial`) may be off: a known defect."""
    bias_px = alignment.guess_bias_px(case.probe) if case.alignment == TUTORIAL and len(case.aligned) > 1 else 0.0
    if bias_px > alignment.LOSING_PX:
        expect_defect(f"upstream defect: first guess of the shift {bias_px:.2f} px off (imgclasses.py)", strict=False)


@pytest.fixture
def exact(case, not_validated):
    """Give up where the kernel is another one than that whose weights are known to the last digit."""
    parameters = drizzle_parameters(case.detector, table=case.session.table)
    if parameters.final_pixfrac != 1.0 or parameters.flags.get("final_kernel", "square") != "square":
        not_validated("weights and light are known of the square kernel with final_pixfrac = 1 only")


@drizzled
def test_all_aligned_images_of_the_filter_are_in_the_mosaic(case, product, check):
    """None was left out."""
    used = product(drizzle.coverage).drizzled_images
    reasons = [f"{root}: {why}" for root, why in sorted(product(drizzle.cropped).left_out.items())]
    note = "; ".join(["NDRIZIM of the mosaic", *reasons])
    check("drizzle.inputs_missing", len(case.drizzled) - used, note=note)


@drizzled
def test_frame_holds_all_inputs(case, product, check, figure, view):
    """No side is smaller than the largest input's."""
    mosaic = f"{case.dataset.name} {case.detector}: mosaic"
    figure(product(drizzle.picture), section="drizzle", title=f"{mosaic} and reference image")
    view(product(drizzle.view), section="drizzle", title=mosaic)
    numbers = product(drizzle.coverage)
    check("drizzle.frame_margin", min(a - b for a, b in zip(numbers.shape, numbers.largest_input, strict=True)))


@drizzled
@pytest.mark.parametrize("axis", ["x", "y"])
def test_scale_is_the_smallest_plate_scale(product, check, axis):
    """PLATESC of the inputs, on both axes."""
    numbers = product(drizzle.coverage)
    check("drizzle.scale", getattr(numbers, f"scale_{axis}_arcsec") - product(drizzle.mosaic).scale_arcsec)


@drizzled
def test_orientation_is_that_of_the_inputs(product, check):
    """All images share one position angle, and so does the mosaic."""
    check("drizzle.orientation", product(drizzle.coverage).orientation_departure_deg)


@drizzled
@BOTH
def test_no_holes(product, check, weighting):
    """Pixels without a value or weight that some input covers with DQ = 0."""
    numbers = product(WEIGHTINGS[weighting])
    check("drizzle.holes", numbers.holes, note=f"{weighting}, largest {numbers.largest_hole_px} px")


@drizzled
@BOTH
def test_no_data_where_no_input_is(product, check, weighting):
    """Pixels with weight that no input reaches."""
    check("drizzle.without_input", product(WEIGHTINGS[weighting]).without_input_px, note=weighting)


@drizzled
def test_context_names_the_inputs_that_cover_a_pixel(product, check):
    """Share of covered pixels without their input's bit, and of bits without input."""
    numbers = product(drizzle.coverage)
    check("drizzle.context", numbers.context_missing_fraction + numbers.context_extra_fraction)


@drizzled
def test_context_names_no_other_inputs(product, check):
    """Pixels with a bit that belongs to no input."""
    check("drizzle.context_foreign", product(drizzle.coverage).context_foreign_px)


@pytest.mark.usefixtures("exact")
@drizzled
@BOTH
def test_weights_follow_the_inputs(product, check, weighting):
    """Scatter of the weights about the sum of the inputs' weights."""
    check("drizzle.weight_scatter", product(WEIGHTINGS[weighting]).weight_ratio_scatter, note=weighting)


@pytest.mark.usefixtures("exact")
@drizzled
@BOTH
def test_no_pixel_has_another_weight(product, check, weighting):
    """Share of pixels whose weight is more than 10% off: a lost or doubled input, which a robust scatter hides."""
    check("drizzle.weight_deviant", product(WEIGHTINGS[weighting]).weight_deviant_fraction, note=weighting)


@pytest.mark.usefixtures("exact")
@drizzled
@BOTH
def test_light_is_conserved(product, check, weighting):
    """Sum of the mosaic against the weighted mean of its inputs."""
    check("drizzle.flux_conserved", product(WEIGHTINGS[weighting]).flux_ratio, note=weighting)


@pytest.mark.usefixtures("exact")
@drizzled
@BOTH
def test_light_is_conserved_everywhere(product, check, weighting):
    """The same in 4 x 4 blocks: the largest departure from the whole."""
    check("drizzle.flux_block", product(WEIGHTINGS[weighting]).block_flux_departure, note=weighting)


@drizzled
def test_pixel_area_is_that_of_both_axes(case, product, expect_defect):
    """Light is conserved to 1e-4, also where pixels are not square."""
    if not detector(case.detector).has_square_pixels:
        expect_defect("upstream defect: pixel area from the x scale alone (stwcs pscale squared)")
    assert abs(product(drizzle.coverage_exp).flux_ratio - 1.0) < 1e-4


@drizzled
def test_exposure_time_is_the_sum_of_the_inputs(product, check):
    """EXPTIME of the mosaic."""
    check("drizzle.exptime", product(drizzle.coverage).exptime_departure_s)


@drizzled
@pytest.mark.known_defect("upstream defect: a mosaic in counts/s says BUNIT 'COUNTS' (drizzlepac/adrizzle.py:1431)")
def test_unit_in_the_header_is_that_of_the_data(product):
    """A mosaic in counts per second says so."""
    assert "/S" in product(drizzle.coverage).bunit.upper()


@drizzled
def test_header_has_a_unit_and_an_exposure_time(product, check):
    """What else is wrong with the unit and the exposure time of the header, in words."""
    problems = product(drizzle.coverage).unit_problems
    check("drizzle.unit_problems", len(problems), note="; ".join(problems))


@drizzled
def test_pixels_without_counts_were_given_an_error(product, record, check):
    """What was done to the copies because ERR = 0 makes NaN: told, and the mosaic has no NaN on covered pixels."""
    mosaic = product(drizzle.mosaic)
    record("drizzle.err_repaired", mosaic.err_zero_repaired, "px")
    check("drizzle.nan", product(drizzle.coverage).nan_px)


@simulated
def test_stars_are_where_they_should_be(product, check, record):
    """Median offset from the true positions in the frame of the reference image."""
    numbers = product(drizzle.truth)
    record("drizzle.absolute_offset", numbers.absolute_offset_mas, "mas", note="holds the reference's pointing error")
    check("drizzle.offset", numbers.offset_mas, note=f"{numbers.stars} stars")


@simulated
def test_scatter_of_star_positions(product, check):
    """Scatter of a coordinate about its median: the distortion that calibration does not know, averaged."""
    check("drizzle.scatter", product(drizzle.truth).scatter_mas)


@simulated
def test_worst_star_positions(product, check):
    """95th percentile of the residuals."""
    check("drizzle.p95", product(drizzle.truth).p95_mas)


@simulated
def test_no_part_of_the_mosaic_is_displaced(product, check, record):
    """Largest median offset of one of 4 x 4 blocks from the median of all stars; a few stars fill no block."""
    numbers = product(drizzle.truth)
    if numbers.stars < FEW_STARS:
        record("drizzle.few_stars", numbers.stars, "stars", definition="Stars of a mosaic that are too few for blocks.")
    else:
        check("drizzle.block_offset", numbers.block_offset_mas)


@simulated
def test_true_scale_of_the_mosaic(product, check):
    """Scale measured on the stars against the true sky."""
    check("drizzle.true_scale", product(drizzle.truth).scale_minus_1)


@simulated
def test_rotation_of_the_mosaic(product, check):
    """Against the true sky, in the frame of the reference image."""
    check("drizzle.rotation", product(drizzle.truth).rotation_deg)


@simulated
def test_true_stars_are_found(product, check):
    """Share of the bright isolated stars that are found in the mosaic."""
    check("drizzle.stars_found", product(drizzle.truth).matched_fraction)


@simulated
def test_nothing_is_found_where_no_star_is(product, check):
    """Share of bright detections without a true star."""
    check("drizzle.stars_unexplained", product(drizzle.truth).unexplained_fraction)


@simulated
def test_photometry_of_the_companion_weighted_by_exposure_time(product, check, record):
    """Fluxes of isolated stars against the true ones."""
    numbers = product(drizzle.truth)
    record("drizzle.flux_slope_exp", numbers.flux_slope_per_mag_exp, "1/mag")
    check("drizzle.flux_exp", numbers.flux_ratio_exp,
          note=f"{numbers.flux_stars} stars, +-{numbers.flux_ratio_exp_error:.4f}")  # fmt: skip


@simulated
def test_photometric_scatter_of_the_companion(product, check):
    """Scatter of the flux ratios of isolated bright stars."""
    check("drizzle.flux_scatter_exp", product(drizzle.truth).flux_scatter_exp)


@simulated
def test_photometry_of_the_mosaic_weighted_by_errors(product, check, record):
    """Relative to the companion: ERR weighting is known to lose flux of stars; how much must not change."""
    numbers = product(drizzle.truth)
    record("drizzle.flux_slope_err", numbers.flux_slope_per_mag_err_over_exp, "1/mag")
    check("drizzle.flux_err", numbers.flux_ratio_err_over_exp)


@simulated
def test_relative_photometry_of_the_mosaic_weighted_by_errors(product, check):
    """Scatter of ERR-weighted over EXP-weighted fluxes from star to star."""
    check("drizzle.flux_scatter_err", product(drizzle.truth).flux_scatter_err_over_exp)


@simulated
def test_width_of_stars(product, check):
    """FWHM of bright isolated stars on the companion."""
    check("drizzle.fwhm", product(drizzle.truth).fwhm_px)


@pytest.mark.cases(DETECTOR, when=drizzle.is_spoiled)
def test_width_of_stars_with_the_tutorials_alignment(case, product, check, record, figure):
    """What the known defect of the first guess costs: a mosaic of the tutorial's own alignment stands beside."""
    spoiled, right = product(drizzle.spoiled_truth), product(drizzle.truth)
    title = f"{case.dataset.name} {case.detector}: mosaics of both alignments"
    figure(product(drizzle.spoiled_picture), section="drizzle", title=title)
    record("tutorial.scatter", spoiled.scatter_mas, "mas", note=f"{right.scatter_mas:.2f} mas with whole pixels")
    note = f"{spoiled.fwhm_px:.3f} and {right.fwhm_px:.3f} px"
    check("tutorial.fwhm_excess", spoiled.fwhm_px - right.fwhm_px, note=note)


@simulated
def test_roundness_of_stars(product, check):
    """Ellipticity of the mean shape of bright isolated stars."""
    check("drizzle.ellipticity", product(drizzle.truth).ellipticity)


@pair
def test_fluxes_of_real_stars_repeat(product, check, record):
    """Median ratio of the second to the first exposure."""
    numbers = product(drizzle.pair)
    record("drizzle.pair_flux_scatter", numbers.flux_ratio_scatter, "ratio")
    check("drizzle.pair_flux", numbers.flux_ratio, note=f"{numbers.stars} stars")


@pair
def test_real_stars_keep_their_flux_in_the_mosaic(product, check):
    """Median flux in the companion weighted by exposure time over the mean of both exposures."""
    numbers = product(drizzle.pair)
    check("drizzle.pair_mosaic_flux", numbers.mosaic_flux_ratio, note=f"{numbers.mosaic_stars} stars")


@pair
@pytest.mark.step("cti")
def test_empirical_correction_of_real_photometry_grows_away_from_the_amplifier(product, check, record):
    """Apply ctestis to the photometry of real stars: more magnitudes at the bottom than at the top."""
    numbers = product(drizzle.pair)
    record("cti.pair_mag_bottom", numbers.empirical_mag_bottom, "mag")
    check("cti.pair_mag_difference", numbers.empirical_mag_bottom - numbers.empirical_mag_top)
