"""Mosaics old, new and their difference as PNG, with one stretch for both."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LARGEST_SIDE_PX = 640
SIGMA_SHOWN = 5.0


@dataclass(frozen=True)
class MosaicPictures:
    """PNGs of a detector's mosaics; `difference` is in units of the noise, +-5 sigma from blue to red."""

    old: bytes
    new: bytes
    difference: bytes


def draw(old: Path, new: Path) -> MosaicPictures:
    """Draw the mosaics of two folders of baselines where they show the same sky."""
    from fixtures.baseline.comparing import common, side_of_folder

    both = common(side_of_folder(new), side_of_folder(old))
    before = both.old.sci
    step = max(1, -(-max(before.shape) // LARGEST_SIDE_PX))
    low, high = _stretch(before)
    return MosaicPictures(
        _grey(_smaller(before, step), low, high),
        _grey(_smaller(both.new.sci, step), low, high),
        _diverging(_largest(both.sigma, step)),
    )


def _stretch(image: NDArray) -> tuple[float, float]:
    good = image[np.isfinite(image) & (image != 0)]
    if not good.size:
        return 0.0, 1.0
    low, high = np.percentile(good, (5.0, 99.7))
    return float(low), float(max(high, low + 1e-12))


def _blocks(image: NDArray, step: int) -> NDArray:
    rows, columns = (side // step * step for side in image.shape)
    cut = np.nan_to_num(image[:rows, :columns])
    return cut.reshape(rows // step, step, columns // step, step).swapaxes(1, 2).reshape(rows // step, -1, step * step)


def _smaller(image: NDArray, step: int) -> NDArray:
    return _blocks(image, step).mean(axis=2)


def _largest(image: NDArray, step: int) -> NDArray:
    """Keep of each block its largest value, so that a single pixel that differs can be seen."""
    blocks = _blocks(image, step)
    at = np.abs(blocks).argmax(axis=2)
    return np.take_along_axis(blocks, at[..., None], axis=2)[..., 0]


def _grey(image: NDArray, low: float, high: float) -> bytes:
    scaled = np.sqrt(np.clip((image - low) / (high - low), 0.0, 1.0))
    return _png((255 * scaled).astype(np.uint8), "L")


def _diverging(sigma: NDArray) -> bytes:
    part = np.clip(sigma / SIGMA_SHOWN, -1.0, 1.0)[..., None]
    colours = np.where(part < 0, (-part) * np.array([33, 102, 172]), part * np.array([178, 24, 43]))
    return _png((255 * (1 - np.abs(part)) + colours).astype(np.uint8), "RGB")


def _png(pixels: NDArray, mode: str) -> bytes:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels[::-1]), mode)  # row 0 at the bottom
    if mode == "L":
        image = image.quantize(64)
    written = io.BytesIO()
    image.save(written, format="png", optimize=True)
    return written.getvalue()
