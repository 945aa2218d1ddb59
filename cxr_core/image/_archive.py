"""A ZIP of films, handled in memory one member at a time; nothing of it is written to disk."""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cxr_core.errors import ArchiveError
from cxr_core.image._limits import MAX_ARCHIVE_BYTES, MAX_FILE_BYTES, MAX_FILES, megabytes

if TYPE_CHECKING:
    import zipfile

ARCHIVE = "a ZIP of at most 200 films and 500 MB unpacked"

_CHUNK = 2**20
# Deflate reaches 1032; a film, even one with black borders, stays far below this.
_MAX_RATIO = 250
_RATIO_FROM = 2**20
# Bytes of directory for MAX_FILES long names beside what operating systems add.
_MAX_DIRECTORY_BYTES = 4 * 2**20
_JUNK_NAMES = frozenset({".ds_store", "thumbs.db", "desktop.ini", "dicomdir"})
_UNSAFE_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LOCAL_HEADER = 30


@dataclass(frozen=True)
class ArchiveMember:
    """One file of an archive: its bytes, or why it was refused. name: only to be shown."""

    name: str
    data: bytes | None
    error: ArchiveError | None


def is_archive(data: bytes) -> bool:
    """Whether the bytes start like a ZIP archive, an empty one included."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def members(source: BinaryIO | bytes | Path, name: str) -> Iterator[ArchiveMember]:
    """The files of a ZIP, one at a time; what operating systems add is passed over.

    A member that is unsafe, too large or damaged comes with its error and the rest go on.
    Raises ArchiveError at once where the archive as a whole is damaged or above the limits,
    and while it is read where it unpacks to more than it states.
    """
    failure: ArchiveError | None = None
    try:
        archive, entries = _opened(source)
    except ArchiveError as error:
        failure = ArchiveError(str(error))
    except Exception:
        # zipfile raises struct.error, OverflowError, UnicodeError and more on damaged directories.
        failure = _problem("a damaged archive", "Pack the films again.")
    if failure is not None:
        raise failure
    return _walk(archive, entries, name)


def _opened(
    source: BinaryIO | bytes | Path,
) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    import zipfile  # start-up time of those who read no archive

    if isinstance(source, Path):
        if not source.is_file():
            raise _problem("a path where there is no file", "Check the path.")
        with source.open("rb") as file:
            _check_container(file)
        archive = zipfile.ZipFile(source)
    else:
        stream = BytesIO(source) if isinstance(source, bytes) else source
        _check_container(stream)
        archive = zipfile.ZipFile(stream)
    try:
        return archive, _checked(archive)
    except BaseException:
        archive.close()
        raise


def _check_container(file: BinaryIO) -> None:
    """Refuses by size what zipfile would have to read whole to find out."""
    size = file.seek(0, os.SEEK_END)
    if size > MAX_ARCHIVE_BYTES:
        raise _problem(f"an archive of {megabytes(size)} MB", "Split it.")
    if _directory_bytes(file, size) > _MAX_DIRECTORY_BYTES:
        raise _problem("an archive of many more files", "Split it.")


def _directory_bytes(file: BinaryIO, size: int) -> int:
    """Size of the central directory by the archive's end record, before zipfile reads all of it."""
    start = max(0, size - 65_557 - 76)
    file.seek(start)
    tail = file.read(size - start)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or end + 22 > len(tail):
        raise _problem("a damaged or incomplete archive", "Copy or pack it again.")
    found = int(struct.unpack_from("<I", tail, end + 12)[0])
    wide = tail.rfind(b"PK\x06\x06", 0, end)
    if wide >= 0 and wide + 48 <= len(tail) and tail[end - 20 : end - 16] == b"PK\x06\x07":
        found = max(int(struct.unpack_from("<Q", tail, wide + 40)[0]), found % 0xFFFFFFFF)
    file.seek(0)
    return found


def _checked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    entries = [e for e in archive.infolist() if not _is_junk(e)]
    if not entries:
        raise _problem("an archive without files", "Put films into it.")
    if len(entries) > MAX_FILES:
        raise _problem(f"an archive of {len(entries):,} files", "Split it.")
    stated = sum(e.file_size for e in entries)
    if stated > MAX_ARCHIVE_BYTES:
        raise _problem(f"an archive of {megabytes(stated)} MB unpacked", "Split it.")
    # Entries that share their data make a small archive unpack to a huge one.
    reached = 0
    for entry in sorted(archive.infolist(), key=lambda e: e.header_offset):
        if entry.header_offset < reached:
            raise _problem("an archive whose files overlap", "Pack the films again.")
        reached = entry.header_offset + _LOCAL_HEADER + entry.compress_size
    return entries


def _walk(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], name: str
) -> Iterator[ArchiveMember]:
    left = MAX_ARCHIVE_BYTES
    shown_archive = _shown(name)
    with closing(archive):
        for entry in entries:
            shown = _shown(entry.filename)
            shown = f"{shown_archive}/{shown}" if shown_archive else shown
            error = _refusal(entry)
            data = b""
            if error is None:
                data, error = _unpacked(archive, entry, left)
                left -= len(data)
            yield ArchiveMember(shown, None if error else data, error)
            if left <= 0:
                raise _problem("an archive that unpacks to more than it states", "Pack it again.")
            del data


def _refusal(entry: zipfile.ZipInfo) -> ArchiveError | None:
    """Why a member is refused by what the directory says of it, or None."""
    film = "a film"
    if _is_unsafe_path(getattr(entry, "orig_filename", entry.filename)):
        return _problem("a path that leads out of the archive", "Pack the films again.", film)
    if stat.S_ISLNK(entry.external_attr >> 16):
        return _problem("a link to another file", "Pack the film itself.", film)
    if entry.flag_bits & 0x1:
        return _problem("an encrypted file", "Pack it without a password.", film)
    if entry.file_size == 0:
        return _problem("an empty file", "Export or copy the film again.", film)
    if entry.file_size > MAX_FILE_BYTES:
        size = megabytes(entry.file_size)
        return _problem(f"a file of {size} MB", "Export it smaller.", "a film up to 50 MB")
    if entry.file_size > _RATIO_FROM and entry.file_size > _MAX_RATIO * entry.compress_size:
        return _problem(
            "a file packed far more tightly than any film", "Give the film unpacked.", film
        )
    return None


def _unpacked(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int
) -> tuple[bytes, ArchiveError | None]:
    """The member's bytes, counted as they are inflated, and why they are not a film's."""
    film = "a film"
    limit = min(MAX_FILE_BYTES, left)
    inflated = bytearray()
    try:
        with archive.open(entry) as stream:
            while chunk := stream.read(min(_CHUNK, limit + 1 - len(inflated))):
                inflated += chunk
                if len(inflated) > limit:
                    break
    except NotImplementedError:
        return b"", _problem("a file in a rare compression", "Pack it again as plain ZIP.", film)
    except Exception:
        # zipfile, zlib, bz2 and lzma each raise their own on damage.
        return b"", _problem("a damaged file", "Pack the film again.", film)
    data = bytes(inflated)
    if len(data) > limit:
        return data, _problem("a file above the limit", "Export it smaller.", "a film up to 50 MB")
    if is_archive(data):
        return data, _problem("an archive within the archive", "Unpack that one first.", film)
    return data, None


def _is_junk(entry: zipfile.ZipInfo) -> bool:
    parts = entry.filename.replace("\\", "/").split("/")
    base = parts[-1]
    return (
        entry.is_dir()
        or base == ""
        or "__MACOSX" in parts
        or base.startswith("._")
        or base.lower() in _JUNK_NAMES
    )


def _is_unsafe_path(path: str) -> bool:
    parts = path.replace("\\", "/").split("/")
    drive = re.match(r"^[A-Za-z]:", path) is not None
    return ".." in parts or parts[0] == "" or drive or "\0" in path


def _shown(path: str) -> str:
    """A name without what could steer a terminal or a path; at most 120 characters of its end."""
    parts = _UNSAFE_CHARACTERS.sub("", path.replace("\\", "/")).split("/")
    return "/".join(p for p in parts if p not in ("", ".", ".."))[-120:]


def _problem(received: str, todo: str, expected: str = ARCHIVE) -> ArchiveError:
    return ArchiveError(f"Expected {expected}; received {received}. {todo}")
