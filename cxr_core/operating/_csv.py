"""A CSV of labels and scores → a score set: columns recognised or chosen, bad rows listed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError
from cxr_core.operating import _words
from cxr_core.operating._ask import (
    ROUNDING,
    SHOWN_WORDS,
    ask,
    kind_of,
    known_words,
    outside,
    own_results,
    which_word,
)
from cxr_core.operating._scores import PATIENT, BadRow, Kind, Origin, Role, ScoreSet, from_arrays
from cxr_core.operating._table import Table

KNOWN = ("cause", "age", "sex", "view")


@dataclass(frozen=True)
class Inspection:
    """What a file seems to hold. label, score, film, patient: columns, None where none is sure.

    label_values: up to 20 values of the label column; more_values: how many there are besides.
    positive: those of them that mean pneumonia, negative: normal; both () where that is to be
    chosen. low, high: of the score column, nan without one. question: what is to be chosen before
    it can be read, in a sentence; None where nothing is. first: the first cell of each column,
    where no header names them; else empty.
    """

    columns: tuple[str, ...]
    rows: int
    label: str | None
    score: str | None
    film: str | None
    patient: str | None
    kind: Kind
    label_values: tuple[str, ...]
    more_values: int
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    low: float
    high: float
    question: str | None
    first: tuple[str, ...] = ()


def inspect_csv(
    content: bytes | Path, label: str | None = None, score: str | None = None
) -> Inspection:
    """Look at a file before reading it; label, score: columns that a person chose already.

    Raises DataError for what is no CSV with a header, and for columns that are not in it.
    """
    table = Table(content, score)
    label = table.column(label) or _words.recognised("label", table.columns)
    score = table.column(score) or _words.recognised("score", table.columns)
    values: tuple[str, ...] = ()
    if label is not None:
        distinct, _ = _distinct(table.text(label))
        values = tuple(sorted({v.strip() for v in distinct} - {""}))
    numbers = np.empty(0) if score is None else table.numbers(score)
    numbers = numbers[np.isfinite(numbers)]
    kind = "probability" if score is None else kind_of(score, numbers)
    ill, well = known_words(values)
    others = [c for c in table.columns if c not in (label, score)]
    return Inspection(
        columns=table.columns,
        rows=len(table.frame) - int(table.blank().sum()),
        label=label,
        score=score,
        film=_words.recognised("film", others),
        patient=_words.recognised("patient", others),
        kind=kind,
        label_values=values[:SHOWN_WORDS],
        more_values=max(0, len(values) - SHOWN_WORDS),
        positive=ill,
        negative=well,
        low=float(numbers.min()) if len(numbers) else math.nan,
        high=float(numbers.max()) if len(numbers) else math.nan,
        question=ask(table, label, score, values, numbers),
        first=() if table.header else tuple(table.cell(c, 0) for c in table.columns),
    )


def read_csv(
    content: bytes | Path,
    name: str,
    role: Role = "tuning",
    *,
    label: str | None = None,
    score: str | None = None,
    film: str | None = None,
    patient: str | None = None,
    kind: Kind | None = None,
    positive: Sequence[str] | None = None,
    negative: Sequence[str] | None = None,
    origin: Origin = "file",
    model: str | None = None,
    folder: Path | None = None,
) -> ScoreSet:
    """Read a file. Columns and meaning are recognised where they are not given.

    kind: 'logit' converts with the sigmoid, 'percent' divides by 100. positive: the label values
    that mean pneumonia; negative: normal, all others unless given. Rows without a usable label or
    score are left out and listed by line. Raises DataError where something must be chosen, and for
    one class.
    """
    table = Table(content, score)
    label = table.column(label) or _words.recognised("label", table.columns)
    score = table.column(score) or _words.recognised("score", table.columns)
    if label is None or score is None or own_results(table, label):
        raise DataError(ask(table, label, score, (), np.empty(0)))
    if len(table.frame) == 0:
        raise DataError(ask(table, label, score, (), np.empty(0)))
    cells = table.text(label)
    y, reasons = _labels(cells, positive, negative, label)
    s = _scores(table, score, kind)
    for i in np.flatnonzero(~np.isfinite(s)):
        cell = table.cell(score, int(i))
        words = f"score {cell[:40]!r} is no number from 0 to 1" if cell else "no score"
        reasons.setdefault(int(i), words)
    reasons |= table.broken
    for i in np.flatnonzero(table.blank()):
        reasons.pop(int(i), None)
    kept = np.isfinite(s) & (y >= 0)
    kept[list(table.broken)] = False
    bad = tuple(BadRow(line, reasons[i]) for i, line in sorted(table.lines(reasons).items()))
    if not kept.any():
        first = f"line {bad[0].line}: {bad[0].reason}" if bad else "it holds a header only"
        raise DataError(
            f"Expected rows with a label in {label!r} and a score in {score!r}; found none "
            f"({first}). Choose other columns, or correct the file."
        )
    others = [c for c in table.columns if c not in (label, score)]
    film = table.column(film) or _words.recognised("film", others)
    patient = table.column(patient) or _words.recognised("patient", others)
    columns = {
        PATIENT if c == patient else _known(c): table.text(c)[kept] for c in others if c != film
    }
    if film is not None:
        films = table.text(film)[kept]
    else:
        start = table.first_line
        films = np.array([f"line {i + start}" for i in np.flatnonzero(kept).tolist()], dtype=object)
    return from_arrays(
        y[kept], s[kept], name, role,
        films=films, columns=columns, named=film is not None, origin=origin, model=model,
        folder=folder, bad=bad,
    )  # fmt: skip


def _labels(
    cells: NDArray[np.object_],
    positive: Sequence[str] | None,
    negative: Sequence[str] | None,
    column: str,
) -> tuple[NDArray[np.int8], dict[int, str]]:
    """(n,) 1, 0 or −1 where unusable, and why by row."""
    values, which = _distinct(cells)
    stripped = [v.strip() for v in values]
    meaning: list[int | None]
    if positive is not None:
        ill = {p.strip() for p in positive}
        well = set(stripped) - ill if negative is None else {n.strip() for n in negative}
        if not ill & set(stripped) or ill & well:
            raise DataError(
                f"Expected values of {column!r} that mean pneumonia and others that mean normal; "
                f"received {', '.join(map(repr, sorted(ill)[:5]))}. Choose among "
                f"{', '.join(map(repr, sorted(stripped)[:8]))}."
            )
        meaning = [None if not v else 1 if v in ill else 0 if v in well else None for v in stripped]
    else:
        meaning = _words.meanings(stripped)
        words = tuple(sorted(filter(None, stripped)))
        # Where 1 stands beside 2, it need not mean what it means beside 0.
        if None in _words.meanings(words) and not known_words(words)[0]:
            raise DataError(which_word(column, words))
    y = np.array([-1 if m is None else m for m in meaning], dtype=np.int8)[which]
    reasons = {
        int(i): f"label {cells[i][:40]!r} is not known" if cells[i].strip() else "no label"
        for i in np.flatnonzero(y < 0)
    }
    return y, reasons


def _distinct(cells: NDArray[np.object_]) -> tuple[list[str], NDArray[np.intp]]:
    import pandas as pd

    codes, values = pd.factorize(cells)
    return [str(v) for v in values], np.asarray(codes, dtype=np.intp)


def _scores(table: Table, column: str, kind: Kind | None) -> NDArray[np.float64]:
    """(n,) from 0 to 1, nan where unusable. Raises DataError where logits may be meant."""
    s = table.numbers(column)
    s = np.where(np.isfinite(s), s, np.nan)
    finite = s[np.isfinite(s)]
    guess = kind_of(column, finite)
    certain = kind is not None or guess == "probability" or column.lower() in _words.LOGITS
    if not certain:
        raise DataError(outside(column, guess, finite))
    if (kind or guess) == "logit":
        return _sigmoid(s)
    if (kind or guess) == "percent":
        s = s / 100
    return np.where((s >= -ROUNDING) & (s <= 1 + ROUNDING), np.clip(s, 0, 1), np.nan)


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    return np.asarray(expit(z), dtype=np.float64)


def _known(column: str) -> str:
    name = _words.plain(column)
    return name if name in KNOWN else column
