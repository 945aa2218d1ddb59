"""What a layer looks for, and what it finds in a film."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import graph
from cxr_core.errors import ConfigError

if TYPE_CHECKING:
    import keras

Array = NDArray[np.float32]


def filters(network: keras.Model, layer: str) -> Array:
    """The kernels of a convolution: (filters, height, width), summed over the maps they read.

    For a grey film given three times, that sum is what the first layer really does. Raises
    ConfigError for a layer that has no kernels.
    """
    from keras import layers

    found = graph.layer(network, layer)
    if isinstance(found, layers.DepthwiseConv2D):
        kernel = found.get_weights()[0].reshape(*found.kernel_size, -1)
    elif isinstance(found, layers.Conv2D):
        kernel = found.get_weights()[0].sum(axis=2)
    else:
        kernel = None
    if kernel is not None:
        first: Array = np.moveaxis(kernel, -1, 0).astype(np.float32)
        return first
    raise ConfigError(
        f"Expected a convolution; {layer} is a {type(found).__name__}. Choose a layer with 'conv' "
        "or 'depthwise' in its description."
    )


def feature_maps(network: keras.Model, image: NDArray[Any], layer: str) -> Array:
    """A layer's output for one image (H, W, C): (h, w, channels); (1, 1, n) for a vector.

    Raises ConfigError for a layer of tokens.
    """
    import keras

    found = graph.layer(network, layer)
    part = keras.Model(network.input, found.output)
    maps: Array = np.asarray(part(np.asarray(image, np.float32)[None], training=False))[0]
    if maps.ndim == 1:
        return maps[None, None]
    if maps.ndim != 3:
        raise ConfigError(
            f"Expected a layer with maps; {layer} gives tokens of shape {maps.shape}. "
            "Look at its attention instead."
        )
    return maps
