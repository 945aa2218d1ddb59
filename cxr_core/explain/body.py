"""Where on a film the body is, and where burnt-in markers are: what a heatmap should rest on.

Masks lie on a square grid over the whole film, as the model input does. In doubt a pixel counts
as body: to call a lung 'outside' would be the worse mistake.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.preprocess import percentiles

GRID = 256
_MARKER_GRID = 512
# The body is looked for at half the size: a third of the time, and no cell of a map differs.
_BODY_GRID = GRID // 2

# Shares of the film's range 0 to 1, from looking at masks of 200 films of three kinds.
_DARKEST_LEVEL = 0.30
_ABOVE_LEVEL = 0.07
_SMOOTH = 0.025
_UNEXPOSED = 0.88
# For OpenCV's erode: 0 is cv2.BORDER_CONSTANT, which is not imported before a film is read.
_NOTHING_BEYOND: dict[str, Any] = {"borderType": 0, "borderValue": 0}
# Where the lungs lie: what fills more than a trace of it is no air beside the body.
_MIDDLE = (
    slice(_BODY_GRID // 5, _BODY_GRID * 5 // 6),
    slice(_BODY_GRID // 5, _BODY_GRID * 4 // 5),
)


@dataclass(frozen=True, eq=False)
class Regions:
    """body, markers: (GRID, GRID) bool over the whole film, squeezed to a square."""

    body: NDArray[np.bool_]
    markers: NDArray[np.bool_]


def regions(shown: NDArray[np.float32]) -> Regions:
    """Body and markers of a film as `preprocess.presentation` shows it, (H, W) 0..1."""
    import cv2

    # Several films are read at once; threads of OpenCV's own for one small picture only wait.
    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)
    return Regions(body_mask(shown), marker_mask(shown))


def body_mask(shown: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(GRID, GRID) bool: all but air beside the body, collimated borders and unexposed strips.

    What is dark, smooth and reaches the film's edge is peeled off, level by level. Lungs are dark
    as well, but neither smooth nor at the edge; air that shades into the arm is left as body. A
    film that the body fills is body everywhere.
    """
    import cv2

    small = cv2.resize(shown, (_BODY_GRID, _BODY_GRID), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 0.75)
    rough = _roughness(small)
    outside = _unexposed_strips(small)
    for _ in range(3):
        found = _peel(small, rough, outside)
        if found is None:
            break
        outside |= found
    inside = cv2.morphologyEx((~outside).astype(np.uint8), cv2.MORPH_OPEN, _disc(5))
    return _large_parts(inside).repeat(2, axis=0).repeat(2, axis=1)


def body_areas(inputs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Body in each pixel of network inputs (n, size, size, 1): of the same shape, 0 to 255."""
    import cv2

    areas = np.empty_like(inputs)
    for film, area in zip(inputs, areas, strict=True):
        mask = body_mask(film[..., 0].astype(np.float32) / 255).astype(np.uint8) * 255
        area[..., 0] = cv2.resize(mask, area.shape[:2], interpolation=cv2.INTER_AREA)
    return areas


def marker_mask(shown: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(GRID, GRID) bool: boxes around letters, arrows and text burnt into the film.

    They are small, bright, even and sharp-edged, and lie away from the film's middle.
    """
    import cv2

    height, width = shown.shape
    scale = min(1.0, _MARKER_GRID / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    image = cv2.resize(shown, size, interpolation=cv2.INTER_AREA) if scale < 1 else shown
    reach = max(5, round(0.045 * max(size))) | 1
    # A square is separable, which makes it ten times as fast as a disc of that size.
    square = np.ones((reach, reach), np.uint8)
    hat = cv2.morphologyEx(image, cv2.MORPH_TOPHAT, square)
    # This algorithm takes a third of the time of the one chosen by itself.
    _, labels, stats, centres = cv2.connectedComponentsWithStatsWithAlgorithm(
        (hat > 0.22).astype(np.uint8), 8, cv2.CV_32S, cv2.CCL_BBDT
    )
    mask = np.zeros((GRID, GRID), np.bool_)
    steep = None
    rows, columns = size[1], size[0]
    wide, high, area = (stats[:, at] for at in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, -1))
    fits = (0.012 * rows <= high) & (high <= 0.12 * rows) & (wide <= 0.2 * columns) & (area >= 8)
    cx, cy = centres[:, 0] / columns, centres[:, 1] / rows
    fits &= (cx <= 0.25) | (cx >= 0.75) | (cy <= 0.14) | (cy >= 0.86)
    fits[0] = False
    for i in np.flatnonzero(fits):
        x, y, w, h, _ = (int(v) for v in stats[i])
        if steep is None:
            steep = cv2.morphologyEx(image, cv2.MORPH_GRADIENT, _disc(3))
        box = slice(y, y + h), slice(x, x + w)
        own = labels[box] == i
        if image[box][own].mean() < 0.35:
            continue
        inner = cv2.erode(own.astype(np.uint8), _disc(3), **_NOTHING_BEYOND)
        rim = own & ~inner.astype(bool)
        # Thin strokes are steep throughout, wide ones at their rim; ribs are neither.
        sharp = _median(steep[box][own]) >= 0.22 or _median(steep[box][rim]) >= 0.4
        if not sharp:
            continue
        top, left = int(y / rows * GRID), int(x / columns * GRID)
        bottom, right = int(np.ceil((y + h) / rows * GRID)), int(np.ceil((x + w) / columns * GRID))
        mask[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = True
    return mask


def _peel(
    small: NDArray[np.float32], rough: NDArray[np.float32], outside: NDArray[np.bool_]
) -> NDArray[np.bool_] | None:
    import cv2

    rest = ~outside
    # The seam is what an observer walking in from the film's edge meets first.
    shrunk = cv2.erode(rest.astype(np.uint8), _disc(3), **_NOTHING_BEYOND)
    seam = rest & ~shrunk.astype(bool)
    if not seam.any():
        return None
    (level,) = percentiles(small[seam], 3)
    if level > _DARKEST_LEVEL:
        return None
    dark = rest & (small < level + _ABOVE_LEVEL) & (rough < _SMOOTH)
    opened = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, _disc(3))
    count, labels, areas = _parts(opened)
    keep = areas > 0.002 * _BODY_GRID * _BODY_GRID
    keep &= np.bincount(labels[seam], minlength=count) > 0
    middle = labels[_MIDDLE].ravel()
    keep &= np.bincount(middle, minlength=count) < 0.02 * middle.size
    keep[0] = False
    return keep[labels] if keep.any() else None


def _roughness(small: NDArray[np.float32]) -> NDArray[np.float32]:
    import cv2

    mean = cv2.blur(small, (3, 3))
    square = cv2.blur(small * small, (3, 3))
    rough: NDArray[np.float32] = np.sqrt(np.maximum(square - mean * mean, 0))
    return rough


def _unexposed_strips(small: NDArray[np.float32]) -> NDArray[np.bool_]:
    """White strips along the left, right or top edge: film that the collimator covered."""
    outside = np.zeros(small.shape, np.bool_)
    for turned, mask in (
        (small.T, outside.T),
        (small[:, ::-1].T, outside[:, ::-1].T),
        (small, outside),
    ):
        white = ((turned > _UNEXPOSED).mean(axis=1) > 0.9).tolist()
        depth = white.index(False) if False in white else 0
        if depth <= _BODY_GRID // 4:
            mask[:depth] = True
    return outside


def _large_parts(inside: NDArray[np.uint8]) -> NDArray[np.bool_]:
    import cv2

    count, labels, areas = _parts(inside)
    if count < 2:
        return np.ones(inside.shape, np.bool_)
    areas[0] = 0
    body = (areas >= 0.15 * areas.max())[labels].astype(np.uint8)
    outlines, _ = cv2.findContours(body, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(body, outlines, -1, 1, thickness=cv2.FILLED)
    filled: NDArray[np.bool_] = body.astype(bool)
    return filled


def _parts(mask: NDArray[np.uint8]) -> tuple[int, NDArray[np.uint16], NDArray[np.intp]]:
    """How many connected parts, which pixel is whose, and their areas; part 0 is the rest.

    OpenCV's own statistics, most of them of no use here, would take twice as long.
    """
    import cv2

    count, labels = cv2.connectedComponents(mask, connectivity=4, ltype=cv2.CV_16U)
    numbers: NDArray[np.uint16] = np.asarray(labels, np.uint16)
    return count, numbers, np.bincount(numbers.ravel(), minlength=count)


def _median(values: NDArray[np.float32]) -> float:
    """NumPy's median of some hundred values in a tenth of its time."""
    ordered, half = np.sort(values), len(values) // 2
    return float((ordered[half] + ordered[(len(values) - 1) // 2]) / 2)


@cache
def _disc(size: int) -> Any:
    import cv2

    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
