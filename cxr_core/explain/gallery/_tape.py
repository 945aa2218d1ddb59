"""Gradients of a network's one score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def gradient_at(network: Any, image: NDArray[np.float32], layer: str) -> tuple[Any, Any]:
    """A layer's output for (1, H, W, C), and the score's gradient there, of the same shape."""
    import keras
    import tensorflow as tf

    both = keras.Model(network.input, [network.get_layer(layer).output, network.output])
    pixels = tf.convert_to_tensor(image)
    with tf.GradientTape() as tape:
        # A network may be frozen: without this the tape would watch nothing.
        tape.watch(pixels)
        output, score = both(pixels, training=False)
    gradient = tape.gradient(score, output)
    return output, tf.zeros_like(output) if gradient is None else gradient


def pixel_gradient(network: Any, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The score's gradient for the pixels of (n, H, W, C), of the same shape."""
    from tf_explain.core.vanilla_gradients import VanillaGradients

    gradient: NDArray[np.float32] = VanillaGradients.compute_gradients(image, network, 0).numpy()
    return gradient


def over_channels(gradient: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, C) → (H, W): the largest magnitude, as in section 3.1 of arXiv 1312.6034."""
    largest: NDArray[np.float32] = np.abs(gradient).max(axis=-1)
    return largest
