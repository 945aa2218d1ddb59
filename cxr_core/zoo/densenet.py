"""DenseNet: every layer reads all maps before it. Huang et al. 2016, arXiv 1608.06993."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]
GROWTH = 32


def _norm_relu(x: Any, name: str) -> Any:
    from keras import layers

    x = layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def dense_layer(x: Any, growth: int, name: str) -> Any:
    """Norm → 1×1 to 4·growth → norm → 3×3 to growth new maps, appended to all the old ones."""
    from keras import layers

    new = layers.Conv2D(4 * growth, 1, use_bias=False, name=f"{name}_1_conv")(
        _norm_relu(x, f"{name}_0")
    )
    new = layers.Conv2D(growth, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(
        _norm_relu(new, f"{name}_1")
    )
    return layers.Concatenate(name=f"{name}_concat")([x, new])


def dense_block(x: Any, depth: int, name: str, growth: int = GROWTH) -> Any:
    """`depth` dense layers: the map grows by `growth` channels with each."""
    for i in range(1, depth + 1):
        x = dense_layer(x, growth, f"{name}_block{i}")
    return x


def transition(x: Any, name: str, compression: float = 0.5) -> Any:
    """1×1 to half the channels, then half the rows and columns."""
    from keras import layers

    x = _norm_relu(x, name)
    filters = int(x.shape[-1] * compression)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def densenet121(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, activation: str | None = "softmax"
) -> keras.Model:
    """8,062,504 parameters in dense blocks of 6, 12, 24 and 16 layers."""
    import keras
    from keras import layers

    image = keras.Input(input_shape)
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = layers.Conv2D(64, 7, 2, use_bias=False, name="conv1_conv")(x)
    x = _norm_relu(x, "conv1")
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    for stage, depth in enumerate((6, 12, 24, 16), start=2):
        x = dense_block(x, depth, f"conv{stage}")
        if stage < 5:
            x = transition(x, f"pool{stage}")
    x = _norm_relu(x, "final")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    scores = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, scores, name="densenet121")
