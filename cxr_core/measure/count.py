"""A network's graph → parameters, multiply-adds, layers and activations, without running it.

`python -m cxr_core.measure.count` counts every backbone and writes comparison/counts.json.
"""

from __future__ import annotations

import math
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from cxr_core import comparison
from cxr_core.backbones import BACKBONES, Backbone
from cxr_core.comparison import Counts, Share

if TYPE_CHECKING:
    import keras

DENSE = "fully connected"
NORMALISATION = "normalisation"
OTHER = "other"
COMMAND = "python -m cxr_core.measure.count"


@dataclass(frozen=True)
class LayerCount:
    """One layer, or one half of a separable convolution. kernel: weights without biases."""

    name: str
    kind: str
    params: int
    kernel: int
    macs: int


def network(row: Backbone, size: int | None = None) -> keras.Model:
    """The network as published: with its top for 1,000 classes, at its own size, random weights."""
    import keras

    constructor = getattr(keras.applications, row.constructor)
    side = size or row.size
    model: keras.Model = constructor(weights=None, input_shape=(side, side, 3))
    return model


def count(row: Backbone, size: int | None = None) -> Counts:
    """Build the row's network and count it. size: the side of its input, its own unless given."""
    import keras

    model = network(row, size)
    base = getattr(keras.applications, row.constructor)(
        weights=None, include_top=False, input_shape=(size or row.size, size or row.size, 3)
    )
    return counted(model, row.name, base.count_params())


def counted(model: keras.Model, name: str, without_top: int) -> Counts:
    """Counts of any Keras graph of one image. without_top: parameters before the classifier."""
    parts = list(layer_counts(model))
    layers = list(_flat(model))
    kinds = dict.fromkeys(part.kind for part in parts)
    return Counts(
        name=name,
        size=int(model.input_shape[1]),
        params=int(model.count_params()),
        params_without_top=int(without_top),
        trainable=sum(math.prod(v.shape) for v in model.trainable_variables),
        macs=sum(part.macs for part in parts),
        layers=len(layers),
        weighted=sum(1 for layer in layers if _shape_of_kernel(layer) is not None),
        activations=sum(_elements(layer.output) for layer in layers),
        peak_activations=peak_activations(model),
        by_type=tuple(_share(kind, [p for p in parts if p.kind == kind]) for kind in kinds),
    )


def layer_counts(model: keras.Model) -> Iterator[LayerCount]:
    """Every layer with parameters, in the order of the graph.

    A multiply-add is one multiplication with its addition. As in the papers, only convolutions and
    fully connected layers have any; a 1×1 convolution of a 1×1 map is fully connected, and a dense
    layer over a map is a 1×1 convolution.
    """
    for layer in _flat(model):
        params = int(layer.count_params())
        kernel = _shape_of_kernel(layer)
        if kernel is None:
            if params:
                kind = NORMALISATION if "Norm" in type(layer).__name__ else OTHER
                yield LayerCount(layer.name, kind, params, 0, 0)
        elif type(layer).__name__ == "SeparableConv2D":
            yield from _separable(layer, params)
        else:
            weights = math.prod(kernel)
            positions = math.prod(layer.output.shape[1:-1])
            kind = _kind(layer, kernel, positions)
            yield LayerCount(layer.name, kind, params, weights, weights * positions)


def peak_activations(model: keras.Model) -> int:
    """Elements that must be held at once, the layers run in order and each output is freed after
    its last use: what inference needs at the least."""
    order = list(model.operations)
    last_use: dict[int, int] = {}
    for i, operation in enumerate(order):
        for tensor in _tensors(operation.input) if i else ():
            last_use[id(tensor)] = i
    for tensor in model.outputs:
        last_use[id(tensor)] = len(order)
    held = most = 0
    alive: dict[int, int] = {}
    for i, operation in enumerate(order):
        for tensor in _tensors(operation.output):
            alive[id(tensor)] = _elements(tensor)
            held += alive[id(tensor)]
        most = max(most, held)
        for key in [k for k in alive if last_use.get(k, i) <= i]:
            held -= alive.pop(key)
    return most


def main(names: Sequence[str]) -> int:
    """Count the rows of those names, or all, and write the committed table."""
    rows = [row for row in BACKBONES if not names or row.name in names]
    done = {} if not names else dict(comparison.counts())
    import keras

    for row in rows:
        keras.backend.clear_session()
        done[row.name] = count(row)
        print(f"{row.name}: {done[row.name].params:,} parameters, {done[row.name].gmacs:.3f} G")
    how = {
        "command": COMMAND,
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("keras", "tensorflow")},
    }
    ordered = [asdict(done[row.name]) for row in BACKBONES if row.name in done]
    comparison.write_counts({"counted_with": how, "rows": ordered})
    return 0


def _separable(layer: Any, params: int) -> Iterator[LayerCount]:
    depthwise, pointwise = (math.prod(w.shape) for w in (layer.weights[0], layer.weights[1]))
    positions = math.prod(layer.output.shape[1:-1])
    side = layer.kernel_size[0]
    kind = f"depthwise {side}×{side}"
    yield LayerCount(layer.name, kind, depthwise, depthwise, depthwise * positions)
    yield LayerCount(
        layer.name, "convolution 1×1", params - depthwise, pointwise, pointwise * positions
    )


def _kind(layer: Any, kernel: tuple[int, ...], positions: int) -> str:
    if len(kernel) == 2:
        return DENSE if positions == 1 else "convolution 1×1"
    high, wide = kernel[:2]
    name = type(layer).__name__
    groups = layer.input.shape[-1] if name == "DepthwiseConv2D" else layer.groups
    if groups > 1:
        return f"depthwise {high}×{wide}" if groups == layer.input.shape[-1] else OTHER
    if (high, wide) == (1, 1) and math.prod(layer.input.shape[1:-1]) == 1:
        return DENSE
    return f"convolution {high}×{wide}"


def _shape_of_kernel(layer: Any) -> tuple[int, ...] | None:
    """What multiplies the input: (h, w, in per group, out), (h, w, in, multiplier) or (in, out)."""
    if type(layer).__name__ in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense"):
        return tuple(int(n) for n in layer.weights[0].shape)
    return None


def _share(kind: str, parts: list[LayerCount]) -> Share:
    return Share(
        kind,
        len(parts),
        sum(p.params for p in parts),
        sum(p.kernel for p in parts),
        sum(p.macs for p in parts),
    )


def _flat(model: Any) -> Iterator[Any]:
    """Layers in order, those of nested networks in their place, inputs left out."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _flat(layer)
        elif type(layer).__name__ != "InputLayer":
            yield layer


def _tensors(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _elements(tensor: Any) -> int:
    return math.prod(int(n) for n in tensor.shape[1:])


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main(sys.argv[1:]))
