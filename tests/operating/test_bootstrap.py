"""Resampled matrices behave as films, or patients, that were really drawn again would."""

from __future__ import annotations

import numpy as np
import pytest
from operating.drawn import arrays, films

from cxr_core.operating import Sorted, from_arrays
from cxr_core.operating import _bootstrap as bootstrap
from cxr_core.operating._bootstrap import Resampler
from cxr_core.operating._figures import Confusion, figures


def sorted_labels(n: int, patients: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels in order of the scores, and patients whose films resemble each other."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(patients, size=n)
    lean = rng.normal(size=patients)[codes]
    labels = (rng.random(n) < 1 / (1 + np.exp(-lean))).astype(np.int8)
    scores = labels + lean + rng.normal(size=n)
    order = np.argsort(scores)
    return labels[order], codes[order]


def slowly(labels: np.ndarray, codes: np.ndarray | None, cut: int, times: int) -> np.ndarray:
    """Films or patients drawn with replacement and counted, one resample after the other."""
    rng = np.random.default_rng(11)
    cell = 2 * labels.astype(int) + (np.arange(len(labels)) >= cut)
    members = None if codes is None else [np.flatnonzero(codes == c) for c in np.unique(codes)]
    rows = []
    for _ in range(times):
        if members is None:
            chosen = rng.integers(len(labels), size=len(labels))
        else:
            drawn = rng.integers(len(members), size=len(members))
            chosen = np.concatenate([members[i] for i in drawn])
        rows.append(np.bincount(cell[chosen], minlength=4))
    return np.array(rows, dtype=float)


def shares(cells: np.ndarray) -> dict[str, np.ndarray]:
    tn, fp, fn, tp = cells.T
    return {"sensitivity": tp / (tp + fn), "specificity": tn / (tn + fp), "n": cells.sum(axis=1)}


@pytest.mark.parametrize("cut", [150, 300, 420])
def test_films_drawn_as_a_multinomial_are_films_drawn_one_by_one(cut: int) -> None:
    labels, _ = sorted_labels(600, 600)
    fast, slow = Resampler(labels).cells(cut), slowly(labels, None, cut, 3000)
    for key, values in shares(slow).items():
        found = shares(fast)[key]
        assert found.mean() == pytest.approx(values.mean(), abs=0.003)
        assert found.std() == pytest.approx(values.std(), rel=0.08)


@pytest.mark.parametrize("table", [True, False])
def test_patients_are_drawn_whole(table: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """By weights, and by the covariance that takes their place where patients are many."""
    if not table:
        monkeypatch.setattr(bootstrap, "MOST_PATIENTS", 10)
    labels, codes = sorted_labels(900, 150)
    made = Resampler(labels, codes)
    assert (made._weights is not None) == table
    slow, fast = shares(slowly(labels, codes, 400, 2500)), shares(made.cells(400))
    for key in ("sensitivity", "specificity"):
        assert fast[key].mean() == pytest.approx(slow[key].mean(), abs=0.006)
        assert fast[key].std() == pytest.approx(slow[key].std(), rel=0.1)
    alone = shares(Resampler(labels).cells(400))
    assert fast["sensitivity"].std() > 1.2 * alone["sensitivity"].std()


def test_running_sums_are_the_sums_over_patients_at_every_cut() -> None:
    labels, codes = sorted_labels(60, 12)
    sums, (ii, ww, iw) = bootstrap._running_sums(labels, codes, 12)
    for cut in range(61):
        f, t, i, w = (np.zeros(12) for _ in range(4))
        for k in range(60):
            (i if labels[k] else w)[codes[k]] += 1
            if k < cut:
                (f if labels[k] else t)[codes[k]] += 1
        expected = [f @ f, t @ t, f @ t, f @ i, f @ w, t @ i, t @ w]
        assert sums[:, cut].tolist() == pytest.approx(expected)
        assert (ii, ww, iw) == pytest.approx((i @ i, w @ w, i @ w))


def test_the_same_threshold_always_gives_the_same_interval() -> None:
    s = Sorted(films(300))
    assert s.figures(0.4) == s.figures(0.4)


def test_patients_of_one_film_each_are_films() -> None:
    labels, scores = arrays(80)
    own = from_arrays(labels, scores, columns={"patient": [f"p{i}" for i in range(80)]})
    assert Sorted(own).figures(0.5).resampled == "films"
    assert Sorted(own).figures(0.5) == Sorted(films(80)).figures(0.5)
    assert Sorted(films(80, patients=5)).figures(0.5).resampled == "patients"


@pytest.mark.parametrize(("n", "ill", "se", "sp"), [(745, 0.74, 0.96, 0.97), (200, 0.3, 0.9, 0.85)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(
    n: int, ill: float, se: float, sp: float
) -> None:
    """Of 300 samples drawn with known sensitivity and specificity."""
    rng = np.random.default_rng(5)
    truth = {
        "balanced_accuracy": (se + sp) / 2,
        "f1": 2 * se * ill / (se * ill + (1 - sp) * (1 - ill) + ill),
        "lr_plus": se / (1 - sp),
        "lr_minus": (1 - se) / sp,
        "ppv_clinic": se * 0.1 / (se * 0.1 + (1 - sp) * 0.9),
        "npv_clinic": sp * 0.9 / (sp * 0.9 + (1 - se) * 0.1),
    }
    held = dict.fromkeys(truth, 0)
    shares = [(1 - ill) * sp, (1 - ill) * (1 - sp), ill * (1 - se), ill * se]
    for tn, fp, fn, tp in rng.multinomial(n, shares, size=300).tolist():
        labels = np.repeat(np.array([0, 1, 0, 1], np.int8), (tn, fn, fp, tp))
        cells = Resampler(labels).cells(tn + fn)
        found = figures(0.5, Confusion(tn, fp, fn, tp), cells, 0.1)
        for key, value in truth.items():
            interval = getattr(found, key)
            held[key] += interval is not None and interval.low <= value <= interval.high
    assert all(0.89 <= count / 300 <= 0.99 for count in held.values()), held
