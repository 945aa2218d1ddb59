"""Networks in a field of cost against accuracy: area for parameters, the Pareto front drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

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
_LETTER, _LINE = 7.6, 19
_FRONT = "#E69F00"


@dataclass(frozen=True)
class Bubble:
    """One network. x: cost in the axis's unit, above 0. y: accuracy in per cent. area: parameters.

    label: what stands beside it. hover: lines of HTML.
    """

    label: str
    x: float
    y: float
    area: float
    tone: Tone = "other"
    hover: str = ""


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
    # Discs at the edges are to be seen whole.
    unit = (top - bottom) / (height - 86)
    top = max(top, *(b.y + unit * (diameter(b.area, biggest, greatest) / 2 + 4) for b in bubbles))
    frame = _Frame(low, high, bottom, top, width - 76, height - 86)
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
    for note in _labels(bubbles, frame, (biggest, greatest), _steps(front, frame)):
        figure.add_annotation(note)
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
            "opacity": 0.45 if tone == "other" else 0.82,
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
    ticks = [
        m * 10.0**e
        for e in range(math.floor(low) - 1, math.ceil(high) + 1)
        for m in (1, 2, 5)
        if low <= math.log10(m) + e <= high
    ]
    return {
        "type": "log", "range": [low, high], "title": {"text": title, "font": {"size": 15}},
        "tickvals": ticks, "ticktext": [f"{t:g}" for t in ticks], "tickfont": {"size": 14},
        "fixedrange": True, "showgrid": True,
    }  # fmt: skip


@dataclass(frozen=True)
class _Frame:
    low: float
    high: float
    bottom: float
    top: float
    width: float
    height: float

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - self.low) / (self.high - self.low) * self.width
        return across, (self.top - y) / (self.top - self.bottom) * self.height


_Box = tuple[float, float, float, float]


def _steps(front: Sequence[tuple[float, float]], frame: _Frame) -> list[_Box]:
    """The front's line as thin boxes that labels keep off."""
    corners = [frame.pixel(x, y) for x, y in front]
    if not corners:
        return []
    edges = [x for x, _ in corners[1:]] + [frame.width]
    steps = [(x, y - 3, edge, y + 3) for (x, y), edge in zip(corners, edges, strict=True)]
    return steps + [
        (x - 3, y, x + 3, before) for (x, y), (_, before) in zip(corners[1:], corners, strict=False)
    ]


def _labels(
    bubbles: Sequence[Bubble], frame: _Frame, scale: tuple[float, float], lines: Sequence[_Box]
) -> list[dict[str, Any]]:
    """A label for each, where it hides least: greedy, those that are spoken of first."""
    discs = [(*frame.pixel(b.x, b.y), diameter(b.area, *scale) / 2) for b in bubbles]
    taken: list[_Box] = []
    notes = []
    order = sorted(range(len(bubbles)), key=lambda i: (bubbles[i].tone == "other", -bubbles[i].y))
    for i in order:
        bubble, (x, y, r) = bubbles[i], discs[i]
        bold = bubble.tone != "other"
        size = 16 if bold else 13
        w, h = len(bubble.label) * _LETTER * size / 14, _LINE * size / 14
        best = min(
            _places(x, y, r, w, h), key=lambda p: _harm(p[0], i, discs, [*taken, *lines], frame)
        )
        (left, top, right, bottom), far = best
        taken.append(best[0])
        cx, cy = (left + right) / 2, (top + bottom) / 2
        notes.append(
            {
                "x": math.log10(bubble.x), "y": bubble.y, "ax": cx - x, "ay": cy - y,
                "text": f"<b>{bubble.label}</b>" if bold else bubble.label,
                "font": {"size": size} | ({"color": _ink(bubble.tone)} if bold else {}),
                "showarrow": True, "arrowhead": 0, "arrowwidth": 1, "standoff": r,
                "arrowcolor": "rgba(135,147,160,0.8)" if far else "rgba(0,0,0,0)",
                "captureevents": False,
            }
        )  # fmt: skip
    return notes


def _ink(tone: Tone) -> str:
    # A lighter blue than the disc's own, which is too dark for letters on a dark ground.
    return {"rival": "#3d8bd4"}.get(tone, TONES[tone])


def _places(x: float, y: float, r: float, w: float, h: float) -> list[tuple[_Box, bool]]:
    """Boxes (left, top, right, bottom) near a disc, the preferred ones first; far ones last."""
    near = r + 5
    middles = [
        (x + near + w / 2, y), (x - near - w / 2, y), (x, y - near - h / 2), (x, y + near + h / 2),
    ]  # fmt: skip
    slant = 0.71 * near
    middles += [
        (x + sx * (slant + w / 2), y + sy * (slant + h / 2)) for sx in (1, -1) for sy in (-1, 1)
    ]
    away = [
        (x + sx * (d * 0.7 + w / 2), y + sy * (d + h / 2))
        for d in (r + 16, r + 34, r + 54)
        for sx, sy in ((1, 1), (-1, -1), (1, -1), (-1, 1), (0, 1), (0, -1))
    ]
    return [
        ((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), k >= len(middles))
        for k, (cx, cy) in enumerate([*middles, *away])
    ]


def _harm(
    box: _Box,
    own: int,
    discs: Sequence[tuple[float, float, float]],
    taken: Sequence[_Box],
    frame: _Frame,
) -> float:
    left, top, right, bottom = box
    harm = sum(_overlap(box, other) * 4 for other in taken)
    for k, (x, y, r) in enumerate(discs):
        if k != own:
            harm += _overlap(box, (x - r, y - r, x + r, y + r)) * (3 if r < 12 else 1)
    outside = max(0, -left) + max(0, right - frame.width)
    return harm + 200 * (outside + max(0, -top) + max(0, bottom - frame.height))


def _overlap(a: _Box, b: _Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
