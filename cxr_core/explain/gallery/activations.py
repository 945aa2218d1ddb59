"""Activations of a layer, by tf-explain, averaged over its maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def attribute(network: Any, image: NDArray[np.float32], layer: str) -> NDArray[np.float32]:
    """(1, H, W, C) → (h, w) of the layer."""
    from tf_explain.core.activations import ExtractActivations

    part = ExtractActivations().generate_activations_graph(network, [layer])
    maps: NDArray[np.float32] = np.asarray(part.predict_on_batch(image))[0]
    mean: NDArray[np.float32] = maps.mean(axis=-1)
    return mean
