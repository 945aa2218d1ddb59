"""The view on the screen as one PNG, with what was said and by whom written under it."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cxr_core.schema import Label

LONG_SIDE = 1400
NOTICE = "Not a medical device: for research and teaching only."
_LINE = 26


def png(
    panels: Sequence[NDArray[np.uint8]],
    size: tuple[int, int],
    x: tuple[float, float] | None,
    y: tuple[float, float] | None,
    captions: Sequence[str],
    colours: NDArray[np.uint8] | None = None,
    top: float = 1.0,
    label: Label = "PNEUMONIA",
) -> bytes:
    """PNG bytes of `panels` side by side, cropped to one view, over lines of text.

    panels: (h, w) or (h, w, 3) uint8 of one film. size: (rows, columns) of the film. x, y: what
    is in view, in film pixels, black beyond the edges; None for the whole film. colours: (256, 4)
    RGBA of the heatmap's scale, drawn from 0 to `top`; None for no scale. label: its class.
    """
    rows, columns = size
    left, right = sorted(x or (0.0, float(columns)))
    upper, lower = sorted(y or (0.0, float(rows)))
    scale = LONG_SIDE / max((right - left) * len(panels), lower - upper, 1.0)
    width = max(1, round((right - left) * scale))
    height = max(1, round((lower - upper) * scale))
    lines = [*captions, NOTICE]
    picture = Image.new("RGB", (max(width * len(panels), 640), height + _LINE * len(lines) + 20))
    for k, panel in enumerate(panels):
        h, w = panel.shape[:2]
        box = (left * w / columns, upper * h / rows, right * w / columns, lower * h / rows)
        view = Image.fromarray(panel).convert("RGB")
        view = view.transform(
            (width, height), Image.Transform.EXTENT, box, Image.Resampling.BICUBIC
        )
        picture.paste(view, (k * width, 0))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(18)
    for k, line in enumerate(lines):
        pen.text((12, height + 10 + _LINE * k), line, fill=(214, 220, 226), font=font)
    if colours is not None:
        _scale(picture, pen, colours, top, label)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _scale(
    picture: Image.Image,
    pen: ImageDraw.ImageDraw,
    colours: NDArray[np.uint8],
    top: float,
    label: Label,
) -> None:
    strip = Image.fromarray(np.repeat(colours[None, :, :3], 12, axis=0)).resize((250, 12))
    x, y = picture.width - 290, picture.height - 42
    picture.paste(strip, (x, y))
    font = ImageFont.load_default(15)
    words = f"speaks for {label.lower()}, logit per cell"
    pen.text((x, y - 20), words, fill=(214, 220, 226), font=font)
    pen.text((x, y + 15), "0", fill=(214, 220, 226), font=font)
    pen.text((x + 250, y + 15), f"{top:.2f}", fill=(214, 220, 226), font=font, anchor="ra")
