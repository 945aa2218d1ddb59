"""A standard convolution against a depthwise separable one: the picture, and what each costs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

STANDARD, DEPTHWISE, POINTWISE = "#0072B2", "#E69F00", "#D55E00"
_DATA = "#8793a0"
_WIDTH, _HEIGHT = 132.0, 62.0


def convolution_picture(kernel: int, channels: int, filters: int, size: int) -> go.Figure:
    """Both as blocks: size × size × channels in, size × size × filters out, kernel × kernel.

    Drawn to a logarithmic scale, so that 8 and 1,024 channels both have a shape.
    """
    figure = go.Figure(go.Scatter(x=[0], y=[0], mode="markers", marker_opacity=0, hoverinfo="skip"))
    face, window = 6 + 1.35 * math.log2(size), 2.2 + 0.55 * kernel
    deep_in, deep_out = _depth(channels), _depth(filters)
    upper, lower = 45.0, 13.0
    ends = (f"{size} × {size} × {channels}", f"{size} × {size} × {filters}")
    for y, name in ((upper, "Standard"), (lower, "Depthwise separable")):
        _text(figure, 0, y + 15.5, f"<b>{name}</b>", 16, "left")
        _block(figure, 13, y, face, face, deep_in, _DATA)
        _text(figure, 13, y - 12.5, ends[0])
        _block(figure, 116, y, face, face, deep_out, _DATA)
        _text(figure, 116, y - 12.5, ends[1])
    _stack(figure, 62, upper, window, deep_in, STANDARD)
    _text(figure, 64, upper - 12.5, f"{filters} filters of {kernel} × {kernel} × {channels}")
    _text(figure, 64, upper + 12.0, "each filter looks at all channels at once", 13)
    _stack(figure, 38, lower, window, 1.0, DEPTHWISE)
    _text(figure, 40, lower - 12.5, f"{channels} filters of {kernel} × {kernel} × 1")
    _text(figure, 40, lower + 12.0, "where: one channel each", 13)
    _block(figure, 64, lower, face, face, deep_in, _DATA)
    _stack(figure, 88, lower, 2.2, deep_in, POINTWISE)
    _text(figure, 90, lower - 12.5, f"{filters} filters of 1 × 1 × {channels}")
    _text(figure, 90, lower + 12.0, "what: mixes the channels", 13)
    for y, places in ((upper, ((29, "∗"), (98, "="))),
                      (lower, ((26.5, "∗"), (51, "="), (77.5, "∗"), (103, "=")))):  # fmt: skip
        for x, sign in places:
            _text(figure, x, y, sign, 24)
    figure.update_layout(
        height=420,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        showlegend=False,
        xaxis={"visible": False, "range": [0, _WIDTH], "fixedrange": True},
        yaxis={"visible": False, "range": [-2, _HEIGHT], "fixedrange": True},
    )
    return figure


def convolution_cost(
    standard: float, depthwise: float, pointwise: float, height: int = 190
) -> go.Figure:
    """Multiply-adds of both as bars on one scale, the separable one in its two parts."""
    separable = depthwise + pointwise
    rows = ["Depthwise<br>separable", "Standard"]
    parts = (
        ("Standard", [None, standard], STANDARD),
        ("Depthwise: where", [depthwise, None], DEPTHWISE),
        ("Pointwise 1 × 1: what", [pointwise, None], POINTWISE),
    )
    figure = go.Figure(
        [
            go.Bar(
                x=x, y=rows, orientation="h", name=name, marker_color=colour, width=0.62,
                showlegend=name != rows[1],
                marker_line_width=0,
                hovertemplate=f"{name} %{{x:.3s}} multiply-adds<extra></extra>",
            )
            for name, x, colour in parts
        ]
    )  # fmt: skip
    split = f"{in_words(depthwise)} + {in_words(pointwise)}"
    for row, total, text in (
        ("Standard", standard, in_words(standard)),
        (rows[0], separable, f"{split}  <b>{standard / separable:.1f} × fewer</b>"),
    ):
        inside = total > 0.6 * max(standard, separable)
        figure.add_annotation(
            x=total, y=row, text=text, showarrow=False,
            xanchor="right" if inside else "left", xshift=-8 if inside else 8,
            font={"size": 16} | ({"color": "#ffffff"} if inside else {}),
        )  # fmt: skip
    figure.update_layout(
        barmode="stack",
        height=height,
        margin={"l": 96, "r": 10, "t": 6, "b": 44},
        legend={"orientation": "h", "y": -0.02, "yanchor": "top", "x": 0, "traceorder": "normal",
                "font": {"size": 13}},
        xaxis={"visible": False, "fixedrange": True, "range": [0, 1.02 * max(standard, separable)]},
        yaxis={"tickfont": {"size": 15}, "fixedrange": True},
    )  # fmt: skip
    return figure


def cost_ratio(
    curves: Sequence[tuple[int, Sequence[tuple[int, float]]]], at: tuple[int, int, float]
) -> go.Figure:
    """Cost of the separable convolution over the standard one, by output channels.

    curves: (kernel, [(filters, ratio), …]), each one line; at: (kernel, filters, ratio) marked.
    """
    figure = go.Figure()
    for kernel, points in curves:
        chosen = kernel == at[0]
        figure.add_trace(
            go.Scatter(
                x=[n for n, _ in points], y=[r for _, r in points], mode="lines",
                line={"width": 4 if chosen else 1.5, "color": POINTWISE if chosen else _DATA},
                name=f"{kernel} × {kernel}", showlegend=False,
                hovertemplate=f"{kernel} × {kernel}, %{{x}} output channels: %{{y:.3f}}"
                "<extra></extra>",
            )
        )  # fmt: skip
        figure.add_annotation(
            x=math.log10(points[-1][0]), y=math.log10(points[-1][1]), text=f"{kernel} × {kernel}",
            xanchor="left", showarrow=False, xshift=6, font_size=14,
        )  # fmt: skip
    _, filters, ratio = at
    figure.add_trace(
        go.Scatter(
            x=[filters], y=[ratio], mode="markers", marker={"size": 16, "color": POINTWISE},
            hoverinfo="skip", showlegend=False,
        )
    )  # fmt: skip
    figure.add_annotation(
        x=math.log10(filters), y=math.log10(ratio), text=f"<b>{ratio:.3f}</b>", showarrow=True,
        arrowhead=0, arrowcolor="rgba(0,0,0,0)", ax=0, ay=-26, font_size=17,
    )  # fmt: skip
    ticks = (0.02, 0.05, 0.1, 0.2, 0.5, 1)
    figure.update_layout(
        height=300,
        margin={"l": 62, "r": 52, "t": 16, "b": 50},
        xaxis={"type": "log", "title": {"text": "output channels N", "font": {"size": 15}},
               "tickvals": [8, 16, 32, 64, 128, 256, 512, 1024], "fixedrange": True,
               "ticktext": ["8", "16", "32", "64", "128", "256", "512", "1,024"],
               "tickfont": {"size": 14}},
        yaxis={"type": "log", "title": {"text": "cost ratio  1/N + 1/k²", "font": {"size": 15}},
               "tickvals": ticks, "ticktext": [f"{t:g}" for t in ticks], "tickfont": {"size": 14},
               "fixedrange": True},
    )  # fmt: skip
    return figure


def in_words(count: float) -> str:
    """'462 M', '3.87 G': three figures and a decimal prefix."""
    for unit, word in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            value = count / unit
            return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {word}"
    return f"{count:.0f}"


def _depth(channels: int) -> float:
    return 0.6 + 0.85 * math.log2(max(channels, 1))


def _text(
    figure: go.Figure, x: float, y: float, text: str, size: int = 14, anchor: str = "center"
) -> None:
    figure.add_annotation(x=x, y=y, text=text, showarrow=False, xanchor=anchor, font_size=size)


def _stack(
    figure: go.Figure, x: float, y: float, side: float, deep: float, colour: str, copies: int = 4
) -> None:
    """Some filters behind one another, dots for the rest of them."""
    for k in range(copies):
        _block(figure, x - 4.5 + 3.0 * k, y + 3.0 - 1.6 * k, side, side * 1.15, deep, colour)
    _text(figure, x + 9.5 + deep / 2, y - 4.5, "…", 20)


def _block(
    figure: go.Figure, x: float, y: float, w: float, h: float, deep: float, colour: str
) -> None:
    """A box about (x, y), seen from the upper right and reaching `deep` backwards."""
    dx, dy = 0.62 * deep, 0.42 * deep
    left, b = x - (w + dx) / 2, y - (h + dy) / 2
    r, t = left + w, b + h
    faces: tuple[tuple[Sequence[tuple[float, float]], float], ...] = (
        (((left, b), (r, b), (r, t), (left, t)), 0.85),
        (((left, t), (r, t), (r + dx, t + dy), (left + dx, t + dy)), 0.6),
        (((r, b), (r + dx, b + dy), (r + dx, t + dy), (r, t)), 0.42),
    )
    for corners, strength in faces:
        path = "M " + " L ".join(f"{px:.2f},{py:.2f}" for px, py in corners) + " Z"
        figure.add_shape(
            type="path", path=path, fillcolor=colour, opacity=strength,
            line={"width": 0.8, "color": colour},
        )  # fmt: skip
