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
HEIGHT = 150
VALIDATION, TRAINING = "validation", "training"


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
    Panel("Accuracy", "share, at even odds", "accuracy", "val_accuracy", share=True),
    Panel("Learning rate", "per step", "rate", logarithmic=True),
    Panel("Precision", "share, at even odds", "precision", "val_precision", share=True),
    Panel("Recall", "share, at even odds", "recall", "val_recall", share=True),
    Panel("Speed", "films per second", "per_second"),
)


def columns(panel: Panel, runs: Sequence[Run]) -> Columns:
    """The points of one panel: run, side, line, epoch, value and colour, as equally long lists."""
    table: Columns = {k: [] for k in ("run", "side", "line", "epoch", "value", "colour")}
    for run in runs:
        for side, key in ((VALIDATION, panel.validation), (TRAINING, panel.training)):
            if not key:
                continue
            for part, epoch, row in _numbered(run.rows):
                value = row.get(key)
                if value is None or not math.isfinite(value):
                    continue
                name = f"{run.name}, part {part}" if part else run.name
                line = f"{name}, {side}"
                for column, entry in zip(
                    table.values(), (name, side, line, epoch, value, run.colour), strict=True
                ):
                    column.append(entry)
    return table


def curves(panel: Panel) -> Spec:
    """The Vega-Lite specification of a panel; the same whatever the rows, so that a chart stays."""
    scale: Spec = {"zero": False, "nice": True}
    if panel.logarithmic:
        scale = {"type": "log", "nice": False}
    axis: Spec = {"title": panel.unit, "tickCount": 4, "titleFontSize": 11, "labelFontSize": 11}
    if panel.logarithmic:
        axis |= {"format": ".0e"}
    sides = bool(panel.validation)
    dash: Spec = {
        "field": "side", "type": "nominal", "legend": None,
        "scale": {"domain": [VALIDATION, TRAINING], "range": [[1, 0], [3, 3]]},
    }  # fmt: skip
    return {
        "title": {"text": panel.title, "anchor": "start", "fontSize": 13, "offset": 6},
        "height": HEIGHT,
        "mark": {"type": "line", "point": {"size": 18, "filled": True}, "strokeWidth": 1.8},
        "encoding": {
            "x": {
                "field": "epoch", "type": "quantitative",
                "scale": {"zero": False, "nice": False},
                "axis": {
                    "title": "epoch", "tickMinStep": 1, "tickCount": 6, "format": "d",
                    "titleFontSize": 11, "labelFontSize": 11, "grid": False,
                },
            },
            "y": {"field": "value", "type": "quantitative", "scale": scale, "axis": axis},
            "color": {"field": "colour", "type": "nominal", "scale": None, "legend": None},
            "detail": {"field": "line", "type": "nominal"},
            "strokeDash": dash,
            "opacity": {
                "field": "side", "type": "nominal", "legend": None,
                "scale": {"domain": [VALIDATION, TRAINING], "range": [1, 0.75 if sides else 1]},
            },
            "tooltip": [
                {"field": "line", "type": "nominal", "title": "run"},
                {"field": "epoch", "type": "quantitative", "format": ".4~g"},
                {
                    "field": "value", "type": "quantitative", "title": panel.title,
                    "format": ".3e" if panel.logarithmic else ".4~g",
                },
            ],
        },
        "padding": {"left": 4, "right": 6, "top": 4, "bottom": 2},
    }  # fmt: skip


def schedule(rates: Sequence[float]) -> tuple[Columns, Spec]:
    """Learning rate at the start of each epoch, before anything runs: rows and specification."""
    run = Run("schedule", COLOURS[0], tuple({"rate": rate} for rate in rates))
    panel = next(p for p in PANELS if p.training == "rate")
    return columns(panel, [run]), curves(panel) | {"title": None, "height": 110}


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> go.Figure:
    """counts: rows are true, columns called. Colour and per cent are shares of a true class."""
    shares = [[n / max(1, sum(row)) for n in row] for row in counts]
    text = [
        [f"<b>{n:,}</b><br>{share:.1%}" for n, share in zip(row, part, strict=True)]
        for row, part in zip(counts, shares, strict=True)
    ]
    names = [name.capitalize() for name in classes]
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=names, y=names, text=text, texttemplate="%{text}", zmin=0, zmax=1,
            colorscale=[[0, "rgba(0,114,178,0.04)"], [1, "rgba(0,114,178,0.55)"]],
            showscale=False, xgap=3, ygap=3,
            hovertemplate="%{y} film, called %{x}: %{text}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(
        height=230, margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"title": "called", "side": "bottom", "fixedrange": True, "showgrid": False},
        yaxis={
            "title": "film is", "autorange": "reversed", "fixedrange": True, "showgrid": False,
        },
    )  # fmt: skip
    return figure


def _numbered(rows: Sequence[Row]) -> list[tuple[int, float, Row]]:
    """(part, epoch, row): a run's own epochs, or its rows counted where they are not ascending."""
    found: list[tuple[int, float, Row]] = []
    parts: dict[int, list[Row]] = {}
    for row in rows:
        parts.setdefault(int(row.get("part") or 0), []).append(row)
    for part, own in parts.items():
        epochs = [row.get("epoch") for row in own]
        given = [e for e in epochs if e is not None]
        rising = len(given) == len(own) and all(a < b for a, b in itertools.pairwise(given))
        for n, row in enumerate(own):
            found.append((part, given[n] if rising else float(n + 1), row))
    return found
