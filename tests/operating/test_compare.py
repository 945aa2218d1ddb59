"""Paired tests against published results and versions that loop over every pair of films."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from operating.drawn import arrays, films
from operating.published import OVARIAN, OVARIAN_AGAINST_KG, OVARIAN_AREAS

from cxr_core.errors import DataError
from cxr_core.evaluate import Z95, on_logit_scale
from cxr_core.operating import compare, from_arrays, overlap
from cxr_core.operating._compare import _paired, delong, mcnemar, placements

BENEFIT = OVARIAN[:, 3].astype(np.int8)
TESTS = {"albumin": OVARIAN[:, 0], "protein": OVARIAN[:, 1], "kg": 10 - OVARIAN[:, 2]}


@pytest.mark.parametrize("test", sorted(TESTS))
def test_delongs_own_patients_give_the_published_areas(test: str) -> None:
    ill, well = placements(BENEFIT, TESTS[test])
    error = math.sqrt(ill.var(ddof=1) / len(ill) + well.var(ddof=1) / len(well))
    assert (round(ill.mean(), 4), round(error, 4)) == OVARIAN_AREAS[test]


@pytest.mark.parametrize("test", sorted(OVARIAN_AGAINST_KG))
def test_delongs_own_patients_give_the_published_differences(test: str) -> None:
    found, p = delong(BENEFIT, TESTS[test], TESTS["kg"])
    assert found is not None
    assert p is not None
    value, error, published_p = OVARIAN_AGAINST_KG[test]
    assert found.value == pytest.approx(value, abs=5e-5)
    assert (found.high - found.low) / 2 / Z95 == pytest.approx(error, abs=1e-4)
    assert p == pytest.approx(published_p, abs=5e-4)


@pytest.mark.parametrize("ties", [False, True])
def test_the_paired_variance_is_delongs_by_loops_over_pairs(ties: bool) -> None:
    y, a = arrays(50, 1, ties)
    _, b = arrays(50, 2, ties)
    b = np.round((a + b) / 2, 1) if ties else (a + b) / 2
    ill, well = np.flatnonzero(y == 1), np.flatnonzero(y == 0)

    def beats(s: np.ndarray, i: int, j: int) -> float:
        return 1.0 if s[i] > s[j] else 0.5 if s[i] == s[j] else 0.0

    gap = {(i, j): beats(a, i, j) - beats(b, i, j) for i, j in itertools.product(ill, well)}
    value = sum(gap.values()) / len(gap)
    rows = [sum(gap[i, j] for j in well) / len(well) for i in ill]
    columns = [sum(gap[i, j] for i in ill) / len(ill) for j in well]
    variance = sum((r - value) ** 2 for r in rows) / (len(ill) - 1) / len(ill)
    variance += sum((c - value) ** 2 for c in columns) / (len(well) - 1) / len(well)
    found, p = delong(y, a, b)
    assert found is not None
    assert p is not None
    assert found.value == pytest.approx(value)
    assert (found.high - found.low) / 2 == pytest.approx(Z95 * math.sqrt(variance))
    z = abs(value) / math.sqrt(variance)
    assert p == pytest.approx(2 * (1 - 0.5 * (1 + math.erf(z / math.sqrt(2)))))


def test_the_single_interval_uses_the_same_components() -> None:
    y, s = arrays(90, 8)
    ill, well = placements(y, s)
    variance = ill.var(ddof=1) / len(ill) + well.var(ddof=1) / len(well)
    slow = on_logit_scale(float(ill.mean()), float(variance))
    fast = compare(films(90, 8), films(90, 8), 0.5, 0.5).auc_a
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high))


def from_table(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    cells = [(True, True), (True, False), (False, True), (False, False)]
    pairs = np.repeat(np.array(cells), (both, only_a, only_b, neither), axis=0)
    return pairs[:, 0], pairs[:, 1]


def test_mcnemar_gives_agrestis_published_result() -> None:
    """Approval of 1,600 Britons at two surveys (Agresti, Categorical Data Analysis, 10.1)."""
    found = mcnemar(*from_table(794, 150, 86, 570))
    assert (found.n, found.both_right, found.only_a, found.only_b) == (1600, 794, 150, 86)
    assert found.difference.value == pytest.approx(0.04)
    assert (round(found.difference.low, 2), round(found.difference.high, 2)) == (0.02, 0.06)
    # z² = 17.36 without continuity correction; (|64| − 1)² / 236 = 16.82 with it.
    assert found.p == pytest.approx(math.erfc(math.sqrt(16.8178 / 2)), rel=1e-3)
    assert not found.exact


def test_few_disagreements_are_counted_exactly() -> None:
    found = mcnemar(*from_table(50, 8, 2, 5))
    assert found.exact
    tail = sum(math.comb(10, k) for k in range(3)) / 2**10
    assert found.p == pytest.approx(2 * tail)
    assert mcnemar(*from_table(9, 0, 0, 1)).p == 1


def test_the_paired_interval_covers_what_it_says() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(120, (0.7, 0.15, 0.08, 0.07), size=2000)
    inside = [(i := _paired(int(b), int(c), 120)).low <= 0.07 <= i.high for _, b, c, _ in drawn]
    assert 0.935 <= np.mean(inside) <= 0.97


def test_films_are_matched_by_name_in_any_order() -> None:
    a = films(200, 1)
    order = np.random.default_rng(3).permutation(200)
    labels, scores = arrays(200, 1)
    b = from_arrays(
        labels[order][20:], np.clip(scores[order][20:] * 0.8, 0, 1), "second",
        films=a.films[order][20:],
    )  # fmt: skip
    found = compare(a, b, 0.5, 0.5)
    assert (found.n, found.left_out) == (180, 20)
    assert "left out: 20" in found.warnings[0]
    assert found.auc_difference is None
    assert found.auc_a == found.auc_b
    for d in found.disagreements:
        assert a.films[d.index_a] == b.films[d.index_b] == d.film
        assert d.called_a != d.called_b
        assert d.called_a == (a.scores[d.index_a] >= 0.5)
    gaps = [abs(d.score_a - d.score_b) for d in found.disagreements]
    assert gaps == sorted(gaps, reverse=True)
    assert len(gaps) == found.all.only_a + found.all.only_b
    assert found.all.n == found.ill_only.n + found.well_only.n


def test_a_films_ending_does_not_keep_it_from_its_twin() -> None:
    """A model's own scores name films without an ending, a job's with it."""
    a = films(60)
    b = from_arrays(a.labels, a.scores, "b", films=[f"{name}.jpeg" for name in a.films])
    assert compare(a, b, 0.5, 0.5).n == overlap(a, b) == 60
    endings = [f"x.{'png' if i % 2 else 'jpg'}" if i < 2 else f"{i}" for i in range(60)]
    assert overlap(from_arrays(a.labels, a.scores, films=endings), b) == 0


def test_two_thresholds_of_one_model_are_compared_on_its_films() -> None:
    a = films(150, patients=40)
    found = compare(a, a, 0.3, 0.6)
    assert found.auc_p is None
    # The lower threshold can only find more and alarm more.
    assert found.ill_only.only_b == found.well_only.only_a == 0
    assert "one patient" in found.warnings[-1]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"films": [f"other-{i}" for i in range(60)]}, "none in common"),
        ({"films": ["same"] * 60}, "more than once"),
        ({"labels": "turned"}, "another label"),
        ({"films": None, "n": 59}, "without film names"),
    ],
)
def test_films_that_do_not_fit_together_are_refused(change: dict, word: str) -> None:
    a = films(60)
    labels = 1 - a.labels if change.get("labels") else a.labels
    n = change.get("n", 60)
    b = from_arrays(labels[:n], a.scores[:n], "b", films=change.get("films", a.films))
    with pytest.raises(DataError, match=word):
        compare(a, b, 0.5, 0.5)


def test_thresholds_that_are_no_probabilities_are_refused() -> None:
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(DataError, match="thresholds from 0 to 1"):
            compare(films(30), films(30), 0.5, wrong)
