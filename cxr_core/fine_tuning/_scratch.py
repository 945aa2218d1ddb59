"""Which maps of an architecture with its own head Review and its quality gate read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxr_core.architectures import Architecture, unserved

if TYPE_CHECKING:
    import keras

# The last maps of different sizes whose means the quality gate reads.
MAPS = 4


def maps(network: keras.Model, row: Architecture) -> tuple[str, ...]:
    """Names of the last layer at each of the last sizes of the map, the one of Grad-CAM last.

    None where Review cannot have the network.
    """
    if unserved(row):
        return ()
    shapes = {layer.name: tuple(layer.output.shape) for layer in network.layers[1:]}
    every = {name: shape[1:3] for name, shape in shapes.items() if len(shape) == 4}
    smallest = list(every.values())[-1]
    last: dict[tuple[int, int], str] = {}
    for name, size in every.items():
        # Squeeze-and-excitation's own maps are of one place, beside the body's.
        if size >= smallest:
            last.pop(size, None)
            last[size] = name
    return tuple(last.values())[-MAPS:]
