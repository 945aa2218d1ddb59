"""Bytes → a grey film at full depth with de-identified facts.

PNG, JPEG, TIFF, WebP, BMP, DICOM and ZIP archives of them.

Formats are told by content, limits are checked before decoding, and every problem is one
ImageError that says what was expected, what came and what to do, without a name or a tag's value.

A `Film.voi` that is a VoiTable holds values that span 0 to 65535, whatever depth the file used.
Pixel padding is already replaced by the film's darkest shown value.
"""

from cxr_core.image._archive import ArchiveMember, is_archive, members
from cxr_core.image._decode import decode, read
from cxr_core.image._limits import MAX_ARCHIVE_BYTES, MAX_FILE_BYTES, MAX_FILES, MAX_PIXELS
from cxr_core.image._names import may_be_film, without_suffix

__all__ = [
    "MAX_ARCHIVE_BYTES",
    "MAX_FILES",
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "ArchiveMember",
    "decode",
    "is_archive",
    "may_be_film",
    "members",
    "read",
    "without_suffix",
]
