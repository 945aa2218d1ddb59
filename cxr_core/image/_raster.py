"""PNG, JPEG, TIFF, WebP and BMP → Film, through Pillow; through OpenCV where Pillow loses depth."""

from __future__ import annotations

import struct
import warnings
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_core.image import _jpeg, _png, _tiff
from cxr_core.image._grey import colour_share_of, from_channels, orient
from cxr_core.image._limits import MAX_PIXELS, check_frame, check_pixels, damaged, problem
from cxr_core.image._quiet import mute_libtiff
from cxr_core.schema import Film, FilmFacts

RasterFormat = Literal["PNG", "JPEG", "TIFF", "WebP", "BMP"]

# Pillow would warn from 89 megapixels on; the limit of this package is refused as an error.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)

_ORIENTATION = 0x0112
_EXIF_KEYS = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")


def decode(kind: RasterFormat, data: bytes, frame: int, digest: str) -> Film:
    """The film in a picture file. Raises ImageError; also whatever Pillow raises on damage."""
    if kind == "TIFF":
        return _decode_tiff(data, frame, digest)
    image, frames = _opened(kind, data, frame)
    with image:
        bits = _png.bits(data) if kind == "PNG" else 1 if image.mode == "1" else 8
        pixels, share = _grey(image)
        if kind == "JPEG":
            _jpeg.check_complete(data, image)
        if kind == "PNG" and bits == 16 and pixels.dtype == np.uint8:
            pixels, share = _png.deep(data)
        pixels = orient(pixels, _exif_orientation(image))
    return _film(kind, pixels, bits, share, digest, frame, frames)


def _opened(kind: RasterFormat, data: bytes, frame: int) -> tuple[Image.Image, int]:
    if kind == "JPEG":
        found = _jpeg.header(data)
        check_pixels(found.rows, found.columns, len(data))
        _jpeg.check_scans(data)
        _jpeg.check_restarts(data)
        if found.bits != 8:
            raise problem(
                f"a JPEG of {found.bits} bits",
                "Export the film as DICOM, PNG or TIFF.",
                "a JPEG film of 8 bits",
            )
    elif kind == "PNG":
        _png.check(data)
    elif kind == "BMP":
        check_pixels(*_bmp_size(data), len(data))
    image = _open(kind, data)
    check_pixels(image.height, image.width, len(data))
    frames = int(getattr(image, "n_frames", 1)) if kind == "WebP" else 1
    check_frame(frame, frames)
    if frame:
        image.seek(frame)
    image.load()
    return image, frames


def _open(kind: str, data: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(data), formats=(kind.upper(),))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        oversized = True
    except OSError:
        oversized = False
    if oversized:
        raise problem("a picture above 100 megapixels", "Export it at a lower resolution.")
    raise damaged(kind)


def _bmp_size(data: bytes) -> tuple[int, int]:
    """Rows and columns of a BMP's header; rows are negative where the first is the top one."""
    if data[14:18] == b"\x0c\0\0\0":
        columns, rows = struct.unpack_from("<HH", data, 18)
    else:
        columns, rows = struct.unpack_from("<ii", data, 18)
    return abs(rows), columns


def _grey(image: Image.Image) -> tuple[NDArray[Any], float]:
    """The grey plane of a loaded picture, laid on black where it is transparent."""
    see_through = image.info.get("transparency")
    if image.mode in ("1", "L", "I;16", "I;16B", "I;16L", "I;16N", "I", "F"):
        levels = image.convert("L") if image.mode == "1" else image
        pixels = np.array(levels)
        pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        if isinstance(see_through, int):
            scale = 255 if image.mode == "1" and see_through == 1 else 1
            pixels[pixels == see_through * scale] = 0
        return pixels, 0.0
    if image.mode in ("LA", "La"):
        light, opacity = (np.asarray(band, np.uint32) for band in image.convert("LA").split())
        return ((light * opacity + 127) // 255).astype(np.uint8), 0.0
    if image.mode in ("RGBA", "RGBa", "PA") or see_through is not None:
        return from_channels(np.asarray(image.convert("RGBA")))
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return np.array(rgb.convert("L")), colour_share_of(rgb)


def _exif_orientation(image: Image.Image) -> int:
    if not any(key in image.info for key in _EXIF_KEYS):
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        # Damaged EXIF says nothing; the picture itself may be sound.
        return 1


def _decode_tiff(data: bytes, frame: int, digest: str) -> Film:
    offsets, order, big = _tiff.pages(data)
    check_frame(frame, len(offsets))
    page = _tiff.page(data, offsets[frame], order, big)
    bits, share = page.bits, 0.0
    plain = _tiff.strips(data, page) if page.bits >= 16 or page.kind != "u" else None
    if plain is not None and page.channels - page.opacity in (1, 3):
        pixels, share = _from_samples(plain, page)
        pixels = orient(pixels, page.orientation)
    elif page.bits > 32 or (page.kind == "f" and page.bits < 32):
        raise problem(
            f"a TIFF of {page.bits}-bit values in a form that cannot be read",
            "Export it as 16-bit integers.",
            "a TIFF film of 8 to 32 bits",
        )
    else:
        pixels, share = _tiff_through_pillow(data, frame, page)
        if pixels.dtype == np.uint8:
            bits = min(bits, 8)
    return _film("TIFF", pixels, bits, share, digest, frame, len(offsets), page.white_is_zero)


def _from_samples(samples: NDArray[Any], page: _tiff.Page) -> tuple[NDArray[Any], float]:
    if page.channels == 1:
        return _storable(samples[..., 0]), 0.0
    if samples.dtype.kind != "u":
        raise problem("a colour TIFF of signed or floating values", "Export it in grey.")
    if samples.dtype.itemsize == 4:
        samples = (samples >> 16).astype(np.uint16)
    if page.channels == 2:
        samples = samples[..., [0, 0, 0, 1]]
    return from_channels(samples)


def _tiff_through_pillow(data: bytes, frame: int, page: _tiff.Page) -> tuple[NDArray[Any], float]:
    if page.white_is_zero and page.photometric_at is not None:
        # Read as stored; Pillow inverts white-is-zero at some depths and refuses it at others.
        one = (1).to_bytes(2, "little" if page.order == "<" else "big")
        at = page.photometric_at
        data = b"".join((data[:at], one, data[at + 2 :]))
    mute_libtiff()
    with _open("TIFF", data) as image:
        if frame:
            image.seek(frame)
        if image.width * image.height != page.rows * page.columns:
            raise damaged("TIFF")
        image.load()
        pixels, share = _grey(image)
    if page.bits == 32 and page.kind == "u" and pixels.dtype == np.int32:
        pixels = pixels.view(np.uint32)
    return _storable(pixels), share


def _storable(values: NDArray[Any]) -> NDArray[Any]:
    """Values in one of the types that a Film holds: those of a TIFF may be wider."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "f":
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    if kind == "u" and size == 4:
        fits = int(values.max()) <= np.iinfo(np.int32).max
        return values.astype(np.int32 if fits else np.float32)
    if kind == "i" and size < 4:
        return values.astype(np.int16)
    return values


def _film(
    kind: RasterFormat,
    pixels: NDArray[Any],
    bits: int,
    share: float,
    digest: str,
    frame: int,
    frames: int,
    inverted: bool = False,
) -> Film:
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise problem(
            "a picture in which some are not a number or infinite",
            "Export it as 16-bit integers.",
            "finite pixel values",
        )
    facts = FilmFacts(
        source_format=kind,
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        bits=bits,
        frame=frame,
        frames=frames,
        colour_share=share,
    )
    return Film(pixels, inverted, None, facts, digest)
