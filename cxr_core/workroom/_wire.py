"""Messages between the app and its workroom: a length, then an .npz that holds JSON and arrays.

No pickle, so that neither side can be made to run what the other sends.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_HEADER = "__header__"
_LENGTH = struct.Struct("<Q")


def write(stream: Any, header: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Send one message."""
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(buffer, **{_HEADER: text}, **arrays)  # type: ignore[arg-type]
    content = buffer.getvalue()
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read(stream: BinaryIO | Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """Receive one message; None where the other side has closed. Raises EOFError in the middle."""
    start = stream.read(_LENGTH.size)
    if not start:
        return None
    (length,) = _LENGTH.unpack(_whole(start, _LENGTH.size))
    with np.load(io.BytesIO(_whole(stream.read(length), length)), allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files if name != _HEADER}
        return json.loads(found[_HEADER].tobytes()), arrays


def _whole(content: bytes, length: int) -> bytes:
    if len(content) < length:
        raise EOFError("the other side closed in the middle of a message")
    return content
