"""Which files of a folder may be films: by their ending, else by how they begin."""

from __future__ import annotations

from pathlib import Path

from cxr_core.errors import ImageError
from cxr_core.image._formats import sniff

# The last row are pictures that cannot be read: each is told of, and not passed over.
FILM_SUFFIXES = frozenset(
    {
        ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp",
        ".dcm", ".dicom", ".dic", ".ima",
        ".gif", ".jp2", ".j2k", ".heic", ".avif",
    }
)  # fmt: skip
_BEGINNING = 512


def may_be_film(path: Path) -> bool:
    """Whether a file that was found in a folder, and not named by a person, may be a film.

    Endings of films, names without an ending, as scanners and DICOM media write them, and names
    that end in a UID's number. A file with another ending is looked at: films are told by content.
    Hidden files and DICOMDIR are none.
    """
    if path.name.startswith(".") or path.name.upper() == "DICOMDIR":
        return False
    suffix = path.suffix.lower()
    if suffix in FILM_SUFFIXES or suffix == "" or suffix[1:].isdigit():
        return True
    return _begins_like_a_film(path)


def without_suffix(name: str) -> str:
    """A film's name without its ending. The last number of a UID is no ending."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and stem and not suffix.isdigit() else name


def _begins_like_a_film(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            sniff(file.read(_BEGINNING))
    except (ImageError, OSError):
        return False
    return True
