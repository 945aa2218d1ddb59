"""Backbone + head → a flat Keras graph that ends in a logit; freezing; the serving file."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cxr_core.backbones import Backbone, LastStride
from cxr_core.errors import ConfigError, ModelError

if TYPE_CHECKING:
    import keras

    # What modules that may not import Keras name a network by.
    Network: TypeAlias = keras.Model

LOGIT = "logit"
HIDDEN = "hidden"
POOL = "pool"
HEAD = (HIDDEN, LOGIT)


def build(
    backbone: Backbone,
    *,
    size: int = 224,
    dropout: float = 0.3,
    weights: str | None = "imagenet",
    hidden: int = 0,
    hidden_dropout: float = 0.0,
    pooling: Literal["mean", "flatten"] = "mean",
    outputs: int = 1,
    until: str = "",
) -> keras.Model:
    """A flat graph: (size, size, 1) grey 0..255 → backbone → pooling → head → logit of pneumonia.

    The backbone's own input scaling is part of the graph, so it is applied exactly once. hidden:
    width of a ReLU layer before the logit, 0 for none; dropout before it, hidden_dropout after it.
    outputs: more than 1 for as many logits, one a class. until: the layer whose maps are pooled,
    the backbone's last unless named. The head alone learns until `freeze` says otherwise.
    Downloads ImageNet weights where Keras has not stored them yet; raises ModelError where that
    fails, ConfigError where no layer of maps has that name.
    """
    import keras
    from keras import layers

    film = keras.Input((size, size, 1), name="film")
    x = _body(backbone, _scaled(backbone, film), weights, until)
    x = layers.Flatten(name=POOL)(x) if pooling == "flatten" else _mean_pool(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = head(x, hidden, hidden_dropout, outputs)
    model = keras.Model(film, x, name=backbone.name)
    freeze(model, None)
    return model


def head(x: Any, hidden: int, hidden_dropout: float, outputs: int = 1) -> Any:
    """Pooled features (n, F) → logits (n, outputs), by way of a ReLU layer unless hidden is 0."""
    from keras import layers

    if hidden:
        x = layers.Dense(hidden, activation="relu", name=HIDDEN)(x)
        x = layers.Dropout(hidden_dropout, name="hidden_dropout")(x)
    # In mixed precision as well, a logit keeps all its digits.
    return layers.Dense(outputs, name=LOGIT, dtype="float32")(x)


def _scaled(backbone: Backbone, film: Any) -> Any:
    from keras import layers

    scale = layers.Rescaling(backbone.scale, backbone.offset, name="scale")
    to_rgb = layers.Concatenate(name="grey_to_rgb")
    if isinstance(backbone.offset, tuple):
        return scale(to_rgb([film, film, film]))
    x = scale(film)
    return to_rgb([x, x, x])


def _body(backbone: Backbone, x: Any, weights: str | None, until: str) -> Any:
    import keras

    if not backbone.constructor:
        return _small_cnn(x)
    constructor = getattr(keras.applications, backbone.constructor)
    try:
        with warnings.catch_warnings():
            # It misses a shape that the input tensor has: convolutions fit any.
            warnings.filterwarnings("ignore", message="`input_shape` is undefined")
            base = constructor(include_top=False, weights=weights, input_tensor=x)
    except Exception as error:
        if weights is None:
            raise
        stored = backbone.weights and backbone.weights.path
        if stored and stored.is_file():
            raise ModelError(
                f"Expected ImageNet weights of {backbone.name} in {stored.name}; received a file "
                f"that does not fit it ({type(error).__name__}): it is damaged, or another "
                "network's. Delete it and download it again."
            ) from error
        raise ModelError(
            f"Expected {backbone.name}'s ImageNet weights, stored or downloadable; "
            f"received {type(error).__name__}. Connect to the internet once, or set KERAS_HOME "
            "to a folder that holds them."
        ) from error
    if backbone.cam_layer not in {layer.name for layer in base.layers}:
        # Keras numbers unnamed layers as they come: the last one is called otherwise every time.
        base.layers[-1].name = backbone.cam_layer
    maps = {layer.name: layer.output for layer in base.layers if len(layer.output.shape) == 4}
    if (end := until or backbone.cam_layer) not in maps:
        raise ConfigError(
            f"Expected a layer of {backbone.name} with maps to end in; received {end!r}. "
            f"Try one of {', '.join(backbone.feature_layers)}."
        )
    return maps[end]


def _small_cnn(x: Any) -> Any:
    """Four times convolution and max-pooling, 32-64-128-128 wide."""
    from keras import layers

    for i, width in enumerate((32, 64, 128, 128), start=1):
        x = layers.Conv2D(width, 3, activation="relu", name=f"conv_{i}")(x)
        x = layers.MaxPooling2D(2, name=f"pool_{i}")(x)
    return x


def _mean_pool(x: Any) -> Any:
    from keras import layers

    return layers.GlobalAveragePooling2D(name=POOL)(x)


def freeze(model: keras.Model, unfreeze_from: str | None, *, norms: bool = False) -> None:
    """Train the head and every layer from the one named `unfreeze_from` on (a prefix is enough).

    None trains the head alone, '' everything. Batch normalisation stays in inference mode
    throughout unless `norms`. Has no effect on a compiled model until it is compiled again.
    Raises ConfigError where no layer has that name.
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
        layer.trainable = layer.name in HEAD or (i >= first and (norms or not is_norm))


def last_stride(row: Backbone) -> LastStride:
    """The stride that a finer map undoes. Raises ConfigError where nobody worked it out."""
    if row.last_stride is None:
        raise ConfigError(
            "Expected a backbone whose last stride can be undone, for the finer map; received "
            f"{row.name}. Train with --no-fine-map and --no-finer."
        )
    return row.last_stride


def without_last_stride(model: keras.Model, row: Backbone) -> keras.Model:
    """The same weights with the last halving undone: a map of twice the rows and columns.

    The strided convolution runs at every position and the later ones skip every other one (à
    trous; Chen et al. 2015, arXiv 1412.7062). Every second cell of the map is exactly what it was;
    the cells between are what a film shifted by half a cell would give, so the pooled logit is the
    mean of four shifts.
    """
    import keras

    last = last_stride(row)
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
    map is A @ kernel / (h·w) before its ReLU (Selvaraju et al. 2017, section 3.1). Dense ReLU
    layers or flattening make them the film's own; see `_grad_cam`.
    features: means over space of each of `feature_layers`, concatenated. Raises ConfigError where
    the network's last layer is not one dense layer, as in an ensemble.
    """
    import keras
    from keras import layers, ops

    if not isinstance(model.get_layer(LOGIT), layers.Dense):
        raise ConfigError(
            f"Expected one network with one last layer; {model.name} averages several. Take its "
            "float32 file, which is there already."
        )
    activation = model.get_layer(cam_layer).output
    kernel, _ = model.get_layer(LOGIT).get_weights()
    h, w, channels = activation.shape[1:]
    names = [layer.name for layer in model.layers]
    between = model.layers[names.index(cam_layer) + 1 : names.index(LOGIT)]
    dense = [layer for layer in between if isinstance(layer, layers.Dense)]
    if not dense and kernel.shape[0] == channels:
        cam_conv = layers.Conv2D(1, 1, use_bias=False, name="cam")
        cam = cam_conv(activation)
        cam_conv.set_weights([(kernel / (h * w))[None, None]])
    else:
        cam = _grad_cam(model, activation, kernel, dense)
    pooled = [ops.mean(model.get_layer(name).output, axis=(1, 2)) for name in feature_layers]
    features = ops.concatenate(pooled, axis=-1)
    outputs = {"logit": model.output, "cam": cam, "features": features}
    return keras.Model(model.input, outputs, name=f"{model.name}_serving")


def _grad_cam(model: keras.Model, activation: Any, kernel: Any, dense: list[Any]) -> Any:
    """Grad-CAM before its ReLU, without a tape: a ReLU layer is linear where it is open.

    From the map on there are only pooling or flattening, dropout and these dense ReLU layers.
    """
    from keras import ops

    h, w, channels = activation.shape[1:]
    gradient: Any = ops.zeros_like(model.output) + kernel[:, 0]
    for layer in reversed(dense):
        is_open = ops.cast(layer.output > 0, "float32")
        gradient = ops.matmul(is_open * gradient, layer.get_weights()[0].T)
    if gradient.shape[-1] == channels:
        weights = gradient / (h * w)
    else:
        weights = ops.mean(ops.reshape(gradient, (-1, h * w, channels)), axis=1)
    weights = ops.reshape(weights, (-1, 1, 1, channels))
    return ops.sum(ops.cast(activation, "float32") * weights, axis=-1, keepdims=True)


def load(path: Path) -> keras.Model:
    """A network from a `.keras` file; code stored in the file is refused. Raises ModelError."""
    import keras

    from cxr_core import zoo

    zoo.own_layers()
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise ModelError(
            f"Expected a network saved by Keras in {path.name}; received one that does not load "
            f"({type(error).__name__}). Copy the file again or train it again."
        ) from error


def export_serving(
    serving: keras.Model,
    path: Path,
    *,
    batch: int = 1,
    int8: bool = False,
    float16: bool = False,
) -> None:
    """Write the LiteRT file that `serve` runs: signature film → outputs by name, a fixed batch.

    float32, or with int8 weights quantised over each tensor's range (dynamic range), or weights
    stored as float16 and widened again when they are read.
    """
    import tensorflow as tf

    # Weights go in as constants: Keras 3's variables stay outside a plain tf.function's file, every
    # output is then NaN, and by way of Keras' own export a file takes ten times as long.
    trainable = [tf.constant(v.value) for v in serving.trainable_variables]
    others = [tf.constant(v.value) for v in serving.non_trainable_variables]
    shape = (batch, *serving.input_shape[1:])

    @tf.function(autograph=False, input_signature=[tf.TensorSpec(shape, tf.float32, name="film")])  # type: ignore[untyped-decorator]
    def forward(film: Any) -> Any:
        outputs, _ = serving.stateless_call(trainable, others, film, training=False)
        return outputs if isinstance(outputs, dict) else {"output": outputs}

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures=forward.get_concrete_function())
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if int8 or float16:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if float16:
            converter.target_spec.supported_types = [tf.float16]
        content: bytes = converter.convert()
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    os.replace(temporary, path)
