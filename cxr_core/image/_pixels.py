"""The stored values of one DICOM frame, its size checked against the codestream before decoding."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_core.image import _jpeg
from cxr_core.image._deidentify import numbers, photometric, value
from cxr_core.image._limits import check_frame, check_pixels, damaged, problem

KEYWORDS = (
    "SamplesPerPixel",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PixelData",
)

_NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
_RLE = "1.2.840.10008.1.2.5"
_BASELINE = "1.2.840.10008.1.2.4.50"
_EXTENDED = "1.2.840.10008.1.2.4.51"
# Transfer syntax → the decoder of pydicom that reads it; reasons in docs/decisions.
_PLUGINS = {
    _RLE: "pylibjpeg",
    _BASELINE: "pillow",
    _EXTENDED: "pylibjpeg",
    "1.2.840.10008.1.2.4.57": "pylibjpeg",
    "1.2.840.10008.1.2.4.70": "pylibjpeg",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",
}
_JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 201, 202, 203))


@dataclass(frozen=True)
class Described:
    """The image pixel module of a header, in range. PS3.3 C.7.6.3."""

    rows: int
    columns: int
    channels: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str
    planar: int
    syntax: str

    @property
    def colour(self) -> bool:
        return self.channels == 3 or self.photometric == "PALETTE COLOR"


def described(header: Any) -> Described:
    """How the header says the pixels are stored. Raises ImageError where it is out of range."""
    rows, columns = _whole(header, "Rows", 0), _whole(header, "Columns", 0)
    if (rows or columns) and value(header, "PixelData") is None:
        raise damaged("DICOM")
    if not rows or not columns:
        raise problem(
            "a DICOM file without a picture: a report, a directory, or the beginning of a film",
            "Give the film's own file, or copy it again.",
            "a DICOM file with a picture",
        )
    check_pixels(rows, columns, len(header.PixelData))
    allocated = _whole(header, "BitsAllocated", 0)
    stored = _whole(header, "BitsStored", allocated)
    channels = _whole(header, "SamplesPerPixel", 1)
    if allocated not in (1, 8, 16, 32) or not 1 <= stored <= allocated or channels not in (1, 3):
        raise problem(
            "a DICOM picture of another kind",
            "Export the film as a grey DICOM or PNG.",
            "a DICOM film of 8 to 16 bits",
        )
    named = photometric(header) or ("MONOCHROME2" if channels == 1 else "RGB")
    if (channels == 3) != (named not in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")):
        raise damaged("DICOM")
    high = _whole(header, "HighBit", stored - 1)
    return Described(
        rows=rows,
        columns=columns,
        channels=channels,
        frames=max(1, _whole(header, "NumberOfFrames", 1)),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high if stored - 1 <= high < allocated else stored - 1,
        signed=_whole(header, "PixelRepresentation", 0) == 1,
        photometric=named,
        planar=_whole(header, "PlanarConfiguration", 0),
        syntax=_syntax(header),
    )


def frame(header: Any, picture: Described, index: int) -> NDArray[Any]:
    """(H, W) stored values, or (H, W, 3) RGB of a colour picture; index from 0."""
    from pydicom.pixels.decoders.base import get_decoder

    check_frame(index, picture.frames)
    data: bytes = header.PixelData
    options: dict[str, Any] = {
        "rows": picture.rows,
        "columns": picture.columns,
        "samples_per_pixel": picture.channels,
        "bits_allocated": picture.bits_allocated,
        "bits_stored": picture.high_bit + 1,
        "pixel_representation": int(picture.signed),
        "photometric_interpretation": picture.photometric,
        "number_of_frames": picture.frames,
        "pixel_keyword": "PixelData",
    }
    if picture.channels == 3:
        options["planar_configuration"] = picture.planar
    if picture.syntax in _NATIVE:
        _check_native(picture, len(data))
        options["pixel_vr"] = header["PixelData"].VR
    else:
        extended = value(header, "ExtendedOffsetTable"), value(header, "ExtendedOffsetTableLengths")
        if isinstance(extended[0], bytes) and isinstance(extended[1], bytes):
            options["extended_offsets"] = extended
        options["decoding_plugin"] = _checked_codestream(data, index, picture, options)
    decoder = get_decoder(picture.syntax)
    found: NDArray[Any] = decoder.as_array(data, index=index, raw=False, **options)[0]
    found = found.astype(found.dtype.newbyteorder("="), copy=False)
    wanted = (picture.rows, picture.columns, 3)[: 3 if picture.channels == 3 else 2]
    if found.shape != wanted:
        raise damaged("DICOM")
    if picture.high_bit + 1 > picture.bits_stored:
        found = found >> (picture.high_bit + 1 - picture.bits_stored)
    return _rgb(found, header, picture) if picture.colour else found


def _rgb(found: NDArray[Any], header: Any, picture: Described) -> NDArray[Any]:
    if picture.photometric == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        found = apply_color_lut(found, header)
    elif picture.bits_stored not in (8, 16, 32):
        found = found << (found.dtype.itemsize * 8 - picture.bits_stored)
    if found.dtype.itemsize == 4:
        found = found >> 16
    return found.astype(np.uint8 if found.dtype.itemsize == 1 else np.uint16)[..., :3]


def _check_native(picture: Described, size: int) -> None:
    samples = picture.rows * picture.columns * picture.channels * picture.frames
    if picture.photometric == "YBR_FULL_422":
        samples = samples // 3 * 2
    if size < (samples * picture.bits_allocated + 7) // 8:
        raise damaged("DICOM")


def _checked_codestream(
    data: bytes, index: int, picture: Described, options: dict[str, Any]
) -> str:
    """The decoder for a compressed frame, once its codestream agrees with the header."""
    from pydicom.encaps import get_frame

    plugin = _PLUGINS.get(picture.syntax)
    if plugin is None:
        raise problem(
            "a DICOM file with a video or another compression",
            "Export the film uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE.",
            "a DICOM film in a compression that can be read",
        )
    extended = options.get("extended_offsets")
    source: bytes = get_frame(
        data, index, number_of_frames=picture.frames, extended_offsets=extended
    )
    if picture.syntax == _RLE:
        _check_rle(source, picture)
        return plugin
    # Without its end marker a frame was cut off: libjpeg makes up the rest of a lossless one, and
    # CharLS looks for the end of a JPEG-LS one for ten seconds. Padding is 0; some writers pad 255.
    if not source.rstrip(b"\0\xff").endswith(b"\xff\xd9"):
        raise damaged("DICOM")
    if picture.syntax in _JPEG_2000:
        found = _jpeg_2000(source)
    else:
        found = _jpeg.header(source, "DICOM")
        _jpeg.check_scans(source)
        _jpeg.check_restarts(source, "DICOM")
    same_size = (found.rows, found.columns) == (picture.rows, picture.columns)
    if not same_size or found.channels != picture.channels or found.bits > picture.bits_allocated:
        raise problem(
            "a DICOM file whose header and picture disagree on its size or depth",
            "Export the film again.",
            "a picture as its DICOM header describes it",
        )
    if plugin == "pillow" or (picture.syntax == _EXTENDED and found.bits == 8):
        with Image.open(BytesIO(source), formats=("JPEG",)) as image:
            image.load()
            _jpeg.check_complete(source, image, "DICOM")
        return "pillow"
    return plugin


def _jpeg_2000(source: bytes) -> _jpeg.Codestream:
    """The SIZ segment, behind SOC or within a JP2 wrapper. ISO/IEC 15444-1 A.5.1."""
    at = 0
    while source[at : at + 4] != b"\xff\x4f\xff\x51":
        # ISO/IEC 15444-1 I.4: boxes of length, type and content up to the codestream's.
        size = int.from_bytes(source[at : at + 4], "big")
        at += 8 if source[at + 4 : at + 8] == b"jp2c" else max(size, 8)
        if at >= len(source):
            raise damaged("DICOM")
    if at + 43 > len(source):
        raise damaged("DICOM")
    words = np.frombuffer(source, ">u4", 8, at + 8).astype(np.int64)
    width, height, left, top, tile_width, tile_height, tile_left, tile_top = (int(w) for w in words)
    channels = int.from_bytes(source[at + 40 : at + 42], "big")
    if min(tile_width, tile_height) < 1 or width <= left or height <= top:
        raise damaged("DICOM")
    tiles = -(-(width - tile_left) // tile_width) * -(-(height - tile_top) // tile_height)
    if tiles > 65535:
        raise damaged("DICOM")
    return _jpeg.Codestream(height - top, width - left, (source[at + 42] & 0x7F) + 1, channels)


def _check_rle(source: bytes, picture: Described) -> None:
    """Walks the runs of a PackBits frame: each segment must unpack to one byte plane. PS3.5 G."""
    if len(source) < 64:
        raise damaged("DICOM")
    count, *starts = (int(v) for v in np.frombuffer(source, "<u4", 16))
    if count != picture.channels * picture.bits_allocated // 8 or count > 15:
        raise damaged("DICOM")
    bounds = [*starts[:count], len(source)]
    if bounds != sorted(bounds) or bounds[0] < 64:
        raise damaged("DICOM")
    plane = picture.rows * picture.columns
    for at, end in pairwise(bounds):
        if not _unpacks_to(source, at, end, plane):
            raise damaged("DICOM")


def _unpacks_to(source: bytes, at: int, end: int, wanted: int) -> bool:
    made = 0
    while made < wanted and at < end:
        run = source[at]
        if run < 128:
            at += run + 2
            made += run + 1
        elif run > 128:
            at += 2
            made += 257 - run
        else:
            at += 1
    # What may follow is one byte of padding to an even length.
    return made == wanted and end - 2 <= at <= end


def _whole(header: Any, keyword: str, default: int) -> int:
    found = numbers(value(header, keyword))
    return int(found[0]) if found else default


def _syntax(header: Any) -> str:
    """The transfer syntax, or the one that a file without meta information was read by."""
    named = value(header.file_meta, "TransferSyntaxUID")
    if isinstance(named, str) and named:
        return str(named)
    implicit, little = header.original_encoding
    if implicit:
        return "1.2.840.10008.1.2"
    return "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"
