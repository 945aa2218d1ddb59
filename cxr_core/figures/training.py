"""Curves of training runs, learning rates and what a finished run got wrong.

Live curves are Vega-Lite: Streamlit gives new rows to a chart that it keeps, where a plotly chart
is mounted anew with every row, and blinks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

Row = Mapping[str, float | None]
Spec = dict[str, Any]
Columns = dict[str, list[Any]]

# Okabe and Ito's, as in the theme; told apart with any common colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
HEIGHT = 185
VALIDATION, TRAINING = "validation", "training"
FEW = 4


@dataclass(frozen=True)
class Run:
    """One run's history. rows: as a job writes them, in order; `part` tells folds and members."""

    name: str
    colour: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Panel:
    """One small chart. training, validation: the keys of a row, '' where there is no such figure.

    unit: what the vertical axis counts in. logarithmic: for rates. share: from 0 to 1 at most.
    """

    title: str
    unit: str
    training: str
    validation: str = ""
    logarithmic: bool = False
    share: bool = False


PANELS: tuple[Panel, ...] = (
    Panel("Loss", "cross-entropy", "loss", "val_loss"),
    Panel("AUC", "area under ROC", "auc", "val_auc", share=True),
    Panel("Accuracy", "share", "accuracy", "val_accuracy", share=True),
    Panel("Learning rate", "per step", "rate", logarithmic=True),
    Panel("Precision", "share", "precision", "val_precision", share=True),
    Panel("Recall", "share", "recall", "val_recall", share=True),
    Panel("Speed", "films per second", "per_second"),
)


def columns(panel: Panel, runs: Sequence[Run]) -> Columns:
    """The points of one panel, as equally long lists; dot: whether a point is marked."""
    table: Columns = {k: [] for k in ("run", "side", "line", "epoch", "value", "colour", "dot")}
    for run in runs:
        for side, key in ((VALIDATION, panel.validation), (TRAINING, panel.training)):
            for part, points in _lines(run.rows, key).items():
                name = f"{run.name}, part {part}" if part else run.name
                # One point alone makes no line; many hide it.
                dot = side == VALIDATION or len(points) < FEW
                for epoch, value in points:
                    entries = (name, side, f"{name}, {side}", epoch, value, run.colour, dot)
                    for column, entry in zip(table.values(), entries, strict=True):
                        column.append(entry)
    return table


def curves(panel: Panel) -> Spec:
    """The Vega-Lite specification of a panel; the same whatever the rows, so that a chart stays."""
    scale: Spec = {"zero": False, "nice": True}
    if panel.logarithmic:
        scale = {"type": "log", "nice": False}
    axis: Spec = {"title": panel.unit, "tickCount": 4, "titleFontSize": 11, "labelFontSize": 11}
    if panel.logarithmic:
        axis |= {"format": ".1~e", "tickCount": 3}
    dash: Spec = {
        "field": "side", "type": "nominal", "legend": None,
        "scale": {"domain": [VALIDATION, TRAINING], "range": [[1, 0], [3, 3]]},
    }  # fmt: skip
    encoding: Spec = {
        "x": {
            "field": "epoch", "type": "quantitative",
            "scale": {"zero": False, "nice": False},
            "axis": {
                "title": "epoch", "tickMinStep": 1, "tickCount": 6, "format": "d",
                "titleFontSize": 11, "labelFontSize": 11, "grid": False, "titlePadding": 2,
            },
        },
        "y": {"field": "value", "type": "quantitative", "scale": scale, "axis": axis},
        "color": {"field": "colour", "type": "nominal", "scale": None, "legend": None},
        "detail": {"field": "line", "type": "nominal"},
        "tooltip": [
            {"field": "line", "type": "nominal", "title": "run"},
            {"field": "epoch", "type": "quantitative", "format": ".4~g"},
            {
                "field": "value", "type": "quantitative", "title": panel.title,
                "format": ".3e" if panel.logarithmic else ".4~g",
            },
        ],
    }  # fmt: skip
    return {
        "title": {"text": panel.title, "anchor": "start", "fontSize": 13, "offset": 6},
        "height": HEIGHT,
        "encoding": encoding,
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 1.8},
                "encoding": {"strokeDash": dash} if panel.validation else {},
            },
            {
                "mark": {"type": "point", "size": 22, "filled": True, "opacity": 1},
                "transform": [{"filter": "datum.dot"}],
            },
        ],
        "padding": {"left": 4, "right": 6, "top": 4, "bottom": 2},
    }


def schedule(rates: Sequence[float]) -> tuple[Columns, Spec]:
    """Learning rate at the start of each epoch, before anything runs: rows and specification."""
    run = Run("schedule", COLOURS[0], tuple({"rate": rate} for rate in rates))
    panel = next(p for p in PANELS if p.training == "rate")
    return columns(panel, [run]), curves(panel) | {"title": None, "height": 110}


def confusion(
    counts: Sequence[Sequence[int]], classes: Sequence[str], *, dark: bool = False
) -> go.Figure:
    """counts: rows are true, columns called. Colour and per cent are shares of a true class.

    dark: the theme's background, on which the words must be read.
    """
    shares = [[n / max(1, sum(row)) for n in row] for row in counts]
    names = [name.capitalize() for name in classes]
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=names, y=names, zmin=0, zmax=1, showscale=False, xgap=3, ygap=3,
            colorscale=[[0, "rgba(0,114,178,0.06)"], [1, "rgba(0,114,178,0.32)"]],
            hovertemplate="%{y} film, called %{x}: %{z:.1%}<extra></extra>",
        )
    )  # fmt: skip
    for i, row in enumerate(counts):
        for j, n in enumerate(row):
            figure.add_annotation(
                x=j,
                y=i,
                text=f"<b>{n:,}</b><br>{shares[i][j]:.1%}",
                showarrow=False,
                font={"size": 14, "color": "#e6eaee" if dark else "#1b2430"},
            )
    figure.update_layout(
        height=230, margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"title": "called", "side": "bottom", "fixedrange": True, "showgrid": False},
        yaxis={
            "title": "film is", "autorange": "reversed", "fixedrange": True, "showgrid": False,
        },
    )  # fmt: skip
    return figure


def _lines(rows: Sequence[Row], key: str) -> dict[int, list[tuple[float, float]]]:
    """(epoch, value) by part: its own epochs, or rows counted where they do not ascend."""
    parts: dict[int, list[Row]] = {}
    for row in rows:
        value = row.get(key)
        if value is not None and math.isfinite(value):
            parts.setdefault(int(row.get("part") or 0), []).append(row)
    found: dict[int, list[tuple[float, float]]] = {}
    for part, own in parts.items():
        epochs = [e for row in own if (e := row.get("epoch")) is not None]
        rising = len(epochs) == len(own) and all(a < b for a, b in itertools.pairwise(epochs))
        places = epochs if rising else [float(n) for n in range(1, len(own) + 1)]
        found[part] = [(at, float(row[key] or 0.0)) for at, row in zip(places, own, strict=True)]
    return found
