"""Backbones as data rows. Adding one adds a row; every parametrised test runs on it.

Figures: what Keras publishes (keras.io/api/applications), and beside it what the course says.
"""

from __future__ import annotations

from cxr_core.backbones._classic import CLASSIC
from cxr_core.backbones._efficient import EFFICIENT, SCALED, STAGES
from cxr_core.backbones._mobile import MOBILE
from cxr_core.backbones._row import (
    Backbone,
    Figures,
    InputScaling,
    LastStride,
    Operations,
    WeightsFile,
    choose,
)

__all__ = [
    "BACKBONES",
    "SCALED",
    "SMALL_CNN",
    "STAGES",
    "Backbone",
    "Figures",
    "InputScaling",
    "LastStride",
    "Operations",
    "WeightsFile",
    "backbone",
]

BACKBONES: tuple[Backbone, ...] = (*MOBILE, *EFFICIENT, *CLASSIC)

# The course's own network from scratch; Keras has no constructor for it.
SMALL_CNN = Backbone(
    name="small-cnn",
    constructor="",
    family="Small CNN",
    year=2017,
    paper="Chollet 2017, Deep Learning with Python, section 5.2",
    size=150,
    scaling=InputScaling("tf", 1 / 255),
    cam_layer="pool_4",
    feature_layers=("pool_1", "pool_2", "pool_3", "conv_4", "pool_4"),
    published=Figures(None, None, None, "no ImageNet figures: it is trained from scratch"),
)


def backbone(name: str) -> Backbone:
    """The row of that name. Raises ConfigError where there is none."""
    return choose((*BACKBONES, SMALL_CNN), name)
