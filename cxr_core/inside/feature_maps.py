"""What a layer looks for, and what it finds in a film."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import graph
from cxr_core.errors import ConfigError

if TYPE_CHECKING:
    import keras

Array = NDArray[np.float32]


def filters(network: keras.Model, layer: str, *, colour: bool = False) -> Array:
    """The kernels of a convolution: (filters, height, width), summed over the maps they read.

    For a grey film given three times, that sum is what the first layer really does. colour: where
    it reads three maps, they are left apart: (filters, height, width, 3). Raises ConfigError for a
    layer that has no kernels.
    """
    from keras import layers

    found = graph.layer(network, layer)
    if isinstance(found, layers.DepthwiseConv2D):
        kernel = found.get_weights()[0].reshape(*found.kernel_size, -1)
    elif isinstance(found, layers.Conv2D):
        kernel = found.get_weights()[0]
        if colour and kernel.shape[2] == 3:
            rgb: Array = np.moveaxis(kernel, -1, 0).astype(np.float32)
            return rgb
        kernel = kernel.sum(axis=2)
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

    A transformer's tokens stand where their patches do; the class token is left out. Raises
    ConfigError for a layer whose output has no such form.
    """
    import keras

    found = graph.layer(network, layer)
    part = keras.Model(network.input, found.output)
    maps: Array = np.asarray(part(np.asarray(image, np.float32)[None], training=False))[0]
    if maps.ndim == 1:
        return maps[None, None]
    if maps.ndim == 2:
        side = math.isqrt(len(maps))
        patches = maps[len(maps) - side * side :]
        if len(maps) - len(patches) <= 1:
            return patches.reshape(side, side, -1)
    if maps.ndim != 3:
        raise ConfigError(
            f"Expected a layer with maps, tokens of patches or a vector; {layer} gives "
            f"{'×'.join(map(str, maps.shape))}. Choose another layer."
        )
    return maps
