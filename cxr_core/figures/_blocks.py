"""A block of a network as a diagram, from left to right, and a whole network's profile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
    head = head.replace(" mean pool", "<br>mean pool")
    return (*first, f"<b>{head}</b>", *parts[1:], *inside, *(r.label for r in after))


def block_diagram(rows: Sequence[LayerRow], *, dark: bool = False) -> go.Figure:
    """Boxes for layers, shape and (orange) parameters below each; shortcuts run above."""
    placed = nodes(rows)
    at = {node.name: node for node in placed}
    columns = max(node.column for node in placed) + 1
    lanes = max(node.lane for node in placed) + 1
    ink = _DARK_INK if dark else _LIGHT_INK
    figure = go.Figure(go.Scatter(x=[0], y=[0], mode="markers", marker_opacity=0, hoverinfo="skip"))
    over = 0
    for node in placed:
        for source in node.sources:
            over += _edge(figure, at[source], node, placed)
    size = 16 if columns <= 9 else 14 if columns <= 12 else 12
    for node in placed:
        _box(figure, node, size, ink)
    figure.update_layout(
        height=round(40 + 160 * lanes + (50 if over else 0)),
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
        plot_bgcolor="rgba(0,0,0,0)", paper_bgcolor="rgba(0,0,0,0)", showlegend=False,
        xaxis={"visible": False, "range": [-0.5, columns - 0.5], "fixedrange": True},
        yaxis={"visible": False, "fixedrange": True,
               "range": [lanes - 0.32, -0.8 if over else -0.42]},
    )  # fmt: skip
    return figure


WIDE, HIGH = 0.41, 0.36


def _half(node: Node) -> tuple[float, float]:
    """Half the width and height of a box; joins are small."""
    small = node.kind in _JOINS and len(node.lines) == 1
    return (0.2, 0.2) if small else (WIDE, HIGH)


def _edge(figure: go.Figure, a: Node, b: Node, placed: Sequence[Node]) -> bool:
    """A line with a head from one box to another; True where it had to run above the others."""
    between = [
        n for n in placed
        if a.column < n.column < b.column and n.lane == (a.lane if b.lane <= a.lane else b.lane)
    ]  # fmt: skip
    if between and b.lane == a.lane:
        top = a.lane - 0.66
        xs = [a.column + 0.06, a.column + 0.06, b.column - 0.06, b.column - 0.06]
        ys = [a.lane - _half(a)[1], top, top, b.lane - _half(b)[1]]
        tail = (xs[-1], top)
    else:
        left, right = a.column + _half(a)[0], b.column - _half(b)[0]
        turn = a.column + 0.5 if b.lane > a.lane else b.column - 0.5
        xs, ys = [left, turn, turn, right], [a.lane, a.lane, b.lane, b.lane]
        tail = (turn, b.lane)
    figure.add_trace(
        go.Scatter(x=xs, y=ys, mode="lines", line={"color": _LINE, "width": 2.5}, hoverinfo="skip")
    )
    figure.add_annotation(
        x=xs[-1], y=ys[-1], ax=tail[0], ay=tail[1], xref="x", yref="y", axref="x", ayref="y",
        text="", showarrow=True, arrowhead=2, arrowsize=1.1, arrowwidth=2.5, arrowcolor=_LINE,
    )  # fmt: skip
    return bool(between) and b.lane == a.lane


def _box(figure: go.Figure, node: Node, size: int, ink: str) -> None:
    fill, on = _COLOURS.get(node.kind, _OTHER)
    wide, high = _half(node)
    figure.add_shape(
        type="rect", x0=node.column - wide, x1=node.column + wide, y0=node.lane - high,
        y1=node.lane + high, fillcolor=fill, line_width=0, layer="above",
    )  # fmt: skip
    figure.add_annotation(
        x=node.column, y=node.lane, text="<br>".join(node.lines), showarrow=False,
        font={"size": size if wide == WIDE else size + 4, "color": on},
    )  # fmt: skip
    shape = "×".join("?" if n is None else str(n) for n in node.shape)
    figure.add_annotation(
        x=node.column, y=node.lane + HIGH + 0.02, yanchor="top", text=shape, showarrow=False,
        font={"size": max(12, size - 1), "color": ink},
    )  # fmt: skip
    if node.parameters:
        figure.add_annotation(
            x=node.column, y=node.lane + HIGH + 0.15, yanchor="top", showarrow=False,
            text=f"<b>{node.parameters:,}</b>",
            font={"size": max(12, size - 1), "color": _LEARNT[ink == _DARK_INK]},
        )  # fmt: skip


def layer_profile(rows: Sequence[LayerRow], height: int = 330) -> go.Figure:
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
    axis = {"tickfont": {"size": 14}, "fixedrange": True, "rangemode": "tozero"}
    figure.update_layout(
        height=height, bargap=0.05, showlegend=False, margin={"l": 90, "r": 10, "t": 10, "b": 50},
        xaxis={**axis, "title": {"text": "layer, from input to output", "font_size": 16},
               "anchor": "y2"},
        yaxis={**axis, "domain": [0.54, 1], "title": {"text": "activations", "font_size": 16}},
        yaxis2={**axis, "domain": [0, 0.46], "title": {"text": "parameters", "font_size": 16}},
    )  # fmt: skip
    return figure
