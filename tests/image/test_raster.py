"""Pictures that are not DICOM: every format and depth comes through as it was written."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cxr_core.errors import ImageError
from cxr_core.image import decode
from tests.image.encoders import tiff_page

GREY = np.array([[0, 10, 200], [255, 128, 7]], np.uint8)
DEEP = np.array([[0, 1, 65535], [256, 4097, 32768]], np.uint16)


def picture(image: Any, kind: str, **options: Any) -> bytes:
    """The bytes of an array or a Pillow image in a format."""
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
        stream, kind, **options
    )
    return stream.getvalue()


def deep_png(pixels: NDArray[np.uint16]) -> bytes:
    """A 16-bit PNG of 3 (BGR) or 4 channels."""
    import cv2

    return bytes(cv2.imencode(".png", pixels)[1])


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "packbits"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("WebP", {"lossless": True}),
        ("BMP", {}),
    ],
)
def test_an_8_bit_film_is_read_exactly(kind: str, options: dict[str, Any]) -> None:
    data = picture(GREY, kind, **options)
    film = decode(data)
    assert film.pixels.dtype == np.uint8
    np.testing.assert_array_equal(film.pixels, GREY)
    assert (film.facts.source_format, film.facts.bits) == (kind, 8)
    assert (film.facts.rows, film.facts.columns) == (2, 3)
    assert film.facts.colour_share == 0
    assert film.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ],
)
def test_a_16_bit_film_keeps_its_depth(kind: str, options: dict[str, Any]) -> None:
    film = decode(picture(DEEP, kind, **options))
    assert film.pixels.dtype == np.uint16
    np.testing.assert_array_equal(film.pixels, DEEP)
    assert film.facts.bits == 16


def test_pixels_are_read_only_as_films_are_shared() -> None:
    assert not decode(picture(GREY, "PNG")).pixels.flags.writeable


def test_a_1_bit_png_is_black_and_white() -> None:
    film = decode(picture(Image.fromarray(GREY > 100), "PNG"))
    np.testing.assert_array_equal(film.pixels, [[0, 0, 255], [255, 255, 0]])
    assert film.facts.bits == 1


def test_a_palette_is_resolved() -> None:
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "P")
    image.putpalette([10, 10, 10, 90, 90, 90, 200, 200, 200])
    film = decode(picture(image, "PNG"))
    np.testing.assert_array_equal(film.pixels, [[10, 90], [200, 90]])
    assert (film.facts.bits, film.facts.colour_share) == (8, 0)


def test_a_transparent_palette_entry_is_black() -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([10, 10, 10, 90, 90, 90])
    np.testing.assert_array_equal(decode(picture(image, "PNG", transparency=1)).pixels, [[10, 0]])


def test_a_transparent_grey_is_black() -> None:
    np.testing.assert_array_equal(
        decode(picture(GREY, "PNG", transparency=200)).pixels, [[0, 10, 0], [255, 128, 7]]
    )


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_is_laid_on_black(mode: str) -> None:
    image = Image.new(mode, (3, 1))
    for x, opacity in enumerate((0, 51, 255)):
        image.putpixel((x, 0), (*([200] * (len(mode) - 1)), opacity))
    # 200 × 51/255 = 40.
    np.testing.assert_array_equal(decode(picture(image, "PNG")).pixels, [[0, 40, 200]])


def test_a_16_bit_colour_png_keeps_its_depth() -> None:
    film = decode(deep_png(np.repeat(DEEP[..., None], 3, axis=2)))
    assert film.pixels.dtype == np.uint16
    np.testing.assert_array_equal(film.pixels, DEEP)
    assert film.facts.bits == 16


def test_a_16_bit_transparent_png_keeps_its_depth() -> None:
    rgba = np.full((1, 2, 4), 50_000, np.uint16)
    rgba[..., 3] = [65535, 13107]
    # 50000 × 13107/65535 = 10000.
    np.testing.assert_array_equal(decode(deep_png(rgba)).pixels, [[50_000, 10_000]])


def test_an_interlaced_png_is_read() -> None:
    # Adam7 of a 1×1 picture has one pass, so that its data equal the plain picture's.
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 1)
    # Pass 1 holds column 0, pass 6 column 1.
    body = zlib.compress(b"\x00\x2a" + b"\x00\x63")
    data = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )
    np.testing.assert_array_equal(decode(data).pixels, [[0x2A, 0x63]])


def test_luminance_follows_rec_601_and_colour_is_measured() -> None:
    rgb = np.zeros((1, 4, 3), np.uint8)
    rgb[0] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 90, 90]]
    film = decode(picture(rgb, "PNG"))
    np.testing.assert_array_equal(film.pixels, [[76, 150, 29, 90]])
    assert film.facts.colour_share == 0.75


def test_a_grey_film_in_a_colour_jpeg_has_no_colour() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 160), np.uint8)
    film = decode(picture(np.repeat(noise[..., None], 3, axis=2), "JPEG", quality=40))
    assert film.facts.colour_share == 0


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_modes_come_close_to_what_was_written(mode: str) -> None:
    wide = np.kron(GREY, np.ones((16, 16), np.uint8))
    film = decode(picture(Image.fromarray(wide).convert(mode), "JPEG", quality=95))
    assert film.facts.source_format == "JPEG"
    assert np.abs(film.pixels.astype(int) - wide).max() <= 3


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        (np.uint8, np.uint8),
        (np.int8, np.int16),
        (np.uint16, np.uint16),
        (np.int16, np.int16),
        (np.uint32, np.int32),
        (np.int32, np.int32),
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float32),
    ],
)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_tiff_types_are_kept_as_stored(
    kind: type, kept: type, order: str, white_is_zero: bool
) -> None:
    values = np.array([[0, 1, 100], [-3 if np.dtype(kind).kind != "u" else 3, 50, 127]], kind)
    film = decode(tiff_page(values, order=order, white_is_zero=white_is_zero))
    assert film.pixels.dtype == kept
    np.testing.assert_array_equal(film.pixels, values.astype(kept))
    assert film.inverted is white_is_zero
    assert film.facts.bits == 8 * np.dtype(kind).itemsize


def test_a_tiff_above_int32_becomes_floating() -> None:
    film = decode(tiff_page(np.array([[0, 2**32 - 1]], np.uint32)))
    assert film.pixels.dtype == np.float32
    assert film.pixels.max() == 2**32


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_a_tiff_with_values_that_are_no_numbers_is_refused(bad: float) -> None:
    with pytest.raises(ImageError, match="not a number or infinite"):
        decode(tiff_page(np.array([[0, bad]], np.float64)))


def test_the_first_tiff_page_is_read_unless_another_is_chosen() -> None:
    second = Image.fromarray(GREY.T)
    data = picture(GREY, "TIFF", save_all=True, append_images=[second])
    np.testing.assert_array_equal(decode(data).pixels, GREY)
    film = decode(data, frame=1)
    np.testing.assert_array_equal(film.pixels, GREY.T)
    assert (film.facts.frame, film.facts.frames) == (1, 2)
    for frame in (2, -1):
        with pytest.raises(ImageError, match="Choose one of its frames"):
            decode(data, frame=frame)


def test_a_16_bit_colour_tiff_keeps_its_depth() -> None:
    import cv2

    data = bytes(
        cv2.imencode(
            ".tiff", np.repeat(DEEP[..., None], 3, axis=2), [cv2.IMWRITE_TIFF_COMPRESSION, 1]
        )[1]
    )
    film = decode(data)
    assert film.pixels.dtype == np.uint16
    np.testing.assert_array_equal(film.pixels, DEEP)


# What TIFF 6.0 and EXIF say of tag 274, as what is to be seen of a stored [[1, 2, 3], [4, 5, 6]].
UPRIGHT = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
    9: [[1, 2, 3], [4, 5, 6]],
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["PNG", "WebP", "JPEG", "TIFF", "deep TIFF"])
def test_orientation_is_obeyed(orientation: int, kind: str) -> None:
    if kind == "TIFF" and orientation == 9:
        pytest.skip("libtiff does not write it")
    stored = np.array([[1, 2, 3], [4, 5, 6]], np.uint8) * 40
    if kind == "JPEG":
        stored = np.kron(stored, np.ones((16, 16), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    if kind == "deep TIFF":
        data = picture(stored.astype(np.uint16), "TIFF", tiffinfo={274: orientation})
    elif kind == "TIFF":
        data = picture(stored, "TIFF", tiffinfo={274: orientation}, compression="tiff_lzw")
    else:
        data = picture(stored, kind, exif=exif, **({"lossless": True} if kind == "WebP" else {}))
    film = decode(data)
    seen = film.pixels[::16, ::16] if kind == "JPEG" else film.pixels
    np.testing.assert_array_equal(np.round(seen / 40), UPRIGHT[orientation])
    assert film.pixels.shape == (film.facts.rows, film.facts.columns)


def test_a_format_is_told_by_content_and_not_by_name() -> None:
    assert decode(picture(GREY, "PNG"), "film.jpeg").facts.source_format == "PNG"


def test_a_film_costs_little_to_import() -> None:
    code = (
        "import sys, numpy, PIL.Image, cxr_core.image\n"
        "print([m for m in ('pydicom', 'cv2', 'scipy', 'tensorflow') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
