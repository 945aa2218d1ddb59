"""Splits: stratified, with every patient on one side only, or as the source has them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxr_core.dataset._index import Index, patients_known
from cxr_core.dataset._records import FilmRecord, labels
from cxr_core.errors import DataError

# Kaggle's own validation folder holds 16.
FEWEST_OWN = 50


def _none() -> NDArray[np.intp]:
    return np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Split:
    """Index positions of training, validation and test films.

    Made here, no patient is in two of them; a source's own sides are taken as they are. notes: what
    whoever reads the figures should know of how they were parted.
    """

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp] = field(default_factory=_none)
    notes: tuple[str, ...] = ()


def targets(index: Index) -> NDArray[np.int8]:
    """Each film's class as its position in `index.classes`; shape (n,)."""
    number = {label: i for i, label in enumerate(index.classes)}
    return np.array([number[r.label] for r in index.records], dtype=np.int8)


def make_split(
    index: Index, by: Literal["patient", "own"] = "patient", share: float = 0.2, seed: int = 0
) -> Split:
    """Training and validation films, stratified, patients apart; a source's test films stay aside.

    by: 'own' takes the source's validation films where it has enough of them to judge by, else
    holds out a share of its training films. Raises DataError.
    """
    sides = index.sides
    side = np.array([r.split or "" for r in index.records])
    test = np.flatnonzero(side == "test")
    notes: list[str] = []
    if by == "own":
        if "train" not in sides:
            raise DataError(
                f"Expected a source with sides of its own; received one with "
                f"{', '.join(sides) or 'none'}. Split by patient instead."
            )
        own = np.flatnonzero(side == "val")
        if len(own) >= FEWEST_OWN and len(set(targets(index)[own])) == len(index.classes):
            return Split(np.flatnonzero(side == "train"), own, test)
        notes.append(
            f"The source's own validation folder holds {len(own)} films, too few to judge by: "
            "validation films were taken from its training films, patients apart."
        )
    rest = np.flatnonzero(side != "test")
    train, validation = next(_parts(index, rest, round(1 / share), seed))
    if not patients_known(index):
        notes.append(
            "The source names no patients: each film counts as one of its own, and films of one "
            "patient may lie on both sides."
        )
    return Split(train, validation, test, tuple(notes))


def folds(index: Index, count: int, seed: int = 0) -> tuple[Split, ...]:
    """`count` splits, each film but the test films held out once, patients apart."""
    side = np.array([r.split or "" for r in index.records])
    test = np.flatnonzero(side == "test")
    rest = np.flatnonzero(side != "test")
    return tuple(Split(a, b, test) for a, b in _parts(index, rest, count, seed))


def _parts(
    index: Index, positions: NDArray[np.intp], count: int, seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    from sklearn.model_selection import StratifiedGroupKFold

    y = targets(index)[positions]
    groups = [index.records[i].patient for i in positions]
    each = [len({g for g, t in zip(groups, y, strict=True) if t == k}) for k in set(y.tolist())]
    if len(each) < len(index.classes) or min(each) < count:
        raise DataError(
            f"Expected at least {count} patients of each class to hold out one part of {count}; "
            f"received {min(each) if len(each) == len(index.classes) else 0}. "
            "Add films, or hold out a larger share."
        )
    splitter = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=seed)
    for train, validation in splitter.split(np.zeros(len(y)), y, groups):
        yield positions[train], positions[validation]


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
    sides = (("train", split.train), ("validation", split.validation), ("test", split.test))
    for side, positions in sides:
        for film_id in sorted(records[int(i)].film_id for i in positions):
            digest.update(f"{side}\t{film_id}\n".encode())
    return digest.hexdigest()


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
