"""Schema objects → plotly figures, one file per page. Numbers are computed elsewhere."""

from cxr_core.figures._blocks import block_diagram, layer_profile
from cxr_core.figures._convolution import (
    convolution_cost,
    convolution_picture,
    cost_ratio,
    in_words,
)
from cxr_core.figures._field import FIELD_CONFIG, TONES, Bubble, Tone, field
from cxr_core.figures._film import (
    COLOUR_MAPS,
    FILM_CONFIG,
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
)
from cxr_core.figures._ink import legible
from cxr_core.figures._layers import layer_shares, scaled_networks, scaling_curve
from cxr_core.figures._learn import deletion_curve, guesses, picture, tiles, two_losses
from cxr_core.figures._numbers import kernel, vector
from cxr_core.figures._spans import Span, spans

__all__ = [
    "COLOUR_MAPS",
    "FIELD_CONFIG",
    "FILM_CONFIG",
    "OPACITY_STEPS",
    "SMOOTH",
    "STILL_CONFIG",
    "TONES",
    "UNIT",
    "Bubble",
    "Span",
    "Tone",
    "View",
    "Viewport",
    "block_diagram",
    "colour_scale",
    "colour_table",
    "convolution_cost",
    "convolution_picture",
    "cost_ratio",
    "deletion_curve",
    "field",
    "film",
    "guesses",
    "in_words",
    "kernel",
    "layer_profile",
    "layer_shares",
    "legible",
    "picture",
    "probability_bar",
    "scaled_networks",
    "scaling_curve",
    "spans",
    "tiles",
    "two_losses",
    "vector",
]
