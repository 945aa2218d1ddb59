"""What a score file leaves open: the meaning of its words and numbers, asked in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxr_core.operating import _words
from cxr_core.operating._scores import Kind
from cxr_core.operating._table import Table

SHOWN_WORDS = 20
# A typing error or two outside 0 to 1 does not make probabilities logits.
MOST = 0.9
# What a sum of exponentials in single precision may lie beside 0 and 1.
ROUNDING = 1e-6


def kind_of(column: str, numbers: NDArray[np.float64]) -> Kind:
    """What the numbers seem to be: by the column's name, then by where most of them lie."""
    if column.lower() in _words.LOGITS:
        return "logit"
    within = (numbers >= -ROUNDING) & (numbers <= 1 + ROUNDING)
    if len(numbers) == 0 or np.mean(within) >= MOST:
        return "probability"
    return "percent" if numbers.min() >= 0 and 20 < numbers.max() <= 100 else "logit"


def known_words(values: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The values that mean pneumonia and those that mean normal; both () where one is unknown.

    Scores are no labels, though 0 and 1 are among them.
    """
    known = list(zip(values, _words.meanings(values), strict=True))
    ill, well = (tuple(v for v, m in known if m == which) for which in (1, 0))
    sure = len(values) <= SHOWN_WORDS or len(ill) + len(well) > len(values) / 2
    return (ill, well) if ill and well and sure else ((), ())


def ask(
    table: Table,
    label: str | None,
    score: str | None,
    values: Sequence[str],
    numbers: NDArray[np.float64],
) -> str | None:
    """What is to be chosen before the file can be read, or None."""
    columns = ", ".join(table.columns[:12])
    if not table.header:
        cells = [f"{c} ({table.cell(c, 0)[:20]})" for c in table.columns[:12]]
        columns = f"no header: {', '.join(cells)}"
    if label is None or score is None:
        what = " and ".join(
            w for w, c in (("the true labels", label), ("the scores", score)) if c is None
        )
        return f"Expected columns of labels and scores; received {columns}. Choose that of {what}."
    if own_results(table, label):
        return (
            "Expected the true labels; in results of this program 'label' is what it called the "
            "film itself. Add a column with the truth, named truth, and choose it."
        )
    if len(table.frame) == 0:
        return "Expected rows of labels and scores; received a header only. Add rows."
    if len(values) == 1:
        return (
            f"Expected labels of both classes in {label!r}; received {values[0]!r} in every row. "
            "Add films of the other class, or choose another column."
        )
    if not known_words(values)[0]:
        return which_word(label, tuple(values))
    kind = kind_of(score, numbers)
    if kind != "probability" and score.lower() not in _words.LOGITS:
        return outside(score, kind, numbers)
    return None


def own_results(table: Table, label: str) -> bool:
    return label == "label" and {_words.plain(c) for c in table.columns} >= _words.OWN_RESULTS


def which_word(column: str, values: Sequence[str]) -> str:
    shown = ", ".join(map(repr, values[:8])) + (" …" if len(values) > 8 else "")
    if len(values) > SHOWN_WORDS:
        return (
            f"Expected labels such as 0 and 1, or NORMAL and PNEUMONIA, in {column!r}; received "
            f"{len(values):,} different values ({', '.join(values[:3])} …). Choose another column."
        )
    return (
        f"Expected labels such as 0 and 1, or NORMAL and PNEUMONIA, in {column!r}; received "
        f"{shown or 'empty cells'}. Choose which of them mean pneumonia."
    )


def outside(column: str, kind: Kind, numbers: NDArray[np.float64]) -> str:
    if kind == "percent":
        way = "They look like percentages: have them divided by 100."
    else:
        way = "They look like logits: have them converted with the sigmoid."
        if numbers.min() >= 0 and numbers.max() <= 100:
            way = (
                "They may be logits, to be converted with the sigmoid, or percentages, to be "
                "divided by 100: say which."
            )
    return (
        f"Expected scores from 0 to 1 in {column!r}; received {numbers.min():.4g} to "
        f"{numbers.max():.4g}. {way}"
    )
