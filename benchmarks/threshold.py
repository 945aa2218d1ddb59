"""A million scores: from arrays to all that a page needs, and one step of a threshold's slider.

Ours gives nine figures with their intervals, the refer band and the nearest films at each step. The
course's way recomputes its figures with scikit-learn at each step, and has no intervals.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks._measure import Sample, in_turn
from cxr_core import operating as op

FILMS = 1_000_000
PREVALENCE = 0.1


@dataclass(frozen=True)
class Taken:
    """Seconds. ready: arrays to sorted scores, curves and first figures; by_patient: the same
    where 400,000 patients have those films. step, course: one threshold."""

    ready: Sample
    by_patient: Sample
    step: Sample
    course: Sample


def measure(quick: bool) -> Taken:
    """Thresholds are taken in turn, so that neither side meets one that it has just seen."""
    labels, scores, patients = drawn(FILMS)
    rounds = 2 if quick else 7
    plain = op.from_arrays(labels, scores)
    grouped = op.from_arrays(labels, scores, columns={"patient": patients})
    films = op.Sorted(plain)
    _ready(films)
    thresholds = np.linspace(0.03, 0.97, 10 * rounds)

    def ours(i: int) -> object:
        return _step(films, float(thresholds[i % len(thresholds)]))

    def theirs(i: int) -> object:
        return with_scikit_learn(labels, scores, float(thresholds[i % len(thresholds)]))

    step, course = in_turn(ours, theirs, rounds)
    return Taken(
        ready=Sample.of([_timed(plain) for _ in range(rounds)]),
        by_patient=Sample.of([_timed(grouped) for _ in range(rounds)]),
        step=step,
        course=course,
    )


def drawn(n: int) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.object_]]:
    """Labels, distinct scores of a fair model, and patients of one to several films."""
    rng = np.random.default_rng(0)
    labels = (rng.random(n) < 0.3).astype(np.int8)
    scores = 1 / (1 + np.exp(-(1.5 * rng.normal(size=n) + 2 * labels - 1)))
    patients = rng.integers(2 * n // 5, size=n).astype(str).astype(object)
    return labels, scores, patients


def with_scikit_learn(
    labels: NDArray[np.int8], scores: NDArray[np.float64], threshold: float
) -> tuple[object, ...]:
    """The same nine figures by scikit-learn's functions, without intervals."""
    import sklearn.metrics as sk

    called = scores >= threshold
    return (
        sk.confusion_matrix(labels, called),
        sk.recall_score(labels, called, average=None),
        sk.precision_score(labels, called, average=None, zero_division=np.nan),
        sk.accuracy_score(labels, called),
        sk.balanced_accuracy_score(labels, called),
        sk.f1_score(labels, called),
        sk.class_likelihood_ratios(labels, called),
    )


def _step(films: op.Sorted, threshold: float) -> tuple[object, ...]:
    return (
        films.figures(threshold, PREVALENCE),
        op.band(films, 0.5 * threshold, 0.5 + 0.5 * threshold, PREVALENCE),
        films.nearest(threshold),
        films.net_benefit(threshold, PREVALENCE),
        films.cost_at(threshold, 10, PREVALENCE),
    )


def _ready(films: op.Sorted) -> None:
    films.roc(), films.precision_recall(), films.calibration(), films.decision(PREVALENCE)
    films.cost(10, PREVALENCE), films.histograms(), _step(films, 0.5)


def _timed(scores: op.ScoreSet) -> float:
    started = time.perf_counter()
    _ready(op.Sorted(scores))
    return time.perf_counter() - started
