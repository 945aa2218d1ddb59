"""SmoothGrad: tf-explain's noisy copies through tf-explain's plain gradient, averaged here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.explain.gallery._tape import over_channels, pixel_gradient


def attribute(
    network: Any, image: NDArray[np.float32], layer: None = None, *, copies: int = 25,
    noise: float = 0.15, seed: int = 0,
) -> NDArray[np.float32]:  # fmt: skip
    """(1, H, W, C) → (H, W) >= 0.

    noise: standard deviation as a share of the image's range; 0.1 to 0.2 in arXiv 1706.03825,
    where tf-explain's default is one grey level.
    """
    from tf_explain.core.smoothgrad import SmoothGrad

    before = np.random.get_state()
    np.random.seed(seed)
    noisy = SmoothGrad.generate_noisy_images(image, copies, noise * float(np.ptp(image)))
    np.random.set_state(before)
    return over_channels(pixel_gradient(network, noisy.astype(np.float32)).mean(axis=0))
