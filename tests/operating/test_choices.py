"""Refer band, optimism, subgroups and honesty, against counting and drawing by hand."""

from __future__ import annotations

import numpy as np
import pytest
from operating.drawn import arrays, films, ordered

from cxr_core.errors import DataError
from cxr_core.evaluate import auc_interval, wilson
from cxr_core.operating import (
    Sorted,
    band,
    choose_band,
    from_arrays,
    groupings,
    honesty,
    optimism,
    overlap,
    subgroups,
)


@pytest.mark.parametrize("ties", [False, True])
def test_a_band_counts_what_it_decides_refers_and_gets_wrong(ties: bool) -> None:
    y, s = arrays(400, 2, ties)
    found = band(ordered(400, 2, ties), 0.3, 0.7, prevalence=0.1)
    low, high = s < 0.3, s >= 0.7
    assert (found.below, found.above, found.referred) == (
        low.sum(), high.sum(), (~low & ~high).sum(),
    )  # fmt: skip
    assert (found.missed, found.alarms) == ((low & (y == 1)).sum(), (high & (y == 0)).sum())
    assert found.referred_ill == (~low & ~high & (y == 1)).sum()
    assert found.error == wilson(found.missed + found.alarms, found.below + found.above)
    assert found.per_1000["missed"] == pytest.approx(100 * low[y == 1].mean())
    assert found.per_1000["alarms"] == pytest.approx(900 * high[y == 0].mean())
    parts = ("below", "above", "referred")
    assert sum(found.per_1000[k] for k in parts) == pytest.approx(1000)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.3])
def test_the_chosen_band_is_the_narrowest_that_keeps_its_promise(share: float) -> None:
    s = ordered(500, 3)
    low, high = choose_band(s, share, share)
    found = band(s, low, high)
    assert found.missed <= share * s.ill
    assert found.alarms <= share * s.well
    if low < high:
        wider = band(s, float(s.scores[found.below]) + 1e-9, high)
        assert wider.missed > share * s.ill
        narrower = band(s, low, float(s.scores[s.n - found.above - 1]))
        assert narrower.alarms > share * s.well


def test_a_band_that_is_none_is_refused_and_an_empty_one_is_a_threshold() -> None:
    s = ordered(100)
    for low, high in ((0.6, 0.4), (-1, 0.5), (0.5, float("nan"))):
        with pytest.raises(DataError, match="lower end first"):
            band(s, low, high)
    assert band(s, 0.5, 0.5).referred == 0
    assert band(s, 0.0, 1.0).error is None
    with pytest.raises(DataError, match="for 1 %"):
        choose_band(s, 2)


def test_choosing_on_few_films_looks_better_than_it_is() -> None:
    found = optimism(ordered(80, 5), "youden", repeats=300)
    assert found.aim.key == "balanced_accuracy"
    assert found.aim.optimism.value > 0.01
    assert found.aim.apparent - found.aim.held_out == pytest.approx(found.aim.optimism.value)
    assert "points better" in found.sentence
    more = optimism(ordered(8000, 5), "youden", repeats=100)
    assert abs(more.aim.optimism.value) < found.aim.optimism.value / 3
    assert more.thresholds.std() < found.thresholds.std()


def test_optimism_is_what_splitting_by_hand_gives() -> None:
    y, p = arrays(120, 6)
    s = Sorted(from_arrays(y, p))
    found = optimism(s, "sensitivity", 0.9, repeats=400, seed=1)
    rng = np.random.default_rng(99)
    gaps = []
    for _ in range(400):
        half = rng.permutation(120) < 60
        ill = np.sort(p[half & (y == 1)])
        kept = ill[len(ill) - int(np.ceil(0.9 * len(ill)))]
        below = p[half & (p < kept)]
        t = (kept + below.max()) / 2
        gaps.append((p[half & (y == 1)] >= t).mean() - (p[~half & (y == 1)] >= t).mean())
    assert found.aim.key == "sensitivity"
    assert found.aim.optimism.value == pytest.approx(np.mean(gaps), abs=0.012)
    assert found.aim.optimism.low == pytest.approx(np.quantile(gaps, 0.025), abs=0.05)


def test_patients_stay_together_and_a_threshold_by_hand_gains_nothing() -> None:
    found = optimism(ordered(300, 1, patients=60), "hand", 0.4, repeats=50)
    assert found.by_patient
    assert set(found.thresholds) == {0.4}
    assert abs(found.aim.optimism.value) < 0.03
    assert "by hand" in found.sentence
    two = from_arrays([0, 1, 0, 1], [0.1, 0.8, 0.2, 0.9], columns={"patient": ["a", "a", "a", "b"]})
    with pytest.raises(DataError, match="halved"):
        optimism(Sorted(two), "youden")


def grouped() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    y, p = arrays(400, 4)
    rng = np.random.default_rng(0)
    cause = np.where(y == 0, "none", rng.choice(["bacteria", "virus"], 400))
    sex = rng.choice(["F", "M", ""], 400, p=[0.5, 0.46, 0.04])
    age = np.where(rng.random(400) < 0.05, "", rng.integers(0, 80, 400).astype(str))
    dose = rng.random(400).round(4).astype(str)
    return y, p, {"cause": cause, "sex": sex, "age": age, "dose": dose, "one": np.full(400, "x")}


def test_subgroups_are_the_figures_of_their_films_alone() -> None:
    y, p, columns = grouped()
    s = from_arrays(y, p, columns=columns)
    assert groupings(s) == ("cause", "sex", "age", "dose")
    for column, key in (("sex", "F"), ("cause", "virus")):
        row = next(g for g in subgroups(s, column, 0.5) if g.value == key)
        member = columns[column] == key
        assert row.n == member.sum()
        ill = member & (y == 1)
        assert row.sensitivity == wilson(int((p[ill] >= 0.5).sum()), int(ill.sum()))
    sex = {g.value: g for g in subgroups(s, "sex", 0.5)}
    assert list(sex) == ["F", "M", "(not stated)"]
    women = columns["sex"] == "F"
    assert sex["F"].auc == auc_interval(y[women], p[women])
    assert sex["F"].against is None
    assert sex["F"].warning is None
    assert "Too few films" in (sex["(not stated)"].warning or "")


def test_a_group_of_one_class_has_its_auc_against_the_whole_other_class() -> None:
    y, p, columns = grouped()
    found = {g.value: g for g in subgroups(from_arrays(y, p, columns=columns), "cause", 0.5)}
    virus = found["virus"]
    assert virus.against == f"AUC against all {(y == 0).sum()} normal films"
    member = (columns["cause"] == "virus") | (y == 0)
    assert virus.auc == auc_interval(y[member], p[member])
    assert (virus.specificity, virus.ppv, virus.npv) == (None, None, None)
    assert found["none"].sensitivity is None


def test_numbers_are_cut_into_ages_or_quarters() -> None:
    y, p, columns = grouped()
    s = from_arrays(y, p, columns=columns)
    ages = subgroups(s, "age", 0.5)
    assert [g.value for g in ages][:3] == ["0 to under 1", "1 to under 6", "6 to under 13"]
    assert ages[-1].value == "(not stated)"
    assert sum(g.n for g in ages) == 400
    under_6 = [a != "" and 1 <= int(a) < 6 for a in columns["age"]]
    assert next(g for g in ages if g.value == "1 to under 6").n == sum(under_6)
    quarters = subgroups(s, "dose", 0.5)
    assert [95 <= g.n <= 105 for g in quarters] == [True] * 4
    with pytest.raises(DataError, match=r"makes groups \(cause, sex, age, dose\)"):
        subgroups(s, "one", 0.5)


def test_tuning_and_reporting_are_kept_apart() -> None:
    y, p = arrays(200)
    names = np.array([f"f{i}" for i in range(200)], dtype=object)
    people = np.array([f"p{i // 2}" for i in range(200)], dtype=object)
    whole = from_arrays(y, p, "all", films=names, columns={"patient": people})
    first, second = whole.take(np.arange(100), "first"), whole.take(np.arange(100, 200), "second")
    assert honesty(first, second) is None
    assert "chosen on the films it is reported on" in (honesty(first, first) or "")
    assert "100 of the 100 films" in (honesty(whole, second) or "")
    assert overlap(whole, second) == 100
    odd = whole.take(np.arange(0, 200, 2), "odd")
    even = whole.take(np.arange(1, 200, 2), "even")
    assert "100 patients have films both in odd and in even" in (honesty(odd, even) or "")
    assert honesty(films(50, 1), films(50, 1).as_role("reporting")) is not None
