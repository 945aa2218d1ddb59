"""A film → what a reader sees and what a network reads: the one path for training and serving."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_core.errors import ImageError
from cxr_core.schema import Film, VoiTable, Window


@dataclass(frozen=True)
class Preprocessing:
    """How a film becomes model input; travels with the model in its card.

    size: pixels a side. blur: standard deviation in pixels of the Gaussian at that size, which
    makes a film saved small as JPEG and the same film at full resolution look alike.
    low, high: percentiles of the film stretched to 0 and 255, which makes exposures look alike.
    """

    size: int = 224
    blur: float = 1.2
    low: float = 1.0
    high: float = 99.0


DEFAULT = Preprocessing()


def presentation(film: Film) -> NDArray[np.float32]:
    """The film as a reader sees it: (H, W) float32, 0 black to 1 white.

    Applies the VOI LUT or window, then the photometric inversion, in that order
    (PS3.3 C.11.1.1.2, C.11.2, C.7.6.3.1.2). Without either, 8-bit films keep their range and
    deeper ones are shown from their lowest to their highest value.
    """
    if isinstance(film.voi, VoiTable):
        shown = _by_table(film.pixels, film.voi)
    elif isinstance(film.voi, Window):
        shown = apply_window(film.pixels, film.voi)
    elif film.pixels.dtype == np.uint8:
        shown = film.pixels.astype(np.float32)
        shown *= np.float32(1 / 255)
    else:
        shown = _whole_range(film.pixels)
    if film.inverted:
        np.subtract(np.float32(1), shown, out=shown)
    return shown


def apply_window(pixels: NDArray[np.generic], window: Window) -> NDArray[np.float32]:
    """Window `pixels` (H, W) to 0..1 float32. PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    x = pixels.astype(np.float32)
    centre, width = window.centre, window.width
    if window.function == "SIGMOID":
        with np.errstate(over="ignore"):
            sigmoid: NDArray[np.float32] = 1 / (1 + np.exp(-4 * (x - centre) / width))
        return sigmoid.astype(np.float32)
    if window.function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if width <= 0:
        step: NDArray[np.float32] = (x > centre).astype(np.float32)
        return step
    x -= np.float32(centre - width / 2)
    x *= np.float32(1 / width)
    return np.clip(x, 0, 1, out=x)


def model_input(film: Film, how: Preprocessing = DEFAULT) -> NDArray[np.uint8]:
    """The film as a network reads it: (size, size, 1) uint8, 0 black to 255 white.

    The film is squeezed to a square, as the films of the public training set were.
    Raises ImageError where the film has no contrast to stretch or is under 8 pixels a side.
    """
    return reduced(presentation(film), how)


def reduced(shown: NDArray[np.float32], how: Preprocessing = DEFAULT) -> NDArray[np.uint8]:
    """The second half of `model_input`: (H, W) in 0..1 as shown → (size, size, 1) uint8."""
    if min(shown.shape) < 8:
        height, width = shown.shape
        raise ImageError(
            f"Expected a film of at least 8 pixels a side; received {width}×{height}. "
            "Export the film at its full size."
        )
    # The public films were made small with this filter; it resembles theirs most of those tried.
    square = Image.fromarray(shown).resize((how.size, how.size), Image.Resampling.BILINEAR)
    small = np.asarray(square, dtype=np.float32)
    return stretch(gaussian(small, how.blur), how.low, how.high)[..., None]


def stretch(image: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Stretch the percentiles `low` and `high` of `image` to 0 and 255 and round to uint8.

    Raises ImageError where they coincide.
    """
    bottom, top = percentiles(image, low, high)
    if not top - bottom > 1e-6:
        raise ImageError(
            "Expected a film with contrast; received one of a single grey level. "
            "Check the export and upload the film again."
        )
    scaled = (image - np.float32(bottom)) * np.float32(255 / (top - bottom))
    levels: NDArray[np.uint8] = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    return levels


def percentiles(image: NDArray[np.float32], *shares: float) -> list[float]:
    """NumPy's percentiles of all values, to the last digit, in a fifth of their time."""
    last = image.size - 1
    places = [share / 100 * last for share in shares]
    wanted = {min(int(p) + i, last) for p in places for i in (0, 1)}
    ordered = np.partition(image.ravel(), sorted(wanted))
    found = []
    for place in places:
        below, above = ordered[int(place)], ordered[min(int(place) + 1, last)]
        part, gap = place - int(place), float(above - below)
        near = float(above) - gap * (1 - part) if part >= 0.5 else float(below) + gap * part
        found.append(near)
    return found


def gaussian(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blur (H, W) float32 by a separable Gaussian cut at three standard deviations."""
    if sigma <= 0:
        return image
    reach = max(1, round(3 * sigma))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        length = image.shape[axis]
        padded = image.take(np.clip(np.arange(-reach, length + reach), 0, length - 1), axis)
        blurred = np.zeros_like(image)
        for offset, weight in enumerate(taps):
            part = padded[offset : offset + length] if axis == 0 else padded[:, offset:][:, :length]
            blurred += np.float32(weight) * part
        image = blurred
    return image


def _whole_range(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    x = pixels.astype(np.float32)
    bottom, top = float(x.min()), float(x.max())
    x -= np.float32(bottom)
    x *= np.float32(1 / max(top - bottom, 1e-6))
    return x


def _by_table(pixels: NDArray[np.generic], table: VoiTable) -> NDArray[np.float32]:
    last = len(table.values) - 1
    index = np.clip(pixels.astype(np.float32) - table.first, 0, last).astype(np.intp)
    values: NDArray[np.float32] = table.values[index].astype(np.float32) / 65535
    return values
