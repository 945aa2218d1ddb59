"""Backbones as data rows. Adding one adds a row; every parametrised test runs on it."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_core.errors import ConfigError


@dataclass(frozen=True)
class LastStride:
    """The layers that halve the map for the last time: what `classifier.without_last_stride` edits.

    convolution: the strided one. padding: the ZeroPadding2D before it, if any. after: every later
    convolution wider than 1×1.
    """

    convolution: str
    padding: str | None
    after: tuple[str, ...]


@dataclass(frozen=True)
class Backbone:
    """A network of `keras.applications`.

    scale, offset: what its own preprocessing does to 0..255. cam_layer: the last convolutional
    activation before pooling. feature_layers: what the quality gate reads, early to late.
    """

    name: str
    constructor: str
    scale: float
    offset: float
    cam_layer: str
    feature_layers: tuple[str, ...]
    last_stride: LastStride
    paper: str


BACKBONES: tuple[Backbone, ...] = (
    Backbone(
        name="mobilenetv2",
        constructor="MobileNetV2",
        scale=1 / 127.5,
        offset=-1.0,
        cam_layer="out_relu",
        feature_layers=(
            "block_5_add",
            "block_9_add",
            "block_12_add",
            "block_15_add",
            "out_relu",
        ),
        last_stride=LastStride(
            convolution="block_13_depthwise",
            padding="block_13_pad",
            after=("block_14_depthwise", "block_15_depthwise", "block_16_depthwise"),
        ),
        paper="Sandler et al. 2018, arXiv 1801.04381",
    ),
)


def backbone(name: str) -> Backbone:
    """The row of that name. Raises ConfigError where there is none."""
    for row in BACKBONES:
        if row.name == name:
            return row
    known = ", ".join(b.name for b in BACKBONES)
    raise ConfigError(f"Expected a backbone out of {known}; received {name!r}. Choose one.")
