"""DICOM: every transfer syntax, sign and depth; grey scale worked by hand from the standard."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.errors import ImageError
from cxr_core.image import decode
from cxr_core.schema import VoiTable, Window
from tests.films import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_LS,
    RLE,
    dicom,
)
from tests.image.encoders import (
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    encapsulated,
    lossless_jpeg,
    saved,
)

UNCOMPRESSED = [EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED]
LOSSLESS = [*UNCOMPRESSED, RLE, JPEG_LS, JPEG_2000]


def noise(top: int, dtype: Any, low: int = 0) -> NDArray[Any]:
    return np.random.default_rng(1).integers(low, top + 1, (48, 40)).astype(dtype)


def sequence(**tags: Any) -> Any:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    item = Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return Sequence([item])


def lut(first: int, values: list[int], bits: int, vr: str = "US") -> Any:
    """A LUT item; `vr` is how its data and descriptor are written."""
    item = sequence()[0]
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(values), first, bits])
    data = np.array(values, "<u2").tobytes() if vr == "OW" else values
    item.add_new("LUTData", vr, data)
    return [item]


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize(
    ("pixels", "bits"),
    [
        (noise(255, np.uint8), 8),
        (noise(1023, np.uint16), 10),
        (noise(4095, np.uint16), 12),
        (noise(65535, np.uint16), 16),
    ],
    ids=["8", "10", "12", "16"],
)
def test_unsigned_values_come_through(syntax: str, pixels: NDArray[Any], bits: int) -> None:
    film = decode(dicom(pixels, syntax=syntax, bits=bits))
    assert film.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(film.pixels, pixels)
    assert (film.facts.source_format, film.facts.bits) == ("DICOM", bits)


@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, RLE, JPEG_2000])
@pytest.mark.parametrize("bits", [12, 16])
def test_signed_values_come_through(syntax: str, bits: int) -> None:
    pixels = noise(2 ** (bits - 1) - 1, np.int16, -(2 ** (bits - 1)))
    film = decode(dicom(pixels, syntax=syntax, bits=bits))
    assert film.pixels.dtype == np.int16
    np.testing.assert_array_equal(film.pixels, pixels)


@pytest.mark.parametrize("syntax", [JPEG_LOSSLESS, JPEG_LOSSLESS_SV1])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_jpeg_comes_through(syntax: str, bits: int) -> None:
    pixels = noise(2**bits - 1, np.uint8 if bits == 8 else np.uint16)
    film = decode(encapsulated(pixels, lossless_jpeg(pixels, bits), syntax, bits=bits))
    np.testing.assert_array_equal(film.pixels, pixels)


def test_near_lossless_jpeg_ls_is_close() -> None:
    pixels = noise(4095, np.uint16)
    from pydicom import dcmread

    data = dcmread(io.BytesIO(dicom(pixels, bits=12)))
    data.compress("1.2.840.10008.1.2.4.81", jls_error=3, generate_instance_uid=False)
    assert np.abs(decode(saved(data)).pixels.astype(int) - pixels).max() <= 3


def test_baseline_jpeg_is_close() -> None:
    pixels = np.kron(np.array([[20, 200], [90, 250]], np.uint8), np.ones((16, 16), np.uint8))
    film = decode(dicom(pixels, syntax=JPEG_BASELINE))
    assert np.abs(film.pixels.astype(int) - pixels).max() <= 4


def test_extended_jpeg_of_12_bits_shows_the_same_picture_as_jpeg_2000() -> None:
    # pydicom's own test files: one scintigram in two compressions.
    from pydicom.data import get_testdata_file

    extended, wavelet = (
        decode(open(str(get_testdata_file(name, download=False)), "rb").read())  # noqa: SIM115
        for name in ("JPGExtended.dcm", "JPEG2000.dcm")
    )
    assert extended.facts.bits == 12
    a, b = extended.pixels.astype(float), wavelet.pixels.astype(float)
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.95


def test_extended_jpeg_of_8_bits_is_read() -> None:
    from tests.films import jpeg

    pixels = np.full((16, 16), 77, np.uint8)
    film = decode(encapsulated(pixels, jpeg(pixels), JPEG_EXTENDED))
    assert np.abs(film.pixels.astype(int) - 77).max() <= 1


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG])
def test_a_bare_data_set_without_preamble_is_read(syntax: str) -> None:
    pixels = noise(4095, np.uint16)
    data = dicom(pixels, syntax=syntax, bits=12)
    length = 132 + 12 + int.from_bytes(data[140:144], "little")
    # With its file meta information, and with nothing in front of the data set at all.
    for bare in (data[128:], data[132:], data[length:]):
        np.testing.assert_array_equal(decode(bare).pixels, pixels)


def test_stray_bits_above_the_stored_ones_are_dropped() -> None:
    pixels = noise(4095, np.uint16)
    data = dicom(pixels | 0xA000, bits=12)
    np.testing.assert_array_equal(decode(data).pixels, pixels)


def test_values_stored_in_the_upper_bits_are_shifted_down() -> None:
    pixels = noise(4095, np.uint16)
    data = dicom(pixels << 4, bits=12, HighBit=15)
    np.testing.assert_array_equal(decode(data).pixels, pixels)


def test_monochrome1_is_marked_and_not_changed() -> None:
    pixels = noise(255, np.uint8)
    film = decode(dicom(pixels, photometric="MONOCHROME1"))
    assert film.inverted
    assert film.facts.photometric == "MONOCHROME1"
    np.testing.assert_array_equal(film.pixels, pixels)
    assert not decode(dicom(pixels)).inverted


@pytest.mark.parametrize(
    ("slope", "intercept", "expected", "dtype"),
    [
        (1, 0, [0, 10, 1000], np.uint16),
        (2, -1024, [-1024, -1004, 976], np.int16),
        (2, 40_000, [40_000, 40_020, 42_000], np.uint16),
        (100, 0, [0, 1000, 100_000], np.int32),
        (0.5, 0.25, [0.25, 5.25, 500.25], np.float32),
        (-1, 1000, [1000, 990, 0], np.int16),
    ],
)
def test_rescale_gives_values_in_its_own_units(
    slope: float, intercept: float, expected: list[float], dtype: type
) -> None:
    stored = np.array([[0, 10, 1000]], np.uint16)
    film = decode(dicom(stored, bits=12, RescaleSlope=slope, RescaleIntercept=intercept))
    np.testing.assert_array_equal(film.pixels, [expected])
    assert film.pixels.dtype == dtype


@pytest.mark.parametrize("vr", ["US", "OW"])
@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT_LITTLE])
def test_a_modality_lut_takes_the_place_of_a_rescale(vr: str, syntax: str) -> None:
    # C.11.1.1: below the first value the first entry holds, above the last the last.
    stored = np.array([[0, 9, 10, 11, 12, 50]], np.uint16)
    data = dicom(
        stored,
        bits=12,
        syntax=syntax,
        ModalityLUTSequence=lut(10, [500, 40, 7], 16, vr),
        RescaleSlope=3,
        RescaleIntercept=0,
    )
    np.testing.assert_array_equal(decode(data).pixels, [[500, 500, 500, 40, 7, 7]])


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_first_window_and_its_function_are_kept(function: str) -> None:
    data = dicom(
        noise(4095, np.uint16),
        bits=12,
        WindowCenter=[2048, 100],
        WindowWidth=[1000.5, 50],
        VOILUTFunction=function,
    )
    assert decode(data).voi == Window(2048, 1000.5, function)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("width", "function", "valid"),
    [
        (1, "LINEAR", True),
        (0.5, "LINEAR", False),
        (0.5, "LINEAR_EXACT", True),
        (0, "SIGMOID", False),
        (-5, "LINEAR_EXACT", False),
    ],
)
def test_a_window_of_impossible_width_is_left_out(width: float, function: str, valid: bool) -> None:
    data = dicom(noise(255, np.uint8), WindowCenter=100, WindowWidth=width, VOILUTFunction=function)
    assert (decode(data).voi is not None) is valid


@pytest.mark.parametrize("vr", ["US", "OW"])
def test_a_voi_lut_goes_before_a_window_and_after_the_rescale(vr: str) -> None:
    # Stored 0, 1, 2 → rescaled 10, 20, 30; the table of 10 bits starts at 20.
    data = dicom(
        np.array([[0, 1, 2]], np.uint16),
        bits=12,
        RescaleSlope=10,
        RescaleIntercept=10,
        VOILUTSequence=lut(20, [0, 1023], 10, vr),
        WindowCenter=5,
        WindowWidth=5,
    )
    film = decode(data)
    np.testing.assert_array_equal(film.pixels, [[10, 20, 30]])
    assert isinstance(film.voi, VoiTable)
    assert film.voi.first == 20
    np.testing.assert_array_equal(film.voi.values, [0, 65535])


def test_a_voi_lut_keeps_its_share_of_the_full_range() -> None:
    film = decode(dicom(noise(255, np.uint8), VOILUTSequence=lut(0, [0, 2048, 1024], 12)))
    assert isinstance(film.voi, VoiTable)
    # 2048/4095 and 1024/4095 of 65535, rounded down.
    np.testing.assert_array_equal(film.voi.values, [0, 32775, 16387])


def test_a_voi_lut_may_start_below_zero() -> None:
    data = dicom(noise(100, np.int16, -100), VOILUTSequence=lut(-100, [0, 255], 8))
    voi = decode(data).voi
    assert isinstance(voi, VoiTable)
    assert voi.first == -100


@pytest.mark.parametrize(("photometric", "darkest"), [("MONOCHROME2", 1000), ("MONOCHROME1", 2000)])
def test_padding_takes_the_darkest_shown_value(photometric: str, darkest: int) -> None:
    stored = np.array([[0, 1000, 2000, 0]], np.uint16)
    film = decode(dicom(stored, bits=12, photometric=photometric, PixelPaddingValue=0))
    np.testing.assert_array_equal(film.pixels, [[darkest, 1000, 2000, darkest]])


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT_LITTLE])
def test_signed_padding_is_meant_before_the_rescale(syntax: str) -> None:
    stored = np.array([[-2000, 5, 7]], np.int16)
    data = dicom(stored, syntax=syntax, PixelPaddingValue=-2000, RescaleSlope=2, RescaleIntercept=1)
    np.testing.assert_array_equal(decode(data).pixels, [[11, 11, 15]])


def test_a_range_of_padding_is_obeyed_and_all_padding_is_not() -> None:
    stored = np.array([[0, 3, 5, 90]], np.uint16)
    film = decode(dicom(stored, PixelPaddingValue=0, PixelPaddingRangeLimit=4))
    np.testing.assert_array_equal(film.pixels, [[5, 5, 5, 90]])
    same = decode(dicom(stored, PixelPaddingValue=0, PixelPaddingRangeLimit=90))
    np.testing.assert_array_equal(same.pixels, stored)


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, RLE, JPEG_LS])
def test_the_first_frame_is_read_unless_another_is_chosen(syntax: str) -> None:
    frames = np.random.default_rng(0).integers(0, 4096, (3, 8, 6)).astype(np.uint16)
    data = dicom(frames, syntax=syntax, bits=12)
    for index in range(3):
        film = decode(data, frame=index)
        np.testing.assert_array_equal(film.pixels, frames[index])
        assert (film.facts.frame, film.facts.frames) == (index, 3)
    with pytest.raises(ImageError, match="one of the 3 frames"):
        decode(data, frame=3)


def test_functional_groups_of_a_frame_go_before_shared_ones() -> None:
    frames = np.arange(2 * 4, dtype=np.uint16).reshape(2, 2, 2)
    shared = sequence(
        PixelValueTransformationSequence=sequence(RescaleSlope=10, RescaleIntercept=0),
        FrameVOILUTSequence=sequence(WindowCenter=1, WindowWidth=2),
    )
    each = sequence(FrameVOILUTSequence=sequence(WindowCenter=7, WindowWidth=9))
    each.append(sequence()[0])
    data = dicom(
        frames, SharedFunctionalGroupsSequence=shared, PerFrameFunctionalGroupsSequence=each
    )
    first, second = decode(data), decode(data, frame=1)
    np.testing.assert_array_equal(first.pixels, frames[0] * 10)
    assert first.voi == Window(7, 9)
    assert second.voi == Window(1, 2)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("planar", [0, 1])
def test_colour_becomes_luminance_with_its_share(photometric: str, planar: int) -> None:
    from pydicom import dcmread

    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[..., 0], rgb[1, 1] = 255, 90
    # PS3.3 C.7.6.3.1.2: red is Y 76, Cb 85, Cr 255; grey 90 is Y 90, Cb 128, Cr 128.
    ybr = np.array([[[76, 85, 255]] * 2, [[76, 85, 255], [90, 128, 128]]], np.uint8)
    stored = rgb if photometric == "RGB" else ybr
    data = dcmread(io.BytesIO(dicom(rgb[..., 0])))
    data.SamplesPerPixel, data.PlanarConfiguration = 3, planar
    data.PhotometricInterpretation = photometric
    data.PixelData = (stored.transpose(2, 0, 1) if planar else stored).tobytes()
    film = decode(saved(data))
    assert np.abs(film.pixels.astype(int) - [[76, 76], [76, 90]]).max() <= 1
    assert film.facts.colour_share == 0.75
    assert film.facts.photometric == photometric


def test_a_report_is_told_from_a_film() -> None:
    report = {"PixelData": None, "Rows": None, "Columns": None}
    with pytest.raises(ImageError, match="without a picture"):
        decode(dicom(noise(255, np.uint8), **report))
    with pytest.raises(ImageError, match="damaged or incomplete DICOM"):
        decode(dicom(noise(255, np.uint8), PixelData=None))


@pytest.mark.parametrize(
    "tags",
    [
        {"Rows": 47},
        {"Columns": 400},
        {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15},
        {"BitsAllocated": 24},
        {"BitsStored": 9},
        {"SamplesPerPixel": 3},
        {"SamplesPerPixel": 2},
        {"NumberOfFrames": 500},
    ],
)
def test_a_header_that_does_not_fit_its_data_is_refused(tags: dict[str, int]) -> None:
    pixels = noise(255, np.uint8)
    native = dict(tags)
    if native == {"Rows": 47}:
        native = {"Rows": 49}
    with pytest.raises(ImageError):
        decode(dicom(pixels, **native))


@pytest.mark.parametrize("syntax", [JPEG_BASELINE, RLE, JPEG_LS, JPEG_2000])
@pytest.mark.parametrize("tags", [{"Rows": 47}, {"Columns": 400}, {"Rows": 60_000}])
def test_a_codestream_of_another_size_than_the_header_is_refused(
    syntax: str, tags: dict[str, int]
) -> None:
    from pydicom import dcmread

    data = dcmread(io.BytesIO(dicom(noise(255, np.uint8), syntax=syntax)))
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    with pytest.raises(ImageError):
        decode(saved(data))


def test_a_video_is_refused_by_name() -> None:
    data = encapsulated(noise(255, np.uint8), b"\0" * 64, "1.2.840.10008.1.2.4.102")
    with pytest.raises(ImageError, match="video or another compression"):
        decode(data)
