"""A film at full depth → what a screen shows: at most 1024 pixels, windowed, in 8 bits."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_core.explain import upsample
from cxr_core.preprocess import apply_window, presentation
from cxr_core.schema import Film, Heatmap, VoiTable, Window

PANEL_SIDE = 1024
# In logits per cell of the map. The scale never ends below it: a weak map is to look weak. On
# films read as pneumonia the strongest cell of the shipped model's map holds 0.05 to 0.07.
LEAST_TOP = 0.06


@dataclass(frozen=True, eq=False)
class Panel:
    """One film made ready for quick re-windowing.

    values: (h, w) float32, stored values at full depth, averaged down to PANEL_SIDE at most.
    as_stored: (h, w) float32 0..1, how the file asks to be shown, photometry included.
    low, high: the film's least and greatest stored value. window: what a reader's own window
    starts from. rows, columns: the film's size before it was reduced.
    """

    values: NDArray[np.float32]
    as_stored: NDArray[np.float32]
    inverted: bool
    low: float
    high: float
    window: Window
    rows: int
    columns: int


def panel(film: Film, side: int = PANEL_SIDE) -> Panel:
    """Reduce `film` for display; its pixels are left as they are."""
    rows, columns = film.pixels.shape
    low, high = float(film.pixels.min()), float(film.pixels.max())
    return Panel(
        values=_reduce(film.pixels.astype(np.float32), side),
        as_stored=_reduce(presentation(film), side),
        inverted=film.inverted,
        low=low,
        high=high,
        window=_start(film, low, high),
        rows=rows,
        columns=columns,
    )


def render(panel: Panel, window: Window | None = None, invert: bool = False) -> NDArray[np.uint8]:
    """(h, w) uint8, 0 black: `window` over the stored values, or as the file asks where None."""
    if window is None:
        shown = panel.as_stored
    else:
        shown = apply_window(panel.values, window)
        if panel.inverted:
            shown = 1 - shown
    grey = np.rint(shown * 255).astype(np.uint8)
    return 255 - grey if invert else grey


def data_uri(image: NDArray[np.uint8]) -> str:
    """Grey (h, w) uint8 as a JPEG data URI: about 0.1 MB for a 1024-pixel film."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def scale_top(heatmaps: tuple[Heatmap, ...]) -> float:
    """Where the colour scale ends: one scale for the maps of both classes of a film."""
    return max([LEAST_TOP, *(float(h.values.max()) for h in heatmaps)])


def overlay_on(
    film: NDArray[np.uint8],
    heatmap: Heatmap,
    colours: NDArray[np.uint8],
    top: float,
    opacity: float,
) -> NDArray[np.uint8]:
    """Lay a heatmap over a rendered film, (h, w, 3) uint8, as the page's figure does.

    colours: (256, 4) RGBA from no contribution to `top`, in units of the logit.
    """
    height, width = film.shape
    values = upsample(heatmap, (height, width))
    index = np.clip(values * (255 / max(top, 1e-9)), 0, 255).astype(np.uint8)
    layer = colours[index].astype(np.float32)
    alpha = layer[..., 3:] * np.float32(opacity / 255)
    mixed = film[..., None] * (1 - alpha) + layer[..., :3] * alpha
    laid: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return laid


def _reduce(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    height, width = image.shape
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Averaging whole areas keeps a fine line visible that picking pixels would drop.
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))


def _start(film: Film, low: float, high: float) -> Window:
    if isinstance(film.voi, Window):
        return film.voi
    if film.pixels.dtype == np.uint8 and not isinstance(film.voi, VoiTable):
        return Window(127.5, 255.0, "LINEAR_EXACT")
    return Window((low + high) / 2, max(high - low, 1.0), "LINEAR_EXACT")
