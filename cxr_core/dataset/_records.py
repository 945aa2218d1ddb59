"""What is known of each film: where it lies, its label, patient and cause."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxr_core import image

CLASSES: tuple[str, str] = ("NORMAL", "PNEUMONIA")

Cause = Literal["bacteria", "virus", "none", "unknown"]

# Kermany et al. 2018 name their files person1453_bacteria_3770, IM-0115-0001, NORMAL2-IM-1427-0001.
_PNEUMONIA_NAME = re.compile(r"^(person\d+)_(bacteria|virus)_")
_NORMAL_NAME = re.compile(r"^((?:NORMAL2-)?IM-\d+)-")
# NIH ChestX-ray14 names its files patient_followup.
_NIH_NAME = re.compile(r"^(\d{8})_\d{3}$")


@dataclass(frozen=True)
class FilmRecord:
    """One labelled film. film_id is its path below the data set's folder, without an extension.

    split: the side the data set itself puts it on: 'train', 'val' or 'test'. member: where in the
    file at `path` it lies, for a file of many: byte offset of a TFRecord, row of an .npz's arrays.
    age: years.
    """

    path: Path
    film_id: str
    label: str
    patient: str
    cause: Cause
    split: str | None = None
    member: int | None = None
    age: float | None = None
    sex: str | None = None
    view: str | None = None


def parse_name(stem: str, label: str) -> tuple[str, Cause]:
    """Patient and cause from a file's name; a name of no known scheme is a patient of its own."""
    if match := _PNEUMONIA_NAME.match(stem):
        return match[1], "bacteria" if match[2] == "bacteria" else "virus"
    if match := _NORMAL_NAME.match(stem + "-"):
        return match[1], "none"
    if match := _NIH_NAME.match(stem):
        return match[1], "unknown" if label == "PNEUMONIA" else "none"
    return stem, "unknown" if label == "PNEUMONIA" else "none"


def stem(path: Path) -> str:
    """A film's name without its ending, as text; an instance UID has no ending."""
    return as_text(image.without_suffix(path.name))


def as_text(name: str) -> str:
    """A name may hold bytes that are no text, or letters that steer a screen: spelt out."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def labels(records: Sequence[FilmRecord]) -> NDArray[np.int8]:
    """1 for pneumonia, 0 for normal; shape (n,)."""
    return np.array([r.label == "PNEUMONIA" for r in records], dtype=np.int8)
