"""A PNG's chunks, checked before decoding, and 16-bit colour through OpenCV. PNG 5.3, 11.2."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.image._grey import from_channels
from cxr_core.image._limits import check_pixels, damaged

_SIGNATURE = 8
# The signature, IHDR and IEND.
_LEAST = 8 + 25 + 12
_MAX_CHUNKS = 100_000
_PICTURE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PALETTE = 3


def check(data: bytes) -> None:
    """Raises ImageError above the pixel limit, and where a chunk is cut off or its check fails.

    Pillow does not compare the checks of a picture's data.
    """
    if len(data) < _LEAST:
        raise damaged("PNG")
    for at, end in _chunks(data):
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise damaged("PNG")
    check_pixels(int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big"), len(data))


def bits(data: bytes) -> int:
    """Bits a sample; a palette's entries have 8. PNG 11.2.1."""
    return 8 if data[25] == _PALETTE else data[24]


def deep(data: bytes) -> tuple[NDArray[Any], float]:
    """16-bit RGB or transparent PNG as grey, and its colour share: Pillow keeps 8 bits of it."""
    import cv2

    # Without what is not the picture, of which libpng would complain on the terminal.
    kept = [data[at:end] for at, end in _chunks(data) if data[at + 4 : at + 8] in _PICTURE]
    source = np.frombuffer(data[:_SIGNATURE] + b"".join(kept), np.uint8)
    found: Any = cv2.imdecode(source, cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16:
        raise damaged("PNG")
    if found.ndim == 2:
        return found, 0.0
    return from_channels(found, red=2)


def _chunks(data: bytes) -> list[tuple[int, int]]:
    """Start and end of each chunk up to IEND. Raises ImageError where there is no IEND."""
    found: list[tuple[int, int]] = []
    at = _SIGNATURE
    while len(found) < _MAX_CHUNKS:
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            break
        found.append((at, end))
        if data[at + 4 : at + 8] == b"IEND":
            return found
        at = end
    raise damaged("PNG")
