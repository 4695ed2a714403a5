"""CTI correction: what stis_cti puts back, held against frames that never lost anything."""

from __future__ import annotations

import pytest

from fixtures.pipeline import chained_exposure, pixel_based, without_whole_chain

pytestmark = pytest.mark.step("cti")


def is_corrected(case) -> bool:
    """Whether the case is a simulated exposure that is corrected pixel by pixel."""
    return case.dataset.kind == "simulated" and pixel_based(case.exposure)


def is_empirical(case) -> bool:
    """Whether the case is a simulated CCD exposure that the pixel-based route refuses: its date or amplifier."""
    return case.dataset.kind == "simulated" and case.detector == "CCD" and not pixel_based(case.exposure)


def needs_superdark(case) -> bool:
    """Whether the case is an exposure of the archive whose superdark is made here."""
    darks = case.dataset.darks
    return darks is not None and case.exposure.rootname in darks.period_of


def is_chained(case) -> bool:
    """Whether the case is the exposure on which the whole chain of stis_cti is held against its kernel."""
    return case.detector == "CCD" and case.exposure == chained_exposure(case.dataset, case.detector)


corrected = pytest.mark.applies(when=is_corrected)


@corrected
def test_trails_are_removed(exposure, product, check, figure, record):
    """The charge behind stars at the bottom of the chip goes back to where it was."""
    numbers = product("numbers-cti").info
    figure(product("picture-trails").files["png"], section="cti",
           title=f"{exposure.rootname}: trails behind stars, bottom third of the chip",
           caption="mean excess over the frame without CTI, before and after the correction")  # fmt: skip
    record("cti.trail_before", numbers["trail_before_e"], "electron/star")
    record("cti.trail_after", numbers["trail_after_e"], "electron/star")
    check("cti.trail_removed", numbers["trail_removed_fraction"],
          note=f"{numbers['stars']} stars, +-{numbers['trail_removed_fraction_error']:.3f}")  # fmt: skip


@corrected
def test_photometry_is_restored_far_from_the_amplifier(exposure, product, check, record):
    """Fluxes of faint stars in the bottom third equal those without CTI."""
    numbers = product("numbers-cti").info
    record("cti.flux_bottom_before", numbers["flux_ratio_bottom_before"], "ratio")
    check(
        "cti.flux_bottom", numbers["flux_ratio_bottom_after"], note=f"+-{numbers['flux_ratio_bottom_after_error']:.4f}"
    )


@corrected
def test_centroids_are_restored_far_from_the_amplifier(exposure, product, check, record):
    """Stars in the bottom third are no longer displaced along their trails."""
    numbers = product("numbers-cti").info
    record("cti.centroid_bottom_before", numbers["centroid_bottom_before_px"], "px")
    check("cti.centroid_bottom", numbers["centroid_bottom_after_px"],
          note=f"+-{numbers['centroid_bottom_after_error_px']:.4f} px")  # fmt: skip


@corrected
def test_noise_is_not_amplified(exposure, product, check):
    """Read-out noise, which never was transferred, is not corrected as if it had been."""
    check("cti.noise_ratio", product("numbers-cti").info["noise_ratio"])


@corrected
def test_rows_next_to_the_amplifier_stay_as_they_are(exposure, product, check, record):
    """Where charge is transferred a few times only, there is nothing to correct."""
    numbers = product("numbers-cti").info
    record("cti.far_rms", numbers["far_from_amplifier_rms_e"], "electron")
    check("cti.near_rms", numbers["near_amplifier_rms_e"])


@corrected
def test_error_array_grows_by_a_tenth_of_the_change(exposure, product, check):
    """As stis_cti documents: in quadrature."""
    check("cti.err_departure", product("numbers-cti").info["err_departure"])


@corrected
def test_quality_flags_are_unchanged(exposure, product, check):
    """As stis_cti documents."""
    check("cti.dq_changed", product("numbers-cti").info["dq_changed"])


@corrected
def test_header_tells_of_the_correction(exposure, product, check):
    """The keywords that stis_cti documents are there, and PCTECORR says COMPLETE."""
    numbers = product("numbers-cti").info
    missing = [*numbers["cards_missing"], *([] if numbers["pctecorr"] == "COMPLETE" else ["PCTECORR = COMPLETE"])]
    check("cti.cards_missing", len(missing), note=", ".join(missing))


@corrected
def test_correction_reaches_the_rectified_image(exposure, product, check, record, figure):
    """Fluxes of faint stars far from the amplifier are right on the s2c, the image that is aligned and drizzled."""
    figure(product("picture-cti").files["png"], section="cti",
           title=f"{exposure.rootname}: bottom centre of the chip",
           caption="without (sx2) and with (s2c) the correction; trails are longest here")  # fmt: skip
    numbers = product("numbers-rectified").info
    record("cti.flux_rectified_before", numbers["flux_ratio_before"], "ratio", note=f"{numbers['stars']} stars")
    check("cti.flux_rectified", numbers["flux_ratio_after"], note=f"{numbers['stars']} stars")


@pytest.mark.applies(when=is_chained)
@pytest.mark.optional(engine="python")
def test_whole_chain_of_stis_cti_gives_the_pixels_of_its_kernel(exposure, settings, product, check, not_validated):
    """Where CALSTIS is there, exposures go through all of stis_cti(): cte, flc, crc and s2c of the reference image."""
    if reason := without_whole_chain(settings):
        not_validated(reason)
    found = product("numbers-chain").info
    said = [f"{name} {pixels} px, by {found['largest'][name]} at most" for name, pixels in found["differ_px"].items()]
    check("cti.chain_unpaired", len(found["unpaired"]), note=", ".join(found["unpaired"]))
    check("cti.chain_departure", sum(found["differ_px"].values()), note="; ".join(said))


@pytest.mark.applies(when=is_empirical)
def test_empirical_correction_restores_photometry(exposure, product, check, record):
    """The formula of Goudfrooij et al. (2006) on an exposure that the pixel-based route refuses."""
    numbers = product("numbers-empirical").info
    record("cti.empirical_flux_before", numbers["flux_ratio_before"], "ratio", note=f"{numbers['stars']} stars")
    check("cti.empirical_flux", numbers["flux_ratio_after"], note=f"scatter {numbers['scatter']:.3f}")


@pytest.mark.applies(when=needs_superdark)
def test_superdark_is_corrected_itself(exposure, product, check, record):
    """With an uncorrected one the trails of hot pixels would come back into the corrected image."""
    made = product("references-cti").info
    unused = f"; not there: {', '.join(made['missing'])}" if made["missing"] else ""
    record("cti.superdark_darks", len(made["darks"]), "darks",
           definition="Dark exposures of the week of which the exposure's superdark is made.",
           note=f"{made['superdark']}: {', '.join(made['darks'])}{unused}")  # fmt: skip
    check("cti.superdark_uncorrected", float(made["pctecorr"] != "COMPLETE"), note=made["superdark"])


@pytest.mark.parametrize(
    ("column", "documented"),
    [("corrected_counts", 2536.7133), ("delta_mag", -0.015828427), ("delta_y_px", 0.007079903)],
)
def test_ctestis_gives_the_worked_example_of_its_documentation(product, check, column, documented):
    """Line 182, 5000 net counts in two reads, sky 150, MJD 50893.30, gain 1."""
    check("cti.ctestis_example", product("ctestis", "example").info[column] / documented - 1.0, note=column)
