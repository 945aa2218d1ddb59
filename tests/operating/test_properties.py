"""Whatever films come: look-ups are counting, criteria keep their word, curves stay in bounds."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_core.operating import CRITERIA, Sorted, band, choose, choose_band, from_arrays

# Few distinct values beside odd ones: ties, both ends and neighbouring floats all come.
SCORES = st.one_of(
    st.sampled_from([0.0, 0.1, 0.5, np.nextafter(0.5, 1), 0.9, np.nextafter(1, 0), 1.0]),
    st.floats(0, 1),
)
FILMS = st.lists(st.tuples(st.integers(0, 1), SCORES), min_size=2, max_size=40).filter(
    lambda films: len({y for y, _ in films}) == 2
)


@settings(max_examples=60, deadline=None)
@given(FILMS, SCORES)
def test_any_films_at_any_threshold(films: list[tuple[int, float]], t: float) -> None:
    y, p = np.array([f[0] for f in films]), np.array([f[1] for f in films])
    s = Sorted(from_arrays(y, p))
    c = s.confusion(t)
    called = p >= t
    assert (c.tp, c.fp) == ((called & (y == 1)).sum(), (called & (y == 0)).sum())
    for row in s.figures(t, 0.2).rows():
        if row.interval is not None:
            assert 0 <= row.interval.low <= row.interval.value <= row.interval.high
            assert row.interval.high <= 1 or row.key.startswith("lr")
    for curve in (s.roc(), s.precision_recall()):
        assert np.isfinite(curve.x).all()
        assert np.isfinite(curve.y).all()
        assert min(curve.x.min(), curve.y.min()) >= 0
        assert max(curve.x.max(), curve.y.max()) <= 1
    assert s.calibration().n.sum() == s.histograms().ill.sum() + s.histograms().well.sum() == len(y)
    assert 0 <= s.auc.low <= s.auc.value <= s.auc.high <= 1


@settings(max_examples=60, deadline=None)
@given(FILMS, st.floats(0, 1))
def test_any_films_under_any_criterion(films: list[tuple[int, float]], wanted: float) -> None:
    s = Sorted(from_arrays([f[0] for f in films], [f[1] for f in films]))
    for row in CRITERIA:
        value = None if row.parameter is None else max(wanted, 0.01)
        found = choose(s, row.key, value, 0.3)
        assert 0 <= found.threshold <= 1
        c = s.confusion(found.threshold)
        if row.key == "sensitivity":
            assert c.tp / c.ill >= max(wanted, 0.01) - 1e-9
        if row.key == "specificity" and found.reached:
            assert c.tn / c.well >= max(wanted, 0.01) - 1e-9
    low, high = choose_band(s, wanted, wanted)
    held = band(s, low, high)
    assert held.missed <= wanted * s.ill + 1e-9
    if s.scores[-1] < 1:
        assert held.alarms <= wanted * s.well + 1e-9
