"""A stored `.keras` file → its numbers and its multiply-adds, without Keras."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from cxr_core.comparison._weights import numbers_in

Json: TypeAlias = Any

# Layers that multiply and that are not counted here: a network with one has no figure.
_NOT_COUNTED = ("Attention", "Conv", "EinsumDense", "GRU", "LSTM", "RNN")


@dataclass(frozen=True)
class Stored:
    """params: numbers without an optimiser's; macs: multiply-adds of one image. None: unknown."""

    params: int | None = None
    macs: int | None = None


@lru_cache(maxsize=64)
def read(path: Path, changed: int) -> Stored:
    """changed: when the file was, so that it is read again once it has been replaced."""
    try:
        with zipfile.ZipFile(path) as archive:
            params = numbers_in(io.BytesIO(archive.read("model.weights.h5")))
            config = json.loads(archive.read("config.json"))
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile):
        return Stored()
    return Stored(params, multiply_adds(config))


def multiply_adds(config: Json) -> int | None:
    """Multiply-adds of one image, of a network as Keras serialises it; None where that is unknown.

    As `measure.count` counts a graph: convolutions and fully connected layers.
    """
    try:
        return sum(_of_layer(layer) for layer in config["config"]["layers"])
    except (KeyError, TypeError, ValueError):
        return None


def _of_layer(layer: Json) -> int:
    """Raises KeyError, TypeError or ValueError for a layer that cannot be counted."""
    kind, config = layer["class_name"], layer["config"]
    if "layers" in config:
        return sum(_of_layer(inner) for inner in config["layers"])
    if kind == "Dense":
        return math.prod(_shape(layer)) * int(config["units"])
    if kind not in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        if any(name in kind for name in _NOT_COUNTED):
            raise ValueError(kind)
        return 0
    high, wide, channels = _shape(layer)
    window = math.prod(int(n) for n in config["kernel_size"])
    places = math.prod(_after(config, i, n) for i, n in enumerate((high, wide)))
    if kind == "Conv2D":
        per_group = channels // int(config.get("groups") or 1)
        return places * window * per_group * int(config["filters"])
    spread = channels * int(config.get("depth_multiplier") or 1)
    mixed = spread * int(config["filters"]) if kind == "SeparableConv2D" else 0
    return places * (window * spread + mixed)


def _shape(layer: Json) -> Sequence[int]:
    """What the layer was built for, without the batch."""
    return [int(n) for n in layer["build_config"]["input_shape"][1:]]


def _after(config: Json, axis: int, length: int) -> int:
    """Length of a side after the layer."""
    stride, kernel = int(config["strides"][axis]), int(config["kernel_size"][axis])
    if config["padding"] == "same":
        return math.ceil(length / stride)
    reach = (kernel - 1) * int(config["dilation_rate"][axis])
    return (length - reach - 1) // stride + 1
