"""Mosaics spoiled on purpose, by a known amount, to see what the comparison with a baseline makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from astropy.io import fits
from scipy import ndimage

from fixtures.baseline.comparing import Side, compare, noise_of
from fixtures.baseline.differences import DIFFERENCES, limits
from fixtures.baseline.pack import array_digest
from fixtures.datasets import detectors
from fixtures.measurement.comparison.catalogue import source_catalogue
from fixtures.targets import Targets

INPUT_CARD = re.compile(r"D(\d{3})([A-Z]+)")


def remade(side: Side, detector: str, **arrays: Any) -> Side:
    """Return a side with other arrays or header, its sources found anew."""
    new = replace(side, **arrays)
    stars = detectors.detector(detector)
    settings = {"fwhm_px": stars.star_fwhm_px, "threshold_sigma": stars.threshold_sigma}
    sources = source_catalogue(new.sci, new.wht, new.header, **settings) if "sci" in arrays else new.sources
    digests = {name: array_digest(getattr(new, name)) for name in ("sci", "wht", "ctx")}
    return replace(new, sources=sources, digests=digests)


def caught(targets: Targets, new: Side, old: Side, dataset: str, detector: str) -> set[str]:
    """Return the metrics that notice what stands between two sides: those that miss their target."""
    numbers = compare(new, old, detector)
    outside = limits(targets, dataset=dataset, detector=detector, engine="python")
    return {one.metric.removeprefix("baseline.") for one in DIFFERENCES if outside(one.metric, one.value(numbers))}


def _moved(side: Side, detector: str, move: Callable[[np.ndarray], np.ndarray]) -> Side:
    """Move the light of a mosaic; what is covered, weights and context stay as they are."""
    light = np.nan_to_num(side.sci)
    sci = np.where((side.wht > 0) & np.isfinite(side.sci), move(light), side.sci).astype(side.sci.dtype)
    return remade(side, detector, sci=sci)


def shifted(side: Side, detector: str, dx_px: float) -> Side:
    """Move the light in x."""
    return _moved(side, detector, lambda light: ndimage.shift(light, (0.0, dx_px), order=5, mode="nearest"))


def rotated(side: Side, detector: str, angle_deg: float) -> Side:
    """Turn the light about the centre, from +x to +y."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    back = np.array([[c, -s], [s, c]])  # rows and columns of where a pixel's light comes from
    centre = (np.array(side.sci.shape) - 1) / 2
    return _moved(
        side,
        detector,
        lambda light: ndimage.affine_transform(light, back, centre - back @ centre, order=5, mode="nearest"),
    )


def brighter(side: Side, detector: str, change: float) -> Side:
    """Multiply the light with 1 + change."""
    return remade(side, detector, sci=side.sci * np.float32(1.0 + change))


def widened(side: Side, detector: str, part: float) -> Side:
    """Blur the light: this part of each pixel goes to its neighbours."""
    return _moved(side, detector, lambda light: (1 - part) * light + part * ndimage.uniform_filter(light, 3))


def lifted(side: Side, detector: str, sigma: float) -> Side:
    """Add a part of the noise to every pixel."""
    return remade(side, detector, sci=side.sci + np.float32(sigma * noise_of(side.sci, side.wht)))


def weightier(side: Side, detector: str, change: float) -> Side:
    """Multiply the weights with 1 + change."""
    return remade(side, detector, wht=side.wht * np.float32(1.0 + change))


def middle(side: Side) -> tuple[int, int]:
    """Return row and column of a covered place in the lower left, away from the edges, that stands for any."""
    rows, columns = side.sci.shape
    return rows // 4 + 5, columns // 4 + 11


def hot_block(side: Side, detector: str, sigma: float, size: int = 8) -> Side:
    """Add a multiple of the noise to a small block in the lower left."""
    row, column = middle(side)
    area = (slice(row, row + size), slice(column, column + size))
    sci = side.sci.copy()
    sci[area] += (sigma / np.sqrt(side.wht[area])).astype(sci.dtype)
    return remade(side, detector, sci=sci)


def with_nan(side: Side, detector: str, count: int) -> Side:
    """Put NaN into pixels of a row."""
    row, column = middle(side)
    sci = side.sci.copy()
    sci[row, column : column + count] = np.nan
    return remade(side, detector, sci=sci)


def without_weight(side: Side, detector: str, count: int) -> Side:
    """Take the weight of pixels of a row away."""
    row, column = middle(side)
    wht = side.wht.copy()
    wht[row, column + np.flatnonzero(wht[row, column:])[:count]] = 0.0
    return remade(side, detector, wht=wht)


def without_context(side: Side, detector: str, bit: int = 0) -> Side:
    """Take an exposure out of the context."""
    return remade(side, detector, ctx=side.ctx & ~np.int32(1 << bit))


def without_star(side: Side, detector: str, rank: int) -> Side:
    """Take away the light of one star of the catalogue in the lower left, the brightest has rank 0."""
    rows, columns = side.sci.shape
    clear = side.sources["clear"] & (side.sources["x_px1"] < columns / 3) & (side.sources["y_px1"] < rows / 3)
    star = side.sources[clear & (side.sources["x_px1"] > 40) & (side.sources["y_px1"] > 40)].iloc[rank]
    y, x = np.indices(side.sci.shape)
    apart = np.hypot(x - (star["x_px1"] - 1), y - (star["y_px1"] - 1))
    size = 2.5 * detectors.detector(detector).star_fwhm_px
    level = np.nanmedian(side.sci[(apart > size) & (apart < 2 * size)])
    return remade(side, detector, sci=np.where(apart <= size, np.float32(level), side.sci))


def other_header(side: Side, detector: str, **cards: Any) -> Side:
    """Change cards; None takes one away."""
    header = side.header.copy()
    for keyword, value in cards.items():
        if value is None:
            del header[keyword]
        else:
            header[keyword] = value
    return remade(side, detector, header=header)


def noisy(side: Side, detector: str, relative: float) -> Side:
    """Multiply every pixel and weight with 1 + noise, as another order of sums would."""
    random = np.random.default_rng(7)
    sci, wht = (
        (array * (1.0 + relative * random.standard_normal(array.shape))).astype(array.dtype)
        for array in (side.sci, side.wht)
    )
    return remade(side, detector, sci=sci, wht=wht)


def reordered(side: Side, detector: str) -> Side:
    """Turn the order of the inputs about: bits of the context and the cards that describe the inputs."""
    number = max(int(found[1]) for key in side.header if (found := INPUT_CARD.fullmatch(key)))
    ctx = np.zeros_like(side.ctx)
    for bit in range(number):
        ctx |= ((side.ctx >> bit) & 1) << (number - 1 - bit)
    header = fits.Header()
    for card in side.header.cards:
        found = INPUT_CARD.fullmatch(card.keyword)
        keyword = f"D{number + 1 - int(found[1]):03d}{found[2]}" if found else card.keyword
        header.append((keyword, card.value, card.comment), end=True)
    return remade(side, detector, ctx=ctx, header=header)


def written(side: Side, folder: Path, *, image_first: bool) -> SimpleNamespace:
    """Write a side as AstroDrizzle does, the image in the primary HDU or behind a table."""
    folder.mkdir(parents=True)
    paths = {name: folder / f"a_{name}.fits" for name in ("sci", "wht", "ctx")}
    table = fits.BinTableHDU.from_columns([fits.Column("ROOTNAME", "9A", array=["ozzc01010"])], name="HDRTAB")
    for name, path in paths.items():
        data = getattr(side, name)
        if image_first:
            hdus = [fits.PrimaryHDU(data, side.header if name == "sci" else None), table]
        else:
            primary = fits.PrimaryHDU(header=side.header if name == "sci" else None)
            hdus = [primary, table, fits.ImageHDU(data, name=name.upper())]
        fits.HDUList(hdus).writeto(path)
    return SimpleNamespace(**paths)


def first_input(side: Side) -> str:
    """Return the name of the first input, as the context names it."""
    from fixtures.measurement.comparison.context import inputs_of

    return inputs_of(side.header)[0]


def grown(side: Side, detector: str) -> Side:
    """Add a row without data below, as a frame that was rounded otherwise."""
    row = np.full((1, side.sci.shape[1]), np.nan, side.sci.dtype)
    header = side.header.copy()
    header["CRPIX2"] += 1
    arrays = {"sci": np.vstack([row, side.sci]), "wht": np.vstack([row * 0, side.wht]), "ctx": side.ctx}
    arrays["wht"][0] = 0
    arrays["ctx"] = np.vstack([np.zeros((1, side.sci.shape[1]), side.ctx.dtype), side.ctx])
    return remade(side, detector, header=header, **arrays)
