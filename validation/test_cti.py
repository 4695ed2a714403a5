"""CTI correction: what stis_cti puts back, held against frames that never lost anything."""

from __future__ import annotations

import pytest

from fixtures.pipeline import cti, darks
from fixtures.pipeline.cases import is_chained, is_corrected_twin, is_empirical_twin, needs_superdark
from fixtures.pipeline.graph import EXPOSURE

pytestmark = pytest.mark.step("cti")

LEAST_SKY_E = 3.0
"""The sky of a pixel from which on the formula for the empirical correction is held against truth."""

corrected = pytest.mark.cases(EXPOSURE, when=is_corrected_twin)


@corrected
def test_trails_are_removed(case, product, check, figure, record):
    """The charge behind stars at the bottom of the chip goes back to where it was."""
    numbers = product(cti.correction)
    figure(product(cti.trails), section="cti",
           title=f"{case.exposure.rootname}: trails behind stars, bottom third of the chip",
           caption="mean excess over the frame without CTI, before and after the correction")  # fmt: skip
    record("cti.trail_before", numbers.trail_before_e, "electron/star")
    record("cti.trail_after", numbers.trail_after_e, "electron/star")
    check("cti.trail_removed", numbers.trail_removed_fraction,
          note=f"{numbers.stars} stars, +-{numbers.trail_removed_fraction_error:.3f}")  # fmt: skip


@corrected
def test_photometry_is_restored_far_from_the_amplifier(product, check, record):
    """Fluxes of faint stars in the bottom third equal those without CTI."""
    numbers = product(cti.correction)
    record("cti.flux_bottom_before", numbers.flux_ratio_bottom_before, "ratio")
    check("cti.flux_bottom", numbers.flux_ratio_bottom_after, note=f"+-{numbers.flux_ratio_bottom_after_error:.4f}")


@corrected
def test_centroids_are_restored_far_from_the_amplifier(product, check, record):
    """Stars in the bottom third are no longer displaced along their trails."""
    numbers = product(cti.correction)
    record("cti.centroid_bottom_before", numbers.centroid_bottom_before_px, "px")
    check("cti.centroid_bottom", numbers.centroid_bottom_after_px,
          note=f"+-{numbers.centroid_bottom_after_error_px:.4f} px")  # fmt: skip


@corrected
def test_noise_is_not_amplified(product, check):
    """Read-out noise, which never was transferred, is not corrected as if it had been."""
    check("cti.noise_ratio", product(cti.correction).noise_ratio)


@corrected
def test_rows_next_to_the_amplifier_stay_as_they_are(product, check, record):
    """Where charge is transferred a few times only, there is nothing to correct."""
    numbers = product(cti.correction)
    record("cti.far_rms", numbers.far_from_amplifier_rms_e, "electron")
    check("cti.near_rms", numbers.near_amplifier_rms_e)


@corrected
def test_error_array_grows_by_a_tenth_of_the_change(product, check):
    """As stis_cti documents: in quadrature."""
    check("cti.err_departure", product(cti.correction).err_departure)


@corrected
def test_quality_flags_are_unchanged(product, check):
    """As stis_cti documents."""
    check("cti.dq_changed", product(cti.correction).dq_changed)


@corrected
def test_header_tells_of_the_correction(product, check):
    """The keywords that stis_cti documents are there, and PCTECORR says COMPLETE."""
    numbers = product(cti.correction)
    missing = [*numbers.cards_missing, *([] if numbers.pctecorr == "COMPLETE" else ["PCTECORR = COMPLETE"])]
    check("cti.cards_missing", len(missing), note=", ".join(missing))


@corrected
def test_correction_reaches_the_rectified_image(case, product, check, record, figure):
    """Fluxes of faint stars far from the amplifier are right on the s2c, the image that is aligned and drizzled."""
    figure(product(cti.before_after), section="cti",
           title=f"{case.exposure.rootname}: bottom centre of the chip",
           caption="without (sx2) and with (s2c) the correction; trails are longest here")  # fmt: skip
    numbers = product(cti.rectified_fluxes)
    record("cti.flux_rectified_before", numbers.flux_ratio_before, "ratio", note=f"{numbers.stars} stars")
    check("cti.flux_rectified", numbers.flux_ratio_after, note=f"{numbers.stars} stars")


@pytest.mark.cases(EXPOSURE, when=is_chained)
@pytest.mark.optional(engine="python")
def test_whole_chain_of_stis_cti_gives_the_pixels_of_its_kernel(case, product, check, not_validated):
    """Where CALSTIS is there, exposures go through all of stis_cti(): cte, flc, crc and s2c of the reference image."""
    if reason := case.session.without_whole_chain:
        not_validated(reason)
    found = product(cti.chain_against_kernel)
    said = [f"{name} {pixels} px, by {found.largest[name]} at most" for name, pixels in found.differ_px.items()]
    check("cti.chain_unpaired", len(found.unpaired), note=", ".join(found.unpaired))
    check("cti.chain_departure", sum(found.differ_px.values()), note="; ".join(said))


@pytest.mark.cases(EXPOSURE, when=is_empirical_twin)
def test_empirical_correction_restores_photometry(product, check, record):
    """The formula of Goudfrooij et al. (2006) on an exposure that the pixel-based route refuses.

    It was made for images with some sky: of one with hardly any the result is recorded alone.
    """
    numbers = product(cti.empirical)
    record("cti.empirical_flux_before", numbers.flux_ratio_before, "ratio", note=f"{numbers.stars} stars")
    note = f"scatter {numbers.scatter:.3f}, sky {numbers.sky_e:.1f} e-"
    if numbers.sky_e < LEAST_SKY_E:
        record("cti.empirical_flux", numbers.flux_ratio_after, "1", note=note)
    else:
        check("cti.empirical_flux", numbers.flux_ratio_after, note=note)


@pytest.mark.cases(EXPOSURE, when=needs_superdark)
def test_superdark_is_corrected_itself(product, check, record):
    """With an uncorrected one the trails of hot pixels would come back into the corrected image."""
    made = product(darks.corrected_references)
    unused = f"; not there: {', '.join(made.missing)}" if made.missing else ""
    record("cti.superdark_darks", len(made.darks), "darks",
           definition="Dark exposures of the week of which the exposure's superdark is made.",
           note=f"{made.superdark}: {', '.join(made.darks)}{unused}")  # fmt: skip
    check("cti.superdark_uncorrected", float(made.pctecorr != "COMPLETE"), note=made.superdark)


@pytest.mark.parametrize(
    ("column", "documented"),
    [("corrected_counts", 2536.7133), ("delta_mag", -0.015828427), ("delta_y_px", 0.007079903)],
)
def test_ctestis_gives_the_worked_example_of_its_documentation(product, check, column, documented):
    """Line 182, 5000 net counts in two reads, sky 150, MJD 50893.30, gain 1."""
    check("cti.ctestis_example", product(cti.worked_example)[column] / documented - 1.0, note=column)
