"""Architectures from scratch, one file each, written to be read. Their rows: `architectures`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_core.architectures import Architecture, architecture

if TYPE_CHECKING:
    import keras

LOGIT = "logit"


def build(
    key: str,
    input_shape: tuple[int, int, int] | None = None,
    classes: int | None = None,
    activation: str | None = None,
) -> keras.Model:
    """The network of that row, with random weights.

    input_shape, classes: the row's own where None. activation: of the scores; None gives logits.
    Raises ConfigError for another key.
    """
    row = architecture(key)
    network: keras.Model = resolve(row.builder)(
        input_shape or row.input_shape, classes or row.classes, activation
    )
    return network


def block(row: Architecture) -> keras.Model:
    """The block that a row is known for, alone; the whole network where it has none."""
    network: keras.Model = resolve(row.block or row.builder)()
    return network


def for_films(key: str, size: int | None = None, outputs: int = 1) -> keras.Model:
    """A flat graph to train from scratch: (size, size, 1) grey 0..255 → logit of pneumonia.

    size: pixels a side; the row's own where None. outputs: logits, one a class from 3 on. The last
    layer is named LOGIT. Raises ConfigError for another key.
    """
    import keras
    from keras import layers

    from cxr_core.graph import flat

    row = architecture(key)
    side = size or row.input_shape[0]
    film = keras.Input((side, side, 1), name="film")
    x = layers.Rescaling(1 / 255, name="scale")(film)
    network = build(key, (side, side, 1), 2)
    before = keras.Model(network.input, network.layers[-1].input)
    # In mixed precision as well, a logit keeps all its digits.
    logit = layers.Dense(outputs, name=LOGIT, dtype="float32")(before(x))
    return flat(keras.Model(film, logit), name=key)


def own_layers() -> None:
    """Make Keras know the layers of these networks that are not its own, so that files load."""
    from cxr_core.zoo import _layers

    _layers.classes()


def load(path: Path) -> keras.Model:
    """A saved network of these, with the layers that Keras does not know by itself."""
    import keras

    own_layers()
    return keras.models.load_model(path, compile=False, safe_mode=True)


def resolve(target: str) -> Any:
    """'package.module:function' → the function."""
    module, function = target.split(":")
    return getattr(importlib.import_module(module), function)
