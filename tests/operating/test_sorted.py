"""Look-ups agree with counting film by film, with scikit-learn and with each other."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
from operating.drawn import arrays, films, ordered

from cxr_core.errors import DataError
from cxr_core.evaluate import _hanley_mcneil, auc_interval, report
from cxr_core.operating import Sorted, from_arrays

THRESHOLDS = (0.0, 0.05, 0.3, 0.5, 0.7, 0.95, 1.0)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("t", THRESHOLDS)
def test_the_matrix_counts_a_score_at_the_threshold_as_called(ties: bool, t: float) -> None:
    labels, scores = arrays(300, ties=ties)
    c = ordered(300, ties=ties).confusion(t)
    called = scores >= t
    assert (c.tn, c.fp, c.fn, c.tp) == tuple(
        sk.confusion_matrix(labels, called, labels=[0, 1]).ravel()
    )
    assert (c.n, c.ill, c.called) == (300, int(labels.sum()), int(called.sum()))


@pytest.mark.parametrize("t", [0.2, 0.5, 0.8])
def test_figures_are_those_of_scikit_learn(t: float) -> None:
    labels, scores = arrays(400, 3)
    called = (scores >= t).astype(int)
    f = ordered(400, 3).figures(t)
    recall = sk.recall_score(labels, called, average=None)
    precision = sk.precision_score(labels, called, average=None)
    plus, minus = sk.class_likelihood_ratios(labels, called)
    expected = {
        "specificity": recall[0], "sensitivity": recall[1], "npv": precision[0],
        "ppv": precision[1], "accuracy": sk.accuracy_score(labels, called),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, called),
        "f1": sk.f1_score(labels, called), "lr_plus": plus, "lr_minus": minus,
    }  # fmt: skip
    for key, value in expected.items():
        found = getattr(f, key)
        assert found.value == pytest.approx(value, abs=1e-12), key
        assert found.low < found.value < found.high, key
    assert [row.key for row in f.rows()] == list(dict.fromkeys(r.key for r in f.rows()))


@pytest.mark.parametrize("ties", [False, True])
def test_areas_brier_and_calibration_are_those_of_scikit_learn(ties: bool) -> None:
    labels, scores = arrays(500, 5, ties)
    s = ordered(500, 5, ties)
    assert s.auc.value == pytest.approx(sk.roc_auc_score(labels, scores), abs=1e-12)
    assert s.auc == auc_interval(labels, scores)
    assert s.ap == pytest.approx(sk.average_precision_score(labels, scores), abs=1e-12)
    assert s.brier == pytest.approx(sk.brier_score_loss(labels, scores), abs=1e-12)
    assert s.ece == pytest.approx(report(labels, scores, 0.5).ece, abs=1e-12)
    assert s.calibration().brier.low < s.brier < s.calibration().brier.high
    assert sum(s.calibration().n) == 500


def test_predictive_values_at_the_clinics_prevalence_are_bayes_rule() -> None:
    f = ordered(600, 1).figures(0.5, prevalence=0.02)
    se, sp = f.sensitivity.value, f.specificity.value
    assert f.ppv_clinic is not None
    assert f.npv_clinic is not None
    assert f.ppv_clinic.value == pytest.approx(se * 0.02 / (se * 0.02 + (1 - sp) * 0.98))
    assert f.npv_clinic.value == pytest.approx(sp * 0.98 / (sp * 0.98 + (1 - se) * 0.02))
    assert f.ppv_clinic.low < f.ppv_clinic.value < f.ppv_clinic.high
    per = f.per_1000
    assert per.tp.value + per.fn.value == pytest.approx(20)
    assert per.tn.value + per.fp.value == pytest.approx(980)
    assert per.fn.low == pytest.approx(20 * (1 - f.sensitivity.high))


def test_what_is_not_defined_is_none_and_never_a_number() -> None:
    s = ordered(100)
    nobody = s.figures(1.0, prevalence=0.1)
    assert (nobody.ppv, nobody.ppv_clinic, nobody.lr_plus) == (None, None, None)
    assert nobody.sensitivity.value == 0
    assert nobody.f1.value == 0
    everybody = s.figures(0.0, prevalence=0.1)
    assert (everybody.npv, everybody.npv_clinic, everybody.lr_minus) == (None, None, None)
    assert everybody.lr_plus is not None
    assert everybody.lr_plus.value == 1


def test_an_empty_cell_leaves_no_false_certainty() -> None:
    s = Sorted(from_arrays([0] * 20 + [1] * 20, [0.1] * 20 + [0.9] * 20))
    f = s.figures(0.5, prevalence=0.1)
    for found in (f.balanced_accuracy, f.f1, f.ppv_clinic):
        assert found is not None
        assert (found.value, found.high) == (1, 1)
        assert found.low < 0.9
    assert f.lr_plus is not None
    assert f.lr_plus.value == f.lr_plus.high == float("inf")
    # Wilson's limits of 20 of 20 are 0.839 to 1, so LR+ is at least 0.839 / 0.161.
    assert f.lr_plus.low == pytest.approx(5.2, abs=0.05)
    assert f.lr_minus is not None
    assert (f.lr_minus.value, round(f.lr_minus.high, 2)) == (0, 0.19)


def test_nearest_misses_and_alarms_are_the_right_films_in_order() -> None:
    labels, scores = arrays(200, 7)
    s = ordered(200, 7)
    near = s.nearest(0.4, 5)
    assert sorted(np.abs(scores[near] - 0.4)) == sorted(np.abs(scores - 0.4))[:5]
    assert (np.diff(np.abs(scores[near] - 0.4)) >= 0).all()
    misses = s.misses(0.4, 500)
    assert set(misses) == set(np.flatnonzero((labels == 1) & (scores < 0.4)))
    assert (np.diff(scores[misses]) >= 0).all()
    alarms = s.alarms(0.4, 3)
    assert (labels[alarms] == 0).all()
    assert scores[alarms[0]] == scores[labels == 0].max()


def test_histograms_hold_every_film_once() -> None:
    labels, scores = arrays(500, 2, ties=True)
    h = ordered(500, 2, ties=True).histograms(10)
    for label, counts in ((1, h.ill), (0, h.well)):
        expected, _ = np.histogram(scores[labels == label], h.edges)
        assert counts.tolist() == expected.tolist()


@pytest.mark.parametrize("t", [0.1, 0.25, 0.6])
def test_net_benefit_is_counted_film_by_film(t: float) -> None:
    labels, scores = arrays(250, 9)
    s = ordered(250, 9)
    slow = sum(
        (1 / 250 if y else -t / (1 - t) / 250)
        for y, p in zip(labels, scores, strict=True)
        if p >= t
    )
    assert s.net_benefit(t) == pytest.approx(slow, abs=1e-12)
    curve = s.decision()
    at = int(np.searchsorted(curve.thresholds, t))
    assert curve.thresholds[at] == pytest.approx(t)
    assert curve.net_benefit[at] == pytest.approx(slow, abs=1e-12)
    assert curve.treat_all[at] == pytest.approx(labels.mean() - (1 - labels.mean()) * t / (1 - t))
    assert len(curve.thresholds) <= 2000


def test_expected_cost_is_counted_film_by_film_and_its_best_is_the_least() -> None:
    labels, scores = arrays(150, 4)
    s = ordered(150, 4)
    curve = s.cost(12, prevalence=0.05)

    def slow(t: float) -> float:
        missed = (scores[labels == 1] < t).mean()
        alarmed = (scores[labels == 0] >= t).mean()
        return 1000 * (12 * 0.05 * missed + 0.95 * alarmed)

    for t, cost in zip(curve.thresholds, curve.cost, strict=True):
        assert cost == pytest.approx(slow(t))
    assert curve.best_cost == pytest.approx(min(slow(t) for t in np.linspace(0, 1, 2001)))
    assert s.cost_at(curve.best, 12, 0.05) == pytest.approx(curve.best_cost)


@pytest.mark.parametrize("bad", [0.0, 1.0, -1, 7, float("nan")])
def test_a_prevalence_that_is_none_is_refused(bad: float) -> None:
    with pytest.raises(DataError, match="prevalence between 0 and 1"):
        ordered(50).figures(0.5, prevalence=bad)


@pytest.mark.parametrize("bad", [-0.1, 1.5, float("nan")])
def test_a_threshold_outside_the_scale_is_refused(bad: float) -> None:
    with pytest.raises(DataError, match="threshold from 0 to 1"):
        ordered(50).figures(bad)


def test_constant_scores_give_correct_figures_and_a_warning() -> None:
    s = Sorted(from_arrays([0, 0, 1, 1, 1] * 20, [0.4] * 100))
    assert "same score" in s.set.warnings[0]
    assert (s.auc.value, s.confusion(0.4).called, s.confusion(0.41).called) == (0.5, 100, 0)
    assert s.roc().x.tolist() == [0, 1]
    assert s.precision_recall().y.tolist() == [0.6]


def test_a_million_films_give_the_same_as_few_and_thin_curves() -> None:
    """The same films 2,000 times over: every share stays what it was."""
    labels, scores = arrays(500, 6)
    few, lots = ordered(500, 6), Sorted(from_arrays(np.tile(labels, 2000), np.tile(scores, 2000)))
    assert lots.auc.value == pytest.approx(few.auc.value, abs=1e-12)
    a, b = few.figures(0.4, 0.1), lots.figures(0.4, 0.1)
    for x, y in zip(a.rows(), b.rows(), strict=True):
        assert x.interval is not None
        assert y.interval is not None
        assert y.interval.value == pytest.approx(x.interval.value)
        assert y.interval.high - y.interval.low < (x.interval.high - x.interval.low) / 20
    assert lots.roc().x.tolist() == pytest.approx(few.roc().x.tolist())


def test_films_are_not_changed_by_sorting() -> None:
    _, scores = arrays(50)
    given = films(50)
    Sorted(given).figures(0.5)
    assert given.scores.tolist() == scores.tolist()
    with pytest.raises(ValueError, match="read-only"):
        given.scores[0] = 0


def test_treating_all_has_the_published_net_benefit() -> None:
    """PMC6993280, table 4, where 30 % have the disease."""
    s = Sorted(from_arrays([1] * 30 + [0] * 70, [0.99] * 100))
    published = {0.05: 0.263, 0.10: 0.222, 0.20: 0.125, 0.30: 0.0, 0.40: -0.167, 0.50: -0.4}
    curve = s.decision()
    for t, benefit in published.items():
        assert s.net_benefit(t) == pytest.approx(benefit, abs=6e-4)
        assert np.interp(t, curve.thresholds, curve.treat_all) == pytest.approx(benefit, abs=6e-4)


def test_scores_that_rank_the_wrong_way_are_said() -> None:
    labels, scores = arrays(200, 3)
    assert Sorted(from_arrays(labels, scores)).warnings == ()
    said = Sorted(from_arrays(labels, 1 - scores)).warnings
    assert ["probabilities of 'normal'" in w for w in said] == [True]


def test_a_single_film_of_a_class_leaves_no_certainty_about_the_area() -> None:
    """Hanley and McNeil 1982: 58 normal, 51 abnormal images, area 0.893, standard error 0.032."""
    assert _hanley_mcneil(0.893, 51, 58) ** 0.5 == pytest.approx(0.032, abs=0.0006)
    one = Sorted(from_arrays([0] * 99 + [1], np.r_[np.linspace(0, 1, 99), 0.8])).auc
    assert one.high - one.low > 0.5
