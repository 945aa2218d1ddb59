"""A block of a network as a diagram, from left to right, and a whole network's profile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import plotly.graph_objects as go

from cxr_core.graph import LayerRow

# Drawn inside the box of the layer that they stand behind, or before.
_RIDERS = {
    "BatchNormalization", "LayerNormalization", "ReLU", "Activation", "Dropout",
    "LocalResponseNormalisation", "ZeroPadding2D",
}  # fmt: skip
_JOINS = {"Add", "Concatenate", "Multiply"}
_SIGNS = {"Add": "+", "Concatenate": "join", "Multiply": "×"}
# Fill and ink of a box, by kind of layer.
_COLOURS = {
    "Conv2D": ("#0072B2", "#ffffff"), "DepthwiseConv2D": ("#D55E00", "#ffffff"),
    "MaxPooling2D": ("#00805e", "#ffffff"), "AveragePooling2D": ("#00805e", "#ffffff"),
    "GlobalAveragePooling2D": ("#00805e", "#ffffff"), "Dense": ("#CC79A7", "#1b2430"),
    "MultiHeadAttention": ("#56B4E9", "#1b2430"), "Add": ("#E69F00", "#1b2430"),
    "Concatenate": ("#E69F00", "#1b2430"), "Multiply": ("#E69F00", "#1b2430"),
}  # fmt: skip
_OTHER = ("#8793a0", "#1b2430")
_LINE = "#8793a0"
_DARK_INK, _LIGHT_INK = "#e6eaee", "#1b2430"
# What is learnt, on a light and on a dark ground.
_LEARNT = ("#b34700", "#ff9a57")


@dataclass(frozen=True)
class Node:
    """A box. lines: what it says; sources: names of boxes before it; column, lane: its place."""

    name: str
    kind: str
    lines: tuple[str, ...]
    shape: tuple[int | None, ...]
    parameters: int
    sources: tuple[str, ...]
    column: int
    lane: float


def nodes(rows: Sequence[LayerRow]) -> tuple[Node, ...]:
    """Layers as boxes: norms and activations ride in the box of the layer that they belong to."""
    readers: dict[str, list[LayerRow]] = {row.name: [] for row in rows}
    for row in rows:
        for source in row.sources:
            readers[source].append(row)
    kinds = {row.name: row.kind for row in rows}
    host: dict[str, str] = {}
    before: dict[str, list[LayerRow]] = {}
    after: dict[str, list[LayerRow]] = {}
    for row in rows:
        if row.kind not in _RIDERS:
            continue
        source = row.sources[0]
        behind = host.get(source, source)
        alone = len(readers[source]) == 1
        if alone and kinds[behind] not in _JOINS | {"InputLayer"} and behind not in before:
            host[row.name] = behind
            after.setdefault(behind, []).append(row)
            continue
        # Norm and ReLU before the convolution, as in DenseNet: into the box of the next layer.
        following = row
        while following.kind in _RIDERS and len(readers[following.name]) == 1:
            following = readers[following.name][0]
        if following.kind not in _RIDERS | _JOINS:
            host[row.name] = following.name
            before.setdefault(following.name, []).append(row)
    return _placed(rows, host, before, after)


def _placed(
    rows: Sequence[LayerRow],
    host: dict[str, str],
    before: dict[str, list[LayerRow]],
    after: dict[str, list[LayerRow]],
) -> tuple[Node, ...]:
    boxes = [row for row in rows if row.name not in host]

    def box_of(name: str) -> str:
        return host.get(name, name)

    sources: dict[str, tuple[str, ...]] = {}
    for row in boxes:
        read = [s for first in [*before.get(row.name, []), row] for s in first.sources]
        outside = [box_of(s) for s in read if box_of(s) != row.name]
        sources[row.name] = tuple(dict.fromkeys(outside))
    column: dict[str, int] = {}
    lane: dict[str, float] = {}
    children: dict[str, int] = {}
    # Sources may come later in the list where a join reads a box that is drawn before it.
    pending = list(boxes)
    while pending:
        ready = [r for r in pending if all(s in column for s in sources[r.name])]
        for row in ready:
            read_by = sources[row.name]
            column[row.name] = max((column[s] + 1 for s in read_by), default=0)
            if not read_by:
                lane[row.name] = 0.0
            elif len(read_by) > 1:
                lane[row.name] = min(lane[s] for s in read_by)
            else:
                lane[row.name] = lane[read_by[0]] + children.get(read_by[0], 0)
                children[read_by[0]] = children.get(read_by[0], 0) + 1
        pending = [r for r in pending if r not in ready]
    return tuple(
        Node(
            row.name, row.kind, _lines(row, before.get(row.name, []), after.get(row.name, [])),
            after[row.name][-1].shape if row.name in after else row.shape,
            sum(r.parameters for r in [row, *before.get(row.name, []), *after.get(row.name, [])]),
            sources[row.name], column[row.name], lane[row.name],
        )
        for row in boxes
    )  # fmt: skip


def _lines(row: LayerRow, before: Sequence[LayerRow], after: Sequence[LayerRow]) -> tuple[str, ...]:
    if row.kind in _SIGNS:
        return (_SIGNS[row.kind], *(r.label for r in after))
    what, *inside = row.label.split(" · ")
    parts = what.split(", ")
    first = [f"<i>{r.label}</i>" for r in before]
    head = parts[0].replace(" conv ", " conv<br>").replace(" max ", "<br>max ")
    head = head.replace(" mean pool", "<br>mean pool").replace(" depthwise", "<br>depthwise")
    head = head.replace("mean over the map", "mean over<br>the map")
    return (*first, f"<b>{head}</b>", *parts[1:], *inside, *(r.label for r in after))


@dataclass(frozen=True)
class _Frame:
    """Sizes of a diagram. size: of its letters in pixels; lane: pixels from one lane to the next;
    high: half a box in lanes; over: how far above a box the lowest shortcut runs, in lanes.
    """

    size: int
    lane: float
    high: float
    over: float

    def half(self, node: Node) -> tuple[float, float]:
        """Half the width, in columns, and the height of a box; joins are small."""
        small = node.kind in _JOINS and len(node.lines) == 1
        return (0.2, self.high * 0.6) if small else (WIDE, self.high)


WIDE = 0.41
# Letters of so many pixels where there are at most so many columns.
_LETTERS = ((6, 20), (8, 17), (10, 15), (99, 13))
# A chain of more boxes than this runs in two rows.
_ROW = 8


def block_diagram(rows: Sequence[LayerRow], *, dark: bool = False) -> go.Figure:
    """Boxes for layers, shape and (orange) parameters below each; shortcuts run above."""
    placed = nodes(rows)
    over = _shortcuts(placed)
    if not over and all(node.lane == 0 for node in placed) and len(placed) > _ROW:
        placed = _in_two_rows(placed)
    columns = max(node.column for node in placed) + 1
    lanes = max(node.lane for node in placed) + 1
    frame = _framed(placed, columns)
    figure = go.Figure(go.Scatter(x=[0], y=[0], mode="markers", marker_opacity=0, hoverinfo="skip"))
    at = {node.name: node for node in placed}
    for node in placed:
        for source in node.sources:
            level = over.get((source, node.name))
            _edge(figure, _way(at[source], node, frame, level))
    for node in placed:
        _box(figure, node, frame, _DARK_INK if dark else _LIGHT_INK)
    top = -frame.high - 0.06
    if over:
        top -= frame.over * (1.4 + 0.8 * max(over.values()))
    bottom = lanes - 1 + frame.high + 2.9 * frame.size / frame.lane
    figure.update_layout(
        height=round((bottom - top) * frame.lane) + 8, margin={"l": 4, "r": 4, "t": 4, "b": 4},
        plot_bgcolor="rgba(0,0,0,0)", paper_bgcolor="rgba(0,0,0,0)", showlegend=False,
        xaxis={"visible": False, "range": [-0.5, columns - 0.5], "fixedrange": True},
        yaxis={"visible": False, "fixedrange": True, "range": [bottom, top]},
    )  # fmt: skip
    return figure


def _framed(placed: Sequence[Node], columns: int) -> _Frame:
    size = next(letters for most, letters in _LETTERS if columns <= most)
    line = 1.35 * size
    box = 18 + line * max("<br>".join(node.lines).count("<br>") + 1 for node in placed)
    lane = box + 2 * line + 30
    return _Frame(size, lane, box / 2 / lane, 26 / lane)


def _in_two_rows(placed: Sequence[Node]) -> tuple[Node, ...]:
    across = math.ceil((max(node.column for node in placed) + 1) / 2)
    return tuple(
        replace(node, column=node.column % across, lane=float(node.column // across))
        for node in placed
    )


def _shortcuts(placed: Sequence[Node]) -> dict[tuple[str, str], int]:
    """Edges that pass over boxes of their own lane → how many others run below each."""
    at = {node.name: node for node in placed}
    found = {}
    for node in placed:
        for source in node.sources:
            a = at[source]
            between = any(n.lane == a.lane and a.column < n.column < node.column for n in placed)
            if between and a.lane == node.lane:
                found[source, node.name] = (a.column, node.column)
    return {
        edge: sum(start <= a and b <= end and (a, b) != (start, end) for a, b in found.values())
        for edge, (start, end) in found.items()
    }


def _way(a: Node, b: Node, frame: _Frame, level: int | None) -> list[tuple[float, float]]:
    """Corners of the line from one box to another; level: of a shortcut above the others."""
    if level is not None:
        top = a.lane - frame.high - frame.over * (1 + 0.8 * level)
        x, y = a.column + 0.06, b.column - 0.06
        return [
            (x, a.lane - frame.half(a)[1]), (x, top), (y, top), (y, b.lane - frame.half(b)[1]),
        ]  # fmt: skip
    left, right = a.column + frame.half(a)[0], b.column - frame.half(b)[0]
    if b.column <= a.column:
        # From the end of a row to the beginning of the next.
        between = b.lane - frame.high - 0.08
        out, back = a.column + 0.47, b.column - 0.47
        return [(left, a.lane), (out, a.lane), (out, between), (back, between), (back, b.lane),
                (right, b.lane)]  # fmt: skip
    turn = a.column + 0.5 if b.lane > a.lane else b.column - 0.5
    return [(left, a.lane), (turn, a.lane), (turn, b.lane), (right, b.lane)]


def _edge(figure: go.Figure, way: Sequence[tuple[float, float]]) -> None:
    """A line with a head along these corners."""
    xs, ys = zip(*way, strict=True)
    figure.add_trace(
        go.Scatter(x=xs, y=ys, mode="lines", line={"color": _LINE, "width": 2.5}, hoverinfo="skip")
    )
    figure.add_annotation(
        x=xs[-1], y=ys[-1], ax=xs[-2], ay=ys[-2], xref="x", yref="y", axref="x", ayref="y",
        text="", showarrow=True, arrowhead=2, arrowsize=1.1, arrowwidth=2.5, arrowcolor=_LINE,
    )  # fmt: skip


def _box(figure: go.Figure, node: Node, frame: _Frame, ink: str) -> None:
    fill, on = _COLOURS.get(node.kind, _OTHER)
    wide, high = frame.half(node)
    figure.add_shape(
        type="rect", x0=node.column - wide, x1=node.column + wide, y0=node.lane - high,
        y1=node.lane + high, fillcolor=fill, line_width=0, layer="above",
    )  # fmt: skip
    figure.add_annotation(
        x=node.column, y=node.lane, text="<br>".join(node.lines), showarrow=False,
        font={"size": frame.size if wide == WIDE else frame.size + 2, "color": on},
    )  # fmt: skip
    shape = "×".join("?" if n is None else str(n) for n in node.shape)
    under = node.lane + frame.high
    figure.add_annotation(
        x=node.column, y=under, yanchor="top", text=shape, showarrow=False,
        font={"size": frame.size - 1, "color": ink},
    )  # fmt: skip
    if node.parameters:
        figure.add_annotation(
            x=node.column, y=under + 1.3 * frame.size / frame.lane, yanchor="top",
            showarrow=False, text=f"<b>{node.parameters:,}</b>",
            font={"size": frame.size - 1, "color": _LEARNT[ink == _DARK_INK]},
        )  # fmt: skip


def layer_profile(rows: Sequence[LayerRow], height: int = 380) -> go.Figure:
    """From input to output: how many numbers each layer gives out, and how many it has learnt."""
    kept = [row for row in rows if row.kind != "InputLayer"]
    figure = go.Figure()
    values = (
        ("Activations", [math.prod(n or 1 for n in row.shape) for row in kept], "#0072B2"),
        ("Parameters", [row.parameters for row in kept], "#D55E00"),
    )
    for k, (name, bars, colour) in enumerate(values):
        suffix = "" if k == 0 else "2"
        figure.add_trace(
            go.Bar(
                x=list(range(1, len(kept) + 1)), y=bars, name=name, marker_color=colour,
                marker_line_width=0, xaxis="x", yaxis=f"y{suffix}",
                customdata=[[row.name, row.label] for row in kept],
                hovertemplate="%{customdata[0]}: %{customdata[1]}<br>%{y:,}<extra></extra>",
            )
        )  # fmt: skip
    axis = {"tickfont": {"size": 16}, "fixedrange": True, "rangemode": "tozero"}
    figure.update_layout(
        height=height, bargap=0.05, showlegend=False, margin={"l": 96, "r": 10, "t": 10, "b": 58},
        xaxis={**axis, "title": {"text": "layer, from input to output", "font_size": 18},
               "anchor": "y2"},
        yaxis={**axis, "domain": [0.54, 1], "title": {"text": "activations", "font_size": 18}},
        yaxis2={**axis, "domain": [0, 0.46], "title": {"text": "parameters", "font_size": 18}},
    )  # fmt: skip
    return figure
