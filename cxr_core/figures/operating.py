"""The curves of an operating point as plotly figures: the same whatever the threshold.

What moves with the threshold is drawn over them in the browser (pages/_threshold/live.js), so that
a figure is sent once and never mounted anew while somebody drags.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cxr_core.operating import (
    CalibrationCurve,
    CostCurve,
    Curve,
    DecisionCurve,
    Histograms,
    Subgroup,
)
from cxr_core.schema import Interval

# Okabe and Ito's palette: told apart with any common colour vision.
ILL, WELL, REFER, MODEL, SECOND = "#D55E00", "#56B4E9", "#E69F00", "#0072B2", "#009E73"
QUIET = "rgba(128,138,150,0.75)"
CONFIG: dict[str, Any] = {
    "displayModeBar": False,
    "scrollZoom": False,
    "doubleClick": "reset",
}
# Left and right of the axis of probabilities, in pixels; the slider under it keeps the same.
MARGIN_LEFT, MARGIN_RIGHT = 46, 12


def roc(curves: Sequence[tuple[str, Curve, Interval | None]], height: int = 300) -> go.Figure:
    """Sensitivity over 1 − specificity. curves: (name, curve, area with its interval)."""
    figure = go.Figure([_chance((0, 1), (0, 1), "chance")])
    for (name, curve, area), colour in zip(curves, (MODEL, SECOND), strict=False):
        hover = (
            "threshold %{customdata:.4f}<br>sensitivity %{y:.1%}<br>1 − specificity %{x:.1%}"
            f"<extra>{name}</extra>"
        )
        figure.add_trace(_line(curve.x, curve.y, name, colour, hover, curve.thresholds))
        if area is not None and len(curves) == 1:
            _note(figure, f"AUC {_with_interval(area)}", 0.98, 0.06, "right")
    _axes(figure, "1 − specificity (normals called)", "Sensitivity (pneumonias found)", height)
    _legend(figure, len(curves) > 1)
    return figure.update_xaxes(range=[-0.01, 1.01]).update_yaxes(range=[-0.01, 1.02])


def precision_recall(
    curves: Sequence[tuple[str, Curve]], prevalence: float, height: int = 300
) -> go.Figure:
    """Precision (PPV) over recall (sensitivity), with the share of ill films as the floor."""
    floor = f"share of pneumonias, {prevalence:.1%}"
    figure = go.Figure([_chance((0, 1), (prevalence, prevalence), floor)])
    for (name, curve), colour in zip(curves, (MODEL, SECOND), strict=False):
        hover = (
            "threshold %{customdata:.4f}<br>precision %{y:.1%}<br>recall %{x:.1%}"
            f"<extra>{name}</extra>"
        )
        figure.add_trace(_line(curve.x, curve.y, name, colour, hover, curve.thresholds))
        if len(curves) == 1:
            _note(figure, f"average precision {curve.area:.3f}", 0.02, 0.06, "left")
    _axes(figure, "Recall (sensitivity)", "Precision (PPV in these films)", height)
    _legend(figure, len(curves) > 1)
    return figure.update_xaxes(range=[-0.01, 1.01]).update_yaxes(range=[-0.01, 1.02])


def distributions(histograms: Histograms, height: int = 150) -> go.Figure:
    """Films of both classes over probability, pneumonia up and normal down, square-root scale.

    The scale is a square root because most films lie at the two ends: the few in the middle,
    which a threshold is about, would not be seen otherwise.
    """
    edges = histograms.edges
    centre, width = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    figure = go.Figure()
    for name, counts, sign, colour in (
        ("pneumonia", histograms.ill, 1, ILL),
        ("normal", histograms.well, -1, WELL),
    ):
        figure.add_trace(
            go.Bar(
                x=centre, y=sign * np.sqrt(counts), width=width, name=name, marker_color=colour,
                marker_line_width=0, customdata=np.stack([counts, edges[:-1], edges[1:]], axis=1),
                hovertemplate="%{customdata[0]:,} films with probability "
                "%{customdata[1]:.2f} to %{customdata[2]:.2f}<extra>" + name + "</extra>",
            )
        )  # fmt: skip
    top = float(np.sqrt(max(int(histograms.ill.max()), int(histograms.well.max()), 1)))
    ticks = _square_ticks(top**2)
    _axes(figure, "", "Films", height)
    figure.update_layout(barmode="overlay", bargap=0, margin={"t": 4, "b": 20})
    figure.update_xaxes(range=[0, 1], dtick=0.1, fixedrange=True, tickangle=0)
    figure.update_yaxes(
        range=[-1.08 * top, 1.08 * top], fixedrange=True, zeroline=True,
        tickvals=[s * np.sqrt(t) for t in ticks for s in (1, -1)],
        ticktext=[f"{t:,}" for t in ticks for _ in (1, -1)],
    )  # fmt: skip
    _note(figure, f"pneumonia, {int(histograms.ill.sum()):,}", 0.02, 0.95, "left", ILL)
    _note(figure, f"normal, {int(histograms.well.sum()):,}", 0.98, 0.1, "right", WELL)
    return figure


def calibration(curve: CalibrationCurve, height: int = 320) -> go.Figure:
    """Observed share of pneumonia over predicted probability, with 95 % intervals and counts."""
    seen = [k for k in range(len(curve.n)) if curve.n[k] > 0]
    x = [float(curve.mean[k]) for k in seen]
    observed = [curve.observed[k] for k in seen]
    figure = go.Figure([_chance((0, 1), (0, 1), "perfectly calibrated")])
    figure.add_trace(
        go.Scatter(
            x=x, y=[o.value for o in observed], mode="lines+markers", name="these films",
            line={"color": MODEL, "width": 1.5}, marker={"size": 7},
            customdata=[
                [int(curve.n[k]), o.low, o.high] for k, o in zip(seen, observed, strict=True)
            ],
            error_y={
                "type": "data", "symmetric": False, "thickness": 1.2, "width": 3,
                "array": [o.high - o.value for o in observed],
                "arrayminus": [o.value - o.low for o in observed],
            },
            hovertemplate="mean probability %{x:.3f}<br>observed %{y:.1%} "
            "(%{customdata[1]:.1%} to %{customdata[2]:.1%})<br>%{customdata[0]:,} films"
            "<extra></extra>",
        )
    )  # fmt: skip
    _axes(figure, "Predicted probability", "Observed share of pneumonia", height)
    # Above the plot: a badly calibrated model has points anywhere in it.
    figure.update_layout(margin_t=42)
    words = f"ECE {curve.ece:.3f}<br>Brier {_with_interval(curve.brier)}"
    figure.add_annotation(
        text=words, x=0, y=1.02, xref="paper", yref="paper", xanchor="left", yanchor="bottom",
        align="left", showarrow=False, font={"size": 12},
    )  # fmt: skip
    return figure.update_xaxes(range=[-0.01, 1.01]).update_yaxes(range=[-0.03, 1.05])


def decision(curve: DecisionCurve, height: int = 320) -> go.Figure:
    """Net benefit over threshold, against calling every film and none (Vickers and Elkin 2006)."""
    figure = go.Figure()
    for name, y, colour, dash in (
        ("call every film", curve.treat_all, QUIET, "dot"),
        ("call none", np.zeros_like(curve.thresholds), QUIET, "dash"),
        ("this model", curve.net_benefit, MODEL, "solid"),
    ):
        hover = f"threshold %{{x:.3f}}<br>net benefit %{{y:.4f}}<extra>{name}</extra>"
        trace = _line(curve.thresholds, y, name, colour, hover)
        figure.add_trace(trace.update(line_dash=dash))
    _axes(figure, "Threshold probability", "Net benefit (true positives per patient)", height)
    _legend(figure, True)
    top = max(float(np.nanmax(curve.net_benefit)), float(curve.treat_all[0]), 0.05)
    return figure.update_xaxes(range=[0, 1]).update_yaxes(range=[-0.25 * top, 1.08 * top])


def cost(curve: CostCurve, height: int = 320) -> go.Figure:
    """Expected cost per 1,000 patients over threshold, in false alarms, and where it is least."""
    hover = "threshold %{x:.4f}<br>cost %{y:,.1f} false alarms per 1,000<extra></extra>"
    figure = go.Figure([_line(curve.thresholds, curve.cost, "expected cost", MODEL, hover)])
    figure.add_trace(
        go.Scatter(
            x=[curve.best], y=[curve.best_cost], mode="markers", name="least",
            marker={"color": SECOND, "size": 10, "symbol": "diamond"},
            hovertemplate="least at %{x:.4f}: %{y:,.1f}<extra></extra>",
        )
    )  # fmt: skip
    _axes(figure, "Threshold", "Cost per 1,000 patients (false alarms)", height)
    top = float(np.nanmin([np.nanmax(curve.cost), max(6 * curve.best_cost, 1.0)]))
    return figure.update_xaxes(range=[0, 1]).update_yaxes(range=[0, 1.1 * top])


def subgroups(groups: Sequence[Subgroup], height: int | None = None) -> go.Figure:
    """Sensitivity and specificity of each subgroup with 95 % intervals, one line each."""
    figure = go.Figure()
    names = [f"{g.value} (n {g.n:,})" for g in groups]
    for what, colour, shift in (("sensitivity", ILL, 0.14), ("specificity", WELL, -0.14)):
        kept = [(k, i) for k, g in enumerate(groups) if (i := getattr(g, what)) is not None]
        figure.add_trace(
            go.Scatter(
                x=[i.value for _, i in kept], y=[k + shift for k, _ in kept], mode="markers",
                name=what, marker={"color": colour, "size": 8},
                error_x={
                    "type": "data", "symmetric": False, "thickness": 1.4, "width": 3,
                    "array": [i.high - i.value for _, i in kept],
                    "arrayminus": [i.value - i.low for _, i in kept],
                },
                customdata=[[names[k], i.low, i.high] for k, i in kept],
                hovertemplate="%{customdata[0]}<br>" + what + " %{x:.1%} "
                "(%{customdata[1]:.1%} to %{customdata[2]:.1%})<extra></extra>",
            )
        )  # fmt: skip
    _axes(figure, "Share, with 95 % interval", "", height or 110 + 44 * len(groups))
    _legend(figure, True)
    figure.update_xaxes(range=[-0.02, 1.02])
    return figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, automargin=True,
        range=[len(names) - 0.5, -0.5], showgrid=False, zeroline=False,
    )  # fmt: skip


def _line(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    name: str,
    colour: str,
    hover: str,
    thresholds: NDArray[np.float64] | None = None,
) -> go.Scatter:
    return go.Scatter(
        x=x, y=y, mode="lines", name=name, line={"color": colour, "width": 2},
        customdata=thresholds, hovertemplate=hover,
    )  # fmt: skip


def _chance(x: tuple[float, float], y: tuple[float, float], name: str) -> go.Scatter:
    return go.Scatter(
        x=x, y=y, mode="lines", name=name, line={"color": QUIET, "width": 1, "dash": "dot"},
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def _axes(figure: go.Figure, x: str, y: str, height: int) -> None:
    figure.update_layout(
        height=height, showlegend=False, dragmode=False, hovermode="closest",
        margin={"l": MARGIN_LEFT, "r": MARGIN_RIGHT, "t": 10, "b": 38 if x else 20, "pad": 0},
    )  # fmt: skip
    for axes, title in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
        axes(
            title={"text": title, "font": {"size": 12}, "standoff": 6}, tickfont={"size": 11},
            fixedrange=True, automargin=False,
        )  # fmt: skip


def _legend(figure: go.Figure, show: bool) -> None:
    if show:
        figure.update_layout(
            showlegend=True,
            margin_t=30,
            legend={
                "orientation": "h",
                "x": 0,
                "y": 1.0,
                "yanchor": "bottom",
                "font": {"size": 11},
            },
        )


def _note(
    figure: go.Figure, text: str, x: float, y: float, anchor: str, colour: str | None = None
) -> None:
    font: dict[str, Any] = {"size": 12}
    if colour is not None:
        font["color"] = colour
    figure.add_annotation(
        text=text, x=x, y=y, xref="paper", yref="paper", xanchor=anchor, showarrow=False, font=font,
        yanchor="middle",
    )  # fmt: skip


def _square_ticks(most: float) -> list[int]:
    """Two or three round counts that lie far apart on a square-root scale."""
    ticks = [n for n in (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000) if n <= most]
    return ticks[-2:] if len(ticks) > 1 else ticks


def _with_interval(value: Interval) -> str:
    return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"
