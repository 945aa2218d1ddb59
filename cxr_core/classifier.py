"""Backbone + head → a flat Keras graph that ends in a logit; freezing; the serving file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cxr_core.backbones import Backbone
from cxr_core.errors import ConfigError, ModelError

if TYPE_CHECKING:
    import keras

    # What modules that may not import Keras name a network by.
    Network: TypeAlias = keras.Model

LOGIT = "logit"


def build(
    backbone: Backbone, *, size: int = 224, dropout: float = 0.3, weights: str | None = "imagenet"
) -> keras.Model:
    """A flat graph: (size, size, 1) grey 0..255 → backbone → mean pooling → logit of pneumonia.

    The backbone's own input scaling is part of the graph, so it is applied exactly once. Batch
    normalisation is frozen in inference mode. Downloads ImageNet weights where Keras has not
    stored them yet; raises ModelError where that fails.
    """
    import keras
    from keras import layers

    film = keras.Input((size, size, 1), name="film")
    x = layers.Rescaling(backbone.scale, backbone.offset, name="scale")(film)
    x = layers.Concatenate(name="grey_to_rgb")([x, x, x])
    constructor = getattr(keras.applications, backbone.constructor)
    try:
        base = constructor(include_top=False, weights=weights, input_tensor=x)
    except Exception as error:
        raise ModelError(
            f"Expected {backbone.name}'s ImageNet weights, stored or downloadable; "
            f"received {type(error).__name__}. Connect to the internet once, or set KERAS_HOME "
            "to a folder that holds them."
        ) from error
    x = layers.GlobalAveragePooling2D(name="pool")(base.get_layer(backbone.cam_layer).output)
    x = layers.Dropout(dropout, name="dropout")(x)
    logit = layers.Dense(1, name=LOGIT)(x)
    model = keras.Model(film, logit, name=backbone.name)
    freeze(model, None)
    return model


def freeze(model: keras.Model, unfreeze_from: str | None) -> None:
    """Train the head and every layer from the one named `unfreeze_from` on (a prefix is enough).

    None trains the head alone, '' everything. Batch normalisation stays in inference mode
    throughout. Raises ConfigError where no layer has that name.
    """
    import keras

    names = [layer.name for layer in model.layers]
    if unfreeze_from is None:
        first = len(names)
    else:
        first = next((i for i, n in enumerate(names) if n.startswith(unfreeze_from)), -1)
        if first < 0:
            raise ConfigError(
                f"Expected the name of a layer of {model.name} to unfreeze from; "
                f"received {unfreeze_from!r}. Try one of {', '.join(names[4:10])}, …"
            )
    for i, layer in enumerate(model.layers):
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = layer.name == LOGIT or (i >= first and not is_norm)


def without_last_stride(model: keras.Model, row: Backbone) -> keras.Model:
    """The same weights with the last halving undone: a map of twice the rows and columns.

    The strided convolution runs at every position and the later ones skip every other one (à
    trous; Chen et al. 2015, arXiv 1412.7062). Every second cell of the map is exactly what it was;
    the cells between are what a film shifted by half a cell would give, so the pooled logit is the
    mean of four shifts.
    """
    import keras

    last = row.last_stride
    changes: dict[str | None, dict[str, Any]] = {
        last.convolution: {"strides": (1, 1)},
        last.padding: {"padding": ((0, 2), (0, 2))},
        **{name: {"dilation_rate": (2, 2)} for name in last.after},
    }
    config = model.get_config()
    for layer in config["layers"]:
        layer["config"].update(changes.get(layer["name"], {}))
    finer: keras.Model = keras.Model.from_config(config)
    finer.set_weights(model.get_weights())
    return finer


def serving_model(
    model: keras.Model, cam_layer: str, feature_layers: tuple[str, ...]
) -> keras.Model:
    """One forward pass → logit (n, 1), signed CAM (n, h, w, 1) and features (n, F).

    For mean pooling → Dense(1), Grad-CAM's weights at the pooled layer are kernel / (h·w), so the
    map is A @ kernel / (h·w) before its ReLU (Selvaraju et al. 2017, section 3.1).
    features: means over space of each of `feature_layers`, concatenated.
    """
    import keras
    from keras import layers, ops

    activation = model.get_layer(cam_layer).output
    kernel, _ = model.get_layer(LOGIT).get_weights()
    h, w = activation.shape[1:3]
    cam_conv = layers.Conv2D(1, 1, use_bias=False, name="cam")
    cam = cam_conv(activation)
    cam_conv.set_weights([(kernel / (h * w))[None, None]])
    pooled = [ops.mean(model.get_layer(name).output, axis=(1, 2)) for name in feature_layers]
    features = ops.concatenate(pooled, axis=-1)
    outputs = {"logit": model.output, "cam": cam, "features": features}
    return keras.Model(model.input, outputs, name=f"{model.name}_serving")


def load(path: Path) -> keras.Model:
    """A network from a `.keras` file; code stored in the file is refused. Raises ModelError."""
    import keras

    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise ModelError(
            f"Expected a network saved by Keras in {path.name}; received one that does not load "
            f"({type(error).__name__}). Copy the file again or train it again."
        ) from error


def export_serving(serving: keras.Model, path: Path) -> None:
    """Write the LiteRT file that `serve` runs: float32, signature outputs by name, batch of 1."""
    import keras
    import tensorflow as tf

    film = keras.InputSpec(shape=(1, *serving.input_shape[1:]), dtype="float32", name="film")
    # By way of Keras' own export: converted from a plain tf.function, Keras 3's variables stay
    # outside the file and every output is NaN.
    with tempfile.TemporaryDirectory() as folder:
        serving.export(folder, input_signature=[film], verbose=False)
        content: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    os.replace(temporary, path)
