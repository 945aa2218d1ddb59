"""MedMNIST: one .npz of `train_images`, `train_labels`, `val_*`, `test_*`, 28 to 224 pixels."""

from __future__ import annotations

import functools
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.dataset._records import CLASSES, FilmRecord
from cxr_core.errors import DataError

SIDES = ("train", "val", "test")


def read_npz(path: Path, classes: Sequence[str]) -> list[FilmRecord]:
    """Films of a MedMNIST file. It names no patients: each film is a patient of its own.

    classes: names of the labels 0, 1, …; without them pneumonia's for `pneumoniamnist*`, else the
    numbers. Raises DataError.
    """
    records: list[FilmRecord] = []
    for side in SIDES:
        labels = _labels(path, side)
        if labels is None:
            continue
        _check_images(path, side, len(labels))
        names = _names(path, int(labels.max(initial=0)) + 1, classes)
        for row, target in enumerate(labels.tolist()):
            label = names[target]
            film_id = f"{side}/{row:05d}"
            cause: Any = "unknown" if label == "PNEUMONIA" else "none"
            records.append(FilmRecord(path, film_id, label, film_id, cause, side, row))
    if not records:
        raise DataError(
            f"Expected arrays train_images and train_labels in {path.name}; found neither. "
            "Give a MedMNIST file."
        )
    return records


def read_array(path: Path, film_id: str, row: int) -> NDArray[np.uint8]:
    """The pixels of one film: (H, W) or (H, W, 3) uint8. Raises DataError."""
    images = _images(str(path), path.stat().st_mtime_ns, film_id.split("/")[0])
    if row >= len(images):
        raise DataError(f"Expected {row + 1} images; received {len(images)}. Index the file again.")
    film: NDArray[np.uint8] = images[row]
    return film


# A film at a time is asked for: the two or three arrays of one file stay.
@functools.lru_cache(maxsize=3)
def _images(path: str, changed: int, side: str) -> NDArray[np.uint8]:
    images: NDArray[np.uint8] | None = _array(Path(path), f"{side}_images")
    if images is None or images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise DataError(
            f"Expected {side}_images of (n, height, width), uint8; received something else. "
            "Give a MedMNIST file."
        )
    return images


def _check_images(path: Path, side: str, films: int) -> None:
    """Shape and type, from the header alone: the pixels may be larger than memory."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{side}_images.npy") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0
            read = read if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            stored = archive.getinfo(f"{side}_images.npy").file_size
    except KeyError:
        shape, dtype, stored = (), np.dtype(np.uint8), 0
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, MemoryError) as error:
        raise _not_whole(path, error) from error
    told = shape[:1] == (films,) and len(shape) in (3, 4) and math.prod(shape) <= stored
    if not told or dtype != np.uint8 or (len(shape) == 4 and shape[3] != 3):
        raise DataError(
            f"Expected {side}_images of ({films}, height, width), uint8, as there are {films} "
            f"labels; received {dtype} of shape {shape} in {stored:,} bytes. Give a MedMNIST file."
        )


def _labels(path: Path, side: str) -> NDArray[np.int64] | None:
    labels = _array(path, f"{side}_labels")
    if labels is None:
        return None
    if labels.dtype.kind not in "iub" or labels.size != len(labels) or labels.min(initial=0) < 0:
        raise DataError(
            f"Expected one class for each film in {side}_labels; received {labels.dtype} of shape "
            f"{labels.shape}. Several findings a film cannot be told apart here."
        )
    flat: NDArray[np.int64] = labels.reshape(-1).astype(np.int64)
    return flat


def _array(path: Path, key: str) -> Any:
    try:
        with np.load(path, allow_pickle=False) as file:
            return file[key] if key in file.files else None
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, MemoryError) as error:
        raise _not_whole(path, error) from error


def _not_whole(path: Path, error: Exception) -> DataError:
    return DataError(
        f"Expected a whole .npz file; {path.name} does not open ({type(error).__name__}). "
        "Download it again."
    )


def _names(path: Path, count: int, classes: Sequence[str]) -> Sequence[str]:
    if classes:
        if len(classes) < count:
            raise DataError(
                f"Expected a name for each of {count} classes; received {', '.join(classes)}. "
                "Name all of them, or none."
            )
        return classes
    if path.name.startswith("pneumoniamnist") and count <= 2:
        return CLASSES
    return [str(i) for i in range(count)]
