"""The stored baselines, spoiled on purpose: each fault is caught by the number that is made for it, and by its words.

The limits are those of ``validation/targets.toml``. The reverse is tested too: what is harmless leaves all of them be.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import fixtures
from baselines.tests import spoils
from fixtures.baseline.comparing import compare, side_of_folder, side_of_mosaic
from fixtures.baseline.differences import DIFFERENCES, limits, tell
from fixtures.measurement.comparison.catalogue import write_catalogue
from fixtures.targets import read_targets

pytestmark = pytest.mark.slow

HOUSE = Path(fixtures.__file__).parents[1]
STORED = tuple(
    (path.parent.name, path.name)
    for path in sorted((HOUSE / "baselines").glob("*/*"))
    if (path / "mosaic.fits").exists()
)
PIXELS = {"pixel_median", "pixel_p99", "pixel_p999", "pixel_beyond", "pixel_worst", "block", "block_offset"}


@pytest.fixture(scope="module", params=STORED, ids="-".join)
def stored(request):
    """Return data set, detector and the side of one stored baseline."""
    dataset, detector = request.param
    return dataset, detector, side_of_folder(HOUSE / "baselines" / dataset / detector)


@pytest.fixture(scope="module")
def targets():
    return read_targets(HOUSE / "validation" / "targets.toml")


@pytest.fixture
def judged(stored, targets):
    """Return what compares a spoiled side with the baseline: the metrics that notice, and the words."""
    dataset, detector, old = stored

    def judge(new):
        numbers = compare(new, old, detector)
        outside = limits(targets, dataset=dataset, detector=detector, engine="python")
        caught = {
            one.metric.removeprefix("baseline.") for one in DIFFERENCES if outside(one.metric, one.value(numbers))
        }
        return caught, "; ".join(tell(numbers, outside))

    return judge


@pytest.fixture
def detector(stored):
    return stored[1]


@pytest.fixture
def old(stored):
    return stored[2]


def test_there_is_a_baseline_of_every_detector_of_the_default_data_sets():
    assert STORED == (("m33", "CCD"), ("twin", "CCD"), ("twin", "FUV-MAMA"), ("twin", "NUV-MAMA"))


# --- what must be seen -------------------------------------------------------------------------------------


def test_shift_of_a_fiftieth_of_a_pixel_is_told_as_a_shift(judged, old, detector):
    caught, words = judged(spoils.shifted(old, detector, 0.02))
    assert "shift_x" in caught
    assert caught <= {"shift_x"} | PIXELS
    assert words.startswith("the mosaic moved by (+0.0")


def test_rotation_of_a_thousandth_of_a_degree_is_told_as_a_rotation(judged, old, detector):
    caught, words = judged(spoils.rotated(old, detector, 0.001))
    assert "rotation" in caught
    assert caught <= {"rotation"} | PIXELS
    assert words.startswith("the mosaic turned by +0.00")


def test_flux_of_three_per_mille_is_told_as_flux(judged, old, detector):
    caught, words = judged(spoils.brighter(old, detector, 0.003))
    assert "flux" in caught
    assert caught <= {"flux"} | PIXELS
    assert words.startswith("flux x 1.00300")


def test_weight_of_one_percent_is_told_as_weight_alone(judged, old, detector):
    caught, words = judged(spoils.weightier(old, detector, 0.01))
    assert caught == {"weight", "weight_block", "weight_deviant"}
    assert words.startswith("weights x 1.01")


def test_hot_block_is_found_where_it_is_and_moves_nothing(judged, old, detector):
    caught, words = judged(spoils.hot_block(old, detector, 1.0))
    assert {"block", "block_offset"} <= caught <= PIXELS | {"sources_gained"}
    assert "lower left, differs most" in words


def test_one_pixel_of_nan_is_told_as_nan_alone(judged, old, detector):
    assert judged(spoils.with_nan(old, detector, 1)) == (
        {"nan"},
        "1 pixel with weight became NaN, 0 no longer are, lower left",
    )


def test_pixels_without_weight_are_told_as_such_alone(judged, old, detector):
    assert judged(spoils.without_weight(old, detector, 25)) == (
        {"zero_weight"},
        "25 pixels now without weight, 0 the reverse, lower left",
    )


def test_lost_exposure_in_the_context_is_named(judged, old, detector):
    caught, words = judged(spoils.without_context(old, detector, bit=0))
    assert caught == {"context"}
    assert f"{spoils.first_input(old)} lost" in words


def test_lost_star_is_told_with_its_place(judged, old, detector):
    caught, words = judged(spoils.without_star(old, detector, rank=5))
    assert "sources_lost" in caught
    assert caught <= PIXELS | {"sources_lost"}
    assert "1 source lost, lower left" in words


def test_wider_stars_are_told_as_width(judged, old, detector):
    caught, words = judged(spoils.widened(old, detector, 0.02))
    assert "fwhm" in caught
    assert "stars are x 1.0" in words


def test_background_of_a_fiftieth_of_the_noise_is_seen(judged, old, detector):
    caught, _ = judged(spoils.lifted(old, detector, 0.02))
    assert {"pixel_median"} <= caught <= PIXELS


@pytest.mark.parametrize(
    ("cards", "metric", "words"),
    [
        ({"EXPTIME": None}, "cards_removed", "EXPTIME"),
        ({"EXPTIME": 1.0}, "cards_changed", "EXPTIME"),
        ({"BUNIT": "ELECTRONS/S"}, "cards_changed", "BUNIT"),
        ({"D001KERN": "gaussian"}, "cards_changed", "gaussian"),
        ({"NEWCARD": 1.0}, "cards_added", "NEWCARD"),
    ],
)
def test_header_card_that_means_something_is_named(judged, old, detector, cards, metric, words):
    caught, said = judged(spoils.other_header(old, detector, **cards))
    assert caught == {metric}
    assert words in said


def test_wcs_of_a_milliarcsecond_is_told_as_wcs_alone(judged, old, detector):
    caught, words = judged(spoils.other_header(old, detector, CRVAL2=old.header["CRVAL2"] + 1e-3 / 3600))
    assert caught == {"wcs"}
    assert words.startswith("the WCS moved by (")


def test_frame_that_grew_by_a_row_is_told_and_nothing_else(judged, old, detector):
    assert judged(spoils.grown(old, detector))[0] == {"size", "zero_weight"} - {"zero_weight"}


# --- what must not be seen ---------------------------------------------------------------------------------


def test_nothing_is_seen_where_nothing_changed(judged, old):
    assert judged(old) == (set(), "the mosaic is the same to the last bit")


def test_float_noise_of_a_millionth_is_harmless(judged, old, detector):
    assert judged(spoils.noisy(old, detector, 1e-6))[0] == set()


def test_order_of_the_inputs_is_harmless(judged, old, detector):
    assert judged(spoils.reordered(old, detector))[0] == set()


@pytest.mark.parametrize(
    "cards", [{"DATE": "2031-01-01"}, {"IRAF-TLM": "2031-01-01T00:00:00"}, {"PROD_VER": "DrizzlePac 9.9"}]
)
def test_card_that_says_when_or_by_which_version_is_harmless(judged, old, detector, cards):
    assert judged(spoils.other_header(old, detector, **cards))[0] == set()


@pytest.mark.parametrize("image_first", [True, False])
def test_order_of_the_hdus_is_harmless(judged, old, detector, tmp_path, image_first):
    paths = spoils.written(old, tmp_path / "written", image_first=image_first)
    write_catalogue(old.sources, tmp_path / "sources.ecsv")
    assert judged(side_of_mosaic(paths, tmp_path / "sources.ecsv"))[0] == set()
