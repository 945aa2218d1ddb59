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
from cxr_core.operating._scores import PATIENT, BadRow, Kind, Origin, Role, ScoreSet, from_arrays
from cxr_core.operating._table import Table

SHOWN_WORDS = 20
# A typing error or two outside 0 to 1 does not make probabilities logits.
MOST = 0.9
KNOWN = ("cause", "age", "sex", "view")


@dataclass(frozen=True)
class Inspection:
    """What a file seems to hold. label, score, film, patient: columns, None where none is sure.

    label_values: up to 20 values of the label column. positive: those of them that mean
    pneumonia; () where that is to be chosen. low, high: of the score column, nan without one.
    question: what is to be chosen before it can be read, in a sentence; None where nothing is.
    """

    columns: tuple[str, ...]
    rows: int
    label: str | None
    score: str | None
    film: str | None
    patient: str | None
    kind: Kind
    label_values: tuple[str, ...]
    positive: tuple[str, ...]
    low: float
    high: float
    question: str | None


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
    kind = "probability" if score is None else _kind(score, numbers)
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
        positive=_positive(values),
        low=float(numbers.min()) if len(numbers) else math.nan,
        high=float(numbers.max()) if len(numbers) else math.nan,
        question=_question(table, label, score, values, numbers),
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
    origin: Origin = "file",
    model: str | None = None,
    folder: Path | None = None,
) -> ScoreSet:
    """Read a file. Columns and meaning are recognised where they are not given.

    kind: 'logit' converts with the sigmoid, 'percent' divides by 100. positive: the label values
    that mean pneumonia; all others then mean none. Rows without a usable label or score are left
    out and listed by line. Raises DataError where something must be chosen, and for one class.
    """
    table = Table(content, score)
    label = table.column(label) or _words.recognised("label", table.columns)
    score = table.column(score) or _words.recognised("score", table.columns)
    if label is None or score is None or _own_results(table, label):
        raise DataError(_question(table, label, score, (), np.empty(0)))
    if len(table.frame) == 0:
        raise DataError("Expected rows of labels and scores; received a header only. Add rows.")
    cells = table.text(label)
    y, reasons = _labels(cells, positive, label)
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
        films = np.array([f"line {i + 2}" for i in np.flatnonzero(kept).tolist()], dtype=object)
    return from_arrays(
        y[kept], s[kept], name, role,
        films=films, columns=columns, named=film is not None, origin=origin, model=model,
        folder=folder, bad=bad,
    )  # fmt: skip


def _labels(
    cells: NDArray[np.object_], positive: Sequence[str] | None, column: str
) -> tuple[NDArray[np.int8], dict[int, str]]:
    """(n,) 1, 0 or −1 where unusable, and why by row."""
    values, which = _distinct(cells)
    stripped = [v.strip() for v in values]
    if positive is not None:
        ill = {p.strip() for p in positive}
        if not ill & set(stripped):
            raise DataError(
                f"Expected values of {column!r} that mean pneumonia; none of "
                f"{', '.join(map(repr, sorted(ill)[:5]))} stands there. Choose among "
                f"{', '.join(map(repr, sorted(stripped)[:8]))}."
            )
        meaning = [-1 if not v else int(v in ill) for v in stripped]
    else:
        known = [_words.meaning(v) for v in stripped]
        if not any(m is not None for m in known):
            raise DataError(_which_word(column, tuple(sorted(filter(None, stripped)))))
        meaning = [-1 if m is None else m for m in known]
    y = np.array(meaning, dtype=np.int8)[which]
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
    guess = _kind(column, finite)
    certain = kind is not None or guess == "probability" or column.lower() in _words.LOGITS
    if not certain:
        raise DataError(_outside(column, guess, finite))
    if (kind or guess) == "logit":
        return _sigmoid(s)
    if (kind or guess) == "percent":
        s = s / 100
    return np.where((s >= 0) & (s <= 1), s, np.nan)


def _kind(column: str, numbers: NDArray[np.float64]) -> Kind:
    """What the numbers seem to be: by the column's name, then by where most of them lie."""
    if column.lower() in _words.LOGITS:
        return "logit"
    if len(numbers) == 0 or np.mean((numbers >= 0) & (numbers <= 1)) >= MOST:
        return "probability"
    return "percent" if numbers.min() >= 0 and 20 < numbers.max() <= 100 else "logit"


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    return np.asarray(expit(z), dtype=np.float64)


def _known(column: str) -> str:
    name = _words.plain(column)
    return name if name in KNOWN else column


def _positive(values: Sequence[str]) -> tuple[str, ...]:
    """The values that are known to mean pneumonia, () where both classes are not known."""
    meanings = {v: _words.meaning(v) for v in values}
    sure = {0, 1} <= set(meanings.values())
    return tuple(v for v, m in meanings.items() if m == 1) if sure else ()


def _question(
    table: Table,
    label: str | None,
    score: str | None,
    values: Sequence[str],
    numbers: NDArray[np.float64],
) -> str | None:
    """What is to be chosen before the file can be read, or None."""
    columns = ", ".join(table.columns[:12])
    if label is None or score is None:
        what = " and ".join(
            w for w, c in (("the true labels", label), ("the scores", score)) if c is None
        )
        return f"Expected columns of labels and scores; received {columns}. Choose that of {what}."
    if _own_results(table, label):
        return (
            "Expected the true labels; in results of this program 'label' is what it called the "
            "film itself. Add a column with the truth, named truth, and choose it."
        )
    if values and not _positive(values):
        return _which_word(label, tuple(values))
    kind = _kind(score, numbers)
    if kind != "probability" and score.lower() not in _words.LOGITS:
        return _outside(score, kind, numbers)
    return None


def _own_results(table: Table, label: str) -> bool:
    return label == "label" and {_words.plain(c) for c in table.columns} >= _words.OWN_RESULTS


def _which_word(column: str, values: Sequence[str]) -> str:
    shown = ", ".join(map(repr, values[:8])) + (" …" if len(values) > 8 else "")
    return (
        f"Expected labels such as 0 and 1, or NORMAL and PNEUMONIA, in {column!r}; received "
        f"{shown or 'empty cells'}. Choose which of them mean pneumonia."
    )


def _outside(column: str, kind: Kind, numbers: NDArray[np.float64]) -> str:
    if kind == "percent":
        way = "They look like percentages: have them divided by 100."
    else:
        way = "They look like logits: have them converted with the sigmoid."
    return (
        f"Expected scores from 0 to 1 in {column!r}; received {numbers.min():.4g} to "
        f"{numbers.max():.4g}. {way}"
    )
