"""The numbers that a layer holds or gives out, where they make no picture: kernels and vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

_AGAINST_FOR = [[0.0, "#0072B2"], [0.5, "#f2f2f2"], [1.0, "#D55E00"]]
# Larger kernels have no room for their numbers.
_WRITTEN = 7


def kernel(values: NDArray[np.float32], *, height: int = 520) -> go.Figure:
    """One filter (h, w) with its numbers, negative blue and positive orange."""
    most = float(np.abs(values).max()) or 1.0
    written = max(values.shape) <= _WRITTEN
    figure = go.Figure(
        go.Heatmap(
            z=values, zmin=-most, zmax=most, colorscale=_AGAINST_FOR, xgap=2, ygap=2,
            text=[[f"{v:.2g}" for v in row] for row in values] if written else None,
            texttemplate="%{text}" if written else None,
            textfont={"size": 22, "color": "#1b2430"},
            colorbar={"title": {"text": "weight", "font": {"size": 16}}, "tickfont": {"size": 15}},
            hovertemplate="row %{y}, column %{x}: %{z:.4g}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(height=height, margin={"l": 4, "r": 4, "t": 4, "b": 4},
                         plot_bgcolor="rgba(0,0,0,0)")  # fmt: skip
    figure.update_xaxes(visible=False, fixedrange=True, constrain="domain")
    figure.update_yaxes(
        visible=False, fixedrange=True, autorange="reversed", scaleanchor="x", constrain="domain"
    )
    return figure


def vector(values: Sequence[float] | NDArray[np.float32], *, height: int = 520) -> go.Figure:
    """What each unit of a layer without rows and columns says, by the unit's number."""
    figure = go.Figure(
        go.Bar(
            x=list(range(len(values))), y=[float(v) for v in values], marker_line_width=0,
            marker_color=["#D55E00" if v >= 0 else "#0072B2" for v in values],
            hovertemplate="unit %{x}: %{y:.4g}<extra></extra>",
        )
    )  # fmt: skip
    axis = {"tickfont": {"size": 16}, "fixedrange": True}
    figure.update_layout(
        height=height, bargap=0.05, margin={"l": 80, "r": 8, "t": 8, "b": 60},
        xaxis={**axis, "title": {"text": "unit", "font_size": 18}},
        yaxis={**axis, "title": {"text": "what it says", "font_size": 18}},
    )  # fmt: skip
    return figure
