"""Each criterion's threshold is the best of all, found by trying every one."""

from __future__ import annotations

import numpy as np
import pytest
from operating.drawn import arrays, ordered

from cxr_core import registry
from cxr_core.errors import DataError
from cxr_core.operating import CRITERIA, Sorted, choose, criterion, from_arrays, from_model
from cxr_core.threshold import at_sensitivity

EVERY = np.linspace(0.0005, 0.9995, 1000)


def rates(s: Sorted, t: float) -> tuple[float, float]:
    c = s.confusion(t)
    return c.tp / c.ill, c.tn / c.well


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_youden_f1_and_cost_are_the_best_there_is(ties: bool, seed: int) -> None:
    s = ordered(150, seed, ties)

    def f1(t: float) -> float:
        c = s.confusion(t)
        return 2 * c.tp / (2 * c.tp + c.fp + c.fn)

    for key, value, prevalence, worth in (
        ("youden", None, None, lambda t: sum(rates(s, t))),
        ("f1", None, None, f1),
        ("cost", 8.0, 0.1, lambda t: -s.cost_at(t, 8.0, 0.1)),
    ):
        chosen = choose(s, key, value, prevalence)
        best = max(worth(t) for t in [*s.scores, 1.0])
        assert worth(chosen.threshold) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("least", [0.5, 0.9, 0.97, 1.0])
def test_at_least_so_much_sensitivity_or_specificity_and_no_more_is_given_away(
    ties: bool, least: float
) -> None:
    labels, scores = arrays(200, 3, ties)
    s = ordered(200, 3, ties)
    chosen = choose(s, "sensitivity", least)
    assert rates(s, chosen.threshold)[0] >= least
    assert chosen.threshold == pytest.approx(at_sensitivity(labels, scores, least), abs=1e-12)
    assert f"{least:.3f}" in chosen.sentence
    higher = EVERY[chosen.threshold < EVERY]
    fewer = [rates(s, t) for t in higher if s.confusion(t) != s.confusion(chosen.threshold)]
    assert all(se < least for se, _ in fewer)
    chosen = choose(s, "specificity", least)
    assert chosen.reached
    assert rates(s, chosen.threshold)[1] >= least
    lower = [t for t in EVERY if t < chosen.threshold]
    more = [rates(s, t) for t in lower if s.confusion(t) != s.confusion(chosen.threshold)]
    assert all(sp < least for _, sp in more)


@pytest.mark.parametrize("prevalence", [None, 0.05])
def test_a_fixed_referral_rate_is_kept_at_the_clinics_prevalence(prevalence: float | None) -> None:
    s = ordered(300, 4)
    chosen = choose(s, "referral", 0.2, prevalence)
    share = s.set.prevalence if prevalence is None else prevalence

    def called(t: float) -> float:
        se, sp = rates(s, t)
        return share * se + (1 - share) * (1 - sp)

    assert called(chosen.threshold) <= 0.2 < called(chosen.threshold - 0.03)


def test_the_threshold_lies_between_films_so_that_rounding_drops_none() -> None:
    s = Sorted(from_arrays([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.8]))
    assert choose(s, "youden").threshold == pytest.approx(0.4)
    near = Sorted(from_arrays([0, 1], [0.5, np.nextafter(0.5, 1)]))
    chosen = choose(near, "youden").threshold
    assert (near.confusion(chosen).fp, near.confusion(chosen).fn) == (0, 0)


def test_of_equally_good_thresholds_the_one_that_misses_fewest_is_taken() -> None:
    # Youden's index is 0.5 both from 0.3 and from 0.7 on.
    s = Sorted(from_arrays([0, 1, 0, 1], [0.2, 0.3, 0.6, 0.7]))
    assert s.confusion(choose(s, "youden").threshold).fn == 0


def test_what_the_films_do_not_allow_is_said() -> None:
    sure = Sorted(from_arrays([0, 1, 0, 1], [1.0, 1.0, 0.2, 0.3]))
    chosen = choose(sure, "specificity", 1.0)
    assert not chosen.reached
    assert "exactly 1" in (chosen.note or "")
    assert 0 <= chosen.threshold <= 1
    low = Sorted(from_arrays([1, 0, 1, 0], [0.1, 0.2, 0.3, 0.4]))
    everything = choose(low, "cost", 1000.0, 0.9)
    assert "calls every film" in (everything.note or "")
    nothing = choose(low, "cost", 0.1, 0.01)
    assert "no film at all" in (nothing.note or "")
    flat = choose(Sorted(from_arrays([0, 1], [0.4, 0.4])), "youden")
    assert "same score" in (flat.note or "")


@pytest.mark.parametrize("row", CRITERIA, ids=lambda r: r.key)
def test_every_row_says_what_it_optimises_and_what_it_costs(row: object) -> None:
    assert row is criterion(row.key)
    for sentence in (row.optimises, row.costs):
        assert sentence.endswith(".")
        assert len(sentence) > 30
    chosen = choose(ordered(200), row.key, prevalence=0.1)
    assert 0 <= chosen.threshold <= 1
    assert "{" not in chosen.sentence
    assert (chosen.prevalence is not None) == row.uses_prevalence


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("best", None, "criterion of hand"),
        ("youden", 0.5, "no number"),
        ("sensitivity", 1.2, "from 0 to 1"),
        ("sensitivity", float("nan"), "from 0 to 1"),
        ("cost", 0.0, "above 0"),
        ("cost", float("inf"), "above 0"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(key: str, value: float | None, word: str) -> None:
    with pytest.raises(DataError, match=word):
        choose(ordered(40), key, value)


def test_the_shipped_models_own_point_is_found_again(model_entry: registry.ModelEntry) -> None:
    s = Sorted(from_model(model_entry))
    point, stated = model_entry.card.operating_point, model_entry.card.validation
    c = s.confusion(point.threshold)
    assert ((c.tn, c.fp), (c.fn, c.tp)) == stated.confusion
    wanted = model_entry.card.recipe["sensitivity"]
    assert choose(s, "sensitivity", wanted).threshold == pytest.approx(point.threshold, abs=1e-6)
    assert s.auc.value == pytest.approx(stated.auc.value if stated.auc else 0, abs=1e-9)
