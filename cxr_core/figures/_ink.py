"""Letters dark or light enough to be read from the last row."""

from __future__ import annotations

import plotly.graph_objects as go

_INK = {True: "#e6eaee", False: "#1b2430"}


def legible(figure: go.Figure, dark: bool) -> go.Figure:
    """The same figure with every letter that has no colour of its own in the theme's text colour.

    Streamlit's own theme draws them grey, about 4 : 1 against the ground: too faint to project.
    """
    ink = _INK[dark]
    figure.update_layout(font_color=ink, legend_font_color=ink)
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(tickfont_color=ink, title_font_color=ink)
    for note in figure.layout.annotations:
        if note.font.color is None:
            note.font.color = ink
    for trace in figure.data:
        if trace.type == "scatter" and trace.textfont.color is None:
            trace.textfont.color = ink
    return figure
