"""An architecture with its own head → what Review serves: logit, Grad-CAM map, gate features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cxr_core import classifier
from cxr_core.architectures import Architecture, unserved

if TYPE_CHECKING:
    import keras

# The last maps of different sizes whose means the quality gate reads.
MAPS = 4


def maps(network: keras.Model, row: Architecture) -> tuple[str, ...]:
    """Names of the last layer at each of the last sizes of the map, the one of Grad-CAM last.

    None where Review cannot have the network.
    """
    if unserved(row):
        return ()
    shapes = {layer.name: tuple(layer.output.shape) for layer in network.layers[1:]}
    every = {name: shape[1:3] for name, shape in shapes.items() if len(shape) == 4}
    smallest = list(every.values())[-1]
    last: dict[tuple[int, int], str] = {}
    for name, size in every.items():
        # Squeeze-and-excitation's own maps are of one place, beside the body's.
        if size >= smallest:
            last.pop(size, None)
            last[size] = name
    return tuple(last.values())[-MAPS:]


def serving(network: keras.Model, found: tuple[str, ...]) -> keras.Model:
    """One forward pass → logit (n, 1), Grad-CAM before its ReLU (n, h, w, 1), features (n, F).

    From the last map on there are only pooling or flattening, dropout and dense ReLU layers, so
    the gradient is a product of their weights, each open or shut (Selvaraju et al. 2017).
    """
    import keras
    from keras import layers, ops

    activation = network.get_layer(found[-1]).output
    h, w, channels = activation.shape[1:]
    names = [layer.name for layer in network.layers]
    after = network.layers[names.index(found[-1]) + 1 :]
    kernel, _ = network.get_layer(classifier.LOGIT).get_weights()
    gradient: Any = ops.zeros_like(network.output) + kernel[:, 0]
    for layer in reversed(after[:-1]):
        if isinstance(layer, layers.Dense):
            is_open = ops.cast(layer.output > 0, "float32")
            gradient = ops.matmul(is_open * gradient, layer.get_weights()[0].T)
    if gradient.shape[-1] == channels:
        weights = gradient / (h * w)
    else:
        weights = ops.mean(ops.reshape(gradient, (-1, h * w, channels)), axis=1)
    weights = ops.reshape(weights, (-1, 1, 1, channels))
    cam = ops.sum(ops.cast(activation, "float32") * weights, axis=-1, keepdims=True)
    pooled = [ops.mean(network.get_layer(name).output, axis=(1, 2)) for name in found]
    outputs = {
        "logit": network.output, "cam": cam, "features": ops.concatenate(pooled, axis=-1),
    }  # fmt: skip
    return keras.Model(network.input, outputs, name=f"{network.name}_serving")
