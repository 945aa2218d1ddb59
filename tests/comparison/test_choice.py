"""Which backbone: constraints, ranking, reasons in words; the Pareto front against brute force."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.comparison import (
    GUIDE,
    Circumstances,
    Constraints,
    Latency,
    Results,
    choose,
    machine,
    pareto,
    table,
)

ROWS = table(registered=False)


def latency(row: str, ms: float, peak: float = 100.0, load: float = 0.0) -> Latency:
    here = machine()
    how = Circumstances("2026-11-21", here.processor, here.cores, here.system, 1, {}, load)
    return Latency(row, "litert", 1, 50, ms, ms + 1, ms - 1, ms + 1, peak, 14.0, "random", 224, how)


MEASURED = Results(
    latencies=(
        latency("mobilenetv2", 99.0),
        latency("mobilenetv2", 4.0),
        latency("efficientnetb0", 9.0, peak=300.0),
        latency("resnet50", 45.0, load=0.5),
    )
)


def test_what_fits_is_ranked_and_says_why() -> None:
    chosen = choose(ROWS, MEASURED, Constraints(latency_ms=10, size_mb=30, top1=70))
    assert [(c.row.id, c.rank) for c in chosen if c.admissible] == [
        ("efficientnetb0", 1),
        ("mobilenetv2", 2),
    ]
    assert "9.0 ms here" in chosen[0].sentence
    assert "highest ImageNet top-1" in chosen[0].sentence
    assert "21.3 MB on disk, within 30" in chosen[0].sentence
    assert len(chosen) == len(ROWS)


def test_what_does_not_fit_says_each_reason() -> None:
    chosen = choose(ROWS, MEASURED, Constraints(latency_ms=10, size_mb=30))
    words = {c.row.id: c.sentence for c in chosen if not c.admissible}
    assert (
        "45.0 ms here (LiteRT float32, batch 1, on a busy machine), above 10" in words["resnet50"]
    )
    assert "102.5 MB on disk, above 30" in words["resnet50"]
    assert "latency is not measured on this machine" in words["mobilenet"]


def test_the_latest_measurement_counts_and_memory_can_bind() -> None:
    chosen = choose(ROWS, MEASURED, Constraints(memory_mb=200, rank_by="latency"))
    assert [c.row.id for c in chosen if c.admissible] == ["mobilenetv2", "resnet50"]
    assert chosen[0].reasons[0] == "4.0 ms, the shortest latency here of what fits"


def test_no_limit_admits_every_row_and_ranks_the_unmeasured_last() -> None:
    chosen = choose(ROWS, MEASURED, Constraints(rank_by="latency"))
    assert all(c.admissible for c in chosen)
    assert [c.row.id for c in chosen[:3]] == ["mobilenetv2", "efficientnetb0", "resnet50"]
    assert "latency not measured" in chosen[3].sentence


def test_the_guide_names_rows_that_exist() -> None:
    known = {r.id for r in ROWS}
    assert GUIDE
    assert all(set(advice.rows) <= known for advice in GUIDE)


@given(st.lists(st.tuples(st.integers(0, 6).map(float), st.integers(0, 6).map(float)), max_size=12))
def test_the_front_is_what_nothing_dominates(points: list[tuple[float, float]]) -> None:
    def dominated(p: tuple[float, float]) -> bool:
        return any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in points)

    front = pareto([c for c, _ in points], [v for _, v in points])
    assert sorted(front) == [i for i, p in enumerate(points) if not dominated(p)]
    assert [points[i][0] for i in front] == sorted(points[i][0] for i in front)


def test_a_gap_is_never_on_the_front() -> None:
    assert pareto([1.0, math.nan, 2.0], [1.0, 9.0, math.nan]) == (0,)


@pytest.mark.parametrize("by", ["top1", "auc", "latency", "size", "macs"])
def test_every_ranking_has_words(by) -> None:
    assert all(c.sentence.endswith(".") for c in choose(ROWS, MEASURED, Constraints(rank_by=by)))
