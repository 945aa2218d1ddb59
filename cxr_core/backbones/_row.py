"""What a backbone's row holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cxr_core.errors import ConfigError

Channels = tuple[float, float, float]


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
class InputScaling:
    """What a network's own preprocessing does to grey 0..255: x · scale + offset.

    inside: the graph does it itself, so that doing it outside as well would do it twice. A grey
    film has three equal channels, so that mode caffe's order of blue, green, red is the order of
    its means alone.
    """

    mode: Literal["tf", "torch", "caffe", "inside"]
    scale: float | Channels = 1.0
    offset: float | Channels = 0.0

    @property
    def inside(self) -> bool:
        return self.mode == "inside"


@dataclass(frozen=True)
class Figures:
    """ImageNet figures as somebody published them. params: a count; top1, top5: per cent."""

    params: int | None
    top1: float | None
    top5: float | None
    source: str


@dataclass(frozen=True)
class Operations:
    """Multiply-adds of one image as published, by the source that prints the most digits."""

    macs: float
    source: str


@dataclass(frozen=True)
class WeightsFile:
    """Keras' own file of ImageNet weights without the top. digest: md5 or sha256 as Keras states
    it, None where it states none."""

    url: str
    digest: str | None

    @property
    def filename(self) -> str:
        return self.url.rsplit("/", 1)[1]

    @property
    def path(self) -> Path:
        """Where Keras keeps it: below `$KERAS_HOME`, or ~/.keras."""
        home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
        return home / "models" / self.filename


@dataclass(frozen=True)
class Backbone:
    """A network of `keras.applications`.

    size: the side it was trained at. cam_layer: the last activation before pooling; where Keras
    leaves that layer's name to chance, `classifier.build` gives it this one. feature_layers: what
    the quality gate reads, early to late. last_stride: None where nobody worked it out. course:
    what the reference course says of it, where that differs. constructor: '' for the course's own
    network from scratch.
    """

    name: str
    constructor: str
    family: str
    year: int
    paper: str
    size: int
    scaling: InputScaling
    cam_layer: str
    feature_layers: tuple[str, ...]
    published: Figures
    operations: Operations | None = None
    course: Figures | None = None
    weights: WeightsFile | None = None
    last_stride: LastStride | None = None

    @property
    def scale(self) -> float | Channels:
        return self.scaling.scale

    @property
    def offset(self) -> float | Channels:
        return self.scaling.offset


def choose(rows: tuple[Backbone, ...], name: str) -> Backbone:
    """The row of that name. Raises ConfigError where there is none."""
    for row in rows:
        if row.name == name:
            return row
    known = ", ".join(b.name for b in rows)
    raise ConfigError(f"Expected a backbone out of {known}; received {name!r}. Choose one.")
