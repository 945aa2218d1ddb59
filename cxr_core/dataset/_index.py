"""One index over every kind of source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cxr_core.dataset._csv import read_csv
from cxr_core.dataset._folders import read_folders
from cxr_core.dataset._npz import read_npz
from cxr_core.dataset._records import CLASSES, FilmRecord
from cxr_core.dataset._tfrecord import is_pair, read_pairs
from cxr_core.errors import DataError


@dataclass(frozen=True)
class Index:
    """Every labelled film of a source.

    classes: in the order of the targets 0, 1, …; with two, the second is the one looked for.
    left_out: (film or row, sentence) of what could not be indexed.
    """

    kind: Literal["folders", "tfrecord", "npz", "csv"]
    root: Path
    classes: tuple[str, ...]
    records: tuple[FilmRecord, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def sides(self) -> tuple[str, ...]:
        """The source's own sides, out of train, val and test; none where it has none."""
        found = {r.split for r in self.records}
        return tuple(s for s in ("train", "val", "test") if s in found)

    @property
    def binary(self) -> bool:
        return len(self.classes) == 2


@dataclass(frozen=True)
class Balance:
    """Films and patients of one class on one side ('' where the source has no sides)."""

    side: str
    label: str
    films: int
    patients: int


def open_source(source: Path | str, classes: Sequence[str] = ()) -> Index:
    """Class folders, TFRecord pairs, a MedMNIST .npz or a CSV, told by what lies there.

    classes: names in the order of their targets; films of others are not taken. Without them,
    NORMAL before PNEUMONIA, else the names in order. Raises DataError.
    """
    try:
        return _opened(Path(source).expanduser(), classes)
    except OSError as error:
        raise DataError(
            f"Expected a data set that can be read; received '{error.strerror or error}'. Check "
            "its path and permissions, and that its disk is there."
        ) from error


def _opened(root: Path, classes: Sequence[str]) -> Index:
    left_out: list[tuple[str, str]] = []
    kind: Literal["folders", "tfrecord", "npz", "csv"]
    if root.is_dir() and _has_pairs(root):
        kind, (records, left_out) = "tfrecord", read_pairs(root)
    elif root.is_dir():
        kind, records = "folders", read_folders(root, classes)
    elif root.suffix.lower() == ".npz" and root.is_file():
        kind, records = "npz", read_npz(root, classes)
    elif root.suffix.lower() == ".csv" and root.is_file():
        kind, (records, left_out) = "csv", read_csv(root)
    else:
        what = "a file of another kind" if root.exists() else "a path where nothing lies"
        raise DataError(
            "Expected a folder of class folders or TFRecords, an .npz or a .csv; received "
            f"{what}. Check the path."
        )
    found = {r.label for r in records}
    chosen = tuple(c for c in classes if c in found) if classes else _in_order(found)
    missing = [c for c in classes if c not in found]
    if missing or len(chosen) < 2:
        raise DataError(
            f"Expected films of two or more classes{': ' + ', '.join(classes) if classes else ''}; "
            f"found {', '.join(sorted(found)) or 'no film'}{_first(left_out)}. "
            "Check the names and the folder."
        )
    taken = tuple(r for r in records if r.label in chosen)
    return Index(kind, root, chosen, taken, tuple(left_out))


def _first(left_out: Sequence[tuple[str, str]]) -> str:
    if not left_out:
        return ""
    what, why = left_out[0]
    return f" ({len(left_out)} left out, the first {what}: {why.rstrip('.')})"


def balance(index: Index) -> tuple[Balance, ...]:
    """Films and patients by side and class, in the order of both."""
    films = Counter((r.split or "", r.label) for r in index.records)
    patients = Counter(
        (side, label)
        for side, label, _ in {(r.split or "", r.label, r.patient) for r in index.records}
    )
    return tuple(
        Balance(side, label, films[side, label], patients[side, label])
        for side in (*index.sides, "")
        for label in index.classes
        if films[side, label]
    )


def patients_known(index: Index) -> bool:
    """Whether the source says whose film any is: else nothing keeps one patient's films apart."""
    return any(r.patient not in (r.film_id, r.film_id.rsplit("/", 1)[-1]) for r in index.records)


def _has_pairs(root: Path) -> bool:
    return is_pair(root) or any(is_pair(d) for d in root.iterdir() if d.is_dir())


def _in_order(found: set[str]) -> tuple[str, ...]:
    if found == set(CLASSES):
        return CLASSES
    # The one without a finding comes first, as a target of 0.
    return tuple(sorted(found, key=lambda c: (c.upper() not in ("NORMAL", "NO FINDING"), c)))
