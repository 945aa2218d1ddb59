"""history.jsonl in a job's folder: one row of figures a line, read while it is written."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FILE = "history.jsonl"


def read(folder: Path) -> tuple[dict[str, float | None], ...]:
    """Every whole row so far; None stands for a figure that was not finite.

    A line cut short by a full disk or a killed process is left out, and so is a missing file.
    """
    try:
        lines = (folder / FILE).read_bytes().splitlines()
    except OSError:
        return ()
    rows = (_row(line) for line in lines)
    return tuple(row for row in rows if row is not None)


def append(folder: Path, values: Mapping[str, float]) -> None:
    """Add one row. Raises OSError where the disk is full."""
    line = json.dumps({key: number(value) for key, value in values.items()}).encode() + b"\n"
    with (folder / FILE).open("ab+") as file:
        # A row that a killed process left unfinished must not swallow this one.
        if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            line = b"\n" + line
        file.write(line)


def keep(folder: Path, wanted: Callable[[Mapping[str, float | None]], bool]) -> None:
    """Drop the rows that a resumed run will write again: rewritten beside its place, renamed."""
    rows = [row for row in read(folder) if wanted(row)]
    if not (folder / FILE).exists():
        return
    temporary = folder / f".{FILE}"
    with temporary.open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / FILE)


def number(value: Any) -> float | int | None:
    """A figure as JSON carries it: of NumPy or Python; None where it is not finite."""
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, int):
        return plain
    return float(plain) if math.isfinite(plain) else None


def _row(line: bytes) -> dict[str, float | None] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict):
        return None
    return row
