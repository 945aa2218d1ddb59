"""VGG16: nothing but 3×3 convolutions, deeper. Simonyan and Zisserman 2014, arXiv 1409.1556."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]
# Convolutions and filters of each of the five blocks (configuration D of table 1).
BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


def block(x: Any, convolutions: int, filters: int, name: str) -> Any:
    """Two 3×3 convolutions see 5×5 pixels, three see 7×7, for fewer weights than one wide one."""
    from keras import layers

    for i in range(1, convolutions + 1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"{name}_conv{i}")(x)
    return layers.MaxPooling2D(2, name=f"{name}_pool")(x)


def vgg16(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, activation: str | None = "softmax"
) -> keras.Model:
    """138,357,544 parameters, 123.6 million of them in the dense layers."""
    import keras
    from keras import layers

    image = keras.Input(input_shape)
    x = image
    for i, (convolutions, filters) in enumerate(BLOCKS, start=1):
        x = block(x, convolutions, filters, f"block{i}")
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(4096, activation="relu", name="fc1")(x)
    x = layers.Dense(4096, activation="relu", name="fc2")(x)
    scores = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, scores, name="vgg16")
