"""Class folders of films → an index of label, patient and cause; patients stay whole in splits."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError
from cxr_core.schema import Label

CLASSES: tuple[Label, Label] = ("NORMAL", "PNEUMONIA")
FILM_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".dcm", ".dicom"}
)

Cause = Literal["bacteria", "virus", "none", "unknown"]

# Kermany et al. 2018 name their files person1453_bacteria_3770, IM-0115-0001, NORMAL2-IM-1427-0001.
_PNEUMONIA_NAME = re.compile(r"^(person\d+)_(bacteria|virus)_")
_NORMAL_NAME = re.compile(r"^((?:NORMAL2-)?IM-\d+)-")
# NIH ChestX-ray14 names its files patient_followup.
_NIH_NAME = re.compile(r"^(\d{8})_\d{3}$")


@dataclass(frozen=True)
class FilmRecord:
    """One labelled film. film_id is its path below the data set's folder, without an extension."""

    path: Path
    film_id: str
    label: Label
    patient: str
    cause: Cause


@dataclass(frozen=True)
class Split:
    """Index positions of training and validation films; no patient is in both."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]


def parse_name(stem: str, label: Label) -> tuple[str, Cause]:
    """Patient and cause from a file's name; a name of no known scheme is a patient of its own."""
    if match := _PNEUMONIA_NAME.match(stem):
        return match[1], "bacteria" if match[2] == "bacteria" else "virus"
    if match := _NORMAL_NAME.match(stem + "-"):
        return match[1], "none"
    if match := _NIH_NAME.match(stem):
        return match[1], "unknown" if label == "PNEUMONIA" else "none"
    return stem, "unknown" if label == "PNEUMONIA" else "none"


def index_folder(root: Path) -> tuple[FilmRecord, ...]:
    """Films of `root/NORMAL` and `root/PNEUMONIA`, in the order of their names.

    Raises DataError where a class folder is missing or holds no film.
    """
    root = Path(root)
    records: list[FilmRecord] = []
    for label in CLASSES:
        folder = _class_folder(root, label)
        found = sorted(p for p in folder.rglob("*") if p.is_file() and _may_be_film(p))
        if not found:
            raise DataError(
                f"Expected films in {folder}; found none. "
                "Put PNG, JPEG, TIFF, WebP, BMP or DICOM files there."
            )
        for path in found:
            patient, cause = parse_name(path.stem, label)
            film_id = f"{label}/{path.relative_to(folder).with_suffix('').as_posix()}"
            records.append(FilmRecord(path, film_id, label, patient, cause))
    return tuple(records)


def labels(records: Sequence[FilmRecord]) -> NDArray[np.int8]:
    """1 for pneumonia, 0 for normal; shape (n,)."""
    return np.array([r.label == "PNEUMONIA" for r in records], dtype=np.int8)


def split_by_patient(
    records: Sequence[FilmRecord], *, folds: int = 7, fold: int = 0, seed: int = 0
) -> Split:
    """Hold out one of `folds` parts, stratified by label, with every patient on one side only."""
    from sklearn.model_selection import StratifiedGroupKFold

    groups = [r.patient for r in records]
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    parts = list(splitter.split(np.zeros(len(records)), labels(records), groups))
    train, validation = parts[fold]
    return Split(train, validation)


def leave_out(records: Sequence[FilmRecord], shift: str, base: Split) -> Split:
    """A split whose validation films differ in kind from the training films, to judge a recipe by.

    shift: 'bacteria' or 'virus' leaves that cause out of training and validates on it beside the
    base split's validation normals; 'early' or 'late' leaves out the lowest or highest fifth of
    patient numbers of each naming scheme.
    """
    if shift in ("bacteria", "virus"):
        held = {i for i, r in enumerate(records) if r.cause == shift}
        normal = {int(i) for i in base.validation if records[i].label == "NORMAL"}
        return _split_at(records, held | normal)
    if shift in ("early", "late"):
        return _split_at(records, _period(records, shift == "early"))
    raise DataError(
        f"Expected a shift of bacteria, virus, early or late; received {shift!r}. Choose one."
    )


def split_hash(records: Sequence[FilmRecord], split: Split) -> str:
    """sha256 over film ids and sides: the same split of the same films has the same hash."""
    digest = hashlib.sha256()
    for side, positions in (("train", split.train), ("validation", split.validation)):
        for film_id in sorted(records[int(i)].film_id for i in positions):
            digest.update(f"{side}\t{film_id}\n".encode())
    return digest.hexdigest()


def _class_folder(root: Path, label: Label) -> Path:
    if not root.is_dir():
        raise DataError(f"Expected a folder of films; {root} is not one. Check the path.")
    for entry in sorted(root.iterdir()):
        if entry.is_dir() and entry.name.upper() == label:
            return entry
    have = ", ".join(sorted(e.name for e in root.iterdir() if e.is_dir())) or "no sub-folders"
    raise DataError(
        f"Expected sub-folders NORMAL and PNEUMONIA in {root}; found {have}. "
        f"Put the {label.lower()} films in a sub-folder named {label}."
    )


def _may_be_film(path: Path) -> bool:
    return not path.name.startswith(".") and (
        path.suffix.lower() in FILM_SUFFIXES or path.suffix == ""
    )


def _split_at(records: Sequence[FilmRecord], held: Iterable[int]) -> Split:
    validation = np.array(sorted(held), dtype=np.intp)
    patients = {records[i].patient for i in validation}
    train = [i for i, r in enumerate(records) if r.patient not in patients]
    return Split(np.array(train, dtype=np.intp), validation)


def _period(records: Sequence[FilmRecord], early: bool) -> set[int]:
    schemes: dict[str, list[tuple[int, int]]] = {}
    for i, record in enumerate(records):
        if match := re.match(r"^(.*?)(\d+)$", record.patient):
            schemes.setdefault(match[1], []).append((int(match[2]), i))
    held: set[int] = set()
    for members in schemes.values():
        members.sort()
        numbers = sorted({n for n, _ in members})
        size = max(1, len(numbers) // 5)
        chosen = set(numbers[:size] if early else numbers[-size:])
        held |= {i for n, i in members if n in chosen}
    return held


def data_hash(records: Sequence[FilmRecord]) -> str:
    """sha256 over film ids and file contents, in order of the ids."""
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda r: r.film_id):
        content = hashlib.sha256(Path(os.fspath(record.path)).read_bytes()).hexdigest()
        digest.update(f"{record.film_id}\t{content}\n".encode())
    return digest.hexdigest()
