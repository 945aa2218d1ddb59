"""Cost of convolutions and EfficientNet's scaling, against the papers."""

from __future__ import annotations

import pytest

from cxr_core.comparison import WAYS, convolution_cost, scaled
from cxr_core.errors import ConfigError


def test_a_separable_convolution_costs_what_the_paper_derives() -> None:
    """14 × 14 × 512 → 512 with 3×3: Howard et al. 2017, section 3.1, worked by hand."""
    cost = convolution_cost(3, 512, 512, 14)
    assert cost.standard_macs == 9 * 512 * 512 * 196 == 462_422_016
    assert cost.separable_macs == (9 * 512 + 512 * 512) * 196 == 52_283_392
    assert cost.ratio == pytest.approx(1 / 512 + 1 / 9)
    assert cost.ratio == pytest.approx(cost.formula)
    assert cost.separable_params / cost.standard_params == pytest.approx(cost.ratio)


def test_a_1x1_kernel_saves_nothing() -> None:
    assert convolution_cost(1, 8, 8, 4).ratio > 1


@pytest.mark.parametrize("wrong", [(0, 1, 1, 1), (3, 0, 8, 8), (3, 8, 8, 0)])
def test_a_cost_of_nothing_is_refused(wrong: tuple[int, int, int, int]) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        convolution_cost(*wrong)


def test_one_factor_alone_moves_what_it_should() -> None:
    plain, deeper, wider, larger = (
        scaled(*f) for f in ((1, 1, 1), (1, 2, 1), (2, 1, 1), (1, 1, 2))
    )
    assert larger.params == plain.params
    assert larger.macs == pytest.approx(4 * plain.macs, rel=0.02)
    assert deeper.macs == pytest.approx(2 * plain.macs, rel=0.1)
    assert wider.macs == pytest.approx(4 * plain.macs, rel=0.15)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_papers_ways_cost_about_what_it_says(way) -> None:
    """Tan and Le 2019, table 7 rounds to 0.1 G and keeps stem and head as they are."""
    counted = scaled(way.width, way.depth, way.resolution).macs / 1e9
    assert counted == pytest.approx(way.gmacs, rel=0.22)


def test_a_factor_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"0\.25 to 8"):
        scaled(1, 99, 1)
