"""What is refused before anything is decoded, and the form of every refusal."""

from __future__ import annotations

from cxr_core.errors import ImageError

MAX_FILE_BYTES = 50 * 2**20
MAX_PIXELS = 100_000_000
MAX_FILES = 200
MAX_ARCHIVE_BYTES = 500 * 2**20

# Deflate packs at most 1032 bytes into one, JPEG at most 512 pixels: a smaller file is a bomb,
# refused before memory is set aside for what it claims. Small pictures may be.
MAX_PIXELS_PER_BYTE = 1100
FREE_PIXELS = 4_000_000
# Each scan of a progressive JPEG costs a pass over the whole picture; real ones have about ten.
MAX_JPEG_SCANS = 100
MAX_PAGES = 10_000
# A film at 16 bits and the largest number of pixels, and a header.
MAX_INFLATED_BYTES = 2 * MAX_PIXELS + 2**20
# Reads of a DICOM header: a real one takes hundreds, a multi-frame one some ten thousands.
MAX_HEADER_READS = 400_000

FILM = "a PNG, JPEG, TIFF, WebP, BMP or DICOM film up to 50 MB and 100 megapixels"


def problem(received: str, todo: str, expected: str = FILM) -> ImageError:
    """The one form of a refusal: what was expected, what came, what to do."""
    return ImageError(f"Expected {expected}; received {received}. {todo}")


def damaged(kind: str) -> ImageError:
    """A file whose content stops or contradicts itself."""
    return problem(
        f"a damaged or incomplete {kind} file",
        "Export or copy the film again.",
        f"a complete {kind} film",
    )


def check_bytes(size: int) -> None:
    """Raises ImageError for an empty file and for one above MAX_FILE_BYTES."""
    if size == 0:
        raise problem("an empty file", "Export or copy the film again.")
    if size > MAX_FILE_BYTES:
        raise problem(f"a file of {megabytes(size)} MB", "Export it smaller, one film a file.")


def check_pixels(rows: int, columns: int, stored_in: int) -> None:
    """Raises ImageError for a picture without pixels, one above MAX_PIXELS, and for a bomb.

    stored_in: bytes of the file or of the compressed frame.
    """
    if rows < 1 or columns < 1:
        raise problem("a picture without pixels", "Export the film again.")
    if rows * columns > MAX_PIXELS:
        size = rows * columns / 1e6
        raise problem(f"a picture of {size:,.0f} megapixels", "Export it at a lower resolution.")
    if rows * columns > max(MAX_PIXELS_PER_BYTE * stored_in, FREE_PIXELS):
        raise problem(
            f"a file of {stored_in:,} bytes that claims {rows * columns / 1e6:,.0f} megapixels",
            "Export the film again.",
        )


def check_frame(frame: int, frames: int) -> None:
    """Raises ImageError where the chosen frame (from 0) is not among the file's frames."""
    if not 0 <= frame < frames:
        raise problem(
            f"a choice of frame {frame}, where the first is 0",
            "Choose one of its frames.",
            f"one of the {frames} frames of the file" if frames > 1 else "a file of several frames",
        )


def megabytes(size: int) -> str:
    return f"{size / 2**20:,.1f}".removesuffix(".0")
