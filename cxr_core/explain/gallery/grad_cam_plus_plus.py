"""Grad-CAM++: every place weighs its own gradient. Chattopadhay et al. 2018, arXiv 1710.11063."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def attribute(network: Any, image: NDArray[np.float32], layer: str) -> NDArray[np.float32]:
    """(1, H, W, C) → (h, w) >= 0 of the layer.

    With Y = exp(S) the second and third derivatives of equation 19 are g² and g³ times Y:
    α = g² / (2·g² + ΣA·g³), w = Σ α·ReLU(g). Y itself scales the whole map and is left out.
    """
    from cxr_core.explain.gallery._tape import gradient_at

    maps, g = (np.asarray(x[0], np.float64) for x in gradient_at(network, image, layer))
    below = 2 * g**2 + maps.sum(axis=(0, 1)) * g**3
    alpha = np.divide(g**2, below, out=np.zeros_like(g), where=np.abs(below) > 1e-30)
    weights = (alpha * np.maximum(g, 0)).sum(axis=(0, 1))
    positive: NDArray[np.float32] = np.maximum(maps @ weights, 0).astype(np.float32)
    return positive
