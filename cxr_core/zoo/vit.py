"""ViT: an image is 16×16 words. Dosovitskiy et al. 2020, arXiv 2010.11929."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]


def encoder(x: Any, heads: int, mlp: int, name: str) -> Any:
    """Every token asks all the others (attention), then thinks alone (MLP); both are added on."""
    from keras import layers

    width = x.shape[-1]
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm1")(x)
    y = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")(y, y)
    x = layers.Add(name=f"{name}_add1")([x, y])
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm2")(x)
    y = layers.Dense(mlp, activation="gelu", name=f"{name}_mlp1")(y)
    y = layers.Dense(width, name=f"{name}_mlp2")(y)
    return layers.Add(name=f"{name}_add2")([x, y])


def vision_transformer(
    input_shape: Shape, classes: int, activation: str | None, *, patch: int, width: int,
    depth: int, heads: int, mlp: int, name: str,
) -> keras.Model:  # fmt: skip
    """Patches → one vector each → a class token in front, places added → encoders → the token."""
    import keras
    from keras import layers

    from cxr_core.zoo._layers import classes as own_layers

    image = keras.Input(input_shape)
    # A convolution as wide as its stride reads each patch once: a linear map of its pixels.
    x = layers.Conv2D(width, patch, patch, name="patches")(image)
    x = layers.Reshape((-1, width), name="tokens")(x)
    x = own_layers()["ClassTokenAndPosition"](name="class_token_and_position")(x)
    for i in range(1, depth + 1):
        x = encoder(x, heads, mlp, f"encoder{i}")
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    token = x[:, 0]
    scores = layers.Dense(classes, activation=activation, name="predictions")(token)
    return keras.Model(image, scores, name=name)


def vit_b16(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, activation: str | None = "softmax"
) -> keras.Model:
    """86,567,656 parameters: 196 patches, 197 tokens of 768, 12 encoders of 12 heads."""
    return vision_transformer(
        input_shape, classes, activation, patch=16, width=768, depth=12, heads=12, mlp=3072,
        name="vit_b16",
    )  # fmt: skip
