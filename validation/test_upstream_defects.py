"""Known upstream defects that bear on STIS: each test states the right behaviour and is expected to fail.

A test that passes says "upstream defect gone": take its `xfail` away, and see whether what the suite does about the
defect is still needed. Lines are those of drizzlepac 3.11.0, stwcs 1.7.7 and stis_cti
1.6.2.
"""

from __future__ import annotations

import math
from importlib.metadata import version

import pytest
from packaging.version import Version

from fixtures.pipeline import defects


def upstream(what: str, *, when: bool = True):
    """Mark a test that fails as long as the upstream defect is there; `when` says whether it can show here."""
    return pytest.mark.known_defect(f"upstream defect: {what}", when=when)


@upstream("first guess off by ceil(r) - r: unrounded searchrad taken off (drizzlepac/imgclasses.py:1599, 1583)")
def test_first_guess_of_the_shift_is_unbiased(product):
    """A known shift comes back within half a bin of the histogram."""
    guess = product(defects.rounding_bias)
    assert abs(guess.dx_px - guess.true_dx_px) < 0.5
    assert abs(guess.dy_px - guess.true_dy_px) < 0.5


@upstream("quadratic fit of a sparse peak not held to its box (drizzlepac/imgclasses.py:1773-1784)")
def test_sparse_peak_is_found_where_it_is(product):
    """The peak is found inside the box of 5 x 5 bins about the highest."""
    assert product(defects.sparse_peak) <= 2.5


@upstream("a peak at the upper edge is not noticed: exclusive limits compared (drizzlepac/imgclasses.py:1713)")
def test_peak_at_the_upper_edge_is_reported_like_one_at_the_lower(product):
    """Both ends of the search range warn, or neither."""
    lower, upper = product(defects.edge_warnings)
    assert lower == upper


@upstream(
    "np.clip of floats into int arrays: final_wht_type='IVM' fails (drizzlepac/stisData.py:449)",
    when=Version(version("numpy")) >= Version("1.25"),
)
def test_low_order_flat_is_expanded_for_ivm_weights(product):
    """A flat of ones, twice as large in x and y, sums to 16."""
    assert product(defects.expanded_flat) == pytest.approx(16.0)


@upstream("a failed fit writes nan with an RMS of 0 to the shift file (drizzlepac/imgclasses.py:767)")
def test_failed_fit_leaves_no_shift(product):
    """Without a fit there is no row in the shift file."""
    assert product(defects.failed_fit).row == ()


@upstream("a failed fit updates the header all the same (drizzlepac/imgclasses.py:832)")
def test_failed_fit_leaves_the_wcs_name_alone(product):
    """Without a fit there is no new WCS in the header."""
    assert product(defects.failed_fit).wcsname == ""


@upstream("no source: 7 of 4 lists unpacked (drizzlepac/tweakutils.py:149, catalogs.py:707)")
def test_image_without_sources_gets_a_clear_message(product):
    """The user is told that there is no source, not of tuples."""
    assert "unpack" not in product(defects.no_sources)


@upstream("`offset != np.nan` is always true (drizzlepac/imgclasses.py:816)")
def test_shift_of_nan_is_not_written_to_a_header(product):
    """The guard against a shift of NaN guards."""
    assert not product(defects.nan_guard)


@upstream("the new WCS never gets a row in WCSCORR (stwcs/wcsutil/wcscorr.py:310-315)")
def test_wcscorr_table_holds_the_new_solution(product):
    """The table of WCS solutions has a row for the new one."""
    assert "TWEAK" in product(defects.good_fit).wcs_ids


@upstream("IDCSCALEO: WCS key appended to an eight-letter keyword (stwcs/wcsutil/hstwcs.py:461)")
def test_archived_wcs_has_keywords_of_eight_letters(product):
    """Archiving a WCS makes no HIERARCH card."""
    assert len(product(defects.overlong_keyword)) <= 8


@upstream("~/.teal/imagefindpars.cfg changes what a script finds (drizzlepac/tweakreg.py:53)")
def test_settings_saved_in_the_home_directory_do_not_matter(product):
    """A script's result depends on the script."""
    without, with_settings = product(defects.users_settings)
    assert without == with_settings


@upstream("ERR = 0 makes NaN weights, inf x 0 (drizzlepac/imageObject.py:815)")
def test_pixel_of_no_error_does_not_spoil_what_another_image_has_there(product):
    """No NaN where a second image has data."""
    without_repair, _repaired = product(defects.zero_errors)
    assert without_repair == 0


@upstream("no BUNIT is taken for electrons/s (drizzlepac/imageObject.py:1177-1180)")
def test_missing_unit_does_not_scale_the_mosaic(product):
    """The same counts make the same mosaic with and without BUNIT."""
    with_unit, without_unit = product(defects.missing_bunit)
    assert without_unit == pytest.approx(with_unit)


@upstream("BUNIT of a mosaic in counts/s reads 'counts' (drizzlepac/adrizzle.py:1431)")
def test_mosaic_says_its_unit(product):
    """A mosaic of 500 counts in 60 s has level 8.3 and a unit of a rate."""
    level, unit = product(defects.mosaic_unit)
    assert (level == pytest.approx(500 / 60, rel=0.01)) == ("/s" in unit)


@upstream("the sum of all images is divided by the last one's gain (drizzlepac/adrizzle.py:1430)")
def test_mosaic_of_different_gains_does_not_depend_on_their_order(product):
    """The same two images make the same mosaic."""
    first, second = product(defects.mixed_gain)
    assert first == pytest.approx(second, rel=0.01)


@upstream("a missing CDi_j is taken as 0, without a word (drizzlepac/wcs_functions.py through stwcs.HSTWCS)")
def test_missing_cd_element_is_refused_or_harmless(product):
    """An incomplete CD matrix does not turn the mosaic."""
    refused, error_deg = product(defects.missing_cd)
    assert refused or math.isclose(error_deg, 0.0, abs_tol=0.1)


@upstream("files left out, no mosaic, no exception (drizzlepac/processInput.py, process_input)")
@pytest.mark.parametrize("keyword", ["OBSTYPE", "EXPTIME", "NGOODPIX"])
def test_input_of_which_no_mosaic_is_made_is_an_error(product, keyword):
    """The caller hears of it when no mosaic is made."""
    assert product(defects.empty_products)[keyword]


@upstream("`import refstis` loads none of the modules that are called (stis_cti/stis_cti.py:11, 799, 846)")
def test_stis_cti_has_loaded_the_modules_of_refstis_that_it_calls(product):
    """Whoever imports stis_cti can make a superdark with it."""
    assert product(defects.refstis_of_stis_cti) == []
