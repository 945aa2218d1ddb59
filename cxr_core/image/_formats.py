"""What a file is, told by its first bytes and never by its name."""

from __future__ import annotations

import codecs
import struct
from typing import Literal

from cxr_core.errors import ImageError
from cxr_core.image._limits import problem

Format = Literal["PNG", "JPEG", "TIFF", "WebP", "BMP", "DICOM"]

# (offset, bytes, what it is, what to do): the files that people send instead of a film.
_OTHERS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"PK\x03\x04", "a ZIP archive or an office document", "Give films or one ZIP of films."),
    (0, b"PK\x05\x06", "an empty ZIP archive", "Put films into it."),
    (0, b"%PDF", "a PDF document", "Export the film itself as DICOM or PNG."),
    (0, b"GIF8", "a GIF picture", "Export the film as DICOM or PNG."),
    (0, b"\x1f\x8b", "a gzip archive", "Unpack it first."),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it, or pack the films as ZIP."),
    (0, b"Rar!", "a RAR archive", "Unpack it, or pack the films as ZIP."),
    (0, b"BZh", "a bzip2 archive", "Unpack it first."),
    (0, b"\xfd7zXZ", "an xz archive", "Unpack it first."),
    (257, b"ustar", "a tar archive", "Unpack it, or pack the films as ZIP."),
    (4, b"jP  \r\n", "a JPEG 2000 file", "Export the film as DICOM, PNG or TIFF."),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 file", "Export the film as DICOM, PNG or TIFF."),
    (4, b"JXL \r\n", "a JPEG XL file", "Export the film as DICOM, PNG or TIFF."),
    (0, b"\xff\x0a", "a JPEG XL file", "Export the film as DICOM, PNG or TIFF."),
    (4, b"ftyp", "a video or a HEIC or AVIF picture", "Export the film as DICOM, PNG or JPEG."),
    (0, b"\x89HDF", "an HDF5 file", "Export the film as DICOM, PNG or TIFF."),
    (344, b"n+1\0", "a NIfTI volume", "Export the film as DICOM, PNG or TIFF."),
    (0, b"\x93NUMPY", "a NumPy array", "Export the film as DICOM, PNG or TIFF."),
    (0, b"MZ", "a program", "Give a film."),
    (0, b"\x7fELF", "a program", "Give a film."),
)

# Groups that a data set without preamble starts with: file meta and identification.
_FIRST_GROUPS = (0x0002, 0x0008)
_VALUE_REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR "
    b"US UT UV".split()
)


def sniff(data: bytes) -> Format:
    """The format of a film. Raises ImageError that names what came instead, where that is known."""
    # DICM first: a DICOM file may carry a TIFF header in its preamble. PS3.10 7.1.
    if data[128:132] == b"DICM":
        return "DICOM"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        return "BMP"
    if is_bare_dicom(data):
        return "DICOM"
    raise _unknown(data)


def is_bare_dicom(data: bytes) -> bool:
    """Whether a file without preamble starts like a DICOM data set, in any of its encodings."""
    if len(data) < 132:
        return False
    if data[:4] == b"DICM":
        return True
    for order in "<>":
        group, element = struct.unpack_from(f"{order}HH", data)
        if group not in _FIRST_GROUPS or element > 0x0060:
            continue
        explicit = data[4:6] in _VALUE_REPRESENTATIONS
        implicit = order == "<" and struct.unpack_from("<I", data, 4)[0] <= 256
        if explicit or implicit:
            return True
    return False


def _unknown(data: bytes) -> ImageError:
    for offset, magic, what, todo in _OTHERS:
        if data[offset : offset + len(magic)] == magic:
            return problem(what, todo)
    head = data[:512]
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return problem("a web page", "Save the film itself.")
    if not any(data):
        return problem("a file of nothing but zeros", "Its copy failed: copy the film again.")
    if _is_text(head):
        return problem("a text file", "Give a film.")
    return problem("a file of an unknown kind", "Export the film as DICOM or PNG.")


def _is_text(head: bytes) -> bool:
    """Letters and line ends alone, in UTF-8, or UTF-16 with its mark; the last may be cut off."""
    coding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        text = codecs.getincrementaldecoder(coding)().decode(head)
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n\ufeff" for letter in text)
