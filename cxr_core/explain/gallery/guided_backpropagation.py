"""Guided back-propagation: a ReLU passes back only what is positive both ways.

Springenberg et al. 2014, arXiv 1412.6806, section 3.4.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ConfigError
from cxr_core.explain.gallery._tape import over_channels, pixel_gradient

# Copies, as long as their networks live: to trace one takes longer than to ask it.
_GUIDED: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def attribute(network: Any, image: NDArray[np.float32], layer: None = None) -> NDArray[np.float32]:
    """(1, H, W, C) → (H, W) >= 0. Raises ConfigError for a network without a ReLU."""
    if network not in _GUIDED:
        _GUIDED[network] = guided(network)
    copy = _GUIDED[network]
    copy.set_weights(network.get_weights())
    return over_channels(pixel_gradient(copy, image)[0])


def guided(network: Any) -> Any:
    """A copy of a flat network with every ReLU guided, ReLU6 included."""
    from keras import layers

    from cxr_core import graph

    found = 0

    def change(layer: Any) -> Any:
        nonlocal found
        top = getattr(layer, "max_value", None)
        inside = getattr(getattr(layer, "activation", None), "__name__", "")
        is_relu = isinstance(layer, layers.ReLU)
        if not is_relu and inside not in ("relu", "relu6"):
            return None
        found += 1
        activation = _guided_relu(6.0 if inside == "relu6" else top)
        if is_relu:
            return layers.Activation(activation, name=layer.name)
        copy = layer.__class__.from_config(layer.get_config())
        copy.activation = activation
        return copy

    copy = graph.flat(network, change)
    if not found:
        raise ConfigError(
            f"Expected a network with ReLUs to guide; {network.name} has none. "
            "Choose vanilla gradients or SmoothGrad."
        )
    return copy


def _guided_relu(top: float | None) -> Any:
    import tensorflow as tf

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def activation(x: Any) -> Any:
        y = tf.nn.relu(x) if top is None else tf.clip_by_value(x, 0.0, top)
        passes = x > 0 if top is None else tf.logical_and(x > 0, x < top)

        def gradient(dy: Any) -> Any:
            return tf.where(tf.logical_and(passes, dy > 0), dy, tf.zeros_like(dy))

        return y, gradient

    return lambda x: activation(x)
