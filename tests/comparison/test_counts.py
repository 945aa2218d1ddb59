"""The committed table of counts: whole, as published, and as the papers break it down."""

from __future__ import annotations

import pytest

from cxr_core.backbones import BACKBONES, Backbone
from cxr_core.comparison import Counts, counted_with, counts, efficientnets, scaled


def of(name: str) -> Counts:
    return counts()[name]


def test_every_backbone_is_counted_and_it_says_with_what() -> None:
    assert set(counts()) == {b.name for b in BACKBONES}
    assert {"command", "date", "keras", "tensorflow"} <= set(counted_with())


@pytest.mark.parametrize("row", BACKBONES, ids=lambda row: row.name)
def test_the_types_add_up_to_the_whole(row: Backbone) -> None:
    counted = of(row.name)
    assert sum(s.params for s in counted.by_type) == counted.params
    assert sum(s.macs for s in counted.by_type) == counted.macs
    assert counted.peak_activations < counted.activations
    assert counted.params_without_top < counted.params


def test_mobilenet_sits_where_its_paper_says() -> None:
    """Howard et al. 2017, table 2: share of multiply-adds and of parameters, per cent."""
    paper = {
        "convolution 1×1": (94.86, 74.59),
        "depthwise 3×3": (3.06, 1.06),
        "convolution 3×3": (1.19, 0.02),
        "fully connected": (0.18, 24.33),
    }
    counted = of("mobilenet")
    for kind, (macs, weights) in paper.items():
        # The paper cuts 1.9 % of the first convolution to 1.19: the four must add up to 100.
        if kind != "convolution 3×3":
            assert round(100 * counted.share_of_macs(kind), 2) == pytest.approx(macs, abs=0.011)
        assert round(100 * counted.share_of_weights(kind), 2) == pytest.approx(weights, abs=0.011)
    assert sum(counted.share_of_macs(kind) for kind in paper) == pytest.approx(1)


def test_vgg16_holds_its_parameters_late_and_its_activations_early() -> None:
    counted = of("vgg16")
    assert counted.share_of_weights("fully connected") > 0.85
    assert counted.weighted == 16
    # Two maps of 224 × 224 × 64 at once, in elements.
    assert counted.peak_activations == 2 * 224 * 224 * 64


@pytest.mark.parametrize("row", efficientnets(), ids=lambda row: row.name)
def test_the_closed_form_counts_efficientnets_as_their_graphs_do(row) -> None:
    by_formula = scaled(row.width, row.depth, row.size / 224)
    assert (by_formula.params, by_formula.macs) == (row.params, row.macs)
