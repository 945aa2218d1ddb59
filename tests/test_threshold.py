"""Calibration recovers what made the data; the operating point keeps its promise."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.errors import DataError
from cxr_core.threshold import at_sensitivity, calibrate, calibrated, operating_point


def sample(n: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(0.5, 3.0, n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-(0.4 * logits - 0.7)))).astype(np.int8)
    return labels, logits


def test_platt_recovers_scale_and_offset() -> None:
    found = calibrate(*sample(), "platt")
    assert found.scale == pytest.approx(0.4, abs=0.02)
    assert found.offset == pytest.approx(-0.7, abs=0.04)


def test_temperature_is_the_best_scale_on_a_fine_grid() -> None:
    labels, logits = sample(5_000)
    sign = np.where(labels == 1, -1, 1)
    grid = np.linspace(0.05, 1.5, 2_000)
    losses = [np.logaddexp(0, sign * s * logits).mean() for s in grid]
    found = calibrate(labels, logits)
    assert found.offset == 0
    assert found.scale == pytest.approx(grid[int(np.argmin(losses))], abs=1e-3)


def test_calibrated_keeps_the_order_and_stays_finite() -> None:
    found = calibrate(*sample(500))
    p = calibrated(found, np.array([-1e6, -1.0, 0.0, 1.0, 1e6]))
    assert np.isfinite(p).all()
    assert (np.diff(p) > 0).all()


@pytest.mark.parametrize("least", [0.5, 0.9, 0.97, 1.0])
def test_the_threshold_is_the_highest_that_keeps_the_sensitivity(least: float) -> None:
    rng = np.random.default_rng(4)
    labels = (rng.random(300) < 0.5).astype(np.int8)
    p = np.round(rng.random(300) * 0.5 + 0.4 * labels, 3)
    found = at_sensitivity(labels, p, least)
    assert (p[labels == 1] >= found).mean() >= least
    # Every observed score above it would break the promise.
    next_up = np.min(p[p > found])
    higher = np.min(p[p > next_up]) if (p > next_up).any() else 1.1
    assert (p[labels == 1] >= higher).mean() < least


def test_the_refer_band_holds_the_threshold_and_the_hard_films() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 1000).astype(np.int8)
    p = np.clip(np.concatenate([rng.beta(2, 8, 1000), rng.beta(8, 2, 1000)]), 0, 1)
    harder = np.clip(p + rng.normal(0, 0.05, p.shape), 0, 1)
    point = operating_point(
        labels,
        p,
        hard_labels=labels,
        hard_probabilities=harder,
        sensitivity=0.97,
        miss_share=0.01,
        alarm_share=0.01,
        data="drawn",
    )
    assert point.refer_low < point.threshold < point.refer_high
    assert (p[labels == 1] >= point.threshold).mean() >= 0.97
    assert (harder[labels == 1] < point.refer_low).mean() <= 0.011
    assert (harder[labels == 0] > point.refer_high).mean() <= 0.011
    assert point.n == 2000
    assert "0.970" in point.criterion


def test_one_class_is_refused() -> None:
    with pytest.raises(DataError, match="both classes"):
        calibrate(np.ones(4, np.int8), np.arange(4.0))
