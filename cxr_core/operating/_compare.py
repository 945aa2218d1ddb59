"""Two models, or two thresholds, on the same films: paired tests and what they disagree on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError
from cxr_core.evaluate import Z95, auc_interval
from cxr_core.operating._scores import ScoreSet, film_keys
from cxr_core.schema import Interval

# Below this many disagreements McNemar's test is the exact binomial one.
EXACT_BELOW = 25


@dataclass(frozen=True)
class McNemar:
    """Films that both, one or neither got right. difference: share right of a minus of b.

    Agresti and Min's adjusted interval (2005); p: McNemar's, exact where disagreements are few,
    else with the continuity correction.
    """

    n: int
    both_right: int
    only_a: int
    only_b: int
    neither: int
    difference: Interval
    p: float
    exact: bool


@dataclass(frozen=True)
class Disagreement:
    """A film that only one of the two calls. index_a, index_b: its positions in the sets."""

    film: str
    label: int
    score_a: float
    score_b: float
    called_a: bool
    called_b: bool
    index_a: int
    index_b: int


@dataclass(frozen=True)
class Comparison:
    """same: two thresholds of one set. left_out: films that only one of the two scored.

    auc_difference: a minus b with DeLong's paired interval; None, like auc_p, where the two rank
    the films alike. all, ill_only, well_only: who is right of all films (accuracy), of pneumonias
    (sensitivity), of normal films (specificity). disagreements: largest difference of scores first.
    """

    name_a: str
    name_b: str
    threshold_a: float
    threshold_b: float
    same: bool
    n: int
    ill: int
    well: int
    left_out: int
    auc_a: Interval
    auc_b: Interval
    auc_difference: Interval | None
    auc_p: float | None
    all: McNemar
    ill_only: McNemar
    well_only: McNemar
    disagreements: tuple[Disagreement, ...]
    sentence: str
    warnings: tuple[str, ...]


def compare(a: ScoreSet, b: ScoreSet, threshold_a: float, threshold_b: float) -> Comparison:
    """Compare on the films that both have; for two thresholds give the same set twice.

    Films are matched by name, or by place where neither names them and both have as many. Raises
    DataError where none match, where their labels differ, where one class alone is in common, and
    for thresholds outside 0 to 1.
    """
    for threshold in (threshold_a, threshold_b):
        if not 0 <= threshold <= 1:
            raise DataError(
                f"Expected thresholds from 0 to 1; received {threshold:g}. They are probabilities."
            )
    at_a, at_b = _matched(a, b)
    y = a.labels[at_a]
    if set(y.tolist()) != {0, 1}:
        raise DataError(
            f"Expected films of both classes in common; the {len(y):,} that both scored are of "
            "one. Score more of the same films with both."
        )
    s, t = a.scores[at_a], b.scores[at_b]
    called_a, called_b = s >= threshold_a, t >= threshold_b
    right_a, right_b = called_a == (y == 1), called_b == (y == 1)
    difference, p = delong(y, s, t)
    apart = np.flatnonzero(called_a != called_b)
    apart = apart[np.argsort(-np.abs(s - t)[apart], kind="stable")]
    left_out = (a.n - len(y)) + (b.n - len(y))
    overall = mcnemar(right_a, right_b)
    return Comparison(
        name_a=a.model or a.name,
        name_b=b.model or b.name,
        threshold_a=threshold_a,
        threshold_b=threshold_b,
        same=a.sha256 == b.sha256,
        n=len(y),
        ill=int(y.sum()),
        well=int(len(y) - y.sum()),
        left_out=left_out,
        auc_a=auc_interval(y, s),
        auc_b=auc_interval(y, t),
        auc_difference=difference,
        auc_p=p,
        all=overall,
        ill_only=mcnemar(right_a[y == 1], right_b[y == 1]),
        well_only=mcnemar(right_a[y == 0], right_b[y == 0]),
        disagreements=tuple(
            Disagreement(
                str(a.films[at_a[i]]), int(y[i]), float(s[i]), float(t[i]), bool(called_a[i]),
                bool(called_b[i]), int(at_a[i]), int(at_b[i]),
            )
            for i in apart
        ),
        sentence=_sentence(difference, p, overall, a.sha256 == b.sha256),
        warnings=_warnings(a, b, left_out),
    )  # fmt: skip


def delong(
    labels: NDArray[np.int8], a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[Interval | None, float | None]:
    """AUC of a minus AUC of b on the same films, 95 % interval and two-sided p.

    DeLong, DeLong and Clarke-Pearson 1988, doi 10.2307/2531595. None where the difference has no
    variance: the two rank the films alike, or a class has a single film.
    """
    ill_a, well_a = placements(labels, a)
    ill_b, well_b = placements(labels, b)
    ill, well = ill_a - ill_b, well_a - well_b
    if min(len(ill), len(well)) < 2:
        return None, None
    value = float(ill.mean())
    error = math.sqrt(float(ill.var(ddof=1)) / len(ill) + float(well.var(ddof=1)) / len(well))
    if error < 1e-12:
        return None, None
    reach = Z95 * error
    return (
        Interval(value, max(-1.0, value - reach), min(1.0, value + reach)),
        math.erfc(abs(value) / error / math.sqrt(2)),
    )


def placements(
    labels: NDArray[np.int8], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each ill film the share of well ones below it, and for each well one the share of ill
    ones above it, ties half: the components whose spread is the AUC's."""
    ill, well = scores[labels == 1], scores[labels == 0]
    return _share_below(ill, well), 1 - _share_below(well, ill)


def mcnemar(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> McNemar:
    """right_a, right_b: (n,) whether each got the same film right."""
    from statsmodels.stats.contingency_tables import mcnemar as test

    n = len(right_a)
    both, neither = int((right_a & right_b).sum()), int((~right_a & ~right_b).sum())
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    exact = only_a + only_b < EXACT_BELOW
    p = 1.0
    if only_a + only_b:
        p = float(test([[both, only_a], [only_b, neither]], exact=exact, correction=True).pvalue)
    return McNemar(n, both, only_a, only_b, neither, _paired(only_a, only_b, n), min(p, 1.0), exact)


def _paired(only_a: int, only_b: int, n: int) -> Interval:
    """A difference of paired proportions: Agresti and Min 2005, doi 10.1002/sim.1781."""
    value = (only_a - only_b) / n
    b, c, m = only_a + 0.5, only_b + 0.5, n + 2
    middle = (b - c) / m
    reach = Z95 * math.sqrt(b + c - (b - c) ** 2 / m) / m
    low, high = min(middle - reach, value), max(middle + reach, value)
    return Interval(value, max(-1.0, low), min(1.0, high))


def _share_below(these: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(others)
    below = np.searchsorted(ordered, these, side="left")
    up_to = np.searchsorted(ordered, these, side="right")
    shares: NDArray[np.float64] = (below + up_to) / (2 * len(ordered))
    return shares


def _matched(a: ScoreSet, b: ScoreSet) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if a is b:
        return np.arange(a.n), np.arange(a.n)
    if not (a.named and b.named):
        if a.n != b.n or not np.array_equal(a.labels, b.labels):
            raise DataError(
                "Expected two sets of the same films; without film names they can only be matched "
                f"line by line, and {a.n:,} and {b.n:,} films with other labels do not fit. Add a "
                "column of film names to both."
            )
        return np.arange(a.n), np.arange(a.n)
    keys_a, keys_b = film_keys(a), film_keys(b)
    for side, keys in ((a, keys_a), (b, keys_b)):
        if len(set(keys)) < side.n:
            raise DataError(
                f"Expected each film once; {side.name} names some films more than once. "
                "Give each row a name of its own."
            )
    place = {film: i for i, film in enumerate(keys_b)}
    at_a = np.array([i for i, film in enumerate(keys_a) if film in place], dtype=np.intp)
    at_b = np.array([place[keys_a[i]] for i in at_a.tolist()], dtype=np.intp)
    if len(at_a) == 0:
        raise DataError(
            f"Expected films that both scored; {a.name} and {b.name} have none in common. "
            "Score the same films with both models."
        )
    differing = int((a.labels[at_a] != b.labels[at_b]).sum())
    if differing:
        raise DataError(
            f"Expected the same truth for the same films; {differing:,} of {len(at_a):,} films "
            "have another label in the other set. Correct the labels."
        )
    return at_a, at_b


def _sentence(difference: Interval | None, p: float | None, overall: McNemar, same: bool) -> str:
    apart = overall.only_a + overall.only_b
    if same:
        return f"At these two thresholds {apart:,} of {overall.n:,} films are called differently."
    if difference is None or p is None:
        first = "Both rank the films alike: there is no difference in AUC to test."
    elif p < 0.05:
        better = "first" if difference.value > 0 else "second"
        first = (
            f"The {better} has the higher AUC, and chance alone seldom makes it so (p = {p:.2g})."
        )
    else:
        first = f"Chance alone could make the difference in AUC (p = {p:.2g})."
    return f"{first} At their thresholds they disagree on {apart:,} of {overall.n:,} films."


def _warnings(a: ScoreSet, b: ScoreSet, left_out: int) -> tuple[str, ...]:
    found = []
    if left_out:
        found.append(f"Films that only one of the two scored, left out: {left_out:,}.")
    if a.patients or b.patients:
        found.append(
            "Intervals and p-values take films as independent; several are of one patient, so the "
            "evidence is somewhat weaker than they say."
        )
    return tuple(found)
