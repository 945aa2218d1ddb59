"""The baseline that every transfer has to beat: four convolutions and a wide dense layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]


def small_cnn(
    input_shape: Shape = (150, 150, 3),
    classes: int = 1,
    activation: str | None = "sigmoid",
    *,
    dropout: float = 0.0,
) -> keras.Model:
    """3,453,121 parameters, 3.2 million of them between the last map and the dense layer.

    dropout: share of the flattened map that is silenced at each training step.
    """
    import keras
    from keras import layers

    image = keras.Input(input_shape)
    x = image
    for i, filters in enumerate((32, 64, 128, 128), start=1):
        x = layers.Conv2D(filters, 3, activation="relu", name=f"conv{i}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(512, activation="relu", name="dense")(x)
    scores = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, scores, name="small_cnn")


def small_cnn_dropout(
    input_shape: Shape = (150, 150, 3), classes: int = 1, activation: str | None = "sigmoid"
) -> keras.Model:
    """The same with dropout 0.5: no parameter more, and memorising costs more than learning."""
    return small_cnn(input_shape, classes, activation, dropout=0.5)
