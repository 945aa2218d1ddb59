"""The committee's page: one page whatever it holds, and nothing in it can break the layout."""

from __future__ import annotations

import re

import numpy as np
import pytest
from operating.drawn import arrays, films, ordered

from cxr_core.operating import (
    Sorted,
    band,
    choose,
    compare,
    from_arrays,
    optimism,
    report_pdf,
    shown,
    subgroups,
)
from cxr_core.schema import Interval


def pages(content: bytes) -> int:
    assert content.startswith(b"%PDF-1.")
    assert content.rstrip().endswith(b"%%EOF")
    return len(re.findall(rb"/Type\s*/Page\b", content))


@pytest.mark.parametrize("key", ["youden", "cost"])
def test_a_report_of_one_set_is_one_page(key: str) -> None:
    s = ordered(200, patients=80)
    choice = choose(s, key, prevalence=0.1)
    assert pages(report_pdf(s, s.figures(choice.threshold), choice)) == 1


def test_everything_at_once_is_still_one_page() -> None:
    y, p = arrays(400, 3)
    rng = np.random.default_rng(0)
    columns = {"ward": rng.choice([f"Station {i} <b>&" for i in range(20)], 400)}
    name = "Säuglinge ≥ 1 Jahr, 中 <i>&amp; " + "very long name " * 12
    s = Sorted(from_arrays(y, p, name, columns=columns))
    other = ordered(300, 9)
    choice = choose(s, "sensitivity", 0.97)
    content = report_pdf(
        s,
        s.figures(choice.threshold, 0.05),
        choice,
        reporting=(other, other.figures(choice.threshold, 0.05)),
        band=band(s, 0.2, 0.8),
        optimism=optimism(s, "sensitivity", 0.97, repeats=20),
        comparison=compare(films(300), films(300), 0.4, 0.6),
        subgroups=subgroups(s.set, "ward", choice.threshold),
        title="A <title> & more",
    )
    assert pages(content) == 1
    assert len(content) < 300_000


@pytest.mark.parametrize("t", [0.0, 1.0])
def test_thresholds_that_call_all_or_none_are_reported_too(t: float) -> None:
    s = Sorted(from_arrays([0, 1] * 5, [0.4] * 10))
    assert pages(report_pdf(s, s.figures(t, 0.1), choose(s, "hand", t))) == 1


def test_figures_are_written_as_they_are_read() -> None:
    assert shown(Interval(0.9603, 0.9406, 0.9736), percent=True) == "96.0 % (94.1 to 97.4)"
    assert shown(Interval(91.7, 33.8, float("inf"))) == "91.7 (33.8 to ∞)"
