"""Thinned curves keep their corners, their ends and their shape."""

from __future__ import annotations

import numpy as np
import pytest
from operating.drawn import arrays

from cxr_core.operating import Sorted, from_arrays
from cxr_core.operating._thin import LIMIT, corners, thin


def test_a_staircase_of_few_corners_loses_nothing() -> None:
    x = np.repeat(np.arange(50), 2)[1:].astype(float)
    y = np.repeat(np.arange(50), 2)[:-1].astype(float)
    dense_x = np.interp(np.linspace(0, 98, 98 * 40 + 1), np.arange(99), x)
    dense_y = np.interp(np.linspace(0, 98, 98 * 40 + 1), np.arange(99), y)
    kept = thin(dense_x, dense_y)
    assert len(kept) == len(corners(x, y)) == 99
    assert np.abs(dense_x[kept] - x).max() < 1e-9
    assert np.abs(dense_y[kept] - y).max() < 1e-9


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_short_lines_are_kept_whole(n: int) -> None:
    x = np.arange(n, dtype=float)
    assert thin(x, x**2).tolist() == list(range(n))


def test_two_hundred_thousand_films_become_two_thousand_points_of_the_same_curve() -> None:
    labels, scores = arrays(200_000)
    s = Sorted(from_arrays(labels, scores))
    roc = s.roc()
    full_x, full_y = (s.cuts.fp / s.well)[::-1], (s.cuts.tp / s.ill)[::-1]
    assert len(full_x) > 100 * LIMIT
    assert len(roc.x) <= LIMIT
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    assert (np.diff(roc.x) >= 0).all()
    assert (np.diff(roc.y) >= 0).all()
    off = np.abs(np.interp(full_x, roc.x, roc.y) - full_y)
    assert off.max() < 0.004
    area = np.sum(np.diff(roc.x) * (roc.y[1:] + roc.y[:-1]) / 2)
    assert area == pytest.approx(s.auc.value, abs=2e-5)
    # The point that Youden's index chooses is drawn where it is.
    assert (roc.y - roc.x).max() == (full_y - full_x).max()
    pr = s.precision_recall()
    assert len(pr.x) <= LIMIT
    f1 = 2 * pr.x * pr.y / (pr.x + pr.y)
    tp, fp = s.cuts.tp[:-1], s.cuts.fp[:-1]
    assert np.nanmax(f1) == pytest.approx((2 * tp / (s.ill + tp + fp)).max(), abs=1e-12)
    assert len(s.cost(10).cost) <= LIMIT


def test_each_point_of_a_curve_has_the_threshold_that_makes_it() -> None:
    labels, scores = arrays(300, ties=True)
    s = Sorted(from_arrays(labels, scores))
    for curve in (s.roc(), s.precision_recall()):
        for x, y, t in zip(curve.x, curve.y, curve.thresholds, strict=True):
            if not np.isnan(t):
                c = s.confusion(t)
                expected = (
                    (c.fp / c.well, c.tp / c.ill)
                    if curve is s.roc()
                    else (c.tp / c.ill, c.tp / c.called)
                )
                assert (x, y) == pytest.approx(expected)
