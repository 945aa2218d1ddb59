"""Grad-CAM for any layer: tf-explain's gradients and weighting, unguided, and the paper's ReLU."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray


def attribute(network: Any, image: NDArray[np.float32], layer: str) -> NDArray[np.float32]:
    """(1, H, W, C) → (h, w) >= 0 of the layer. Equations 1 and 2 of arXiv 1610.02391."""
    from tf_explain.core.grad_cam import GradCAM

    with warnings.catch_warnings():
        # It wraps the network's inputs in a list too many, which Keras 3 mentions each time.
        warnings.filterwarnings("ignore", message="The structure of `inputs`")
        maps, gradients = GradCAM.get_gradients_and_filters(
            network, image, layer, class_index=0, use_guided_grads=False
        )
    if gradients is None:
        return np.zeros(maps.shape[1:3], np.float32)
    weighed = GradCAM.generate_ponderated_output(maps, gradients)[0].numpy()
    positive: NDArray[np.float32] = np.maximum(weighed, 0)
    return positive
