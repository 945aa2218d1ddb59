"""MobileNet: split a convolution into space and depth. Howard et al. 2017, arXiv 1704.04861.

A 3×3 convolution from M to N channels costs 9·M·N multiply-adds a pixel; a depthwise 3×3 and a
1×1 cost 9·M + M·N, which is 1/N + 1/9 of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]
# Filters and stride of the 13 separable blocks (table 1).
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip


def separable(x: Any, filters: int, strides: int, bias: bool, name: str) -> Any:
    """Depthwise 3×3 (space, a channel at a time) → 1×1 (depth, a pixel at a time)."""
    from keras import layers

    x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=bias, name=f"{name}_dw")(x)
    x = _norm_relu(x, f"{name}_dw")
    x = layers.Conv2D(filters, 1, use_bias=bias, name=f"{name}_pw")(x)
    return _norm_relu(x, f"{name}_pw")


def _norm_relu(x: Any, name: str) -> Any:
    from keras import layers

    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def _body(image: Any, bias: bool) -> Any:
    from keras import layers

    x = layers.Conv2D(32, 3, 2, padding="same", use_bias=bias, name="conv1")(image)
    x = _norm_relu(x, "conv1")
    for i, (filters, strides) in enumerate(BLOCKS, start=1):
        x = separable(x, filters, strides, bias, f"block{i}")
    return x


def mobilenet(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, activation: str | None = "softmax"
) -> keras.Model:
    """4,253,864 parameters; three quarters of them and 95 % of the work in the 1×1 convolutions."""
    import keras
    from keras import layers

    image = keras.Input(input_shape)
    x = _body(image, bias=False)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    scores = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, scores, name="mobilenet")


def mobilenet_course(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, activation: str | None = "softmax"
) -> keras.Model:
    """The construction that the course prints, with its mistake: 4,258,808 parameters.

    It keeps biases that batch norm cancels, and pools as if channels came first: the window of 7
    slides over columns and channels, so the output is 7×1×1000, one answer for each row of the map.
    """
    import keras
    from keras import layers

    image = keras.Input(input_shape)
    x = _body(image, bias=True)
    x = layers.AveragePooling2D(7, 1, data_format="channels_first", name="misplaced_pool")(x)
    scores = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, scores, name="mobilenet_course")
