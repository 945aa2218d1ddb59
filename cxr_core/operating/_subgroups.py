"""Figures of groups of films, with a warning where a group is too small to say much."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError
from cxr_core.evaluate import auc_interval, wilson
from cxr_core.operating._figures import Confusion
from cxr_core.operating._scores import PATIENT, ScoreSet, Text
from cxr_core.schema import Interval

MOST_GROUPS = 30
# Wilson's interval of 27 of 30 spans 21 points: below that a share says little.
FEW = 30
AGES = ((0, 1), (1, 6), (6, 13), (13, 18), (18, 40), (40, 65), (65, 200))
UNKNOWN = "(not stated)"


@dataclass(frozen=True)
class Subgroup:
    """Figures of the films with one value of a column; None where the group cannot have them.

    against: in words, where a group of one class alone has its AUC against the other class of the
    whole set. warning: where it is too small.
    """

    value: str
    n: int
    ill: int
    well: int
    confusion: Confusion
    auc: Interval | None
    sensitivity: Interval | None
    specificity: Interval | None
    ppv: Interval | None
    npv: Interval | None
    against: str | None
    warning: str | None


def groupings(scores: ScoreSet) -> tuple[str, ...]:
    """Columns that make groups: of 2 to 30 values, or numbers, which are cut into ranges."""
    return tuple(c for c in scores.columns if c != PATIENT and _grouped(scores, c) is not None)


def subgroups(scores: ScoreSet, column: str, threshold: float) -> tuple[Subgroup, ...]:
    """Figures by the column's value, in its order. Raises DataError where it makes no groups."""
    grouped = _grouped(scores, column) if column in scores.columns else None
    if grouped is None:
        have = ", ".join(groupings(scores)) or "none"
        raise DataError(
            f"Expected a column that makes groups ({have}); received {column[:60]!r}. "
            "Choose one of those, or add a column to the file."
        )
    names, which = grouped
    return tuple(_subgroup(scores, name, which == i, threshold) for i, name in enumerate(names))


def _subgroup(scores: ScoreSet, name: str, member: NDArray[np.bool_], threshold: float) -> Subgroup:
    y, s = scores.labels[member], scores.scores[member]
    called = s >= threshold
    c = Confusion(
        tn=int((~called & (y == 0)).sum()),
        fp=int((called & (y == 0)).sum()),
        fn=int((~called & (y == 1)).sum()),
        tp=int((called & (y == 1)).sum()),
    )
    against = None
    if c.ill and c.well:
        area = auc_interval(y, s)
    else:
        other = scores.labels != y[0]
        against = f"AUC against all {int(other.sum()):,} {'normal' if y[0] else 'pneumonia'} films"
        together = member | other
        area = auc_interval(scores.labels[together], scores.scores[together])
    return Subgroup(
        value=name,
        n=c.n,
        ill=c.ill,
        well=c.well,
        confusion=c,
        auc=area,
        sensitivity=wilson(c.tp, c.ill) if c.ill else None,
        specificity=wilson(c.tn, c.well) if c.well else None,
        ppv=wilson(c.tp, c.called) if c.called and c.well and c.ill else None,
        npv=wilson(c.tn, c.n - c.called) if c.called < c.n and c.well and c.ill else None,
        against=against,
        warning=_warning(c),
    )


def _warning(c: Confusion) -> str | None:
    small = [
        f"{count:,} {name}"
        for name, count in (("with pneumonia", c.ill), ("normal", c.well))
        if 0 < count < FEW
    ]
    if not small:
        return None
    return f"Too few films to judge by ({', '.join(small)}): the intervals are wide."


def _grouped(scores: ScoreSet, column: str) -> tuple[list[str], NDArray[np.intp]] | None:
    """Names of the groups, and the number of each film's; None where there are none."""
    import pandas as pd

    cells = scores.columns[column]
    codes, values = pd.factorize(cells, sort=False)
    if len(values) > MOST_GROUPS or column == "age":
        return _ranges(cells, column)
    if len(values) < 2:
        return None
    words = [str(v).strip() or UNKNOWN for v in values]
    names = sorted(set(words), key=_in_order)
    order = np.array([names.index(w) for w in words], dtype=np.intp)
    return names, order[codes]


def _in_order(name: str) -> tuple[bool, float, str]:
    try:
        return name == UNKNOWN, float(name), name
    except ValueError:
        return name == UNKNOWN, float("inf"), name


def _ranges(cells: Text, column: str) -> tuple[list[str], NDArray[np.intp]] | None:
    """Numbers cut at the usual ages, or into four parts of equal count."""
    import pandas as pd

    numbers = pd.to_numeric(pd.Series(cells), errors="coerce").to_numpy(dtype=np.float64)
    known = np.isfinite(numbers)
    if known.mean() < 0.5:
        return None
    if column == "age":
        edges = np.array([low for low, _ in AGES] + [AGES[-1][1]], dtype=np.float64)
        labels = [f"{low} to under {high}" for low, high in AGES[:-1]] + [f"{AGES[-1][0]} or more"]
    else:
        edges = np.unique(np.quantile(numbers[known], (0, 0.25, 0.5, 0.75, 1)))
        if len(edges) < 3:
            return None
        labels = [f"{a:g} to under {b:g}" for a, b in itertools.pairwise(edges[:-1])]
        labels.append(f"{edges[-2]:g} to {edges[-1]:g}")
    which = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(labels) - 1)
    which[~known] = len(labels)
    labels.append(UNKNOWN)
    used = np.unique(which)
    return [labels[i] for i in used], np.searchsorted(used, which)
