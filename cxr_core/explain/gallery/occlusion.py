"""Occlusion sensitivity: tf-explain's grey square, its scores turned into falls of the score."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ConfigError


def attribute(
    network: Any, image: NDArray[np.float32], layer: None = None, *, patch: int | None = None
) -> NDArray[np.float32]:
    """(1, H, W, C) of 0..255 → (H, W): the fall of the score when a square covers the place.

    patch: pixels a side; an eighth of the image where None. The square is grey 127.5. Raises
    ConfigError for an image that is not square: tf-explain exchanges its rows and columns.
    """
    from tf_explain.core.occlusion_sensitivity import OcclusionSensitivity

    height, width = image.shape[1:3]
    if height != width:
        raise ConfigError(
            f"Expected a square image; received {width}×{height}. Choose another method."
        )
    # Its `predict` draws a progress bar.
    with redirect_stdout(StringIO()):
        map_ = OcclusionSensitivity(batch_size=32).get_sensitivity_map(
            network, image[0], 0, patch or max(1, height // 8)
        )
    whole = float(network.predict_on_batch(image)[0, 0])
    fall: NDArray[np.float32] = (map_ - (1 - whole)).astype(np.float32)
    return fall
