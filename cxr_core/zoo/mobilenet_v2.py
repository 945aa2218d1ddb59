"""MobileNetV2: widen, filter, narrow, and add. Sandler et al. 2018, arXiv 1801.04381."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]
# Expansion, channels, repeats, stride of the first (table 2).
STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip


def inverted_residual(x: Any, filters: int, strides: int, expansion: int, name: str) -> Any:
    """1×1 up → depthwise 3×3 → 1×1 down without a ReLU, which would lose what few channels hold.

    The shortcut joins the narrow ends: the wide maps never have to be kept.
    """
    from keras import layers

    shortcut, channels = x, x.shape[-1]
    if expansion > 1:
        x = layers.Conv2D(expansion * channels, 1, use_bias=False, name=f"{name}_expand")(x)
        x = _norm(x, f"{name}_expand", relu=True)
    x = layers.DepthwiseConv2D(
        3, strides, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _norm(x, f"{name}_depthwise", relu=True)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = _norm(x, f"{name}_project", relu=False)
    if strides == 1 and channels == filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def _norm(x: Any, name: str, relu: bool) -> Any:
    from keras import layers

    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def mobilenet_v2(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, activation: str | None = "softmax"
) -> keras.Model:
    """3,538,984 parameters."""
    import keras
    from keras import layers

    image = keras.Input(input_shape)
    x = layers.Conv2D(32, 3, 2, padding="same", use_bias=False, name="conv1")(image)
    x = _norm(x, "conv1", relu=True)
    number = 0
    for expansion, filters, repeats, first in STAGES:
        for i in range(repeats):
            x = inverted_residual(x, filters, first if i == 0 else 1, expansion, f"block{number}")
            number += 1
    x = layers.Conv2D(1280, 1, use_bias=False, name="conv_last")(x)
    x = _norm(x, "conv_last", relu=True)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    scores = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, scores, name="mobilenet_v2")
