"""EfficientNet: make a net wider, deeper and sharper together. Tan and Le 2019, arXiv 1905.11946.

One number φ scales depth by α^φ, width by β^φ and resolution by γ^φ; with α·β²·γ² ≈ 2 the work
doubles with each step. α = 1.2, β = 1.1, γ = 1.15 were found once, on the small net B0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]
ALPHA, BETA, GAMMA = 1.2, 1.1, 1.15


@dataclass(frozen=True)
class Scale:
    """What one member of the family multiplies B0 by; resolution: pixels a side."""

    width: float
    depth: float
    resolution: int
    dropout: float


# The authors' own rounding of β^φ, α^φ and 224·γ^φ.
SCALES = {
    "B0": Scale(1.0, 1.0, 224, 0.2),
    "B1": Scale(1.0, 1.1, 240, 0.2),
    "B2": Scale(1.1, 1.2, 260, 0.3),
    "B3": Scale(1.2, 1.4, 300, 0.3),
    "B4": Scale(1.4, 1.8, 380, 0.4),
    "B5": Scale(1.6, 2.2, 456, 0.4),
    "B6": Scale(1.8, 2.6, 528, 0.5),
    "B7": Scale(2.0, 3.1, 600, 0.5),
}
# Kernel, repeats, channels out, expansion, stride of the seven stages (table 1).
STAGES = (
    (3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1), (5, 4, 192, 6, 2), (3, 1, 320, 6, 1),
)  # fmt: skip


def scaled_width(filters: int, width: float) -> int:
    """Channels times width, to the nearest multiple of 8 that loses no more than a tenth."""
    wanted = filters * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def scaled_depth(repeats: int, depth: float) -> int:
    """Repeats times depth, rounded up."""
    return math.ceil(repeats * depth)


def squeeze_excite(x: Any, channels: int, name: str) -> Any:
    """Squeeze the map to one number a channel, and let a small net turn channels up or down."""
    from keras import layers

    wide = x.shape[-1]
    s = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    s = layers.Conv2D(channels, 1, activation="swish", name=f"{name}_reduce")(s)
    s = layers.Conv2D(wide, 1, activation="sigmoid", name=f"{name}_expand")(s)
    return layers.Multiply(name=f"{name}_excite")([x, s])


def mbconv(
    x: Any, filters: int, kernel: int, strides: int, expansion: int, drop: float, name: str
) -> Any:
    """MobileNetV2's block with swish and squeeze-and-excitation."""
    from keras import layers

    shortcut, channels = x, x.shape[-1]
    if expansion > 1:
        x = layers.Conv2D(expansion * channels, 1, use_bias=False, name=f"{name}_expand")(x)
        x = _norm_swish(x, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        kernel, strides, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _norm_swish(x, f"{name}_depthwise")
    x = squeeze_excite(x, max(1, channels // 4), f"{name}_se")
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = layers.BatchNormalization(name=f"{name}_project_bn")(x)
    if strides == 1 and channels == filters:
        if drop:
            x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(x)
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    return x


def _norm_swish(x: Any, name: str) -> Any:
    from keras import layers

    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.Activation("swish", name=f"{name}_swish")(x)


def efficientnet(
    member: str, input_shape: Shape | None, classes: int, activation: str | None
) -> keras.Model:
    """The member "B0" to "B7" of the family, input scaled to 0..1 before it."""
    import keras
    from keras import layers

    scale = SCALES[member]
    image = keras.Input(input_shape or (scale.resolution, scale.resolution, 3))
    x = layers.Conv2D(
        scaled_width(32, scale.width), 3, 2, padding="same", use_bias=False, name="stem"
    )(image)
    x = _norm_swish(x, "stem")
    blocks = sum(scaled_depth(stage[1], scale.depth) for stage in STAGES)
    number = 0
    for kernel, repeats, filters, expansion, first in STAGES:
        for i in range(scaled_depth(repeats, scale.depth)):
            # Stochastic depth: the deeper a block, the more often training skips it.
            drop = 0.2 * number / blocks
            x = mbconv(
                x, scaled_width(filters, scale.width), kernel, first if i == 0 else 1, expansion,
                drop, f"block{number}",
            )  # fmt: skip
            number += 1
    x = layers.Conv2D(scaled_width(1280, scale.width), 1, use_bias=False, name="top")(x)
    x = _norm_swish(x, "top")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(scale.dropout, name="top_dropout")(x)
    scores = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, scores, name=f"efficientnet_{member.lower()}")


def efficientnet_b0(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, activation: str | None = "softmax"
) -> keras.Model:
    """5,288,548 trainable parameters."""
    return efficientnet("B0", input_shape, classes, activation)
