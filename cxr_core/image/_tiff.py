"""A TIFF's pages, walked before decoding: number, size, depth and sense. TIFF 6.0, BigTIFF."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.image._limits import MAX_PAGES, check_pixels, damaged, problem

_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _ORIENTATION, _CHANNELS, _STRIP_BYTES = 273, 274, 277, 279
_PLANAR, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 284, 338, 339
_WANTED = frozenset(
    {_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIP_OFFSETS, _ORIENTATION, _CHANNELS}
    | {_STRIP_BYTES, _PLANAR, _EXTRA_SAMPLES, _SAMPLE_FORMAT}
)
_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_KINDS = {1: "u", 2: "i", 3: "f"}
_MAX_VALUES = 1_000_000


@dataclass(frozen=True)
class Page:
    """What is needed of one page. white_is_zero: the lowest value is shown white.

    photometric_at: offset of the photometric tag's value in the file, None where it is absent.
    """

    rows: int
    columns: int
    bits: int
    kind: str
    channels: int
    opacity: bool
    uncompressed: bool
    white_is_zero: bool
    orientation: int
    strip_offsets: tuple[int, ...]
    strip_bytes: tuple[int, ...]
    order: str
    photometric_at: int | None


def pages(data: bytes) -> tuple[list[int], str, bool]:
    """Offsets of all pages, byte order ('<' or '>') and whether it is a BigTIFF.

    Raises ImageError for a chain that leaves the file, loops or does not end within MAX_PAGES.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = 43 in data[2:4]
    at = _unpack(data, order + ("Q" if big else "I"), 8 if big else 4)
    found: list[int] = []
    seen: set[int] = set()
    while at:
        if at in seen:
            raise damaged("TIFF")
        if len(found) == MAX_PAGES:
            raise problem(f"a TIFF of more than {MAX_PAGES:,} pages", "Export the film alone.")
        found.append(at)
        seen.add(at)
        count = _unpack(data, order + ("Q" if big else "H"), at)
        after = at + (8 + 20 * count if big else 2 + 12 * count)
        at = _unpack(data, order + ("Q" if big else "I"), after)
    if not found:
        raise damaged("TIFF")
    return found, order, big


def page(data: bytes, at: int, order: str, big: bool) -> Page:
    """The page whose directory starts at `at`. Raises ImageError for one above the limits."""
    tags: dict[int, tuple[int, ...]] = {}
    photometric_at = None
    count = _unpack(data, order + ("Q" if big else "H"), at)
    size, first = (20, at + 8) if big else (12, at + 2)
    for entry in range(first, min(first + size * count, len(data)), size):
        tag = _unpack(data, order + "H", entry)
        if tag in _WANTED:
            tags[tag] = _values(data, entry, order, big)
        if tag == _PHOTOMETRIC:
            photometric_at = entry + (12 if big else 8)

    def one(tag: int, default: int) -> int:
        return (tags.get(tag) or (default,))[0]

    rows, columns = one(_LENGTH, 0), one(_WIDTH, 0)
    check_pixels(rows, columns, len(data))
    channels = one(_CHANNELS, 1)
    if not 1 <= channels <= 5:
        raise problem(f"a TIFF of {channels} channels", "Export it in grey.")
    return Page(
        rows=rows,
        columns=columns,
        bits=max(tags.get(_BITS) or (1,)),
        kind=_KINDS.get(one(_SAMPLE_FORMAT, 1), "u"),
        channels=channels,
        opacity=one(_EXTRA_SAMPLES, 0) in (1, 2),
        uncompressed=one(_COMPRESSION, 1) == 1 and one(_PLANAR, 1) == 1,
        white_is_zero=one(_PHOTOMETRIC, 1) == 0,
        orientation=one(_ORIENTATION, 1),
        strip_offsets=tags.get(_STRIP_OFFSETS, ()),
        strip_bytes=tags.get(_STRIP_BYTES, ()),
        order=order,
        photometric_at=photometric_at,
    )


def strips(data: bytes, page: Page) -> NDArray[Any] | None:
    """(H, W, channels) of an uncompressed page in the file's own type, or None where it is not one.

    For the types that Pillow reads at less depth or not at all. Raises ImageError where data lack.
    """
    whole = page.bits in ((16, 32, 64) if page.kind == "f" else (8, 16, 32))
    offsets, sizes = page.strip_offsets, page.strip_bytes
    if not (whole and page.uncompressed and offsets and len(offsets) == len(sizes)):
        return None
    kind = np.dtype(f"{page.order}{page.kind}{page.bits // 8}")
    wanted = page.rows * page.columns * page.channels * kind.itemsize
    if wanted > len(data):
        raise damaged("TIFF")
    view = memoryview(data)
    raw = b"".join(view[o : o + s] for o, s in zip(offsets, sizes, strict=True))
    if len(raw) < wanted:
        raise damaged("TIFF")
    values = np.frombuffer(raw, kind, wanted // kind.itemsize)
    return values.reshape(page.rows, page.columns, page.channels).astype(kind.newbyteorder("="))


def _values(data: bytes, entry: int, order: str, big: bool) -> tuple[int, ...]:
    kind = _TYPES.get(_unpack(data, order + "H", entry + 2))
    count = _unpack(data, order + ("Q" if big else "I"), entry + 4)
    if kind is None or count > _MAX_VALUES:
        return ()
    at = entry + (12 if big else 8)
    if struct.calcsize(kind) * count > (8 if big else 4):
        at = _unpack(data, order + ("Q" if big else "I"), at)
    if at + struct.calcsize(kind) * count > len(data):
        raise damaged("TIFF")
    return struct.unpack_from(f"{order}{count}{kind}", data, at)


def _unpack(data: bytes, form: str, at: int) -> int:
    if at + struct.calcsize(form) > len(data):
        raise damaged("TIFF")
    return int(struct.unpack_from(form, data, at)[0])
