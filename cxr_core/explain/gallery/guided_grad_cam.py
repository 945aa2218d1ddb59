"""Guided Grad-CAM: guided back-propagation times Grad-CAM laid over it. arXiv 1610.02391, 3.2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.explain.gallery import grad_cam, guided_backpropagation
from cxr_core.explain.grad_cam import upsample


def attribute(network: Any, image: NDArray[np.float32], layer: str) -> NDArray[np.float32]:
    """(1, H, W, C) → (H, W) >= 0."""
    fine = guided_backpropagation.attribute(network, image)
    coarse = upsample(grad_cam.attribute(network, image, layer), (fine.shape[0], fine.shape[1]))
    product: NDArray[np.float32] = fine * coarse
    return product
