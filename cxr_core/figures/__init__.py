"""Schema objects → plotly figures, one file per page. Numbers are computed elsewhere."""

from cxr_core.figures._film import (
    COLOUR_MAPS,
    FILM_CONFIG,
    LEAST_TOP,
    OPACITY_STEPS,
    SMOOTH,
    STILL_CONFIG,
    UNIT,
    View,
    Viewport,
    colour_scale,
    colour_table,
    film,
    probability_bar,
    scale_top,
)

__all__ = [
    "COLOUR_MAPS",
    "FILM_CONFIG",
    "LEAST_TOP",
    "OPACITY_STEPS",
    "SMOOTH",
    "STILL_CONFIG",
    "UNIT",
    "View",
    "Viewport",
    "colour_scale",
    "colour_table",
    "film",
    "probability_bar",
    "scale_top",
]
