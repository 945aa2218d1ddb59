"""Which pixels of a film a unit can see, worked out from kernels, strides and paddings alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import graph

if TYPE_CHECKING:
    import keras

# Numbers of units along one axis, rising.
Units = NDArray[np.intp]
# What a layer of these kinds gives at a place, it makes of that place alone.
_IN_PLACE = {
    "Activation", "Add", "BatchNormalization", "Concatenate", "Dropout", "LeakyReLU", "Maximum",
    "Multiply", "Normalization", "PReLU", "ReLU", "Rescaling", "Subtract", "Average", "Negative",
    "LocalResponseNormalisation", "GaussianNoise", "SpatialDropout2D", "LayerNormalization",
}  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """Along rows or columns: unit i sees pixels low + i·jump up to, not with, high + i·jump."""

    low: int = 0
    high: int = 1
    jump: int = 1

    def slid(self, kernel: int, stride: int, before: int) -> Axis:
        """After a window of `kernel` units every `stride`, with `before` units of padding."""
        return Axis(
            self.low - before * self.jump,
            self.high + (kernel - 1 - before) * self.jump,
            self.jump * stride,
        )

    def joined(self, other: Axis) -> Axis:
        return Axis(min(self.low, other.low), max(self.high, other.high), self.jump)


@dataclass(frozen=True)
class ReceptiveField:
    """What the units of a layer can see. whole: the whole image, through pooling or dense layers.

    size: pixels a side, (rows, columns), before the image's edge cuts it. jump: pixels between
    neighbours. shape: pixels of the image.
    """

    rows: Axis
    columns: Axis
    whole: bool
    shape: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        if self.whole:
            return self.shape
        return self.rows.high - self.rows.low, self.columns.high - self.columns.low


def receptive_field(network: keras.Model, layer: str) -> ReceptiveField:
    """The receptive field of a layer's units in a flat graph of one image input.

    A kind of layer that is not known here counts as seeing everything that it reads. Raises
    ConfigError where there is no such layer.
    """
    graph.layer(network, layer)
    _, height, width, _ = network.input_shape
    start = ReceptiveField(Axis(), Axis(), False, (height, width))
    known: dict[str, ReceptiveField] = {}
    for found in network.layers:
        node = found._inbound_nodes[0]
        before = [known[p.operation.name] for p in node.parent_nodes]
        known[found.name] = _after(found, before) if before else start
        if found.name == layer:
            break
    return known[layer]


def seen_by(
    network: keras.Model, layer: str, row: int, column: int
) -> tuple[int, int, int, int] | None:
    """(top, bottom, left, right) pixels that one unit sees, the last ones not included.

    Followed back from the unit, so that edges and padding count as they do in the network. None
    for a unit that sees padding alone. Raises ConfigError where there is no such layer.
    """
    graph.layer(network, layer)
    reached: dict[str, tuple[Units, Units]] = {layer: (np.array([row]), np.array([column]))}
    for found in reversed(network.layers):
        if found.name not in reached:
            continue
        parents = [p.operation for p in found._inbound_nodes[0].parent_nodes]
        for parent in parents:
            before = _before(found, reached[found.name], parent.output.shape)
            if before is None:
                continue
            if parent.name in reached:
                old = reached[parent.name]
                before = np.union1d(before[0], old[0]), np.union1d(before[1], old[1])
            reached[parent.name] = before
    start = reached.get(network.layers[0].name)
    if start is None:
        return None
    rows, columns = start
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _before(found: Any, units: tuple[Units, Units], shape: Any) -> tuple[Units, Units] | None:
    """Units of a layer's input, of `shape`, that `units` of its output read, by axis."""
    from keras import layers

    if len(shape) != 4:
        return np.array([0]), np.array([0])
    lengths = shape[1:3]
    if isinstance(found, layers.ZeroPadding2D):
        windows = [(1, 1, 1, found.padding[axis][0]) for axis in (0, 1)]
    elif window := _window(found):
        windows = [
            (
                kernel,
                stride,
                dilation,
                _padding(found.padding, n, (kernel - 1) * dilation + 1, stride),
            )
            for kernel, stride, dilation, n in zip(*window, lengths, strict=True)
        ]
    elif type(found).__name__ in _IN_PLACE:
        windows = [(1, 1, 1, 0)] * 2
    else:
        return np.arange(lengths[0]), np.arange(lengths[1])
    both = []
    for read_by, (kernel, stride, dilation, padding), n in zip(
        units, windows, lengths, strict=True
    ):
        taps = read_by[:, None] * stride - padding + np.arange(kernel) * dilation
        taps = np.unique(taps[(taps >= 0) & (taps < n)])
        if not taps.size:
            return None
        both.append(taps)
    return both[0], both[1]


def _window(found: Any) -> tuple[Any, Any, Any] | None:
    """Kernel, strides and dilation of a layer that slides a window over rows and columns."""
    from keras import layers

    windowed = (
        layers.Conv2D | layers.DepthwiseConv2D | layers.MaxPooling2D | layers.AveragePooling2D
    )
    if not isinstance(found, windowed) or found.data_format != "channels_last":
        return None
    kernel = getattr(found, "kernel_size", None) or found.pool_size
    return kernel, found.strides, getattr(found, "dilation_rate", (1, 1))


def _after(found: Any, before: list[ReceptiveField]) -> ReceptiveField:
    from keras import layers

    first = before[0]
    rows, columns = first.rows, first.columns
    whole = any(f.whole for f in before)
    for other in before[1:]:
        rows, columns = rows.joined(other.rows), columns.joined(other.columns)
    if isinstance(found, layers.ZeroPadding2D):
        (top, _), (left, _) = found.padding
        rows, columns = rows.slid(1, 1, top), columns.slid(1, 1, left)
    elif window := _window(found):
        rows, columns = (
            axis.slid(reach, stride, _padding(found.padding, length, reach, stride))
            for axis, length, stride, reach in zip(
                (rows, columns),
                found.input.shape[1:3],
                window[1],
                [(k - 1) * d + 1 for k, d in zip(window[0], window[2], strict=True)],
                strict=True,
            )
        )
    elif type(found).__name__ not in _IN_PLACE:
        whole = True
    return ReceptiveField(rows, columns, whole, first.shape)


def _padding(kind: str, length: int, reach: int, stride: int) -> int:
    """Units put before the first by 'same' padding, as TensorFlow does it."""
    if kind == "valid":
        return 0
    places = -(-length // stride)
    return max((places - 1) * stride + reach - length, 0) // 2
