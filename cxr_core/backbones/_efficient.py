"""EfficientNet B0 to B7, scaled from one network, EfficientNetV2B0 and ConvNeXtTiny."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cxr_core.backbones._row import Backbone, Operations
from cxr_core.backbones._source import INSIDE, VISION, course, keras, weights


@dataclass(frozen=True)
class Stage:
    """A stage of B0: so many inverted residual blocks of one shape, the first with the stride."""

    repeats: int
    kernel: int
    expand: int
    channels: int
    stride: int


# Tan and Le 2019, table 1.
STAGES: tuple[Stage, ...] = (
    Stage(1, 3, 1, 16, 1),
    Stage(2, 3, 6, 24, 2),
    Stage(2, 5, 6, 40, 2),
    Stage(3, 3, 6, 80, 2),
    Stage(3, 5, 6, 112, 1),
    Stage(4, 5, 6, 192, 2),
    Stage(1, 3, 6, 320, 1),
)
# The paper's table 2 gives 0.70, 1.8, 4.2, 9.9 and 37 billion for B1, B3, B4, B5 and B7: up to 5 %
# from what its networks count, here and in torchvision. torchvision runs B2 at another size.
_PAPER = "Tan and Le 2019, table 2"
_STORE = "https://storage.googleapis.com/keras-applications/"


@dataclass(frozen=True)
class Scaled:
    """One of B0 to B7. width, depth: factors on B0; size: pixels a side. keras.applications and
    Tan and Le 2019. top1, top5: Keras; course: its own top-1; billions: multiply-adds."""

    letter: int
    width: float
    depth: float
    size: int
    params: int
    top1: float
    top5: float
    course: float
    billions: float
    digest: str


SCALED: tuple[Scaled, ...] = (
    Scaled(0, 1.0, 1.0, 224, 5_330_571, 77.1, 93.3, 77.11, 0.386,
           "50bc09e76180e00e4465e1a485ddc09d"),
    Scaled(1, 1.0, 1.1, 240, 7_856_239, 79.1, 94.4, 79.13, 0.687,
           "74c4e6b3e1f6a1eea24c589628592432"),
    Scaled(2, 1.1, 1.2, 260, 9_177_569, 80.1, 94.9, 80.07, 1.0,
           "111f8e2ac8aa800a7a99e3239f7bfb39"),
    Scaled(3, 1.2, 1.4, 300, 12_320_535, 81.6, 95.7, 81.59, 1.827,
           "af6d107764bb5b1abb91932881670226"),
    Scaled(4, 1.4, 1.8, 380, 19_466_823, 82.9, 96.4, 82.89, 4.394,
           "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    Scaled(5, 1.6, 2.2, 456, 30_562_527, 83.6, 96.7, 83.60, 10.266,
           "38879255a25d3c92d5e44e04ae6cec6f"),
    Scaled(6, 1.8, 2.6, 528, 43_265_143, 84.0, 96.8, 83.95, 19.068,
           "9ecce42647a20130c1f39a5d4cb75743"),
    Scaled(7, 2.0, 3.1, 600, 66_658_687, 84.3, 97.0, 84.26, 37.746,
           "cbcfe4450ddf6f3ad90b1b398090fe4a"),
)  # fmt: skip


def _last_block(stage: int, depth: float) -> str:
    return f"block{stage}{chr(96 + math.ceil(depth * STAGES[stage - 1].repeats))}_add"


def _row(s: Scaled) -> Backbone:
    name = f"efficientnetb{s.letter}"
    b0 = s.letter == 0
    return Backbone(
        name=name,
        constructor=f"EfficientNetB{s.letter}",
        family="EfficientNet",
        year=2019,
        paper="Tan and Le 2019, arXiv 1905.11946",
        size=s.size,
        scaling=INSIDE,
        cam_layer="top_activation",
        feature_layers=(*(_last_block(i, s.depth) for i in (3, 4, 5, 6)), "top_activation"),
        published=keras(s.params, s.top1, s.top5),
        operations=Operations(s.billions * 1e9, _PAPER if s.letter == 2 else VISION),
        course=course(5_300_000, 77.3, 93.5) if b0 else course(None, s.course, None),
        weights=weights(f"{_STORE}{name}_notop.h5", s.digest),
    )


EFFICIENT: tuple[Backbone, ...] = (
    *(_row(s) for s in SCALED),
    Backbone(
        name="efficientnetv2b0",
        constructor="EfficientNetV2B0",
        family="EfficientNetV2",
        year=2021,
        paper="Tan and Le 2021, arXiv 2104.00298",
        size=224,
        scaling=INSIDE,
        cam_layer="top_activation",
        feature_layers=(
            "block3b_add",
            "block4c_add",
            "block5e_add",
            "block6h_add",
            "top_activation",
        ),
        published=keras(7_200_312, 78.7, 94.3),
        operations=Operations(0.72e9, "google/automl, efficientnetv2"),
        weights=weights(
            "efficientnet_v2/efficientnetv2-b0_notop.h5", "893217f2bb855e2983157299931e43ff"
        ),
    ),
    Backbone(
        name="convnexttiny",
        constructor="ConvNeXtTiny",
        family="ConvNeXt",
        year=2022,
        paper="Liu et al. 2022, arXiv 2201.03545",
        size=224,
        scaling=INSIDE,
        cam_layer="last_norm",
        feature_layers=(
            "convnext_tiny_stage_0_block_2_identity",
            "convnext_tiny_stage_1_block_2_identity",
            "convnext_tiny_stage_2_block_8_identity",
            "convnext_tiny_stage_3_block_2_identity",
            "last_norm",
        ),
        published=keras(28_589_128, 81.3, None),
        operations=Operations(4.456e9, VISION),
        weights=weights(
            "convnext/convnext_tiny_notop.h5",
            "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        ),
    ),
)
