"""Curves of runs, and a confusion matrix: numbers, not pixels."""

from __future__ import annotations

import math

import pytest

from cxr_core.figures import training
from cxr_core.figures.training import PANELS, Run

LOSS = PANELS[0]


def points(panel: training.Panel, *runs: Run) -> list[tuple[str, str, float, float]]:
    table = training.columns(panel, runs)
    return list(zip(table["run"], table["side"], table["epoch"], table["value"], strict=True))


def test_both_sides_of_each_run_are_drawn_by_epoch():
    rows = ({"epoch": 0.5, "loss": 0.9}, {"epoch": 1, "loss": 0.8, "val_loss": 0.7})
    assert points(LOSS, Run("a", "#000", rows)) == [
        ("a", "validation", 1, 0.7), ("a", "training", 0.5, 0.9), ("a", "training", 1, 0.8),
    ]  # fmt: skip


def test_what_is_no_number_leaves_a_gap_and_not_a_zero():
    rows = ({"epoch": 1, "loss": None}, {"epoch": 2, "loss": math.nan}, {"epoch": 3, "loss": 0.5})
    assert [p[2:] for p in points(LOSS, Run("a", "#000", rows))] == [(3, 0.5)]


def test_folds_are_lines_of_their_own_that_all_begin_at_epoch_one():
    rows = tuple({"part": part, "epoch": e, "loss": 1.0} for part in (1, 2) for e in (1, 2))
    found = points(LOSS, Run("k-fold", "#000", rows))
    assert [p[0] for p in found] == ["k-fold, part 1"] * 2 + ["k-fold, part 2"] * 2
    assert [p[2] for p in found] == [1, 2, 1, 2]


def test_epochs_that_begin_anew_within_a_part_are_counted_on():
    rows = tuple({"epoch": e, "loss": 1.0} for e in (1, 2, 1, 2))
    assert [p[2] for p in points(LOSS, Run("a", "#000", rows))] == [1, 2, 3, 4]


def test_runs_over_each_other_keep_their_colours():
    one, two = (Run(n, c, ({"epoch": 1, "loss": 1.0},)) for n, c in (("a", "#1"), ("b", "#2")))
    table = training.columns(LOSS, [one, two])
    assert dict(zip(table["run"], table["colour"], strict=True)) == {"a": "#1", "b": "#2"}


def test_lone_points_are_marked_and_long_training_lines_are_not():
    rows = tuple({"epoch": e, "loss": 1.0, "val_loss": 1.0} for e in range(1, 9))
    few = training.columns(LOSS, [Run("a", "#000", rows[:1])])
    many = training.columns(LOSS, [Run("a", "#000", rows)])
    assert all(few["dot"])
    assert dict(zip(many["side"], many["dot"], strict=True)) == {
        "validation": True, "training": False,
    }  # fmt: skip


@pytest.mark.parametrize("panel", PANELS, ids=lambda p: p.title)
def test_specification_names_only_columns_that_there_are(panel: training.Panel):
    columns = training.columns(panel, [])
    spec = training.curves(panel)
    encodings = [spec["encoding"], *(layer.get("encoding", {}) for layer in spec["layer"])]
    named = [c for e in encodings for c in e.values()]
    flat = [c for entry in named for c in (entry if isinstance(entry, list) else [entry])]
    assert {c["field"] for c in flat} <= set(columns)


def test_schedule_shows_each_epochs_rate():
    table, spec = training.schedule([1e-3, 1e-4])
    assert table["value"] == [1e-3, 1e-4]
    assert spec["encoding"]["y"]["scale"]["type"] == "log"


def test_confusion_matrix_shows_counts_and_shares_of_the_true_class():
    figure = training.confusion([[3, 1], [0, 6]], ["NORMAL", "PNEUMONIA"])
    texts = {(a.x, a.y): a.text for a in figure.layout.annotations}
    assert texts[1, 0] == "<b>1</b><br>25.0%"
    assert texts[0, 1] == "<b>0</b><br>0.0%"
    assert [list(row) for row in figure.data[0].z] == [[0.75, 0.25], [0.0, 1.0]]
