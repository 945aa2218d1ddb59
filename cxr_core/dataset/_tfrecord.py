"""TFRecord pairs: `images.tfrec` holds encoded films, `paths.tfrec` their paths, record by record.

The framing is TensorFlow's (tsl/lib/io/record_writer.h): length uint64, masked CRC-32C of it,
the bytes, masked CRC-32C of them; all little-endian. Read here so that no page loads TensorFlow.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cxr_core.dataset._folders import SIDES
from cxr_core.dataset._records import FilmRecord, parse_name
from cxr_core.errors import DataError

IMAGES, PATHS = "images.tfrec", "paths.tfrec"
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_LONGEST = 2**28
_MASK = 0xA282EAD8


def is_pair(folder: Path) -> bool:
    """Both files of a pair lie in this folder."""
    return (folder / IMAGES).is_file() and (folder / PATHS).is_file()


def read_pairs(root: Path) -> tuple[list[FilmRecord], list[tuple[str, str]]]:
    """Films of every pair in `root` and its folders train, val and test; and what was left out.

    Raises DataError where a pair's two files do not fit together.
    """
    records: list[FilmRecord] = []
    left_out: list[tuple[str, str]] = []
    folders = [root, *sorted(d for d in root.iterdir() if d.is_dir())]
    for folder in folders:
        if not is_pair(folder):
            continue
        side = SIDES.get(folder.name.lower()) if folder != root else None
        found, bad = _pair(folder, side)
        records += found
        left_out += bad
    return records, left_out


def read_record(path: Path, offset: int) -> bytes:
    """The record at a byte offset, its checksums compared. Raises DataError."""
    with path.open("rb") as file:
        file.seek(offset)
        return _record(file)


def masked_crc(content: bytes) -> int:
    """CRC-32C, rotated and shifted as TFRecords store it."""
    import google_crc32c

    crc = int(google_crc32c.value(content))
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def _pair(folder: Path, side: str | None) -> tuple[list[FilmRecord], list[tuple[str, str]]]:
    images, paths = folder / IMAGES, folder / PATHS
    names: list[str] = []
    left_out: list[tuple[str, str]] = []
    with paths.open("rb") as file:
        try:
            while file.peek(1):
                names.append(_record(file).decode("utf-8", "replace"))
        except DataError as error:
            left_out.append((f"{folder.name}/{PATHS}", str(error)))
    offsets: list[int] = []
    try:
        for offset in _offsets(images):
            offsets.append(offset)
    except DataError as error:
        left_out.append((f"{folder.name}/{IMAGES}", str(error)))
    if len(offsets) != len(names) and not left_out:
        raise DataError(
            f"Expected as many records in {IMAGES} as in {PATHS} of {folder.name}; received "
            f"{len(offsets)} and {len(names)}. Download the pair again."
        )
    records = []
    for name, offset in zip(names, offsets, strict=False):
        path = PurePosixPath(name.replace("\\", "/"))
        label, stem = path.parent.name, path.stem
        patient, cause = parse_name(stem, label)
        prefix = f"{side}/" if side else ""
        film_id = f"{prefix}{label}/{stem}"
        records.append(FilmRecord(images, film_id, label, patient, cause, side, offset))
    return records, left_out


def _offsets(path: Path) -> Iterator[int]:
    """Where each record begins: only lengths are read, so that gigabytes take a moment."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at < size:
            length = _length(file)
            after = at + _HEADER.size + length + _FOOTER.size
            if after > size:
                raise _damaged("a file that is cut off")
            yield at
            at = after
            file.seek(at, os.SEEK_SET)


def _record(file: BinaryIO) -> bytes:
    length = _length(file)
    content = file.read(length)
    footer = file.read(_FOOTER.size)
    if len(content) < length or len(footer) < _FOOTER.size:
        raise _damaged("a record that is cut off")
    if _FOOTER.unpack(footer)[0] != masked_crc(content):
        raise _damaged("a record whose checksum differs")
    return content


def _length(file: BinaryIO) -> int:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise _damaged("a record that is cut off")
    length, crc = _HEADER.unpack(header)
    if crc != masked_crc(header[:8]) or length > _LONGEST:
        raise _damaged("bytes that are no TFRecord")
    return int(length)


def _damaged(received: str) -> DataError:
    return DataError(f"Expected a whole TFRecord; received {received}. Download the file again.")
