"""What a vision transformer makes of a film: patches, places, and who attends to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ConfigError

if TYPE_CHECKING:
    import keras

Array = NDArray[np.float32]


def patches(image: NDArray[Any], size: int = 16) -> NDArray[Any]:
    """(H, W, C) → (rows, columns, size, size, C), as the first layer reads them.

    Raises ConfigError where the image is not a whole number of patches.
    """
    height, width, channels = image.shape
    if height % size or width % size:
        raise ConfigError(
            f"Expected an image of whole patches of {size} pixels; received {width}×{height}. "
            f"Resize it to a multiple of {size}."
        )
    cut = image.reshape(height // size, size, width // size, size, channels)
    return cut.swapaxes(1, 2)


def position_similarity(network: keras.Model) -> Array:
    """Cosine of every patch's place with every other's: (rows, columns, rows, columns).

    The class token is left out. Raises ConfigError for a network without places.
    """
    for layer in network.layers:
        if type(layer).__name__ == "ClassTokenAndPosition":
            places = np.asarray(layer.position)[0, 1:]
            break
    else:
        raise ConfigError(
            f"Expected a vision transformer; {network.name} has no places. Choose vit_b16."
        )
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    side = round(len(places) ** 0.5)
    similarity: Array = (unit @ unit.T).reshape(side, side, side, side).astype(np.float32)
    return similarity


def attention(network: keras.Model, image: NDArray[Any]) -> Array:
    """Who attends to whom: (layers, heads, tokens, tokens); each row adds up to 1.

    Token 0 is the class token. Raises ConfigError for a network without attention.
    """
    import keras
    from keras import layers

    found = [x for x in network.layers if isinstance(x, layers.MultiHeadAttention)]
    if not found:
        raise ConfigError(
            f"Expected a network with attention; {network.name} has none. Choose vit_b16."
        )
    readings = keras.Model(network.input, [_read_by(x) for x in found])
    read = readings(np.asarray(image, np.float32)[None], training=False)
    maps = [
        np.asarray(x(tokens, tokens, return_attention_scores=True, training=False)[1])[0]
        for x, tokens in zip(found, read if isinstance(read, list) else [read], strict=True)
    ]
    return np.stack(maps).astype(np.float32)


def rollout(attended: Array) -> Array:
    """What the last layer's tokens draw from each patch, all layers together: (tokens, tokens).

    Heads averaged, the shortcut counted as attending to oneself, layers multiplied: Abnar and
    Zuidema 2020, arXiv 2005.00928, section 3.
    """
    tokens = attended.shape[-1]
    through = np.eye(tokens)
    for layer in attended.mean(axis=1):
        through = (0.5 * layer + 0.5 * np.eye(tokens)) @ through
    return through.astype(np.float32)


def _read_by(layer: Any) -> Any:
    read = layer.input
    return read[0] if isinstance(read, list | tuple) else read
