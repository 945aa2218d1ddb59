"""Class folders, at the top or below train, val and test as Kaggle lays them out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cxr_core import image
from cxr_core.dataset._records import CLASSES, FilmRecord, as_text, parse_name, stem
from cxr_core.errors import DataError

# What data sets call their sides → what the index calls them.
SIDES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def index_folder(root: Path) -> tuple[FilmRecord, ...]:
    """Films of `root/NORMAL` and `root/PNEUMONIA`, in the order of their names.

    The folders' names may be written in capitals or not. Raises DataError where a class folder is
    missing, cannot be read or holds no film.
    """
    root = Path(root)
    records: list[FilmRecord] = []
    for label in CLASSES:
        folders = _class_folders(root, label)
        names = [label, *(folder.name for folder in folders[1:])]
        found = [
            f for d, name in zip(folders, names, strict=True) for f in _films(d, label, name, None)
        ]
        if not found:
            raise DataError(
                f"Expected films in {folders[0]}; found none. "
                "Put PNG, JPEG, TIFF, WebP, BMP or DICOM files there."
            )
        records += found
    return tuple(records)


def read_folders(root: Path, classes: Sequence[str]) -> list[FilmRecord]:
    """Films of every class folder below `root`, or below its train, val and test folders.

    classes: names to take, whatever their case; none for every folder that holds films.
    Raises DataError where there is none.
    """
    top = _unwrapped(root)
    sides = {d: SIDES[d.name.lower()] for d in _folders(top) if d.name.lower() in SIDES}
    wanted = {c.upper(): c for c in classes}
    records: list[FilmRecord] = []
    for folder, side in sides.items() or [(top, None)]:
        for class_folder in _folders(folder):
            if wanted and class_folder.name.upper() not in wanted:
                continue
            label = wanted.get(class_folder.name.upper(), _usual(class_folder.name))
            prefix = f"{folder.name}/{label}" if side else label
            records += _films(class_folder, label, prefix, side)
    if not records:
        have = ", ".join(d.name for d in _folders(top)) or "no sub-folders"
        asked = f" named {', '.join(classes)}" if classes else ""
        raise DataError(
            f"Expected class folders{asked} with films in {top}, or below train, val and test; "
            f"found {have}. Put each class's films in a folder named after it."
        )
    return records


def _unwrapped(root: Path) -> Path:
    """Kaggle's archive holds its folders in a folder `chest_xray`, that in another of the name."""
    for _ in range(2):
        inside = _folders(root)
        if len(inside) != 1 or inside[0].name != "chest_xray":
            break
        root = inside[0]
    return root


def _folders(root: Path) -> list[Path]:
    ignored = ("__MACOSX",)
    found = (d for d in root.iterdir() if d.is_dir() and d.name not in ignored)
    return sorted(d for d in found if not d.name.startswith("."))


def _films(folder: Path, label: str, prefix: str, side: str | None) -> Iterator[FilmRecord]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and image.may_be_film(p)):
        patient, cause = parse_name(stem(path), label)
        film_id = f"{prefix}/{as_text((path.relative_to(folder).parent / stem(path)).as_posix())}"
        yield FilmRecord(path, film_id, label, patient, cause, side)


def _usual(name: str) -> str:
    return name.upper() if name.upper() in CLASSES else name


def _class_folders(root: Path, label: str) -> list[Path]:
    """Every folder of a class: on some systems NORMAL and normal are two."""
    _check_readable(root)
    found = [d for d in sorted(root.iterdir()) if d.is_dir() and d.name.upper() == label]
    for folder in found:
        _check_readable(folder)
    if found:
        return found
    have = ", ".join(sorted(e.name for e in root.iterdir() if e.is_dir())) or "no sub-folders"
    raise DataError(
        f"Expected sub-folders NORMAL and PNEUMONIA in {root}; found {have}. "
        f"Put the {label.lower()} films in a sub-folder named {label}."
    )


def _check_readable(folder: Path) -> None:
    if not folder.is_dir():
        raise DataError(f"Expected a folder of films; {folder} is not one. Check the path.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DataError(
            f"Expected a folder that can be read; {folder} cannot be. Check its permissions."
        )
