"""Curves and histograms from sorted scores, thinned to what a screen can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError
from cxr_core.evaluate import Z95, expected_calibration_error, wilson
from cxr_core.operating._cuts import Cuts
from cxr_core.operating._thin import LIMIT, thin
from cxr_core.schema import Interval

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A line of (k,) points, k <= 2,000, with the threshold of each (nan: calls no film).

    ROC: x = 1 − specificity, y = sensitivity, area = AUC. Precision-recall: x = recall,
    y = precision, area = average precision. Areas are of all points, not of those kept.
    """

    x: Array
    y: Array
    thresholds: Array
    area: float


@dataclass(frozen=True, eq=False)
class Histograms:
    """Counts by equal-width bins of the score; edges (bins + 1,), ill and well (bins,)."""

    edges: Array
    ill: NDArray[np.int64]
    well: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CalibrationCurve:
    """Films by equal-width bins of the score, empty bins left out: (k,) each.

    mean: mean score. observed: share with pneumonia, Wilson's interval. brier: with the normal
    interval of a mean. ece: expected calibration error over these bins, without an interval,
    since resampling only ever adds to it.
    """

    mean: Array
    observed: tuple[Interval, ...]
    n: NDArray[np.int64]
    ece: float
    brier: Interval


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit per patient over threshold probability, (k,); treating nobody has 0."""

    prevalence: float
    thresholds: Array
    net_benefit: Array
    treat_all: Array


@dataclass(frozen=True, eq=False)
class CostCurve:
    """Cost of 1,000 patients in false alarms over threshold, (k,); `best` has the least."""

    prevalence: float
    ratio: float
    thresholds: Array
    cost: Array
    best: float
    best_cost: float


def roc(cuts: Cuts, area: float) -> Curve:
    """From (0, 0), where no film is called, to (1, 1). area: the AUC."""
    x, y = (cuts.fp / cuts.well)[::-1], (cuts.tp / cuts.ill)[::-1]
    best = int(np.argmax(y - x))
    kept = thin(x, y, always=(best,))
    return Curve(x[kept], y[kept], cuts.thresholds[::-1][kept], area)


def precision_recall(cuts: Cuts) -> Curve:
    """Where no film is called there is no precision, and no point."""
    tp, fp, thresholds = cuts.tp[-2::-1], cuts.fp[-2::-1], cuts.thresholds[-2::-1]
    x, y = tp / tp[-1], tp / (tp + fp)
    area = float(np.sum(np.diff(x, prepend=0.0) * y))
    best = int(np.argmax(2 * tp / (tp[-1] + tp + fp)))
    kept = thin(x, y, always=(best,))
    return Curve(x[kept], y[kept], thresholds[kept], area)


def histograms(cuts: Cuts, bins: int) -> Histograms:
    """The last bin holds its right edge too."""
    edges = np.linspace(0, 1, bins + 1)
    below = np.searchsorted(cuts.scores, edges, side="left")
    below[-1] = cuts.n
    ill = np.diff(cuts.ill_below[below])
    return Histograms(edges, ill, np.diff(below) - ill)


def calibration(scores: Array, labels: NDArray[np.int8], bins: int) -> CalibrationCurve:
    """Reliability diagram (Guo et al. 2017), ECE and Brier score. scores, labels: (n,)."""
    which = np.minimum((scores * bins).astype(np.intp), bins - 1)
    n = np.bincount(which, minlength=bins)
    ill = np.bincount(which, weights=labels, minlength=bins)
    total = np.bincount(which, weights=scores, minlength=bins)
    kept = np.flatnonzero(n)
    error = (scores - labels) ** 2
    mean = float(error.mean())
    reach = Z95 * float(error.std()) / len(error) ** 0.5
    return CalibrationCurve(
        mean=total[kept] / n[kept],
        observed=tuple(wilson(int(ill[b]), int(n[b])) for b in kept),
        n=n[kept],
        ece=expected_calibration_error(labels, scores, bins),
        brier=Interval(mean, max(0.0, mean - reach), mean + reach),
    )


def net_benefit(sensitivity: float, alarms: float, threshold: float, prevalence: float) -> float:
    """Vickers and Elkin 2006, doi 10.1177/0272989X06295361. alarms: 1 − specificity."""
    if threshold >= 1:
        raise DataError(
            "Expected a threshold below 1 for net benefit; received 1: a false alarm would weigh "
            "infinitely much. Choose a lower one."
        )
    odds = threshold / (1 - threshold)
    return sensitivity * prevalence - alarms * (1 - prevalence) * odds


def decision(cuts: Cuts, prevalence: float) -> DecisionCurve:
    """Net benefit at 999 thresholds, and at both sides of every score where films are few."""
    grid = np.linspace(0.001, 0.999, 999)
    values = cuts.scores[cuts.positions[:-1]]
    if len(values) <= (LIMIT - len(grid)) // 2:
        steps = values[(values > 0.001) & (values < 0.999)]
        grid = np.unique(np.concatenate([grid, steps, np.nextafter(steps, 1)]))
    below = np.searchsorted(cuts.scores, grid, side="left")
    fn = cuts.ill_below[below]
    sensitivity = 1 - fn / cuts.ill
    alarms = 1 - (below - fn) / cuts.well
    odds = grid / (1 - grid)
    benefit = sensitivity * prevalence - alarms * (1 - prevalence) * odds
    return DecisionCurve(prevalence, grid, benefit, prevalence - (1 - prevalence) * odds)


def cost(cuts: Cuts, ratio: float, prevalence: float) -> CostCurve:
    """A miss costs `ratio` false alarms. Raises DataError for a ratio that is not above 0."""
    if not 0 < ratio < float("inf"):
        raise DataError(
            f"Expected a cost ratio above 0; received {ratio:g}. Say how many false alarms one "
            "missed pneumonia is worth."
        )
    missed, alarmed = 1 - cuts.tp / cuts.ill, cuts.fp / cuts.well
    each = 1000 * (ratio * prevalence * missed + (1 - prevalence) * alarmed)
    usable = ~np.isnan(cuts.thresholds)
    each, thresholds = each[usable], cuts.thresholds[usable]
    # Of equal costs the lowest threshold: it misses fewest.
    best = int(np.argmin(each))
    kept = thin(thresholds, each, always=(best,))
    return CostCurve(
        prevalence, ratio, thresholds[kept], each[kept], float(thresholds[best]), float(each[best])
    )
