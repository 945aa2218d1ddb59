"""Labels and scores with a name, a hash and a role: to choose a threshold on, or to report on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr_core.errors import DataError

Role = Literal["tuning", "reporting"]
Kind = Literal["probability", "logit", "percent"]
Origin = Literal["model", "file", "job", "arrays"]
Text = NDArray[np.object_]

PATIENT = "patient"
ENDINGS = frozenset(["jpeg", "jpg", "png", "dcm", "dicom", "tif", "tiff", "webp", "bmp"])
FEW_FILMS = 50


@dataclass(frozen=True)
class BadRow:
    """A row that was left out. line: as a text editor counts, the header is line 1."""

    line: int
    reason: str


@dataclass(frozen=True, eq=False)
class ScoreSet:
    """Films with their labels and scores; arrays are (n,) and read only.

    labels: int8, 1 for pneumonia. scores: float64, 0 to 1. films: names, or 'line 17' where the
    file has none (then `named` is False). columns: further text of each film ('patient', 'cause',
    …). sha256: of films, labels and scores. folder: where the films lie, if that is known.
    """

    name: str
    role: Role
    labels: NDArray[np.int8]
    scores: NDArray[np.float64]
    films: Text
    columns: Mapping[str, Text] = field(default_factory=dict)
    named: bool = True
    origin: Origin = "arrays"
    model: str | None = None
    folder: Path | None = None
    bad: tuple[BadRow, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return len(self.labels)

    @cached_property
    def ill(self) -> int:
        return int(np.count_nonzero(self.labels))

    @property
    def well(self) -> int:
        return self.n - self.ill

    @property
    def prevalence(self) -> float:
        return self.ill / self.n

    @property
    def patients(self) -> bool:
        """Whether several films may be of one patient, so that films are not independent."""
        return PATIENT in self.columns

    @cached_property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        digest.update("\n".join(self.films.tolist()).encode())
        digest.update(np.ascontiguousarray(self.labels, dtype="<i1").tobytes())
        digest.update(np.ascontiguousarray(self.scores, dtype="<f8").tobytes())
        return digest.hexdigest()

    def as_role(self, role: Role) -> ScoreSet:
        return replace(self, role=role)

    def with_folder(self, folder: Path | None) -> ScoreSet:
        return replace(self, folder=folder)

    def take(self, chosen: NDArray[Any], name: str | None = None) -> ScoreSet:
        """The films that a mask (n,) or positions choose. Raises DataError for one class only."""
        return from_arrays(
            self.labels[chosen],
            self.scores[chosen],
            name=self.name if name is None else name,
            role=self.role,
            films=self.films[chosen],
            columns={key: values[chosen] for key, values in self.columns.items()},
            named=self.named,
            origin=self.origin,
            model=self.model,
            folder=self.folder,
        )


def from_arrays(
    labels: ArrayLike,
    scores: ArrayLike,
    name: str = "scores",
    role: Role = "tuning",
    *,
    films: ArrayLike | None = None,
    columns: Mapping[str, ArrayLike] | None = None,
    named: bool = True,
    origin: Origin = "arrays",
    model: str | None = None,
    folder: Path | None = None,
    bad: tuple[BadRow, ...] = (),
) -> ScoreSet:
    """Check arrays of (n,) and hold copies of them.

    Raises DataError for other lengths, labels other than 0 and 1, one class only, and scores that
    are no numbers or lie outside 0 to 1.
    """
    y, s = np.array(labels), np.array(scores, dtype=np.float64)
    if y.ndim != 1 or y.shape != s.shape:
        raise DataError(
            f"Expected as many labels as scores; received shapes {y.shape} and {s.shape}. "
            "Give one of each for every film."
        )
    y = _binary(y)
    _check_scores(s)
    texts = {key: _text(values, len(y), key) for key, values in (columns or {}).items()}
    if films is None:
        ids, named = np.array([f"film {i + 1}" for i in range(len(y))], dtype=object), False
    else:
        ids = _text(films, len(y), "films")
    held: list[NDArray[Any]] = [y, s, ids, *texts.values()]
    for array in held:
        array.flags.writeable = False
    warnings = _warnings(y, s, bad) + (_repeated(ids, y) if named else ())
    return ScoreSet(name, role, y, s, ids, texts, named, origin, model, folder, bad, warnings)


def honesty(tuning: ScoreSet, reporting: ScoreSet) -> str | None:
    """Why figures on `reporting` are too good for a threshold chosen on `tuning`; None if apart."""
    if tuning.sha256 == reporting.sha256:
        return (
            f"The threshold is chosen on the films it is reported on ({reporting.name}): its "
            "figures look better than they will be on new patients. Report on other films."
        )
    if films := overlap(tuning, reporting):
        return (
            f"{films:,} of the {reporting.n:,} films reported on ({reporting.name}) are among "
            f"those the threshold is chosen on ({tuning.name}): their figures are too good. "
            "Leave those films out of one of the two."
        )
    if tuning.patients and reporting.patients:
        shared = _shared(tuning.columns[PATIENT], reporting.columns[PATIENT])
        if shared:
            return (
                f"{shared:,} patients have films both in {tuning.name} and in {reporting.name}: "
                "the two are not independent. Keep each patient on one side."
            )
    return None


def overlap(a: ScoreSet, b: ScoreSet) -> int:
    """How many films of `b` are in `a`, by name; 0 where either does not name its films."""
    if not (a.named and b.named):
        return 0
    known = set(film_keys(a))
    return sum(film in known for film in film_keys(b))


def film_keys(scores: ScoreSet) -> list[str]:
    """Names to match films by: without a film's usual ending, where no two become one so."""
    names: list[str] = scores.films.tolist()
    keys = [_without_ending(name) for name in names]
    return keys if len(set(keys)) == len(set(names)) else names


def _without_ending(name: str) -> str:
    stem, _, ending = name.rpartition(".")
    return stem if stem and ending.lower() in ENDINGS else name


def _shared(a: Text, b: Text) -> int:
    return len((set(a.tolist()) & set(b.tolist())) - {""})


def _binary(labels: NDArray[Any]) -> NDArray[np.int8]:
    if len(labels) == 0:
        raise DataError("Expected films with labels and scores; received none. Add rows.")
    numeric = np.issubdtype(labels.dtype, np.number) or labels.dtype == bool
    if not numeric or not np.isin(labels, (0, 1)).all():
        found = ", ".join(map(str, np.unique(labels.astype(str))[:5]))
        raise DataError(
            f"Expected labels 0 and 1; received {found}. Say which value means pneumonia."
        )
    y: NDArray[np.int8] = labels.astype(np.int8)
    ill = int(np.count_nonzero(y))
    if ill in (0, len(y)):
        raise DataError(
            f"Expected films of both classes; received {len(y):,} of "
            f"{'pneumonia' if ill else 'normal'} alone. Add films of the other class."
        )
    return y


def _check_scores(scores: NDArray[np.float64]) -> None:
    wrong = int(np.count_nonzero(~np.isfinite(scores)))
    if wrong:
        raise DataError(
            f"Expected numbers as scores; {wrong:,} of {len(scores):,} are NaN or infinite. "
            "Leave those films out."
        )
    low, high = float(scores.min()), float(scores.max())
    if low < 0 or high > 1:
        raise DataError(
            f"Expected scores from 0 to 1; received {low:.4g} to {high:.4g}. "
            "If they are logits, have them converted with the sigmoid."
        )


def _text(values: ArrayLike, n: int, what: str) -> Text:
    array = np.array(values, dtype=object)
    if array.shape != (n,):
        raise DataError(
            f"Expected {n:,} values of {what!r}, one for each film; received {array.shape}. "
            "Give one for every film."
        )
    if not _all_text(array):
        array = np.array(["" if v is None else str(v) for v in array], dtype=object)
    return array


def _all_text(array: NDArray[np.object_]) -> bool:
    # What pandas has loaded already looks at a million cells in a tenth of the time.
    if len(array) < 1000:
        return all(type(v) is str for v in array)
    from pandas.api.types import infer_dtype

    return infer_dtype(array, skipna=False) == "string"


def _repeated(films: Text, labels: NDArray[np.int8]) -> tuple[str, ...]:
    """A film that stands twice is one film, and counts as two in every interval."""
    import pandas as pd

    codes, names = pd.factorize(films)
    extra = len(films) - len(names)
    if not extra:
        return ()
    ill = np.bincount(codes, weights=labels, minlength=len(names))
    both = int(np.count_nonzero((ill > 0) & (ill < np.bincount(codes, minlength=len(names)))))
    truth = f" {both:,} films have both labels." if both else ""
    return (
        f"Rows that name a film again: {extra:,} of {len(films):,}. Each counts as a film of its "
        f"own, so intervals are narrower than they should be; leave one row for each film.{truth}",
    )


def _warnings(
    labels: NDArray[np.int8], scores: NDArray[np.float64], bad: tuple[BadRow, ...]
) -> tuple[str, ...]:
    found = []
    ill = int(np.count_nonzero(labels))
    well = len(labels) - ill
    if scores.min() == scores.max():
        found.append(
            f"Every film has the same score, {scores[0]:.4g}: no threshold can tell them apart."
        )
    if min(ill, well) < FEW_FILMS:
        found.append(
            f"Few films: {ill:,} of pneumonia, {well:,} normal. Intervals are wide and a "
            "threshold chosen on so few will not hold."
        )
    if bad:
        found.append(f"Rows that could not be used and are in no figure: {len(bad):,}.")
    return tuple(found)
