"""Films, maps and curves of the lecture page, as arrays drawn large."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from cxr_core.explain import upsample
from cxr_core.figures._film import colour_table

_FOR, _AGAINST, _QUIET = "#D55E00", "#0072B2", "#8793a0"


def data_uri(grey: NDArray[np.generic]) -> str:
    """(h, w) or (h, w, 1) of 0..1 or uint8, or (h, w, 3) uint8, as a PNG in an address."""
    values = np.asarray(grey)
    values = values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values
    if values.dtype != np.uint8:
        values = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def picture(
    image: NDArray[np.generic], *, height: int = 460, title: str = "",
    overlay: NDArray[np.float32] | None = None, signed: bool = False, opacity: float = 0.75,
    box: Sequence[int] | None = None, mark: tuple[float, float] | None = None,
) -> go.Figure:  # fmt: skip
    """A film, its map over it where given, and a box (top, bottom, left, right) in its pixels.

    overlay: (h, w) of any size, stretched to its largest magnitude for show. signed: negative
    values blue. mark: (row, column) of a point.
    """
    rows, columns = image.shape[:2]
    figure = go.Figure(
        go.Scatter(x=[0, columns], y=[0, rows], mode="markers", marker_opacity=0, hoverinfo="skip")
    )
    shown = _over(image, overlay, signed, opacity) if overlay is not None else image
    figure.add_layout_image(
        source=data_uri(shown), xref="x", yref="y", x=0, y=0, sizex=columns, sizey=rows,
        sizing="stretch", layer="below",
    )  # fmt: skip
    if box:
        top, bottom, left, right = box
        figure.add_shape(
            type="rect", x0=left, x1=right, y0=top, y1=bottom,
            line={"color": "#E69F00", "width": 4}, fillcolor="rgba(230,159,0,0.12)",
        )  # fmt: skip
    if mark:
        figure.add_trace(
            go.Scatter(x=[mark[1]], y=[mark[0]], mode="markers", hoverinfo="skip",
                       marker={"size": 13, "color": "#D55E00", "symbol": "x"})
        )  # fmt: skip
    figure.update_layout(**_bare(height, title))
    figure.update_xaxes(visible=False, range=[0, columns], fixedrange=True, constrain="domain")
    figure.update_yaxes(
        visible=False, range=[rows, 0], scaleanchor="x", fixedrange=True, constrain="domain"
    )
    return figure


def _bare(height: int, title: str) -> dict[str, object]:
    return {
        "height": height, "showlegend": False, "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 0, "r": 0, "t": 38 if title else 0, "b": 0},
        "title": {"text": title, "font": {"size": 20}, "x": 0.5, "xanchor": "center"},
    }  # fmt: skip


def _over(
    image: NDArray[np.generic], values: NDArray[np.float32], signed: bool, opacity: float
) -> NDArray[np.uint8]:
    """The film with a map laid over it; the stronger, the more the colour covers it."""
    rows, columns = image.shape[:2]
    scale = max(1, 448 // max(rows, columns))
    large = (rows * scale, columns * scale)
    grey = np.asarray(image).reshape(rows, columns, -1)[..., 0]
    if grey.dtype != np.uint8:
        grey = np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)
    ground = np.asarray(
        Image.fromarray(grey).resize((large[1], large[0]), Image.Resampling.BILINEAR), np.float32
    )[..., None]
    spread = upsample(np.asarray(values, np.float32), large)
    top = float(np.percentile(np.abs(spread), 99.8)) or 1.0
    level = np.clip(spread / top, -1, 1)
    if signed:
        table = np.where(level[..., None] >= 0, _rgb(_FOR), _rgb(_AGAINST))
        cover = np.abs(level)[..., None]
    else:
        level = np.clip(level, 0, 1)
        rgba = colour_table("Inferno")[np.rint(level * 255).astype(np.intp)].astype(np.float32)
        table, cover = rgba[..., :3], np.clip(level / 0.4, 0, 1)[..., None]
    mixed: NDArray[np.uint8] = np.rint(
        ground * (1 - opacity * cover) + table * opacity * cover
    ).astype(np.uint8)
    return mixed


def _rgb(colour: str) -> NDArray[np.float32]:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32)


def tiles(
    maps: NDArray[np.float32], labels: Sequence[str], *, height: int = 620,
    signed: bool = False, columns: int | None = None, chosen: int | None = None,
    common: bool = False,
) -> go.Figure:  # fmt: skip
    """(n, h, w), or (n, h, w, 3) of colours, as a grid, each stretched to its own range.

    labels: below each, where given.
    signed: zero is mid grey. common: all stretched from 0 to 1. chosen: the tile with a frame.
    """
    count, h, w = maps.shape[:3]
    across = columns or max(1, min(count, round(math.sqrt(count * 1.7 * h / w))))
    down = -(-count // across)
    cell = max(8, min(128, 1024 // across))
    gap = max(2, cell // 14)
    label = round(cell * 0.2) if labels else 0
    size = (down * (cell * h // w + gap + label), across * (cell + gap))
    sheet = np.full((*size, 4), 0, np.uint8)
    figure = go.Figure(go.Scatter(x=[0], y=[0], mode="markers", marker_opacity=0, hoverinfo="skip"))
    for k in range(count):
        top = (k // across) * (cell * h // w + gap + label)
        left = (k % across) * (cell + gap)
        grey = np.asarray(
            Image.fromarray(_levels(maps[k], signed, common)).resize(
                (cell, cell * h // w), Image.Resampling.NEAREST
            )
        )
        sheet[top : top + grey.shape[0], left : left + cell, :3] = grey.reshape(*grey.shape[:2], -1)
        sheet[top : top + grey.shape[0], left : left + cell, 3] = 255
        if labels:
            figure.add_annotation(
                x=left + cell / 2, y=top + grey.shape[0], yanchor="top", text=labels[k],
                showarrow=False, font_size=14,
            )  # fmt: skip
        if k == chosen:
            figure.add_shape(
                type="rect", x0=left, x1=left + cell, y0=top, y1=top + grey.shape[0],
                line={"color": "#E69F00", "width": 4},
            )  # fmt: skip
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG")
    figure.add_layout_image(
        source="data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode(),
        xref="x", yref="y", x=0, y=0, sizex=size[1], sizey=size[0], sizing="stretch",
        layer="below",
    )  # fmt: skip
    figure.update_layout(**_bare(height, ""), dragmode="pan")
    figure.update_xaxes(visible=False, range=[0, size[1]], constrain="domain")
    figure.update_yaxes(visible=False, range=[size[0], 0], scaleanchor="x", constrain="domain")
    return figure


def _levels(values: NDArray[np.float32], signed: bool, common: bool) -> NDArray[np.uint8]:
    low, high = (0.0, 1.0) if common else (float(values.min()), float(values.max()))
    if signed:
        high = max(abs(low), abs(high))
        low = -high
    span = high - low
    if span <= 0:
        return np.full(values.shape, 128 if signed else 0, np.uint8)
    levels: NDArray[np.uint8] = np.rint(255 * (values - low) / span).astype(np.uint8)
    return levels


def deletion_curve(
    fractions: NDArray[np.float64], by_map: NDArray[np.float64], at_random: NDArray[np.float64],
    height: int = 340,
) -> go.Figure:  # fmt: skip
    """Score while more is masked: where the map points, and the same shapes elsewhere."""
    x = 100 * fractions
    low, middle, high = np.percentile(at_random, [5, 50, 95], axis=0)
    figure = go.Figure(
        [
            go.Scatter(x=x, y=high, mode="lines", line_width=0, hoverinfo="skip", showlegend=False),
            go.Scatter(x=x, y=low, mode="lines", line_width=0, fill="tonexty",
                       fillcolor="rgba(135,147,160,0.35)", name="elsewhere, 5–95 %",
                       hoverinfo="skip"),
            go.Scatter(x=x, y=middle, mode="lines", line={"color": _QUIET, "width": 3},
                       name="elsewhere, median"),
            go.Scatter(x=x, y=by_map, mode="lines+markers", line={"color": _FOR, "width": 4},
                       marker_size=9, name="where the map points"),
        ]
    )  # fmt: skip
    figure.update_layout(
        height=height, margin={"l": 72, "r": 8, "t": 8, "b": 60},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font_size": 17},
        xaxis={"title": {"text": "area masked (%)", "font_size": 18}, "tickfont_size": 16,
               "fixedrange": True},
        yaxis={"title": {"text": "score (logit)", "font_size": 18}, "tickfont_size": 16,
               "fixedrange": True},
    )  # fmt: skip
    return figure


def two_losses(
    wrong: Sequence[Mapping[str, float]], right: Sequence[Mapping[str, float]], height: int = 300
) -> go.Figure:
    """Validation loss by epoch of a mistake and of the right way. Rows: epoch, val_loss."""
    traces = [
        go.Scatter(
            x=[row["epoch"] for row in rows], y=[row["val_loss"] for row in rows], name=name,
            mode="lines+markers", line={"color": colour, "width": 4}, marker_size=10,
        )
        for rows, name, colour in ((wrong, "wrong", _FOR), (right, "right", _AGAINST))
    ]  # fmt: skip
    figure = go.Figure(traces)
    most = max(row["val_loss"] for row in (*wrong, *right))
    figure.update_layout(
        height=height, margin={"l": 78, "r": 8, "t": 8, "b": 58},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font_size": 17},
        xaxis={"title": {"text": "epoch", "font_size": 15}, "dtick": 1, "tickfont_size": 14,
               "fixedrange": True},
        yaxis={"title": {"text": "validation loss", "font_size": 18}, "tickfont_size": 16,
               "fixedrange": True, "range": [0, 1.08 * most]},
    )  # fmt: skip
    return figure


def guesses(names: Sequence[str], shares: Sequence[float], height: int = 330) -> go.Figure:
    """The best guesses as bars, best on top; shares from 0 to 1."""
    figure = go.Figure(
        go.Bar(
            x=[100 * s for s in shares], y=list(names), orientation="h", marker_color=_AGAINST,
            text=[f"{100 * s:.1f} %" for s in shares], textposition="outside", textfont_size=17,
            cliponaxis=False, hoverinfo="skip",
        )
    )  # fmt: skip
    figure.update_layout(
        height=height, margin={"l": 8, "r": 70, "t": 4, "b": 4}, bargap=0.35,
        xaxis={"visible": False, "range": [0, 100], "fixedrange": True},
        yaxis={"autorange": "reversed", "tickfont_size": 18, "fixedrange": True,
               "automargin": True, "ticksuffix": "  "},
    )  # fmt: skip
    return figure
