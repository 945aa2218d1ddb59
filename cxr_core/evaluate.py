"""Labels + scores → figures with 95 % intervals. Numbers only; drawing is elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError
from cxr_core.schema import Interval

Z95 = 1.959963984540054


@dataclass(frozen=True)
class Report:
    """Figures at a locked threshold. confusion: ((tn, fp), (fn, tp))."""

    n: int
    threshold: float
    auc: Interval
    accuracy: Interval
    sensitivity: Interval
    specificity: Interval
    brier: float
    ece: float
    confusion: tuple[tuple[int, int], tuple[int, int]]


def report(
    labels: NDArray[np.int8], probabilities: NDArray[np.float64], threshold: float
) -> Report:
    """labels: (n,) 0 or 1; probabilities: (n,) in 0..1; positive where >= threshold.

    Raises DataError for one class only, wrong shapes, or values outside 0..1.
    """
    y, p = _checked(labels, probabilities)
    if p.min() < 0 or p.max() > 1:
        raise DataError(
            f"Expected probabilities from 0 to 1; received {p.min():.3g} to {p.max():.3g}. "
            "Convert logits with the sigmoid first."
        )
    called = p >= threshold
    tp, fn = int((called & (y == 1)).sum()), int((~called & (y == 1)).sum())
    fp, tn = int((called & (y == 0)).sum()), int((~called & (y == 0)).sum())
    return Report(
        n=len(y),
        threshold=threshold,
        auc=auc_interval(y, p),
        accuracy=wilson(tp + tn, len(y)),
        sensitivity=wilson(tp, tp + fn),
        specificity=wilson(tn, tn + fp),
        brier=float(np.mean((p - y) ** 2)),
        ece=expected_calibration_error(y, p),
        confusion=((tn, fp), (fn, tp)),
    )


def wilson(successes: int, n: int) -> Interval:
    """A proportion with Wilson's 95 % interval (1927). Raises DataError where n is 0."""
    if n <= 0:
        raise DataError("Expected at least one film to take a share of; received none.")
    share = successes / n
    middle = share + Z95**2 / (2 * n)
    spread = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    scale = 1 + Z95**2 / n
    low = 0.0 if successes == 0 else (middle - spread) / scale
    high = 1.0 if successes == n else (middle + spread) / scale
    return Interval(share, low, high)


def auc(labels: NDArray[np.int8], scores: NDArray[np.float64]) -> float:
    """Area under the ROC curve: the share of (ill, well) pairs ranked rightly, ties half."""
    return auc_interval(labels, scores).value


def auc_interval(labels: NDArray[np.int8], scores: NDArray[np.float64]) -> Interval:
    """AUC with DeLong's 95 % interval (1988), on the logit scale.

    The logit scale keeps the interval within 0..1; a perfect AUC falls back to the rule of three,
    and a single film of a class to Hanley and McNeil's variance.
    """
    y, s = _checked(labels, scores)
    values, group = np.unique(s, return_inverse=True)
    total = np.bincount(group, minlength=len(values))
    ill = np.bincount(group[y == 1], minlength=len(values))
    return auc_of_counts(ill, total - ill)


def auc_of_counts(ill: NDArray[np.intp], well: NDArray[np.intp]) -> Interval:
    """`auc_interval` from films counted by distinct score, (k,) each, lowest score first.

    Linear in k: placements follow from the counts (Sun and Xu 2014 reach them by midranks).
    """
    m, n = int(ill.sum()), int(well.sum())
    v10 = (np.cumsum(well) - well / 2) / n
    v01 = 1 - (np.cumsum(ill) - ill / 2) / m
    area = float((ill * v10).sum() / m)
    if area in (0.0, 1.0):
        reach = 3 / min(m, n)
        low, high = (max(0.0, 1 - reach), 1.0) if area == 1 else (0.0, min(1.0, reach))
        return Interval(area, low, high)
    if min(m, n) == 1:
        return on_logit_scale(area, _hanley_mcneil(area, m, n))
    spread_ill = float((ill * (v10 - area) ** 2).sum() / (m - 1))
    spread_well = float((well * (v01 - area) ** 2).sum() / (n - 1))
    return on_logit_scale(area, spread_ill / m + spread_well / n)


def _hanley_mcneil(area: float, m: int, n: int) -> float:
    """Variance of the AUC of m ill and n well films by its size alone, where one film of a class
    has no spread that DeLong's could be taken from. Hanley and McNeil 1982, doi
    10.1148/radiology.143.1.7063747.
    """
    ill, well = area / (2 - area) - area**2, 2 * area**2 / (1 + area) - area**2
    return (area * (1 - area) + (m - 1) * ill + (n - 1) * well) / (m * n)


def on_logit_scale(area: float, variance: float) -> Interval:
    """An area in (0, 1) with its normal 95 % interval on the logit scale."""
    centre = math.log(area / (1 - area))
    spread = Z95 * math.sqrt(variance) / (area * (1 - area))
    return Interval(area, _sigmoid(centre - spread), _sigmoid(centre + spread))


def expected_calibration_error(
    labels: NDArray[np.int8], probabilities: NDArray[np.float64], bins: int = 10
) -> float:
    """Mean gap between probability and observed share over equal-width bins (Guo et al. 2017)."""
    y, p = _checked(labels, probabilities)
    which = np.minimum((p * bins).astype(np.intp), bins - 1)
    total = np.bincount(which, minlength=bins)
    gap = np.bincount(which, weights=p, minlength=bins) - np.bincount(
        which, weights=y.astype(np.float64), minlength=bins
    )
    return float(np.abs(gap[total > 0]).sum() / len(y))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _checked(
    labels: NDArray[np.int8], scores: NDArray[np.float64]
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    y, s = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if y.shape != s.shape or y.ndim != 1:
        raise DataError(
            f"Expected as many labels as scores; received shapes {y.shape} and {s.shape}."
        )
    if not np.isfinite(s).all():
        raise DataError("Expected finite scores; received NaN or infinity. Leave those films out.")
    if set(np.unique(y).tolist()) != {0, 1}:
        raise DataError(
            "Expected films of both classes (0 and 1); received "
            f"{sorted(set(np.unique(y).tolist()))}. Add films of the other class."
        )
    return y.astype(np.int8), s
