"""Inception: look at several scales at once and let the net choose. Szegedy et al. 2014.

arXiv 1409.4842; GoogLeNet is nine of these blocks, 22 layers deep, with 1/12 of AlexNet's weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]


class Widths(NamedTuple):
    """Filters of the four branches: reduceN is the 1×1 that thins the map before the N×N."""

    one: int
    reduce3: int
    three: int
    reduce5: int
    five: int
    pool: int


# Table 1 of the paper.
BLOCKS = {
    "3a": Widths(64, 96, 128, 16, 32, 32),
    "3b": Widths(128, 128, 192, 32, 96, 64),
    "4a": Widths(192, 96, 208, 16, 48, 64),
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),
    "4e": Widths(256, 160, 320, 32, 128, 128),
    "5a": Widths(256, 160, 320, 32, 128, 128),
    "5b": Widths(384, 192, 384, 48, 128, 128),
}


def block(x: Any, widths: Widths, name: str) -> Any:
    """1×1; 1×1 → 3×3; 1×1 → 5×5; pool → 1×1; joined along the channels."""
    from keras import layers

    def conv(x: Any, filters: int, size: int, part: str) -> Any:
        return layers.Conv2D(
            filters, size, padding="same", activation="relu", name=f"{name}_{part}"
        )(x)

    one = conv(x, widths.one, 1, "1x1")
    three = conv(conv(x, widths.reduce3, 1, "3x3_reduce"), widths.three, 3, "3x3")
    five = conv(conv(x, widths.reduce5, 1, "5x5_reduce"), widths.five, 5, "5x5")
    pooled = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    pooled = conv(pooled, widths.pool, 1, "pool_proj")
    return layers.Concatenate(name=f"{name}_output")([one, three, five, pooled])


def googlenet(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, activation: str | None = "softmax"
) -> keras.Model:
    """6,998,552 parameters, without the two side exits that were used in training only."""
    import keras
    from keras import layers

    from cxr_core.zoo._layers import local_response_normalisation

    def halve(x: Any, name: str) -> Any:
        return layers.MaxPooling2D(3, 2, padding="same", name=name)(x)

    def conv(x: Any, filters: int, size: int, name: str, strides: int = 1) -> Any:
        return layers.Conv2D(
            filters, size, strides, padding="same", activation="relu", name=name
        )(x)  # fmt: skip

    image = keras.Input(input_shape)
    x = halve(conv(image, 64, 7, "conv1", strides=2), "pool1")
    x = local_response_normalisation("norm1")(x)
    x = conv(conv(x, 64, 1, "conv2_reduce"), 192, 3, "conv2")
    x = halve(local_response_normalisation("norm2")(x), "pool2")
    for name, widths in BLOCKS.items():
        x = block(x, widths, name)
        if name in ("3b", "4e"):
            x = halve(x, f"pool{name[0]}")
    x = layers.GlobalAveragePooling2D(name="pool5")(x)
    x = layers.Dropout(0.4, name="dropout")(x)
    scores = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, scores, name="googlenet")
