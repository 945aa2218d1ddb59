"""DICOM → Film: the header within limits, the chosen frame, its grey scale, its facts."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np

from cxr_core.image import _deidentify, _grey_scale, _pixels
from cxr_core.image._grey import from_channels
from cxr_core.image._limits import MAX_HEADER_READS, MAX_INFLATED_BYTES, damaged, problem
from cxr_core.image._quiet import mute_pydicom
from cxr_core.schema import Film

DEFLATED = "1.2.840.10008.1.2.1.99"
_EXPLICIT = "1.2.840.10008.1.2.1"
_LONG_LENGTHS = (b"OB", b"OW", b"UN", b"UT", b"SQ", b"OF", b"OD", b"OL", b"UC", b"UR")


def decode(data: bytes, frame: int, digest: str) -> Film:
    """The film in a DICOM file. Raises ImageError; also whatever pydicom raises on damage."""
    header = _header(_inflated(data))
    picture = _pixels.described(header)
    stored = _pixels.frame(header, picture, frame)
    share, inverted, voi = 0.0, False, None
    if picture.colour:
        pixels, share = from_channels(stored)
    else:
        if picture.bits_allocated == 1:
            stored = stored * np.uint8(255)
        inverted = picture.photometric == "MONOCHROME1"
        pixels, voi = _grey_scale.shown(
            stored, header, frame, signed=picture.signed, inverted=inverted
        )
        if pixels.dtype == np.int8:
            pixels = pixels.astype(np.int16)
        elif pixels.dtype == np.uint32:
            pixels = pixels.astype(np.int32 if pixels.max() < 2**31 else np.float32)
    facts = _deidentify.facts(
        header,
        rows=picture.rows,
        columns=picture.columns,
        bits=picture.bits_stored,
        frame=frame,
        frames=picture.frames,
        share=share,
    )
    return Film(np.ascontiguousarray(pixels), inverted, voi, facts, digest)


def _header(data: bytes) -> Any:
    """The allowed elements and no others: the rest is skipped and never becomes an object."""
    import pydicom
    from pydicom.datadict import tag_for_keyword

    mute_pydicom()
    keywords = (*_deidentify.KEYWORDS, *_grey_scale.KEYWORDS, *_pixels.KEYWORDS)
    tags = [tag for tag in map(tag_for_keyword, keywords) if tag is not None]
    return pydicom.dcmread(_Bounded(data), force=True, specific_tags=tags)


class _Bounded(BytesIO):
    """Stops a header of millions of tiny elements, which would take minutes to walk."""

    _left = MAX_HEADER_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise problem("a DICOM header without end", "Export the film again.")
        return super().read(size)


def _inflated(data: bytes) -> bytes:
    """The same file with a deflated data set unpacked up to a limit. PS3.5 A.5."""
    if data[:4] == b"DICM":
        data = bytes(128) + data
    start = 132 if data[128:132] == b"DICM" else 0
    end, syntax = _file_meta(data, start)
    if syntax != DEFLATED:
        return data
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = stream.decompress(data[end:], MAX_INFLATED_BYTES)
    if stream.unconsumed_tail:
        raise problem(
            "a compressed DICOM file that unpacks to more than a film can hold",
            "Export the film uncompressed.",
        )
    if not stream.eof:
        raise damaged("DICOM")
    uid = _EXPLICIT.encode() + b"\0" * (len(_EXPLICIT) % 2)
    meta = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(uid)) + uid
    length = b"\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(meta))
    return b"".join((bytes(128), b"DICM", length, meta, plain))


def _file_meta(data: bytes, at: int) -> tuple[int, str]:
    """Where the file meta group ends, and the transfer syntax it names. PS3.10 7.1."""
    syntax = ""
    while data[at : at + 2] == b"\x02\x00" and at + 12 <= len(data):
        if data[at + 4 : at + 6] in _LONG_LENGTHS:
            size, value = int.from_bytes(data[at + 8 : at + 12], "little"), at + 12
        else:
            size, value = int.from_bytes(data[at + 6 : at + 8], "little"), at + 8
        if data[at + 2 : at + 4] == b"\x10\x00":
            syntax = data[value : value + min(size, 64)].rstrip(b"\0 ").decode("ascii", "replace")
        at = value + size
    return at, syntax
