"""Ways to choose a threshold, as data rows: what each optimises, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxr_core.errors import DataError
from cxr_core.operating._cuts import Cuts
from cxr_core.operating._figures import check_prevalence

if TYPE_CHECKING:
    from cxr_core.operating._sorted import Sorted

_Pick = Callable[[Cuts, float, float], int]


@dataclass(frozen=True)
class Parameter:
    """The number a criterion needs. percent: shown as a share."""

    label: str
    default: float
    low: float
    high: float
    step: float
    percent: bool


@dataclass(frozen=True)
class Criterion:
    """One row. sentence: with {value} and {prevalence} to fill in. pick: the best cut's index."""

    key: str
    title: str
    optimises: str
    costs: str
    sentence: str
    parameter: Parameter | None
    uses_prevalence: bool
    pick: _Pick | None


@dataclass(frozen=True)
class Choice:
    """A chosen threshold. reached: the films allow what was asked; note: why not, or a caution."""

    threshold: float
    key: str
    value: float | None
    prevalence: float | None
    sentence: str
    reached: bool = True
    note: str | None = None


def _youden(cuts: Cuts, value: float, prevalence: float) -> int:
    # In whole numbers, so that ties are ties; of equals the first misses fewest.
    return int(np.argmax(cuts.tp * cuts.well - cuts.fp * cuts.ill))


def _f1(cuts: Cuts, value: float, prevalence: float) -> int:
    return int(np.argmax(2 * cuts.tp / (cuts.ill + cuts.tp + cuts.fp)))


def _sensitivity(cuts: Cuts, value: float, prevalence: float) -> int:
    return int(np.flatnonzero(cuts.tp >= math.ceil(value * cuts.ill - 1e-9))[-1])


def _specificity(cuts: Cuts, value: float, prevalence: float) -> int:
    enough = cuts.well - cuts.fp >= math.ceil(value * cuts.well - 1e-9)
    return int(np.flatnonzero(enough)[0])


def _cost(cuts: Cuts, value: float, prevalence: float) -> int:
    missed, alarmed = 1 - cuts.tp / cuts.ill, cuts.fp / cuts.well
    return int(np.argmin(value * prevalence * missed + (1 - prevalence) * alarmed))


def _referral(cuts: Cuts, value: float, prevalence: float) -> int:
    called = prevalence * cuts.tp / cuts.ill + (1 - prevalence) * cuts.fp / cuts.well
    return int(np.flatnonzero(called <= value + 1e-12)[0])


CRITERIA = (
    Criterion(
        "hand", "By hand",
        "Nothing: you set the threshold yourself, from experience or from a protocol.",
        "Nobody can say afterwards what it was best for; write the reason into the note.",
        "set by hand at {value:.4g}",
        Parameter("Threshold", 0.5, 0.0, 1.0, 0.001, False), False, None,
    ),
    Criterion(
        "youden", "Youden's index",
        "The highest sum of sensitivity and specificity: the point of the ROC curve farthest above "
        "the diagonal.",
        "A missed pneumonia counts as much as a false alarm, and how rare pneumonia is counts "
        "for nothing.",
        "highest Youden index (sensitivity + specificity − 1)",
        None, False, _youden,
    ),
    Criterion(
        "f1", "Best F1",
        "The best balance between finding pneumonias and being right when calling one.",
        "It depends on how many of these films have pneumonia, and normal films left alone count "
        "for nothing.",
        "highest F1",
        None, False, _f1,
    ),
    Criterion(
        "sensitivity", "Sensitivity at least",
        "The fewest false alarms while at least this share of pneumonias is called.",
        "Specificity becomes whatever is left, however low.",
        "highest threshold with sensitivity of at least {value:.3f}",
        Parameter("Sensitivity", 0.95, 0.5, 1.0, 0.005, True), False, _sensitivity,
    ),
    Criterion(
        "specificity", "Specificity at least",
        "The fewest missed pneumonias while at least this share of normal films is left alone.",
        "Sensitivity becomes whatever is left, however low.",
        "lowest threshold with specificity of at least {value:.3f}",
        Parameter("Specificity", 0.95, 0.5, 1.0, 0.005, True), False, _specificity,
    ),
    Criterion(
        "cost", "Least expected cost",
        "The lowest cost per patient in your clinic when one missed pneumonia is worth this many "
        "false alarms.",
        "It is only as right as the ratio and the prevalence you give; a rare disease or a low "
        "ratio lets it accept misses.",
        "least expected cost with a miss worth {value:g} false alarms, at a prevalence of "
        "{prevalence:.1%}",
        Parameter("False alarms worth one miss", 10.0, 0.1, 1000.0, 0.1, False), True, _cost,
    ),
    Criterion(
        "referral", "Fixed referral rate",
        "The most pneumonias found while no more than this share of your patients is called.",
        "Workload is fixed, sensitivity is not: where more patients are ill, more are missed.",
        "lowest threshold that calls at most {value:.1%} of patients, at a prevalence of "
        "{prevalence:.1%}",
        Parameter("Share of patients called", 0.2, 0.01, 0.99, 0.01, True), True, _referral,
    ),
)  # fmt: skip


def criterion(key: str) -> Criterion:
    """The row of that key. Raises DataError."""
    for row in CRITERIA:
        if row.key == key:
            return row
    raise DataError(
        f"Expected a criterion of {', '.join(r.key for r in CRITERIA)}; received {key!r}. "
        "Choose one of those."
    )


def choose(
    films: Sorted, key: str, value: float | None = None, prevalence: float | None = None
) -> Choice:
    """The threshold that a criterion asks for on these films; of equal ones the lowest.

    value: the criterion's parameter, its default unless given. prevalence: the clinic's; the
    films' own unless given. Never report figures on the films it was chosen on without saying so.
    Raises DataError for values out of range.
    """
    return choose_among(films.cuts, key, value, prevalence)


def choose_among(
    cuts: Cuts, key: str, value: float | None = None, prevalence: float | None = None
) -> Choice:
    """`choose`, from the cuts of sorted films."""
    row = criterion(key)
    wanted = _value(row, value)
    if prevalence is not None:
        check_prevalence(prevalence)
    share = cuts.ill / cuts.n if prevalence is None else prevalence
    sentence = row.sentence.format(value=wanted, prevalence=share)
    used = share if row.uses_prevalence else None
    given = wanted if row.parameter else None
    if row.pick is None:
        return Choice(wanted, key, given, None, sentence)
    best = row.pick(cuts, wanted, share)
    threshold = float(cuts.thresholds[best])
    if math.isnan(threshold):
        lower = float(cuts.thresholds[best - 1])
        note = (
            "Films scored at exactly 1 are called at any threshold, so this cannot be reached; the "
            "highest threshold that changes anything is given."
        )
        return Choice(lower, key, given, used, sentence, False, note)
    caution: str | None = None
    if len(cuts.positions) == 2:
        caution = "Every film has the same score: the threshold only calls all of them or none."
    elif best == 0:
        caution = "This calls every film: the model decides nothing here."
    elif best == len(cuts.positions) - 1:
        caution = "This calls no film at all: every pneumonia would be missed."
    return Choice(threshold, key, given, used, sentence, True, caution)


def _value(row: Criterion, value: float | None) -> float:
    if row.parameter is None:
        if value is not None:
            raise DataError(
                f"Expected no number for the criterion {row.key!r}; received {value:g}. Leave it "
                "out."
            )
        return 0.0
    if value is None:
        return row.parameter.default
    least = 0.0
    most = math.inf if row.key == "cost" else 1.0
    if not (least <= value <= most) or value == math.inf or (row.key == "cost" and value == 0):
        span = "a number above 0" if row.key == "cost" else "a number from 0 to 1"
        raise DataError(
            f"Expected {span} for the criterion {row.key!r}; received {value:g}. "
            f"{row.parameter.label} is {row.parameter.default:g} unless given."
        )
    return value
