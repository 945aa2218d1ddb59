"""How an attempt ended, as its process says it, kept until the table knows."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cxr_core.errors import Cancelled, CxrError
from cxr_core.jobs import _history
from cxr_core.jobs._job import Json
from cxr_core.jobs._states import State

FILE = "outcome.json"
_RESERVED = 4096


@dataclass(frozen=True)
class Outcome:
    """The end of one attempt."""

    attempt: int
    state: State
    reason: str | None = None
    result: Mapping[str, Json] | None = None

    def dumps(self) -> bytes:
        """As one line of JSON; figures of NumPy as numbers, those not finite as null."""
        return json.dumps(_plain(asdict(self)), default=str).encode()


def loads(content: bytes) -> Outcome | None:
    """What `dumps` gave; None where it is torn or blank."""
    try:
        values = json.loads(content)
        return Outcome(**values | {"state": State(values["state"])})
    except (ValueError, TypeError, KeyError):
        return None


def of(attempt: int, error: BaseException) -> Outcome:
    """The outcome of an attempt that ended with an exception."""
    if isinstance(error, Cancelled):
        return Outcome(attempt, State.CANCELLED, "Cancelled while it ran.")
    return Outcome(attempt, State.FAILED, reason(error))


def reason(error: BaseException) -> str:
    """Why, for a person, without a file's name."""
    if isinstance(error, CxrError):
        return str(error)
    if "no space left on device" in str(error).lower():
        return "Expected room on the disk; it is full. Free some space, then resume or start again."
    if isinstance(error, MemoryError):
        return (
            "Expected enough memory; the machine refused more. Choose a smaller batch or input, "
            "then start again."
        )
    if isinstance(error, OSError) and error.errno:
        name = errno.errorcode.get(error.errno, "")
        return (
            f"Expected its files to be readable and writable; received {error.strerror} ({name}). "
            "Check that its folders are still there, then resume or start again."
        )
    said = str(error).strip().splitlines()[:1]
    return (
        f"It stopped with {type(error).__name__}{': ' + said[0][:300] if said else ''}. "
        "Its log says where."
    )


def reserve(folder: Path) -> None:
    """Take the room now: a disk that fills up later must not hide how the attempt ended."""
    with (folder / FILE).open("wb") as file:
        file.write(b" " * _RESERVED)
        file.flush()
        os.fsync(file.fileno())


def store(folder: Path, outcome: Outcome) -> None:
    """Write it into the room reserved. Raises OSError."""
    content = outcome.dumps()
    with (folder / FILE).open("r+b") as file:
        file.write(content.ljust(_RESERVED))
        file.flush()
        os.fsync(file.fileno())


def stored(folder: Path, attempt: int) -> Outcome | None:
    """What that attempt left; None where it left nothing whole."""
    try:
        outcome = loads((folder / FILE).read_bytes())
    except OSError:
        return None
    return outcome if outcome is not None and outcome.attempt == attempt else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, (bool, str)) or value is None:
        return value
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return _history.number(value) if isinstance(value, (int, float)) else value
