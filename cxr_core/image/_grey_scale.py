"""Stored values → modality LUT or rescale → what the VOI is defined on. PS3.3 C.11.1, C.11.2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.image._deidentify import first, item, numbers, text, value
from cxr_core.schema import VoiFunction, VoiTable, Window

KEYWORDS = (
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "ModalityLUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
    "VOILUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)

_FUNCTIONS: dict[str, VoiFunction] = {
    "LINEAR": "LINEAR",
    "LINEAR_EXACT": "LINEAR_EXACT",
    "SIGMOID": "SIGMOID",
}
_INT32 = np.iinfo(np.int32)


def shown(
    stored: NDArray[Any], header: Any, frame: int, *, signed: bool, inverted: bool
) -> tuple[NDArray[Any], Window | VoiTable | None]:
    """Pixels after the modality LUT, padding made dark, and how the file asks to show them."""
    padding = _padding(stored, header, signed)
    pixels = _modality(stored, _macro(header, frame, "PixelValueTransformationSequence"), signed)
    if padding is not None:
        picture = pixels[~padding]
        # C.7.5.1.1.2: padding is no part of the picture, so it must not widen the shown range.
        darkest = picture.max() if inverted else picture.min()
        pixels = np.where(padding, darkest, pixels).astype(pixels.dtype)
    signed = signed or bool(pixels.min() < 0)
    return pixels, _voi(_macro(header, frame, "FrameVOILUTSequence"), signed)


def _macro(header: Any, frame: int, keyword: str) -> Any:
    """The functional group that holds for a frame, or the header itself. PS3.3 C.7.6.16."""
    groups = value(header, "PerFrameFunctionalGroupsSequence")
    if hasattr(groups, "__len__") and len(groups) > frame:
        found = item(groups[frame], keyword)
        if found is not None:
            return found
    shared = item(header, "SharedFunctionalGroupsSequence")
    found = item(shared, keyword) if shared is not None else None
    return header if found is None else found


def _padding(stored: NDArray[Any], header: Any, signed: bool) -> NDArray[np.bool_] | None:
    """Where the stored values are padding, or None where none or all are. C.7.5.1.1.2."""
    low = _integer(header, "PixelPaddingValue", signed)
    if low is None:
        return None
    high = _integer(header, "PixelPaddingRangeLimit", signed)
    low, high = sorted((low, low if high is None else high))
    mask: NDArray[np.bool_] = (stored >= low) & (stored <= high)
    return mask if mask.any() and not mask.all() else None


def _modality(stored: NDArray[Any], header: Any, signed: bool) -> NDArray[Any]:
    """C.11.1: the modality LUT where there is one, else the rescale."""
    table = item(header, "ModalityLUTSequence")
    lut = _lut(table, signed) if table is not None else None
    if lut is not None:
        start, values, _ = lut
        index = np.clip(stored.astype(np.int64) - start, 0, len(values) - 1)
        return values[index]
    slope = (numbers(value(header, "RescaleSlope")) or [1.0])[0] or 1.0
    intercept = (numbers(value(header, "RescaleIntercept")) or [0.0])[0]
    if slope == 1.0 and intercept == 0.0:
        return stored
    low, high = sorted(int(v) * slope + intercept for v in (stored.min(), stored.max()))
    whole = slope == int(slope) and intercept == int(intercept)
    if whole and _INT32.min <= low and high <= _INT32.max and stored.dtype.kind in "iu":
        wide = stored.astype(np.int64) * int(slope) + int(intercept)
        return wide.astype(_smallest(low, high))
    if max(abs(low), abs(high)) > np.finfo(np.float32).max / 4:
        return stored
    return (stored * np.float64(slope) + intercept).astype(np.float32)


def _voi(header: Any, signed: bool) -> Window | VoiTable | None:
    """C.11.2: the first VOI LUT, else the first window, else None; never both."""
    table = item(header, "VOILUTSequence")
    lut = _lut(table, signed) if table is not None else None
    if lut is not None:
        start, values, bits = lut
        top = 2**bits - 1
        spread = np.minimum(values, top).astype(np.uint64) * 65535 // top
        return VoiTable(float(start), spread.astype(np.uint16))
    centre = numbers(first(value(header, "WindowCenter")))
    width = numbers(first(value(header, "WindowWidth")))
    if not centre or not width:
        return None
    function = _FUNCTIONS.get(text(header, "VOILUTFunction"), "LINEAR")
    # C.11.2.1.2.1: LINEAR needs a width of at least 1; the others one above 0.
    if width[0] < 1 if function == "LINEAR" else width[0] <= 0:
        return None
    return Window(centre[0], width[0], function)


def _lut(table: Any, signed: bool) -> tuple[int, NDArray[np.uint16], int] | None:
    """(first value mapped, values, bits) of a LUT item, or None where it contradicts itself.

    C.11.1.1: the descriptor is length (0 stands for 65536), first value and bits of an entry.
    """
    descriptor = _integers(value(table, "LUTDescriptor"))
    if len(descriptor) != 3:
        return None
    count, start, bits = descriptor[0] & 0xFFFF or 65536, descriptor[1], descriptor[2]
    if signed and start > 32767:
        start -= 65536
    found = value(table, "LUTData")
    if isinstance(found, (bytes, bytearray)):
        kind = np.dtype("u1" if len(found) in (count, count + count % 2) else "<u2")
        values = np.frombuffer(found, kind, len(found) // kind.itemsize)
    else:
        values = np.array([v & 0xFFFF for v in _integers(found)], np.uint16)
    if len(values) < count or not 1 <= bits <= 16:
        return None
    values = values[:count].astype(np.uint16)
    # Some writers give entries of more bits than they state.
    return start, values, max(bits, int(values.max()).bit_length())


def _integer(header: Any, keyword: str, signed: bool) -> int | None:
    found = _integers(value(header, keyword))
    if not found:
        return None
    wraps = signed and 32767 < found[0] <= 65535
    return found[0] - 65536 if wraps else found[0]


def _integers(found: Any) -> list[int]:
    """Whole numbers of a value; bytes are what 'US or SS' is where its type stayed open."""
    if isinstance(found, (bytes, bytearray)):
        return [int(v) for v in np.frombuffer(found, "<u2", len(found) // 2)]
    return [int(v) for v in numbers(found)]


def _smallest(low: float, high: float) -> type[np.int16] | type[np.uint16] | type[np.int32]:
    if low >= -32768 and high <= 32767:
        return np.int16
    return np.uint16 if low >= 0 and high <= 65535 else np.int32
