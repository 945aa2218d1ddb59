"""Integrated gradients: tf-explain's path and mean, times the film, which it leaves out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def attribute(
    network: Any, image: NDArray[np.float32], layer: None = None, *, steps: int = 32
) -> NDArray[np.float32]:
    """(1, H, W, C) → (H, W): shares of score(film) - score(black), summed over channels.

    steps: films on the way, both ends included. Equation 3 of arXiv 1703.01365; the baseline is
    black, so the factor is the film itself.
    """
    from tf_explain.core.integrated_gradients import IntegratedGradients

    way = IntegratedGradients.generate_interpolations(image, steps).astype(np.float32)
    mean = IntegratedGradients.get_integrated_gradients(way, network, 0, steps).numpy()[0]
    shares: NDArray[np.float32] = (mean * image[0]).sum(axis=-1)
    return shares
