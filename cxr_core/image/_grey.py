"""Colour, transparency and orientation → one grey plane, and how much colour there was."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Channels of a grey picture stored as RGB JPEG differ by less than this, of 255.
VISIBLE_DIFFERENCE = 20
_SAMPLE_SIDE = 96


def colour_share_of(image: Image.Image) -> float:
    """Share of pixels, 0 to 1, whose channels differ visibly, from at most 96×96 of them."""
    step = max(1, -(-max(image.size) // _SAMPLE_SIDE))
    if step > 1:
        size = (max(1, image.width // step), max(1, image.height // step))
        image = image.resize(size, Image.Resampling.NEAREST)
    return _share(np.asarray(image.convert("RGB")), VISIBLE_DIFFERENCE)


def from_channels(rgb: NDArray[Any], red: int = 0) -> tuple[NDArray[Any], float]:
    """(H, W, 3 or 4) unsigned integers → (H, W) luminance of the same type, and the colour share.

    red: the channel of red, 0 for RGB and 2 for BGR.

    A fourth channel is opacity: the picture is laid on black. Weights of ITU-R BT.601.
    """
    top = int(np.iinfo(rgb.dtype).max)
    step = max(1, -(-max(rgb.shape[:2]) // _SAMPLE_SIDE))
    share = _share(rgb[::step, ::step, :3], VISIBLE_DIFFERENCE * top / 255)
    grey = np.empty(rgb.shape[:2], rgb.dtype)
    # In bands of rows: the sums need four times the memory of the picture.
    for start in range(0, rgb.shape[0], 256):
        band = rgb[start : start + 256].astype(np.uint64)
        # 19595 + 38470 + 7471 = 65536, so that equal channels come through unchanged.
        light = (
            band[..., red] * 19595 + band[..., 1] * 38470 + band[..., 2 - red] * 7471 + 32768
        ) >> 16
        if rgb.shape[2] == 4:
            light = (light * band[..., 3] + top // 2) // top
        grey[start : start + 256] = light
    return grey, share


def orient(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turned upright as EXIF or TIFF orientation 1 to 8 asks. Others leave it as it is.

    TIFF 6.0, tag 274: the number names the corner that row 0 and column 0 of the data stand for.
    """
    if orientation in (5, 6, 7, 8):
        pixels = pixels.T
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _share(rgb: NDArray[Any], visible: float) -> float:
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    high = np.maximum(np.maximum(red, green), blue)
    low = np.minimum(np.minimum(red, green), blue)
    return float(np.count_nonzero(high - low > visible) / max(1, high.size))
