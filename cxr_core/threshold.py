"""Validation scores → calibration, operating point and refer band. Never from films reported on."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxr_core.card import Calibration
from cxr_core.errors import DataError
from cxr_core.schema import OperatingPoint


def calibrate(
    labels: NDArray[np.int8],
    logits: NDArray[np.float64],
    method: Literal["temperature", "platt"] = "temperature",
) -> Calibration:
    """Fit sigmoid(scale · logit + offset) to validation films by maximum likelihood.

    labels, logits: (n,). 'temperature' (Guo et al. 2017) keeps the offset at 0; 'platt' (1999)
    fits both. Raises DataError for one class only.
    """
    from scipy.optimize import minimize

    if set(np.unique(labels).tolist()) != {0, 1}:
        raise DataError("Expected validation films of both classes; received one. Add films.")
    sign = np.where(labels == 1, -1.0, 1.0)

    def loss(parameters: NDArray[np.float64]) -> float:
        offset = parameters[1] if method == "platt" else 0.0
        return float(np.logaddexp(0, sign * (np.exp(parameters[0]) * logits + offset)).mean())

    start = np.zeros(2 if method == "platt" else 1)
    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10})
    offset = float(found.x[1]) if method == "platt" else 0.0
    return Calibration(method, float(np.exp(found.x[0])), offset)


def calibrated(calibration: Calibration, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (n,) for logits (n,)."""
    z = np.clip(calibration.scale * np.asarray(logits) + calibration.offset, -500, 500)
    probabilities: NDArray[np.float64] = 1 / (1 + np.exp(-z))
    return probabilities


def at_sensitivity(
    labels: NDArray[np.int8], probabilities: NDArray[np.float64], least: float
) -> float:
    """The highest threshold at which at least `least` of the ill films are called.

    It lies half-way to the next lower film, so that rounding cannot drop the film it rests on.
    """
    ill = np.sort(probabilities[labels == 1])
    if len(ill) == 0:
        raise DataError("Expected films with pneumonia; received none. Add films.")
    kept = ill[max(0, len(ill) - int(np.ceil(least * len(ill) - 1e-9)))]
    below = probabilities[probabilities < kept]
    return float((kept + below.max()) / 2) if len(below) else float(kept / 2)


def operating_point(
    labels: NDArray[np.int8],
    probabilities: NDArray[np.float64],
    *,
    hard_labels: NDArray[np.int8],
    hard_probabilities: NDArray[np.float64],
    sensitivity: float,
    miss_share: float,
    alarm_share: float,
    data: str,
) -> OperatingPoint:
    """Lock a threshold on validation films, and a refer band on harder renderings of them.

    threshold: the highest with at least `sensitivity` on the films as they are. The band runs from
    where `miss_share` of the ill films lie below to where `alarm_share` of the well films lie
    above, among the hard ones, and always holds the threshold: what is decided outside it was
    wrong that rarely even there.
    """
    ill, well = hard_probabilities[hard_labels == 1], hard_probabilities[hard_labels == 0]
    if len(ill) == 0 or len(well) == 0:
        raise DataError("Expected validation films of both classes; received one. Add films.")
    threshold = at_sensitivity(labels, probabilities, sensitivity)
    low = min(float(np.quantile(ill, miss_share)), threshold)
    high = max(float(np.quantile(well, 1 - alarm_share)), threshold)
    criterion = (
        f"highest threshold with sensitivity of at least {sensitivity:.3f} on validation films; "
        f"refer from the probability below which {miss_share:.1%} of pneumonias lie to the one "
        f"above which {alarm_share:.1%} of normals lie, on augmented copies of these films"
    )
    return OperatingPoint(threshold, low, high, criterion, data, len(labels))
