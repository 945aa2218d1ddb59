"""Encoders for the tests that no library at hand offers: DICOM frames and single TIFF pages."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.films import dicom

JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"


def lossless_jpeg(pixels: NDArray[Any], bits: int) -> bytes:
    """ISO/IEC 10918-1 annex H with predictor 1 and one table of 17 codes of 5 bits."""
    height, width = pixels.shape
    values = pixels.astype(np.int64)
    predicted = np.empty_like(values)
    predicted[:, 1:] = values[:, :-1]
    predicted[1:, 0] = values[:-1, 0]
    predicted[0, 0] = 1 << (bits - 1)
    bitstream: list[str] = []
    for difference in ((values - predicted + 32768) % 65536 - 32768).ravel().tolist():
        category = 16 if difference == -32768 else abs(difference).bit_length()
        bitstream.append(f"{category:05b}")
        if 0 < category < 16:
            extra = difference if difference > 0 else difference + (1 << category) - 1
            bitstream.append(f"{extra:0{category}b}")
    text = "".join(bitstream)
    text += "1" * (-len(text) % 8)
    coded = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")
    counts = bytes([0, 0, 0, 0, 17, *[0] * 11])
    return b"".join(
        (
            b"\xff\xd8",
            b"\xff\xc3" + struct.pack(">HBHHB3B", 11, bits, height, width, 1, 1, 0x11, 0),
            b"\xff\xc4" + struct.pack(">HB", 19 + 17, 0) + counts + bytes(range(17)),
            b"\xff\xda" + struct.pack(">HB2B3B", 8, 1, 1, 0, 1, 0, 0),
            coded,
            b"\xff\xd9",
        )
    )


def encapsulated(pixels: NDArray[Any], codestream: bytes, syntax: str, **tags: Any) -> bytes:
    """A DICOM file whose header describes `pixels` and whose one frame is `codestream`."""
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    data = dcmread(io.BytesIO(dicom(pixels, **tags)))
    data.PixelData = encapsulate([codestream])
    data["PixelData"].VR = "OB"
    data.file_meta.TransferSyntaxUID = syntax
    return saved(data)


def saved(data: Any) -> bytes:
    """The bytes of a pydicom data set."""
    stream = io.BytesIO()
    data.save_as(stream)
    return stream.getvalue()


def tiff_page(pixels: NDArray[Any], *, order: str = "<", white_is_zero: bool = False) -> bytes:
    """An uncompressed grey TIFF of any numeric type, in one strip."""
    raw = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    height, width = pixels.shape
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8 * pixels.dtype.itemsize),
        (259, 3, 1),
        (262, 3, 0 if white_is_zero else 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(raw)),
        (339, 3, kind),
    ]
    directory = struct.pack(f"{order}H", len(tags))
    for tag, size, value in tags:
        field = struct.pack(f"{order}I" if size == 4 else f"{order}HH", *([value, 0][: 5 - size]))
        directory += struct.pack(f"{order}HHI", tag, size, 1) + field
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(raw))
    return head + raw + directory + b"\0\0\0\0"
