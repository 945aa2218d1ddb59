"""The door: limits, format, one decoder, and no exception but ImageError."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from cxr_core.errors import ImageError
from cxr_core.image._formats import Format, sniff
from cxr_core.image._limits import MAX_FILE_BYTES, check_bytes, check_frame, damaged, problem
from cxr_core.image._quiet import quiet
from cxr_core.schema import Film


def decode(data: bytes, name: str = "", *, frame: int = 0) -> Film:
    """One film at full depth with its de-identified facts.

    data: a whole file. name: for the caller's own book-keeping; not read, kept or logged.
    frame: which page or frame of several, from 0. Raises ImageError, and nothing else, where
    this is not a film that can be read.
    """
    failure: ImageError
    kind = "picture"
    try:
        check_bytes(len(data))
        data = bytes(data)
        kind = sniff(data)
        if frame < 0:
            check_frame(frame, 1)
        with quiet():
            return _decoded(kind, data, frame)
    except ImageError as error:
        failure = ImageError(str(error))
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException:  # a decoder in Rust panics with a BaseException
        failure = damaged(kind)
    # Raised here and not above: a chained exception of a library would carry tag values along.
    raise failure


def read(path: Path, *, frame: int = 0) -> Film:
    """`decode` of a file on disk, whose size is checked before it is read.

    Raises ImageError, also where the path cannot be read or is not a file; it does not repeat
    the path.
    """
    failure: ImageError | None = None
    data = b""
    try:
        # Not blocking: opening a named pipe would wait for its writer for ever.
        handle = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            if stat.S_ISREG(status.st_mode):
                check_bytes(status.st_size)
                data = file.read(MAX_FILE_BYTES + 1)
            else:
                failure = problem("something that is not a file", "Give a file.")
    except ImageError as error:
        failure = ImageError(str(error))
    except IsADirectoryError:
        failure = problem("a folder", "Give the files in it.")
    except FileNotFoundError:
        failure = problem("a path where there is no file", "Check the path.")
    except (OSError, ValueError):
        failure = problem("a file that cannot be opened", "Check its permissions.")
    if failure is not None:
        raise failure
    return decode(data, frame=frame)


def _decoded(kind: Format, data: bytes, frame: int) -> Film:
    digest = hashlib.sha256(data).hexdigest()
    if kind == "DICOM":
        from cxr_core.image import _dicom

        film = _dicom.decode(data, frame, digest)
    else:
        from cxr_core.image import _raster

        film = _raster.decode(kind, data, frame, digest)
    # Films are shared between threads and cached.
    film.pixels.flags.writeable = False
    return film
