"""How much better a threshold looks on the films it was chosen on: repeated splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError
from cxr_core.operating._criteria import choose_among, criterion
from cxr_core.operating._cuts import Cuts
from cxr_core.schema import Interval

if TYPE_CHECKING:
    from cxr_core.operating._sorted import Sorted

# So that a million films are split in seconds too: there is little to see in so many.
MOST_WORK = 20_000_000
FEWEST = 20
FIGURES = (
    ("sensitivity", "Sensitivity"),
    ("specificity", "Specificity"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("f1", "F1"),
)
_AIM = {"sensitivity": "sensitivity", "specificity": "specificity", "f1": "f1"}


@dataclass(frozen=True)
class OptimismRow:
    """One figure, 0 to 1. apparent, held_out: means over the splits.

    optimism: mean of apparent − held-out, with the range that holds 95 % of the splits.
    """

    key: str
    name: str
    apparent: float
    held_out: float
    optimism: Interval


@dataclass(frozen=True, eq=False)
class Optimism:
    """thresholds: (repeats,) as chosen on each half. aim: the row that the criterion optimises."""

    repeats: int
    by_patient: bool
    thresholds: NDArray[np.float64]
    rows: tuple[OptimismRow, ...]
    aim: OptimismRow
    sentence: str


def optimism(
    films: Sorted,
    key: str,
    value: float | None = None,
    prevalence: float | None = None,
    *,
    repeats: int = 200,
    seed: int = 0,
) -> Optimism:
    """Choose on a random half, report on both halves, again and again; patients stay together.

    Half the films choose less surely than all of them, so this is the upper side of what choosing
    on all of them costs. Raises DataError where the films cannot be halved with both classes in
    each part.
    """
    row = criterion(key)
    repeats = max(FEWEST, min(repeats, MOST_WORK // films.n))
    rng = np.random.default_rng(seed)
    codes, groups = _groups(films)
    thresholds = np.empty(repeats)
    figures = np.empty((repeats, 2, len(FIGURES)))
    for i in range(repeats):
        chosen = _half(films, codes, groups, rng)
        inside = Cuts(films.scores[chosen], films.labels[chosen])
        outside = Cuts(films.scores[~chosen], films.labels[~chosen])
        thresholds[i] = choose_among(inside, key, value, prevalence).threshold
        figures[i] = [_figures(part, thresholds[i]) for part in (inside, outside)]
    rows = tuple(
        _row(name, title, figures[:, 0, j], figures[:, 1, j])
        for j, (name, title) in enumerate(FIGURES)
    )
    aim = next(r for r in rows if r.key == _AIM.get(key, "balanced_accuracy"))
    by_patient = groups < films.n
    how = "patients apart" if by_patient else "films at random"
    gap = 100 * aim.optimism.value
    if row.pick is None:
        sentence = "A threshold set by hand is not fitted to the films, so it gains nothing here."
    else:
        sentence = (
            f"Chosen on one half of these films {repeats} times ({how}), {aim.name.lower()} looked "
            f"{abs(gap):.1f} points {'better' if gap >= 0 else 'worse'} on that half than on the "
            f"other: {aim.apparent:.1%} against {aim.held_out:.1%}."
        )
    return Optimism(repeats, by_patient, thresholds, rows, aim, sentence)


def _groups(films: Sorted) -> tuple[NDArray[np.intp], int]:
    """A code for each film, in sorted order, of what must not be split; and how many there are."""
    codes = films.patient_codes
    if codes is None:
        return np.arange(films.n), films.n
    return codes, int(codes.max()) + 1


def _half(
    films: Sorted, codes: NDArray[np.intp], groups: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(n,) films of a random half of the groups, both classes on both sides."""
    for _ in range(100):
        member = np.zeros(groups, dtype=bool)
        member[rng.permutation(groups)[: groups // 2]] = True
        chosen: NDArray[np.bool_] = member[codes]
        ill = int(films.labels[chosen].sum())
        if 0 < ill < films.ill and 0 < chosen.sum() - ill < films.well:
            return chosen
    raise DataError(
        f"Expected films that can be halved with both classes in each half; {films.ill:,} of "
        f"pneumonia and {films.well:,} normal ones, by patient, cannot. Add films."
    )


def _figures(part: Cuts, threshold: float) -> tuple[float, float, float, float]:
    below = part.below(threshold)
    fn = int(part.ill_below[below])
    tp, fp = part.ill - fn, part.well - below + fn
    sensitivity, specificity = tp / part.ill, 1 - fp / part.well
    f1 = 2 * tp / (part.ill + tp + fp)
    return sensitivity, specificity, (sensitivity + specificity) / 2, f1


def _row(
    key: str, name: str, apparent: NDArray[np.float64], held_out: NDArray[np.float64]
) -> OptimismRow:
    gap = apparent - held_out
    low, high = np.quantile(gap, (0.025, 0.975))
    return OptimismRow(
        key,
        name,
        float(apparent.mean()),
        float(held_out.mean()),
        Interval(float(gap.mean()), float(low), float(high)),
    )
