"""Networks in a field of cost against accuracy: area for parameters, the Pareto front drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from cxr_core.figures._labels import Disc, Frame, place

Tone = Literal["chosen", "rival", "own", "other"]

# Okabe and Ito's: told apart with any common colour vision, legible on light and on dark.
TONES: dict[Tone, str] = {
    "chosen": "#D55E00",
    "rival": "#0072B2",
    "own": "#009E73",
    "other": "#8793a0",
}
FIELD_CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "displayModeBar": False,
    "doubleClick": "reset",
    "scrollZoom": False,
}

_GREATEST = 74
_FRONT = "#E69F00"
# What the figure keeps for its axes, left and right, and above and below, in pixels.
_SIDES, _ENDS = 76, 86
# Millions of parameters whose discs stand above the field as a key.
_KEY = (5, 25)


@dataclass(frozen=True)
class Bubble:
    """One network. x: cost in the axis's unit, above 0. y: accuracy in per cent. area: parameters.

    short: what stands beside it in place of its label. hover: lines of HTML. busy: drawn hollow.
    """

    label: str
    x: float
    y: float
    area: float
    tone: Tone = "other"
    hover: str = ""
    short: str = ""
    busy: bool = False


def field(
    bubbles: Sequence[Bubble],
    front: Sequence[tuple[float, float]],
    *,
    x_title: str,
    y_title: str,
    width: int = 820,
    height: int = 520,
) -> go.Figure:
    """Bubbles over a logarithmic cost axis. front: (x, y) of the networks on it, cheapest first.

    width: about what the figure will be drawn at, in pixels, so that labels avoid one another;
    the figure itself takes the room it is given. Raises ValueError without bubbles.
    """
    if not bubbles:
        raise ValueError("Expected at least one network to draw; received none.")
    low, high = _range([math.log10(b.x) for b in bubbles], 0.09)
    bottom, top = _range([b.y for b in bubbles], 0.1)
    biggest, greatest = max(b.area for b in bubbles), min(_GREATEST, 0.155 * height)
    radii = [diameter(b.area, biggest, greatest) / 2 + 4 for b in bubbles]
    # Discs at the edges are to be seen whole; each look makes a pixel a little larger.
    for _ in range(4):
        unit = (top - bottom) / (height - _ENDS)
        top = max(top, *(b.y + unit * r for b, r in zip(bubbles, radii, strict=True)))
        bottom = min(bottom, *(b.y - unit * r for b, r in zip(bubbles, radii, strict=True)))
    frame = Frame(low, high, bottom, top, width - _SIDES, height - _ENDS)
    figure = go.Figure()
    if front:
        figure.add_trace(
            go.Scatter(
                # The last one reaches the edge: nothing dearer is more accurate.
                x=[*(x for x, _ in front), 10**high],
                y=[*(y for _, y in front), front[-1][1]],
                mode="lines", line={"shape": "hv", "color": _FRONT, "width": 2.5, "dash": "dot"},
                name="Pareto front: nothing cheaper is as accurate", hoverinfo="skip",
            )
        )  # fmt: skip
    # Those that are spoken of lie on top.
    for tone, colour in reversed(TONES.items()):
        group = [b for b in bubbles if b.tone == tone]
        if group:
            figure.add_trace(_trace(group, tone, colour, biggest, greatest))
    for note in _labels(bubbles, front, frame, (biggest, greatest)):
        figure.add_annotation(note)
    _key(figure, biggest, greatest)
    figure.update_layout(
        height=height,
        margin={"l": 60, "r": 16, "t": 34, "b": 52},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom",
                "font": {"size": 14}},
        hoverlabel={"font": {"size": 14}, "align": "left"},
        xaxis=_x_axis(x_title, low, high),
        yaxis={"title": {"text": y_title, "font": {"size": 15}}, "range": [bottom, top],
               "tickfont": {"size": 14}, "ticksuffix": " %", "fixedrange": True},
    )  # fmt: skip
    return figure


def diameter(area: float, biggest: float, greatest: float = _GREATEST) -> float:
    """Pixels across, so that the disc's area is proportional to `area`; never too small to see."""
    return max(greatest * math.sqrt(area / biggest), 7.0)


def _trace(
    group: Sequence[Bubble], tone: Tone, colour: str, biggest: float, greatest: float
) -> go.Scatter:
    return go.Scatter(
        x=[b.x for b in group],
        y=[b.y for b in group],
        mode="markers",
        marker={
            "size": [diameter(b.area, biggest, greatest) for b in group],
            "color": colour,
            "symbol": ["circle-open" if b.busy else "circle" for b in group],
            "opacity": [0.45 if tone == "other" and not b.busy else 0.82 for b in group],
            "line": {"width": 1.5, "color": colour},
        },
        customdata=[b.label for b in group],
        hovertext=[b.hover or b.label for b in group],
        hoverinfo="text",
        name=tone,
        showlegend=False,
    )


def _range(values: Sequence[float], margin: float) -> tuple[float, float]:
    least, most = min(values), max(values)
    room = max(most - least, 0.4) * margin
    return least - room, most + room


def _x_axis(title: str, low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis ticked 1, 2, 5, 10, …: plotly's own labels read '2' for 0.2."""
    few, all_digits = (
        [
            m * 10.0**e
            for e in range(math.floor(low) - 1, math.ceil(high) + 1)
            for m in digits
            if low <= math.log10(m) + e <= high
        ]
        for digits in ((1, 2, 5), (1, 1.5, *range(2, 10)))
    )
    ticks = few if len(few) > 2 else all_digits
    return {
        "type": "log", "range": [low, high], "title": {"text": title, "font": {"size": 15}},
        "tickvals": ticks, "ticktext": [f"{t:g}" for t in ticks], "tickfont": {"size": 14},
        "fixedrange": True, "showgrid": True,
    }  # fmt: skip


def _labels(
    bubbles: Sequence[Bubble],
    front: Sequence[tuple[float, float]],
    frame: Frame,
    scale: tuple[float, float],
) -> list[dict[str, Any]]:
    """A label for each, clear of the others; with a line to its disc where it stands apart."""
    discs = [
        Disc(
            *frame.pixel(b.x, b.y), diameter(b.area, *scale) / 2, b.short or b.label,
            13 if b.tone == "other" else 16, -b.y,
        )
        for b in bubbles
    ]  # fmt: skip
    places = place(discs, frame.steps(front), frame)
    notes = []
    for bubble, disc, (left, top, right, bottom, far) in zip(bubbles, discs, places, strict=True):
        bold = bubble.tone != "other"
        notes.append(
            {
                "x": math.log10(bubble.x), "y": bubble.y,
                "ax": (left + right) / 2 - disc.x, "ay": (top + bottom) / 2 - disc.y,
                "text": f"<b>{disc.text}</b>" if bold else disc.text,
                "font": {"size": disc.size} | ({"color": _ink(bubble.tone)} if bold else {}),
                "showarrow": True, "arrowhead": 0, "arrowwidth": 1, "standoff": disc.r,
                "arrowcolor": "rgba(135,147,160,0.8)" if far else "rgba(0,0,0,0)",
                "captureevents": False,
            }
        )  # fmt: skip
    return notes


def _ink(tone: Tone) -> str:
    # A lighter blue than the disc's own, which is too dark for letters on a dark ground.
    return {"rival": "#3d8bd4"}.get(tone, TONES[tone])


def _key(figure: go.Figure, biggest: float, greatest: float) -> None:
    """Above the field, discs of known size: what an area stands for."""
    across = 0.0
    for i, millions in enumerate(_KEY):
        d = diameter(1e6 * millions, biggest, greatest)
        if d > 34:
            return
        figure.add_shape(
            type="circle", xref="paper", yref="paper", xsizemode="pixel", ysizemode="pixel",
            xanchor=0, yanchor=1, x0=across, x1=across + d, y0=17 - d / 2, y1=17 + d / 2,
            fillcolor=TONES["other"], opacity=0.6, line_width=0,
        )  # fmt: skip
        last = i == len(_KEY) - 1
        figure.add_annotation(
            xref="paper", yref="paper", x=0, y=1, xanchor="left", yanchor="middle",
            xshift=across + d + 4, yshift=17, showarrow=False, font_size=13,
            text=f"{millions} M parameters" if last else f"{millions} M", name="key",
        )  # fmt: skip
        across += d + 44
