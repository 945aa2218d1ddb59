"""Vanilla gradients, by tf-explain, of the logit. Simonyan et al. 2013, arXiv 1312.6034."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.explain.gallery._tape import over_channels, pixel_gradient


def attribute(network: Any, image: NDArray[np.float32], layer: None = None) -> NDArray[np.float32]:
    """(1, H, W, C) → (H, W) >= 0."""
    return over_channels(pixel_gradient(network, image)[0])
