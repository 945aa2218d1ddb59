"""Where on a frontal film the lungs lie: does a heatmap prefer it to the rest of the body?

No film at hand comes with its lungs outlined. On 1,128 of 1,150 normal films of the training split
they were found as the largest dark parts of the body on either side (Otsu's threshold); where
nearly half of the films have lung, with all that lies between the lungs and a rim of a twenty-fifth
of the side, is the field. It is one field for every film: framed otherwise, a film has its lungs
partly beside it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

# The field's outline in shares of the film's sides, x and y, from the top down on one side.
_OUTLINE = (
    (0.39, 0.16), (0.33, 0.19), (0.28, 0.225), (0.225, 0.30), (0.18, 0.375), (0.15, 0.45),
    (0.12, 0.525), (0.094, 0.60), (0.075, 0.675), (0.056, 0.75), (0.056, 0.85), (0.075, 0.88),
    (0.15, 0.91),
)  # fmt: skip
_SOFT = 0.025


def chest_areas(bodies: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How far each pixel is chest: the field, less the air beside the body that lies in it.

    bodies: (n, size, size, 1) from `explain.body.body_areas`; the result is of the same shape,
    0 to 255.
    """
    areas = np.empty_like(bodies)
    field = _field(bodies.shape[1])[..., None]
    for area, body in zip(areas, bodies, strict=True):
        area[:] = np.rint(body * field)
    return areas


@cache
def _field(size: int) -> NDArray[np.float32]:
    """(size, size) 0..1, with a soft edge; the same on either side."""
    import cv2

    outline = [*_OUTLINE, *((1 - x, y) for x, y in reversed(_OUTLINE))]
    corners = np.rint(np.array(outline) * size).astype(np.int32)
    field = np.zeros((size, size), np.float32)
    cv2.fillPoly(field, [corners], 1.0)
    field = np.maximum(field, field[:, ::-1])
    softened: NDArray[np.float32] = cv2.GaussianBlur(field, (0, 0), _SOFT * size)
    return softened
