"""A LeNet-style net: convolve, pool, convolve, pool, classify. LeCun et al. 1998."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]


def lenet(
    input_shape: Shape = (28, 28, 1), classes: int = 10, activation: str | None = "softmax"
) -> keras.Model:
    """28,938 parameters: 416 + 12,832 + 15,690. ReLU and max pooling stand for the tanh and the
    trainable averaging of 1998."""
    import keras
    from keras import layers

    image = keras.Input(input_shape)
    x = layers.Conv2D(16, 5, padding="same", activation="relu", name="conv1")(image)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Conv2D(32, 5, padding="same", activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(2, name="pool2")(x)
    x = layers.Flatten(name="flatten")(x)
    scores = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, scores, name="lenet")
