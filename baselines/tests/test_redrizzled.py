"""AstroDrizzle itself, with another kernel, pixfrac or order of inputs: what the comparison makes of real changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import fixtures
from baselines.tests.spoils import caught
from fixtures.baseline.comparing import catalogue, pack, side_of_folder, side_of_mosaic
from fixtures.targets import read_targets
from fixtures.workflow import frames
from fixtures.workflow.crop import crop
from fixtures.workflow.drizzle import drizzle
from fixtures.workflow.parameters import drizzle_parameters

CCD = drizzle_parameters("CCD")
TARGETS = Path(fixtures.__file__).parents[1] / "validation" / "targets.toml"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Three dithered images of 200 stars with noise."""
    folder = tmp_path_factory.mktemp("inputs")
    sky = frames.stars(seed=3, n=200, half_size=8.0, faint=2e3, bright=1e5)
    paths = []
    for number, dither in enumerate(((0.0, 0.0), (7.3, -4.6), (-5.8, 6.1)), start=1):
        path = folder / f"oaaa0{number}010_sx2.fits"
        frames.frame(path, sky, shape=(300, 300), border=8, dither_px=dither, fwhm=2.2, seed=number)
        paths.append(path)
    return [crop(path, folder / "cropped").path for path in paths]


@pytest.fixture(scope="module")
def mosaic(inputs, tmp_path_factory):
    """Return what drizzles the images, with changes, and gives the mosaic's files."""

    def make(images=inputs, **changes):
        made = drizzle(images, tmp_path_factory.mktemp("mosaic") / "work", parameters=replace(CCD, **changes))
        return made

    return make


@pytest.fixture(scope="module")
def stored(mosaic, tmp_path_factory):
    """Return the side of the unchanged mosaic, as a baseline stores it."""
    folder, files = tmp_path_factory.mktemp("stored"), mosaic()
    pack(files, folder / "mosaic.fits")
    catalogue(files, "CCD", folder / "sources.ecsv")
    return side_of_folder(folder)


@pytest.fixture
def metrics(stored, tmp_path):
    """Return what names the metrics that notice how a mosaic differs from the stored one."""

    def notice(files):
        new = side_of_mosaic(files, catalogue(files, "CCD", tmp_path / "sources.ecsv"))
        return caught(read_targets(TARGETS), new, stored, "twin", "CCD")

    return notice


def test_drizzling_once_more_changes_nothing(mosaic, metrics):
    assert metrics(mosaic()) == set()


def test_order_of_the_inputs_changes_nothing(mosaic, inputs, metrics):
    assert metrics(mosaic(list(reversed(inputs)))) == set()


def test_pixfrac_of_nine_tenths_is_seen_in_the_pixels_the_widths_and_the_header(mosaic, metrics):
    assert {"block", "pixel_p99", "fwhm", "cards_changed"} <= metrics(mosaic(final_pixfrac=0.9))


def test_gaussian_kernel_is_seen_in_the_pixels_the_flux_and_the_header(mosaic, metrics):
    flags = {**CCD.flags, "final_kernel": "gaussian"}
    assert {"block", "pixel_p99", "flux", "cards_changed"} <= metrics(mosaic(flags=flags))


def test_turbo_kernel_is_seen_in_the_header_and_at_the_edges(mosaic, metrics):
    """On images of one scale and orientation it gives the pixels of the square kernel, but for some at the edges."""
    assert metrics(mosaic(flags={**CCD.flags, "final_kernel": "turbo"})) == {"cards_changed", "context"}


def test_a_lost_image_is_seen_in_the_context_the_weights_and_the_header(mosaic, inputs, metrics):
    assert {"context", "weight_block", "cards_changed"} <= metrics(mosaic(inputs[:2]))
