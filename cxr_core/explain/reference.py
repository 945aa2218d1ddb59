"""Grad-CAM by automatic differentiation in TensorFlow: slow, independent, for tests and figures.

It shares nothing with the fast path but the network's weights: it opens `model.keras`, not the
serving file, and lets a gradient tape find what `grad_cam` derives by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ModelError
from cxr_core.schema import Label

if TYPE_CHECKING:
    import keras


def load(path: Path) -> keras.Model:
    """Open a `.keras` graph that ends in the logit. Raises ModelError where it is not one."""
    import keras

    from cxr_core import zoo

    zoo.own_layers()
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(
            f"Expected a Keras model in {path.name}; received {type(error).__name__}. "
            "Run `python -m cxr_core models verify`."
        ) from error
    return model


def grad_cam(
    model: keras.Model, inputs: NDArray[np.uint8], cam_layer: str, label: Label
) -> NDArray[np.float32]:
    """Grad-CAM as published, before upsampling: (n, h, w) float32 >= 0.

    inputs: (n, size, size, 1). cam_layer: whose activations A are weighed with the mean over the
    map of the gradient of the logit, negated for NORMAL (arXiv 1610.02391, equations 1 and 2).
    Raises ModelError where the model has no such layer.
    """
    import keras
    import tensorflow as tf

    try:
        layer = model.get_layer(cam_layer)
    except ValueError as error:
        raise ModelError(
            f"Expected a layer {cam_layer!r} in {model.name}; it has none. "
            "Correct cam_layer in the model's card."
        ) from error
    both = keras.Model(model.input, [layer.output, model.output])
    films = tf.cast(inputs, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(films)
        activations, logit = both(films, training=False)
        score = tf.reduce_sum(logit if label == "PNEUMONIA" else -logit)
    gradient = tape.gradient(score, activations)
    alpha = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    maps: NDArray[np.float32] = tf.nn.relu(tf.reduce_sum(alpha * activations, axis=-1)).numpy()
    return maps
