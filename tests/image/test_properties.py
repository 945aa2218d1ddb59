"""A lossless format gives back any picture; any bytes are a film or an ImageError."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from cxr_core.errors import ArchiveError, ImageError
from cxr_core.image import decode, members
from cxr_core.schema import Film
from tests.films import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_LS,
    RLE,
    archive,
    bmp,
    chest,
    dicom,
    jpeg,
    png,
    tiff,
    webp,
)
from tests.image.encoders import (
    JPEG_LOSSLESS_SV1,
    encapsulated,
    lossless_jpeg,
    saved,
    tiff_page,
)

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=8)
MANY = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=25)

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)
LARGER = array_shapes(min_dims=2, max_dims=2, min_side=16, max_side=40)
EXACT: dict[str, tuple[Callable[[NDArray[Any]], bytes], tuple[type, ...]]] = {
    "png": (png, (np.uint8, np.uint16)),
    "tiff": (tiff, (np.uint8, np.uint16, np.int32, np.float32)),
    "tiff lzw": (lambda a: tiff(a, compression="tiff_lzw"), (np.uint8, np.uint16)),
    "tiff big endian": (lambda a: tiff_page(a, order=">"), (np.uint8, np.int16, np.uint16)),
    "webp": (webp, (np.uint8,)),
    "bmp": (bmp, (np.uint8,)),
    "dicom": (dicom, (np.uint8, np.uint16, np.int16)),
    "dicom implicit": (lambda a: dicom(a, syntax=IMPLICIT_LITTLE), (np.uint8, np.uint16, np.int16)),
    "dicom big endian": (lambda a: dicom(a, syntax=EXPLICIT_BIG), (np.uint8, np.uint16, np.int16)),
    "dicom deflated": (lambda a: dicom(a, syntax=DEFLATED), (np.uint8, np.uint16)),
    "dicom rle": (lambda a: dicom(a, syntax=RLE), (np.uint8, np.uint16, np.int16)),
    "dicom jpeg-ls": (lambda a: dicom(a, syntax=JPEG_LS), (np.uint8, np.uint16)),
    "dicom jpeg lossless": (
        lambda a: encapsulated(a, lossless_jpeg(a, 8 * a.dtype.itemsize), JPEG_LOSSLESS_SV1),
        (np.uint8, np.uint16),
    ),
}
CASES = [(name, kind) for name, (_, kinds) in EXACT.items() for kind in kinds]


@pytest.mark.parametrize(("name", "kind"), CASES)
@given(data=st.data())
@QUICK
def test_a_lossless_format_gives_back_any_picture(name: str, kind: type, data: Any) -> None:
    elements = {"allow_nan": False, "allow_infinity": False} if kind is np.float32 else None
    # pyjpegls sets too little memory aside to write tiny pictures.
    shapes = LARGER if name == "dicom jpeg-ls" else SHAPES
    pixels = data.draw(arrays(kind, shapes, elements=elements))
    film = decode(EXACT[name][0](pixels))
    assert film.pixels.dtype == kind
    np.testing.assert_array_equal(film.pixels, pixels)


@given(pixels=arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, min_side=32, max_side=48)))
@QUICK
def test_jpeg_2000_gives_back_any_picture(pixels: NDArray[Any]) -> None:
    np.testing.assert_array_equal(decode(dicom(pixels, syntax=JPEG_2000)).pixels, pixels)


GREY, DEEP = chest(48, 40), chest(48, 40, top=4095)
COLOUR = np.repeat(GREY[..., None], 3, axis=2)
VALID = {
    "png": png(GREY),
    "png 16": png(DEEP),
    "png colour": png(COLOUR),
    "jpeg": jpeg(GREY),
    "jpeg colour": jpeg(COLOUR),
    "jpeg progressive": jpeg(COLOUR, progressive=True),
    "tiff": tiff(GREY),
    "tiff 16": tiff(DEEP),
    "tiff lzw": tiff(DEEP, compression="tiff_lzw"),
    "tiff jpeg": tiff(COLOUR, compression="jpeg"),
    "webp": webp(GREY),
    "webp lossy": webp(COLOUR, lossless=False),
    "bmp": bmp(GREY),
    "dicom": dicom(DEEP, bits=12, WindowCenter=2048, WindowWidth=4096),
    "dicom implicit": dicom(DEEP, syntax=IMPLICIT_LITTLE, bits=12),
    "dicom big endian": dicom(DEEP, syntax=EXPLICIT_BIG, bits=12),
    "dicom deflated": dicom(DEEP, syntax=DEFLATED, bits=12),
    "dicom bare": dicom(DEEP, syntax=EXPLICIT_LITTLE, preamble=False),
    "dicom rle": dicom(DEEP, syntax=RLE, bits=12),
    "dicom jpeg": dicom(GREY, syntax=JPEG_BASELINE),
    "dicom jpeg-ls": dicom(DEEP, syntax=JPEG_LS, bits=12),
    "dicom jpeg 2000": dicom(DEEP, syntax=JPEG_2000, bits=12),
    "dicom jpeg lossless": encapsulated(DEEP, lossless_jpeg(DEEP, 12), JPEG_LOSSLESS_SV1, bits=12),
}


def film_or_error(data: bytes) -> None:
    try:
        film = decode(data)
    except ImageError as error:
        text = str(error)
        assert text.startswith("Expected ")
        assert "\n" not in text
    else:
        assert isinstance(film, Film)
        assert film.pixels.shape == (film.facts.rows, film.facts.columns)


@pytest.mark.parametrize("name", VALID)
def test_the_files_that_are_damaged_below_are_sound(name: str) -> None:
    assert decode(VALID[name]).pixels.shape == (48, 40)


@given(data=st.binary(max_size=2000))
@MANY
def test_any_bytes_are_a_film_or_an_error(data: bytes) -> None:
    film_or_error(data)


@pytest.mark.parametrize("name", VALID)
@given(data=st.binary(max_size=300))
@QUICK
def test_any_bytes_behind_a_true_beginning_are_a_film_or_an_error(name: str, data: bytes) -> None:
    film_or_error(VALID[name][:200] + data)


@pytest.mark.parametrize("name", VALID)
@given(share=st.floats(0, 1))
@QUICK
def test_any_truncation_is_a_film_or_an_error(name: str, share: float) -> None:
    film_or_error(VALID[name][: int(len(VALID[name]) * share)])


@pytest.mark.parametrize("name", VALID)
@given(flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=12))
@MANY
def test_any_flipped_bytes_are_a_film_or_an_error(
    name: str, flips: list[tuple[float, int]]
) -> None:
    data = bytearray(VALID[name])
    for share, mask in flips:
        # Squared: headers, where a change does most, come first in every format.
        data[min(int(share * share * len(data)), len(data) - 1)] ^= mask
    film_or_error(bytes(data))


PACKED = archive({"a.png": png(GREY), "b/c.dcm": dicom(GREY)})


@given(flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=12))
@MANY
def test_any_flipped_bytes_of_an_archive_give_members_or_an_error(
    flips: list[tuple[float, int]],
) -> None:
    data = bytearray(PACKED)
    for share, mask in flips:
        data[-1 - min(int(share * share * len(data)), len(data) - 1)] ^= mask
    with suppress(ArchiveError):
        for member in members(bytes(data), "films.zip"):
            assert (member.data is None) != (member.error is None)
            if member.data is not None:
                film_or_error(member.data)


def test_a_header_of_random_values_is_a_film_or_an_error() -> None:
    from pydicom import dcmread

    rng = np.random.default_rng(0)
    header = dcmread(io.BytesIO(VALID["dicom"]))
    keywords = [
        *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"),
        *("PixelRepresentation", "PlanarConfiguration"),
    ]
    for _ in range(150):
        for keyword in rng.choice(keywords, 2):
            setattr(header, str(keyword), int(rng.choice([0, 1, 3, 8, 16, 32, 40, 48, 64, 65535])))
        header.PhotometricInterpretation = str(
            rng.choice(["MONOCHROME2", "RGB", "YBR_FULL_422", "PALETTE COLOR", "NONE"])
        )
        film_or_error(saved(header))
