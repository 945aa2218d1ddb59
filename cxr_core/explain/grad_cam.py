"""Grad-CAM from the forward pass that serving makes anyway: no gradient, no TensorFlow.

Grad-CAM weighs each channel A^k of the last convolution with α_k, the mean over the map of
∂y/∂A^k, y the score before the sigmoid (Selvaraju et al. 2017, arXiv 1610.02391, equation 1). For
mean pooling → Dense(1), y = b + Σ_k w_k mean(A^k), so α_k = w_k / (h·w), which is what the serving
file's `cam` is made of. Its sum is the logit less the bias: each cell is that cell's contribution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ModelError
from cxr_core.preprocess import presentation
from cxr_core.schema import Film, ForwardPass, Heatmap, Label

if TYPE_CHECKING:
    from cxr_core.explain.body import Regions

# In calibrated logits. The sigmoid's slope is at most 1/4, so evidence below 0.04 cannot move the
# probability by one percentage point, the smallest step that is shown.
FLAT_BELOW = 0.04
# Share of the film's area; less of a marker in a cell is the rim of one that belongs to the next.
MARKER_COVER = 0.0004
_WIDEST = 1024


@dataclass(frozen=True, eq=False)
class Cells:
    """Under each cell of a map (h, w): outside, the share that is not body; marked, by a marker."""

    outside: NDArray[np.float32]
    marked: NDArray[np.bool_]


def heatmap(
    forward: ForwardPass, label: Label, film: Film | None = None, *, scale: float = 1.0
) -> Heatmap:
    """Grad-CAM for one class: ReLU(cam) for PNEUMONIA, ReLU(-cam) for NORMAL.

    A single logit y speaks for pneumonia, so -y speaks for normal. film: gives the shares of the
    map outside the body and on markers; they stay None without it, and where the map is flat.
    scale: the calibration's, which says how far a logit moves the probability.
    """
    plain = from_cam(forward.cam, label, scale=scale)
    if film is None or plain.flat:
        return plain
    return placed(plain, film_cells(film, plain.values.shape))


def from_cam(cam: NDArray[np.float32], label: Label, *, scale: float = 1.0) -> Heatmap:
    """The same from a signed map (h, w) in logits, without shares.

    flat: the map's evidence above its own lowest cell, summed and calibrated, is below FLAT_BELOW:
    it is empty, or the same everywhere, and points at nothing.
    """
    if cam.ndim != 2:
        raise ModelError(
            f"Expected a class-activation map of shape (h, w); received {cam.shape}. "
            "Export the model again."
        )
    values = np.maximum(cam if label == "PNEUMONIA" else -cam, 0).astype(np.float32)
    evidence = scale * float((values - values.min()).sum())
    return Heatmap(label, values, flat=evidence < FLAT_BELOW)


def film_cells(film: Film, shape: tuple[int, ...]) -> Cells:
    """What of a film lies under each cell of a map of `shape` (h, w); once for both classes."""
    return cells_of(film_regions(film), shape)


def film_regions(film: Film) -> Regions:
    """Body and markers of a film, found at a size at which a marker can still be told."""
    from cxr_core.explain.body import regions

    step = max(1, max(film.pixels.shape) // _WIDEST)
    return regions(presentation(replace(film, pixels=film.pixels[::step, ::step])))


def placed(plain: Heatmap, cells: Cells) -> Heatmap:
    """The heatmap with its shares and its extent. A flat map keeps None.

    outside_share: each cell's mass times the share of the cell that is not body. marker_share: the
    mass of cells that a marker touches, as a marker is smaller than a cell and the map cannot
    tell more.
    """
    if plain.flat:
        return plain
    mass = plain.values.astype(np.float64)
    mass /= mass.sum()
    body = 1 - cells.outside
    covered = body[plain.values >= plain.values.max() / 2].sum()
    return replace(
        plain,
        outside_share=float((mass * cells.outside).sum()),
        marker_share=float(mass[cells.marked].sum()),
        extent=float(covered / body.sum()) if body.any() else 0.0,
    )


def cells_of(where: Regions, shape: tuple[int, ...]) -> Cells:
    """What lies under each cell of a map of `shape` (h, w)."""
    outside = np.clip(1 - per_cell(where.body, shape), 0, 1)
    return Cells(outside, per_cell(where.markers, shape) / outside.size >= MARKER_COVER)


def per_cell(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Share of each of (h, w) equal cells that is True in a mask of at least that size.

    Pixels that lie in two cells are divided between them.
    """
    down, across = (_overlaps(n, of) for n, of in zip(shape, mask.shape, strict=True))
    shares: NDArray[np.float32] = down @ mask.astype(np.float32) @ across.T
    return shares


@cache
def _overlaps(cells: int, pixels: int) -> NDArray[np.float32]:
    """(cells, pixels): the share of a cell that each pixel fills, along one side."""
    edges = np.arange(cells + 1) * pixels / cells
    first = np.arange(pixels)
    inside = np.minimum(edges[1:, None], first + 1) - np.maximum(edges[:-1, None], first)
    shares: NDArray[np.float32] = (np.clip(inside, 0, 1) * cells / pixels).astype(np.float32)
    return shares


def upsample(values: Heatmap | NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """A heatmap laid over a film of `shape` (H, W): bilinear, float32, still in logits."""
    from PIL import Image

    small = values.values if isinstance(values, Heatmap) else values
    large = Image.fromarray(np.ascontiguousarray(small, np.float32)).resize(
        (shape[1], shape[0]), Image.Resampling.BILINEAR
    )
    return np.array(large, dtype=np.float32)
