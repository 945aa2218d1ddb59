"""What a JPEG or JPEG-LS codestream says of itself, before decoding. ISO/IEC 10918-1 annex B."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from cxr_core.image._limits import MAX_JPEG_SCANS, damaged, problem

_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
_MID_GREY = 128
_RESTARTS = re.compile(rb"\xff[\xd0-\xd7]")


@dataclass(frozen=True)
class Codestream:
    """Size, depth and number of channels that a codestream's header gives."""

    rows: int
    columns: int
    bits: int
    channels: int


def header(data: bytes, kind: str = "JPEG") -> Codestream:
    """The frame header of a JPEG or JPEG-LS codestream. Raises ImageError where there is none."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _BARE_MARKERS:
            at += 2
        elif marker in _FRAME_MARKERS and at + 10 <= len(data):
            rows, columns = _short(data, at + 5), _short(data, at + 7)
            return Codestream(rows, columns, data[at + 4], data[at + 9])
        else:
            at += 2 + max(_short(data, at + 2), 2)
    raise damaged(kind)


def check_scans(data: bytes) -> None:
    """Refuses a progressive JPEG of so many scans that decoding it would take minutes."""
    if data.count(b"\xff\xda") > MAX_JPEG_SCANS:
        raise problem("a JPEG of too many scans", "Export the film again.", "an ordinary JPEG film")


def check_restarts(data: bytes, kind: str = "JPEG") -> None:
    """Raises ImageError where a piece of the picture was lost between its restart markers.

    libjpeg bridges such a gap and only warns. Where a sequential JPEG has one scan and sets restart
    markers, they must count from 0 to 7 and round again, and there must be enough of them. B.2.1.
    """
    interval, blocks, start = _restart_interval(data)
    if not interval or data.count(b"\xff\xda") != 1:
        return
    found = [marker[1] & 7 for marker in _RESTARTS.findall(data, start)]
    expected = -(-blocks // interval) - 1
    if len(found) < expected or any(found[i] != i % 8 for i in range(expected)):
        raise damaged(kind)


def _restart_interval(data: bytes) -> tuple[int, int, int]:
    """MCUs between restart markers (0 for none), MCUs in all, and where the scan begins."""
    at, interval, blocks = 2, 0, 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, size = data[at + 1], _short(data, at + 2)
        if marker in (0xC0, 0xC1):
            rows, columns, parts = _short(data, at + 5), _short(data, at + 7), data[at + 9]
            steps = data[at + 11 : at + 10 + 3 * parts : 3]
            # A.2.2: blocks of a single component are not interleaved, whatever its sampling.
            across = 8 * max((s >> 4 for s in steps), default=1) if parts > 1 else 8
            down = 8 * max((s & 15 for s in steps), default=1) if parts > 1 else 8
            blocks = -(-columns // max(across, 8)) * -(-rows // max(down, 8))
        elif marker == 0xDD:
            interval = _short(data, at + 4)
        elif marker == 0xDA:
            return (interval if blocks else 0), blocks, at
        at += 1 if marker == 0xFF else 2 if marker in _BARE_MARKERS else 2 + max(size, 2)
    return 0, 0, at


def check_complete(data: bytes, image: Image.Image, kind: str = "JPEG") -> None:
    """Raises ImageError where the picture's data ended early behind a well-formed end marker.

    libjpeg fills what is missing with mid-grey and only warns. A picture that ends in mid-grey is
    decoded again with zeros for its end marker: data that suffices still does, data that ended
    early runs out.
    """
    corner = image.crop((max(0, image.width - 8), max(0, image.height - 8), *image.size))
    values: Any = np.asarray(corner if corner.mode in ("L", "RGB") else corner.convert("RGB"))
    if (values != _MID_GREY).any() or image.info.get("progressive"):
        return
    end = data.rfind(b"\xff\xd9")
    try:
        with Image.open(BytesIO(data[:end] + bytes(16)), formats=("JPEG",)) as again:
            again.load()
    except OSError:
        complete = False
    else:
        complete = True
    if not complete:
        raise damaged(kind)


def _short(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")
