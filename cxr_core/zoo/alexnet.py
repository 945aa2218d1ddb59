"""AlexNet: the net of 2012 that made deep learning the way to see. Krizhevsky et al."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxr_core.zoo._layers import local_response_normalisation

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]


def alexnet(
    input_shape: Shape = (227, 227, 3),
    classes: int = 1000,
    activation: str | None = "softmax",
    *,
    groups: int = 1,
) -> keras.Model:
    """62,378,344 parameters on one device.

    groups: 2 is the paper's own net, halved over two graphics cards that met only at the third
    convolution: 60,965,224.
    """
    import keras
    from keras import layers

    image = keras.Input(input_shape)
    x = layers.Conv2D(96, 11, strides=4, activation="relu", name="conv1")(image)
    x = local_response_normalisation("norm1")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = layers.Conv2D(256, 5, padding="same", activation="relu", groups=groups, name="conv2")(x)
    x = local_response_normalisation("norm2")(x)
    x = layers.MaxPooling2D(3, 2, name="pool2")(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu", name="conv3")(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu", groups=groups, name="conv4")(x)
    x = layers.Conv2D(256, 3, padding="same", activation="relu", groups=groups, name="conv5")(x)
    x = layers.MaxPooling2D(3, 2, name="pool5")(x)
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc6", "fc7"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
        x = layers.Dropout(0.5, name=f"{name}_dropout")(x)
    scores = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, scores, name="alexnet")
