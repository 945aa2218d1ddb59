"""Measured figures with their spread: one line a row, the middle, and how far it reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@dataclass(frozen=True)
class Span:
    """One figure of `row`, measured as `group` says: low to high, the middle, and a far point."""

    row: str
    group: str
    low: float
    middle: float
    high: float
    far: float | None = None
    busy: bool = False


def spans(items: Sequence[Span], title: str, *, log: bool = True, unit: str = "ms") -> go.Figure:
    """Rows from top to bottom in the order they come; groups by colour, a little apart.

    A hollow middle stands for a busy machine. Raises ValueError without items.
    """
    if not items:
        raise ValueError("Expected at least one figure to draw; received none.")
    rows = list(dict.fromkeys(item.row for item in items))
    groups = list(dict.fromkeys(item.group for item in items))
    figure = go.Figure()
    for g, group in enumerate(groups):
        colour = _COLOURS[g % len(_COLOURS)]
        own = [item for item in items if item.group == group]
        y = [rows.index(item.row) + 0.16 * (g - (len(groups) - 1) / 2) for item in own]
        figure.add_trace(_line(own, y, colour, group))
        figure.add_trace(_middles(own, y, colour, group, unit))
        if any(item.far is not None for item in own):
            figure.add_trace(
                go.Scatter(
                    x=[item.far for item in own], y=y, mode="markers", legendgroup=group,
                    marker={"symbol": "line-ns", "size": 13,
                            "line": {"width": 2, "color": colour}},
                    hoverinfo="skip", showlegend=False,
                )
            )  # fmt: skip
    figure.update_layout(
        height=110 + max(34, 14 + 14 * len(groups)) * len(rows),
        margin={"l": 140, "r": 16, "t": 30, "b": 50},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font_size": 14},
        hoverlabel_font_size=14,
        xaxis=_axis(items, title, log),
        yaxis={"tickvals": list(range(len(rows))), "ticktext": rows, "tickfont": {"size": 14},
               "range": [len(rows) - 0.5, -0.5], "fixedrange": True, "zeroline": False},
    )  # fmt: skip
    return figure


def _line(own: Sequence[Span], y: Sequence[float], colour: str, group: str) -> go.Scatter:
    x: list[float | None] = []
    at: list[float | None] = []
    for item, place in zip(own, y, strict=True):
        x += [item.low, item.high, None]
        at += [place, place, None]
    return go.Scatter(
        x=x, y=at, mode="lines", line={"width": 7, "color": colour}, opacity=0.45,
        legendgroup=group, hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def _middles(
    own: Sequence[Span], y: Sequence[float], colour: str, group: str, unit: str
) -> go.Scatter:
    hover = [
        f"<b>{item.row}</b>, {group}<br>{item.middle:.3g} {unit} "
        f"({item.low:.3g} to {item.high:.3g})"
        + (f"<br>95th percentile {item.far:.3g} {unit}" if item.far is not None else "")
        + ("<br>on a busy machine" if item.busy else "")
        for item in own
    ]
    return go.Scatter(
        x=[item.middle for item in own], y=y, mode="markers", name=group, legendgroup=group,
        marker={"size": 11, "color": colour, "line": {"width": 2, "color": colour},
                "symbol": ["circle-open" if item.busy else "circle" for item in own]},
        hovertext=hover, hoverinfo="text",
    )  # fmt: skip


def _axis(items: Sequence[Span], title: str, log: bool) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "title": {"text": title, "font": {"size": 15}}, "tickfont": {"size": 14},
        "fixedrange": True, "zeroline": False,
    }  # fmt: skip
    if not log:
        least = min(item.low for item in items)
        most = max(max(item.high, item.far or item.high) for item in items)
        room = max(most - least, 1e-6) * 0.06
        axis["range"] = [least - room, most + room]
    else:
        low = math.log10(min(item.low for item in items)) - 0.08
        high = math.log10(max(max(item.high, item.far or 0) for item in items)) + 0.08
        ticks = [m * 10.0**e for e in range(-3, 6) for m in (1, 2, 5)]
        ticks = [t for t in ticks if low <= math.log10(t) <= high]
        axis |= {"type": "log", "range": [low, high], "tickvals": ticks,
                 "ticktext": [f"{t:g}" for t in ticks]}  # fmt: skip
    return axis
