"""A film with its heatmap, and the bar of its probability, as plotly figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from cxr_core.explain import upsample
from cxr_core.schema import Heatmap, Prediction

View = Literal["Overlay", "Side by side", "Film"]

# Uniform in lightness and told apart with any common colour vision (matplotlib's and cividis').
COLOUR_MAPS = ("Inferno", "Viridis", "Cividis")
OPACITY_STEPS = tuple(range(0, 101, 5))
UNIT = "logit per cell"
# The small map is enlarged this much here: the browser's own smoothing runs past its edge cells.
SMOOTH = 8

_PNEUMONIA, _REFER = "#D55E00", "#E69F00"
_QUIET = "rgba(128,138,150,0.35)"


@dataclass(frozen=True)
class Viewport:
    """What of a figure is seen. x, y: axis ranges in film pixels; None shows the whole film."""

    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None
    opacity: int = 45

    def shows_all(self, rows: int, columns: int) -> bool:
        """Whether all of a film lies in view, to half a per cent of its sides."""
        if self.x is None or self.y is None:
            return True
        slack_x, slack_y = 0.005 * columns, 0.005 * rows
        return (
            min(self.x) <= slack_x
            and max(self.x) >= columns - slack_x
            and min(self.y) <= slack_y
            and max(self.y) >= rows - slack_y
        )


def colour_scale(name: str, stops: int = 32) -> list[tuple[float, str]]:
    """A plotly colour scale that is clear where nothing contributes, so that the film shows.

    Raises ValueError for a name that is not in COLOUR_MAPS.
    """
    if name not in COLOUR_MAPS:
        raise ValueError(f"Expected one of {', '.join(COLOUR_MAPS)}; received {name!r}.")
    at = np.linspace(0, 1, stops)
    colours = sample_colorscale(name.lower(), list(at), colortype="tuple")
    # Full strength from 40 % of the scale on: below, colour fades with the contribution.
    return [
        (float(t), f"rgba({r * 255:.0f},{g * 255:.0f},{b * 255:.0f},{min(1.0, t / 0.4):.3f})")
        for t, (r, g, b) in zip(at, colours, strict=True)
    ]


def colour_table(name: str) -> NDArray[np.uint8]:
    """The same scale as (256, 4) RGBA uint8, for pictures drawn without plotly."""
    parts = [c[5:-1].split(",") for _, c in colour_scale(name, 256)]
    table = np.array([[float(v) for v in part] for part in parts])
    table[:, 3] *= 255
    rounded: NDArray[np.uint8] = np.rint(table).astype(np.uint8)
    return rounded


def film(
    image: str,
    size: tuple[int, int],
    heatmap: Heatmap | None = None,
    *,
    view: View = "Overlay",
    colours: str = "Inferno",
    top: float = 1.0,
    viewport: Viewport | None = None,
    height: int = 600,
) -> go.Figure:
    """A film with its heatmap: drag to pan, wheel to zoom, a slider for the opacity inside.

    image: data URI of the rendered film. size: (rows, columns) of the film; axes are in its
    pixels. top: contribution that the colour scale ends at, in units of the logit. The slider
    restyles the figure in the browser: nothing is sent and the zoom stays.
    """
    rows, columns = size
    viewport = viewport or Viewport()
    has_map = heatmap is not None and not heatmap.flat and view != "Film"
    panels = 2 if view == "Side by side" and has_map else 1
    figure = go.Figure()
    for k in range(1, panels + 1):
        _axes(figure, k, panels, rows, columns, viewport)
        suffix = "" if k == 1 else str(k)
        figure.add_layout_image(
            source=image, xref=f"x{suffix}", yref=f"y{suffix}", x=0, y=0,
            sizex=columns, sizey=rows, sizing="stretch", layer="below",
        )  # fmt: skip
    if has_map and heatmap is not None:
        figure.add_trace(_overlay(heatmap, rows, columns, colours, top, panels, viewport.opacity))
        figure.update_layout(sliders=[_opacity_slider(viewport.opacity)])
    else:
        # Axes without a trace are not drawn at all.
        figure.add_trace(
            go.Scatter(x=[0, columns], y=[0, rows], mode="markers", marker_opacity=0,
                       hoverinfo="skip", showlegend=False)
        )  # fmt: skip
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 0, "b": 62 if has_map else 0},
        plot_bgcolor="#000000",
        dragmode="pan",
        hovermode="closest",
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0.4)", "color": "#9aa7b4"},
    )
    return figure


FILM_CONFIG: dict[str, Any] = {
    "scrollZoom": True,
    "displayModeBar": True,
    "doubleClick": "autosize",
    "modeBarButtons": [["zoomIn2d", "zoomOut2d", "autoScale2d"]],
}
STILL_CONFIG: dict[str, Any] = {"staticPlot": True, "displayModeBar": False}


def probability_bar(prediction: Prediction, height: int = 78) -> go.Figure:
    """Probability of pneumonia from 0 to 1 with the operating point and the refer band on it."""
    point, p = prediction.operating_point, prediction.probability
    figure = go.Figure([_bar(1, _QUIET, "normal"), _bar(p, _PNEUMONIA, "pneumonia")])
    figure.add_shape(
        type="rect", x0=point.refer_low, x1=point.refer_high, y0=-1, y1=1, fillcolor=_REFER,
        opacity=0.45, line_width=0, layer="above",
    )  # fmt: skip
    figure.add_shape(
        type="line",
        x0=point.threshold,
        x1=point.threshold,
        y0=-1,
        y1=1,
        line={"color": "#808b96", "width": 3},
    )
    refer = f"refer to a reader {point.refer_low:.2f}–{point.refer_high:.2f}"
    labels = (
        (
            _inside(point.threshold, 0.22),
            1,
            "bottom",
            "center",
            f"operating point {point.threshold:.2f}",
        ),
        (_inside((point.refer_low + point.refer_high) / 2, 0.34), 0, "top", "center", refer),
        (0, 0, "top", "left", "0"),
        (1, 0, "top", "right", "1"),
    )
    for x, y, yanchor, xanchor, text in labels:
        figure.add_annotation(
            x=x, y=y, yref="paper", yanchor=yanchor, xanchor=xanchor, text=text, showarrow=False,
            font_size=12,
        )  # fmt: skip
    figure.update_layout(
        height=height,
        margin={"l": 2, "r": 2, "t": 21, "b": 23},
        barmode="overlay",
        showlegend=False,
        bargap=0,
        xaxis={"visible": False, "range": [0, 1], "fixedrange": True},
        yaxis={"visible": False, "range": [-1, 1], "fixedrange": True},
    )
    return figure


def _bar(length: float, colour: str, name: str) -> go.Bar:
    return go.Bar(
        x=[length], y=[0], width=1.4, orientation="h", marker_color=colour, marker_line_width=0,
        name=name, hoverinfo="skip",
    )  # fmt: skip


def _inside(x: float, margin: float) -> float:
    """Where a label's middle may lie so that it is not cut at either end nor covers 0 and 1."""
    return min(max(x, margin), 1 - margin)


def _axes(
    figure: go.Figure, k: int, panels: int, rows: int, columns: int, viewport: Viewport
) -> None:
    suffix = "" if k == 1 else str(k)
    gap = 0.01
    width = (1 - gap * (panels - 1)) / panels
    left = (k - 1) * (width + gap)
    x: dict[str, Any] = {
        "domain": [left, left + width],
        "range": list(viewport.x or (0, columns)),
        # What 'autoscale' and a double click go back to, wherever the figure was drawn.
        "autorangeoptions": {"minallowed": 0, "maxallowed": columns},
        "anchor": f"y{suffix}",
    }
    y: dict[str, Any] = {
        "range": _rows_in_view(viewport, rows),
        "autorangeoptions": {"minallowed": 0, "maxallowed": rows},
        "anchor": f"x{suffix}",
        "scaleanchor": f"x{suffix}",
        "scaleratio": 1,
    }
    if k > 1:
        x["matches"], y["matches"] = "x", "y"
        del y["scaleanchor"], y["scaleratio"]
    for axis, settings in ((f"xaxis{suffix}", x), (f"yaxis{suffix}", y)):
        settings |= {"visible": False, "constrain": "range"}
        figure.update_layout({axis: settings})


def _rows_in_view(viewport: Viewport, rows: int) -> list[float]:
    """The y range to ask for. Zoomed, the width decides: plotly widens rows around their middle.

    Side by side a panel is half as wide; its rows would shrink the film on the way back.
    """
    if viewport.y is None or viewport.x is None:
        return [rows, 0]
    middle = sum(viewport.y) / 2
    return [middle + 0.5, middle - 0.5]


def _overlay(
    heatmap: Heatmap, rows: int, columns: int, colours: str, top: float, panel: int, opacity: int
) -> go.Heatmap:
    h, w = (SMOOTH * n for n in heatmap.values.shape)
    values = upsample(heatmap, (h, w))
    word = "pneumonia" if heatmap.label == "PNEUMONIA" else "normal"
    suffix = "" if panel == 1 else str(panel)
    return go.Heatmap(
        z=values,
        # Each cell of the map is the centre of its share of the film.
        x=(np.arange(w) + 0.5) * columns / w,
        y=(np.arange(h) + 0.5) * rows / h,
        xaxis=f"x{suffix}",
        yaxis=f"y{suffix}",
        zsmooth="best",
        zmin=0,
        zmax=top,
        colorscale=colour_scale(colours),
        opacity=opacity / 100,
        name="heatmap",
        hovertemplate=f"speaks for {word}: %{{z:.3f}} {UNIT}<extra></extra>",
        colorbar={
            "title": {"text": f"speaks for {word}, {UNIT}", "side": "top", "font": {"size": 12}},
            "orientation": "h", "thickness": 9, "len": 0.42, "x": 0.75, "y": -0.015,
            "yanchor": "top", "xpad": 0, "ypad": 6, "outlinewidth": 0,
            "tickvals": [0, top / 2, top], "tickformat": ".2f",
            "bgcolor": "rgba(0,0,0,0)",
        },
    )  # fmt: skip


def _opacity_slider(active: int) -> dict[str, Any]:
    return {
        "active": min(range(len(OPACITY_STEPS)), key=lambda k: abs(OPACITY_STEPS[k] - active)),
        "steps": [
            {"method": "restyle", "args": [{"opacity": v / 100}, [0]], "label": f"{v} %"}
            for v in OPACITY_STEPS
        ],
        "currentvalue": {
            "prefix": "Heatmap opacity ", "suffix": "   keys [ and ]", "xanchor": "left",
            "offset": 4, "font": {"size": 12, "color": "#808b96"},
        },
        "x": 0.01, "len": 0.46, "y": 0, "yanchor": "top",
        "pad": {"t": 8, "b": 0},
        "ticklen": 0, "minorticklen": 0,
        "font": {"size": 1, "color": "rgba(0,0,0,0)"},
        "bgcolor": _QUIET, "activebgcolor": "#5aa9e6", "bordercolor": _QUIET,
    }  # fmt: skip
