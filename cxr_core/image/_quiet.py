"""Keeps decoders from printing: their warnings and log records quote tag values, names included.

Muting is per thread and only while a film is read, so other users of these libraries keep theirs.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

_thread = threading.local()
_LOGGERS = ("PIL.Image", "PIL.ImageFile", "PIL.PngImagePlugin", "PIL.TiffImagePlugin")
# A logger's filter does not hold for the loggers below it, so each is named.
_DICOM_LOGGERS = (
    "pydicom",
    "pydicom.pixels.decoders.base",
    "pydicom.pixels.utils",
    "pylibjpeg.utils",
    "openjpeg._openjpeg",
    "openjpeg.decode",
    "openjpeg.utils",
    "jpeg_ls._CharLS",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing that a decoder says in this thread within the block is shown or logged."""
    depth = getattr(_thread, "depth", 0)
    _thread.depth = depth + 1
    try:
        yield
    finally:
        _thread.depth = depth


def mute_pydicom() -> None:
    """Puts pydicom's warnings behind `quiet`; call it once pydicom is imported."""
    import pydicom.misc

    misc: Any = pydicom.misc
    for name in _DICOM_LOGGERS:
        _filter(name)
    # All of pydicom's warnings pass through misc.warn_and_log, which looks `warnings` up there.
    # warnings.catch_warnings is no way out: it swaps a list that all threads share.
    if not isinstance(misc.warnings, _Warnings):
        misc.warnings = _Warnings()


@lru_cache(maxsize=1)
def mute_libtiff() -> None:
    """Stops Pillow's libtiff from printing to the terminal what it finds wrong with a file.

    There is no way to it through Pillow; where the library is not beside Pillow, it keeps printing.
    """
    import ctypes

    import PIL

    beside = Path(PIL.__file__).parent
    for folder in (beside.parent / "pillow.libs", beside / ".dylibs"):
        for path in folder.glob("libtiff*"):
            try:
                library = ctypes.CDLL(str(path))
                for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
                    setter = getattr(library, name)
                    setter.restype, setter.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
                    setter(None)
            except (OSError, AttributeError):
                continue


class _Warnings:
    def warn(self, *args: Any, **kwargs: Any) -> None:
        if not getattr(_thread, "depth", 0):
            kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
            warnings.warn(*args, **kwargs)


def _speaks(record: logging.LogRecord) -> bool:
    return not getattr(_thread, "depth", 0)


def _filter(name: str) -> None:
    logger = logging.getLogger(name)
    if _speaks not in logger.filters:
        logger.addFilter(_speaks)


for _name in _LOGGERS:
    _filter(_name)
# Remarks on damaged files, which come back as an ImageError or do not matter.
for _module in ("PIL", "openjpeg", "libjpeg", "pydicom"):
    warnings.filterwarnings("ignore", module=rf"{_module}\.")
