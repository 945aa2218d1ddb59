"""Where a network's parameters and operations sit, by type of layer; three ways to scale one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

# Below this share a number does not fit into its part of the bar.
_LEGIBLE = 0.085
# Of each part the colour, and of the letters on it.
_PALETTE = (
    ("#D55E00", "#ffffff"),
    ("#E69F00", "#1b2430"),
    ("#0072B2", "#ffffff"),
    ("#CC79A7", "#1b2430"),
    ("#8793a0", "#1b2430"),
    ("#56B4E9", "#1b2430"),
)


def layer_shares(
    rows: Sequence[tuple[str, Mapping[str, float]]], height: int = 200, small: bool = False
) -> go.Figure:
    """One bar of 100 % for each row. rows: (what, share from 0 to 1 by kind of layer).

    Kinds keep their colour from row to row, by the order in which they first come.
    """
    kinds = list(dict.fromkeys(kind for _, shares in rows for kind in shares))
    names = [name for name, _ in rows]
    figure = go.Figure()
    for k, kind in enumerate(kinds):
        colour, ink = _PALETTE[k % len(_PALETTE)]
        values = [shares.get(kind, 0.0) for _, shares in rows]
        if not any(values):
            continue
        figure.add_trace(
            go.Bar(
                x=[100 * v for v in values],
                y=names,
                orientation="h",
                name=kind,
                marker_color=colour,
                marker_line_width=0,
                width=0.68,
                text=[f"{100 * v:.2f} %" if v >= _LEGIBLE else "" for v in values],
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                textfont={"size": 14 if small else 15, "color": ink},
                constraintext="none",
                customdata=[[f"{100 * v:.2f} %"] for v in values],
                hovertemplate=f"{kind}: %{{customdata[0]}}<extra>%{{y}}</extra>",
            )
        )
    figure.update_layout(
        barmode="stack",
        height=height,
        margin={"l": 96 if small else 190, "r": 6, "t": 4, "b": 56 if small else 60},
        legend={"orientation": "h", "x": 0, "y": -0.02, "yanchor": "top", "traceorder": "normal",
                "font": {"size": 13 if small else 14}},
        xaxis={"range": [0, 100], "visible": False, "fixedrange": True},
        yaxis={"autorange": "reversed", "tickfont": {"size": 15}, "fixedrange": True,
               "ticksuffix": " "},
    )  # fmt: skip
    return figure


def scaled_networks(
    rows: Sequence[tuple[str, float, float, float, float]], height: int = 340
) -> go.Figure:
    """A network scaled in several ways, side by side, as stacks of layers.

    rows: (name, width, depth, resolution, operations), each a factor of the first row's. A box is
    as wide as its layer has channels; there are as many as layers; the square behind is the film.
    """
    figure = go.Figure(go.Scatter(x=[0], y=[0], mode="markers", marker_opacity=0, hoverinfo="skip"))
    biggest = max(r for _, _, _, r, _ in rows)
    deepest = max(d for _, _, d, _, _ in rows)
    widest = max(w for _, w, _, _, _ in rows)
    for k, (name, width, depth, resolution, operations) in enumerate(rows):
        left = 20.0 * k
        side = 8.0 * resolution / biggest
        figure.add_shape(
            type="rect", x0=left, x1=left + side, y0=20 - side * 1.05, y1=20 + side * 1.05,
            fillcolor="#8793a0", opacity=0.55, line={"width": 1, "color": "#8793a0"},
        )  # fmt: skip
        layers = max(round(4 * depth), 1)
        step = 9.8 / max(round(4 * deepest), 1)
        tall = 26.0 / widest
        for i in range(layers):
            # Halved in size and richer in channels from stage to stage, as such networks are.
            high = tall * width * (0.55 + 0.45 * i / max(layers - 1, 1))
            x = left + side + 0.7 + i * step
            figure.add_shape(
                type="rect", x0=x, x1=x + 0.72 * step, y0=20 - high / 2, y1=20 + high / 2,
                fillcolor="#0072B2" if k else "#56B4E9", opacity=0.85, line_width=0,
            )  # fmt: skip
        figure.add_annotation(x=left, y=41, text=f"<b>{name}</b>", showarrow=False, xanchor="left",
                              font_size=16)  # fmt: skip
        figure.add_annotation(
            x=left, y=2, yanchor="top", xanchor="left", align="left", showarrow=False,
            text=_told(width, depth, resolution, operations) if k else "the baseline",
            font_size=14,
        )  # fmt: skip
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        showlegend=False,
        xaxis={"visible": False, "range": [-0.5, 20.0 * len(rows)], "fixedrange": True},
        yaxis={"visible": False, "range": [-13, 44], "fixedrange": True},
    )
    return figure


def _told(width: float, depth: float, resolution: float, operations: float) -> str:
    named = (("width", width), ("depth", depth), ("pixels a side", resolution))
    factors = [f"{name} × {factor:.2f}" for name, factor in named if factor > 1.001]
    return "<br>".join([f"<b>operations × {operations:.1f}</b>", *factors])


def scaling_curve(
    points: Sequence[tuple[str, float, float, float | None]], height: int = 330
) -> go.Figure:
    """Accuracy of one family against its operations.

    points: (name, multiply-adds, top-1 in per cent, the course's figure for it or None).
    """
    figure = go.Figure(
        go.Scatter(
            x=[x for _, x, _, _ in points], y=[y for _, _, y, _ in points],
            text=[name for name, _, _, _ in points], mode="lines+markers+text",
            textposition="top left", textfont_size=14, name="Keras' table",
            line={"color": "#0072B2", "width": 2}, marker_size=11,
            hovertemplate="%{text}: %{y:.1f} %, %{x:.3s} multiply-adds<extra></extra>",
        )
    )  # fmt: skip
    course = [(x, y) for _, x, _, y in points if y is not None]
    if course:
        figure.add_trace(
            go.Scatter(
                x=[x for x, _ in course], y=[y for _, y in course], mode="markers",
                name="the course's own", marker={"size": 11, "symbol": "diamond-open",
                                                 "color": "#D55E00", "line_width": 2},
                hovertemplate="the course: %{y:.2f} %<extra></extra>",
            )
        )  # fmt: skip
    xs = [math.log10(x) for _, x, _, _ in points]
    ys = [y for _, _, y, _ in points]
    ticks = [m * 10.0**e for e in range(7, 13) for m in (1, 2, 5)]
    ticks = [t for t in ticks if min(xs) - 0.2 <= math.log10(t) <= max(xs) + 0.2]
    figure.update_layout(
        height=height,
        margin={"l": 66, "r": 12, "t": 30, "b": 50},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom",
                "font_size": 14},
        xaxis={"type": "log", "title": {"text": "multiply-adds, billions", "font": {"size": 15}},
               "range": [min(xs) - 0.2, max(xs) + 0.12], "tickvals": ticks,
               "ticktext": [f"{t / 1e9:g}" for t in ticks], "tickfont": {"size": 14},
               "fixedrange": True},
        yaxis={"title": {"text": "ImageNet top-1", "font": {"size": 15}}, "ticksuffix": " %",
               "range": [min(ys) - 0.8, max(ys) + 1.1],
               "tickfont": {"size": 14}, "fixedrange": True},
    )  # fmt: skip
    return figure
