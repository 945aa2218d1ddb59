"""Every architecture against the figures that its paper, or the course, prints."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from cxr_core import tally, zoo
from cxr_core.architectures import ARCHITECTURES, Architecture, architecture, block_plan, plan
from cxr_core.errors import ConfigError
from cxr_core.graph import LayerRow, layer_rows
from cxr_core.zoo import blocks, resnet
from cxr_core.zoo.alexnet import alexnet
from cxr_core.zoo.efficientnet import ALPHA, BETA, GAMMA, SCALES, STAGES, efficientnet, scaled_width


@pytest.fixture(scope="module", autouse=True)
def _no_random_numbers() -> Iterator[None]:
    """Hundreds of millions of weights are counted here and none is looked at: zeros will do."""
    import keras

    with pytest.MonkeyPatch.context() as patch:
        zeros = keras.initializers.Zeros()
        for name in ("GlorotUniform", "RandomNormal", "RandomUniform"):
            patch.setattr(
                getattr(keras.initializers, name),
                "__call__",
                lambda self, shape, dtype=None: zeros(shape, dtype),
            )
        yield


@cache
def rows(key: str) -> tuple[LayerRow, ...]:
    return layer_rows(zoo.build(key))


def total(found: tuple[LayerRow, ...], what: str = "parameters") -> int:
    return sum(getattr(row, what) for row in found)


def kernels(network: Any) -> int:
    """Weights of convolutions alone, as the papers' sums over a block count them."""
    return sum(
        math.prod(w.shape) for w in network.weights if w.path.split("/")[-1] == "kernel"
    )  # fmt: skip


@pytest.mark.parametrize("row", ARCHITECTURES, ids=lambda row: row.key)
def test_parameters_are_those_of_the_row(row: Architecture) -> None:
    assert total(rows(row.key)) == row.parameters
    assert total(rows(row.key), "trainable") == row.trainable
    assert rows(row.key)[-1].shape[-1] == row.classes


def test_lenet_layer_by_layer() -> None:
    assert [r.parameters for r in rows("lenet") if r.parameters] == [416, 12_832, 15_690]


def test_the_course_s_mobilenet_answers_seven_times() -> None:
    found = rows("mobilenet_course")
    assert found[-1].shape == (7, 1, 1000)
    assert total(found) - total(found, "trainable") == 21_888
    assert rows("mobilenet")[-1].shape == (1000,)


def test_weights_of_the_residual_blocks() -> None:
    assert kernels(blocks.resnet_basic()) == 73_728
    assert kernels(blocks.resnet_bottleneck()) == 256 * 64 + 9 * 64 * 64 + 64 * 256 == 69_632
    assert kernels(blocks.resnext()) == 32 * (256 * 4 + 3 * 3 * 4 * 4 + 4 * 256) == 70_144


@pytest.mark.parametrize(
    ("network", "billion"),
    [(lambda: resnet.resnet50(late=True), 4.1), (resnet.resnet50, 3.9), (resnet.resnext50, 4.2)],
    ids=["resnet50, late strides", "resnet50", "resnext50"],
)
def test_work_of_the_residual_nets(network: Any, billion: float) -> None:
    assert round(total(layer_rows(network()), "multiply_adds") / 1e9, 1) == billion


def test_where_mobilenet_spends_its_work_and_parameters() -> None:
    """Table 2 of the paper, which counts neither norms nor biases."""
    found = [r for r in rows("mobilenet") if r.multiply_adds]
    found[-1] = replace(found[-1], parameters=found[-1].parameters - 1000)
    kinds = {
        "1×1": [r for r in found if r.label.startswith("1×1")],
        "depthwise": [r for r in found if "depthwise" in r.label],
        "dense": [r for r in found if r.kind == "Dense"],
    }
    work, weights = (sum(getattr(r, w) for r in found) for w in ("multiply_adds", "parameters"))
    shares = {
        kind: tuple(
            round(100 * sum(getattr(r, what) for r in of) / whole, 2)
            for what, whole in (("multiply_adds", work), ("parameters", weights))
        )
        for kind, of in kinds.items()
    }
    assert shares["1×1"] == pytest.approx((94.86, 74.59), abs=0.006)
    assert shares["depthwise"] == pytest.approx((3.06, 1.06), abs=0.006)
    assert shares["dense"] == pytest.approx((0.18, 24.33), abs=0.006)


def test_a_separable_convolution_costs_1_over_n_and_1_over_9_of_a_plain_one() -> None:
    separable = sum(r.multiply_adds for r in layer_rows(blocks.separable()))
    plain = 112 * 112 * 9 * 32 * 64
    assert separable / plain == pytest.approx(1 / 64 + 1 / 9)


def depth(found: tuple[LayerRow, ...]) -> int:
    """Layers with weights on the longest way through."""
    at: dict[str, int] = {}
    for row in found:
        at[row.name] = max((at[s] for s in row.sources), default=0) + (row.parameters > 0)
    return max(at.values())


@pytest.mark.parametrize(("key", "layers"), [("googlenet", 22), ("vgg16", 16), ("alexnet", 8)])
def test_depth_is_the_one_in_the_name(key: str, layers: int) -> None:
    assert depth(rows(key)) == layers


def test_vgg16_has_its_weights_at_the_end_and_its_memory_at_the_start() -> None:
    found = rows("vgg16")
    dense = sum(r.parameters for r in found if r.kind == "Dense")
    assert dense == 123_642_856
    sizes = [math.prod(n or 1 for n in r.shape) for r in found if r.kind == "Conv2D"]
    assert sum(sizes[:4]) > 0.6 * sum(sizes)


def test_densenet_grows_by_32_and_halves_between() -> None:
    shapes = {r.name: r.shape for r in rows("densenet121")}
    assert [shapes[f"conv{i}_block{n}_concat"][-1] for i, n in zip((2, 3, 4, 5), (6, 12, 24, 16),
            strict=True)] == [256, 512, 1024, 1024]  # fmt: skip
    assert [shapes[f"pool{i}_conv"][-1] for i in (2, 3, 4)] == [128, 256, 512]


def test_vit_reads_196_patches_as_197_tokens_with_12_heads() -> None:
    shapes = {r.name: r.shape for r in rows("vit_b16")}
    assert shapes["tokens"] == (196, 768)
    assert shapes["class_token_and_position"] == (197, 768)
    assert sum(r.label == "attention, 12 heads" for r in rows("vit_b16")) == 12


def test_inception_3a_and_alexnet_on_two_cards() -> None:
    assert blocks.inception_3a().count_params() == 163_696
    assert blocks.inception_3a().output_shape == (None, 28, 28, 256)
    assert sum(r.parameters for r in layer_rows(alexnet(groups=2))) == 60_965_224


def test_compound_scaling_is_what_the_paper_found() -> None:
    assert pytest.approx(2, abs=0.1) == ALPHA * BETA**2 * GAMMA**2
    phi = {"B1": 0.5, "B2": 1, "B3": 2, "B4": 4}
    for member, power in phi.items():
        assert SCALES[member].resolution / 224 == pytest.approx(GAMMA**power, rel=0.08)
    # Channels of B7's stages, counted by Keras' own network.
    assert [scaled_width(stage[2], SCALES["B7"].width) for stage in STAGES] == [
        32, 48, 80, 160, 224, 384, 640,
    ]  # fmt: skip


def test_a_scaled_member_has_its_published_count() -> None:
    counted = total(layer_rows(efficientnet("B2", (64, 64, 3), 1000, None)), "trainable")
    assert round(counted / 1e6, 1) == 9.1  # 9.2 in Keras' table, frozen averages included.


def test_what_a_page_counts_is_what_was_published() -> None:
    said = {
        (row.key, p.what): here
        for row in ARCHITECTURES
        for p, here in zip(row.published, tally.counted(row), strict=True)
    }
    assert said["mobilenet", "share of 1×1 in multiply-adds / parameters"] == "94.86 % / 74.59 %"
    assert said["mobilenet", "share of 3×3 depthwise"] == "3.06 % / 1.06 %"
    assert said["googlenet", "layers with weights, in depth"] == "22"
    assert said["densenet121", "layers of the dense blocks"] == "6-12-24-16"
    assert said["vit_b16", "patches / tokens / heads"] == "196 / 197 / 12"
    assert said["mobilenet_course", "trainable / frozen"] == "4,236,920 / 21,888"
    assert said["resnext50", "multiply-adds"] == "4.2 billion"
    assert said["resnext50", "weights of the block, 32 paths of width 4"] == "70,144"
    # Only what a run on ImageNet gives is left open.
    assert {what for (_, what), here in said.items() if here is None} == {
        "top-1 / top-5", "top-5 error",
    }  # fmt: skip


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="resnet50"):
        architecture("resnet51")


@pytest.mark.parametrize("row", ARCHITECTURES, ids=lambda row: row.key)
def test_what_pages_read_is_what_the_network_is(row: Architecture) -> None:
    """`python -m cxr_core.zoo` writes it anew."""
    stored, built = plan(row.key), rows(row.key)
    assert len(stored) == len(built)
    for a, b in zip(stored, built, strict=True):
        assert (a.kind, a.shape, a.parameters, a.multiply_adds) == (
            b.kind, b.shape, b.parameters, b.multiply_adds,
        )  # fmt: skip
    assert sum(r.parameters for r in block_plan(row.key)) == zoo.block(row).count_params()
