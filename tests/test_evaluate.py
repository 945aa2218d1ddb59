"""Figures against counting by hand, slow independent versions and published values."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from cxr_core.errors import DataError
from cxr_core.evaluate import (
    auc,
    auc_interval,
    expected_calibration_error,
    report,
    wilson,
)


def scores(n: int, seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.6).astype(np.int8)
    p = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.3 * labels)))
    return labels, np.round(p, 1) if ties else p


@pytest.mark.parametrize("ties", [False, True])
def test_auc_is_the_share_of_pairs_ranked_rightly(ties: bool) -> None:
    labels, p = scores(60, 3, ties)
    pairs = itertools.product(p[labels == 1], p[labels == 0])
    counted = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs]
    assert auc(labels, p) == pytest.approx(np.mean(counted), abs=1e-12)


def test_auc_interval_agrees_with_delongs_structural_components_by_loops() -> None:
    labels, p = scores(80, 5, True)
    ill, well = p[labels == 1], p[labels == 0]

    def beats(a: float, b: float) -> float:
        return 1.0 if a > b else 0.5 if a == b else 0.0

    v10 = [np.mean([beats(a, b) for b in well]) for a in ill]
    v01 = [np.mean([beats(a, b) for a in ill]) for b in well]
    area = float(np.mean(v10))
    spread = 1.959964 * math.sqrt(np.var(v10, ddof=1) / len(ill) + np.var(v01, ddof=1) / len(well))
    logit = math.log(area / (1 - area))
    found = auc_interval(labels, p)
    for value, sign in ((found.low, -1), (found.high, 1)):
        expected = 1 / (1 + math.exp(-(logit + sign * spread / (area * (1 - area)))))
        assert value == pytest.approx(expected, abs=1e-6)
    assert found.low < area < found.high


def test_a_perfect_auc_keeps_an_honest_lower_end() -> None:
    found = auc_interval(np.array([0, 0, 0, 1, 1, 1]), np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]))
    assert (found.value, found.low, found.high) == (1.0, 0.0, 1.0)


def test_wilson_gives_the_published_interval() -> None:
    # At 0.928 of 624 films: 0.905 to 0.946.
    found = wilson(579, 624)
    assert (round(found.low, 3), round(found.high, 3)) == (0.905, 0.946)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (3, 7), (1, 1)])
def test_wilson_is_where_the_score_test_turns(successes: int, n: int) -> None:
    found = wilson(successes, n)
    for end in (found.low, found.high):
        if 0 < end < 1:
            z = abs(successes / n - end) / math.sqrt(end * (1 - end) / n)
            assert z == pytest.approx(1.959964, abs=1e-4)
    assert 0 <= found.low <= successes / n <= found.high <= 1


def test_calibration_error_by_hand() -> None:
    labels = np.array([0, 1, 1, 1])
    p = np.array([0.12, 0.18, 0.95, 0.95])
    # Bins 0.1–0.2: mean 0.15, observed 0.5; 0.9–1.0: mean 0.95, observed 1.
    assert expected_calibration_error(labels, p) == pytest.approx(0.5 * 0.35 + 0.5 * 0.05)


def test_report_counts_a_score_at_the_threshold_as_positive() -> None:
    found = report(np.array([0, 0, 1, 1]), np.array([0.2, 0.6, 0.6, 0.4]), 0.6)
    assert found.confusion == ((1, 1), (1, 1))
    assert found.sensitivity.value == found.specificity.value == found.accuracy.value == 0.5
    assert found.brier == pytest.approx(np.mean([0.04, 0.36, 0.16, 0.36]))


@pytest.mark.parametrize(
    ("labels", "p", "word"),
    [
        ([1, 1], [0.2, 0.4], "both classes"),
        ([0, 1], [0.2, float("nan")], "finite"),
        ([0, 1], [-3.0, 4.0], "0 to 1"),
        ([0, 1, 1], [0.1, 0.2], "as many"),
    ],
)
def test_bad_input_says_what_was_expected(labels: list, p: list, word: str) -> None:
    with pytest.raises(DataError, match=word):
        report(np.array(labels), np.array(p), 0.5)
