"""Settings → a network, compiled for a phase; its scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import classifier, zoo
from cxr_core.architectures import of_backbone
from cxr_core.backbones import backbone
from cxr_core.methods import Settings

if TYPE_CHECKING:
    import keras


def build(settings: Settings, classes: int) -> keras.Model:
    """The whole graph, film to logits: one for two classes, else one a class."""
    import keras

    keras.utils.set_random_seed(settings.seed)
    outputs = 1 if classes == 2 else classes
    if own := of_backbone(settings.backbone):
        return zoo.for_films(own.key, settings.size, outputs)
    return classifier.build(
        backbone(settings.backbone),
        size=settings.size,
        dropout=settings.dropout,
        weights="imagenet" if settings.pretrained else None,
        hidden=settings.dense,
        hidden_dropout=settings.dense_dropout,
        pooling=settings.pooling,
        outputs=outputs,
        until=settings.base_until,
    )


def build_head(settings: Settings, width: int, classes: int) -> keras.Model:
    """The head alone, (n, width) features to logits, its layers named as in `build`."""
    import keras

    keras.utils.set_random_seed(settings.seed)
    features = keras.Input((width,), name="features")
    x = keras.layers.Dropout(settings.dropout, name="dropout")(features)
    outputs = 1 if classes == 2 else classes
    logits = classifier.head(x, settings.dense, settings.dense_dropout, outputs)
    return keras.Model(features, logits, name="head")


def put_head(network: keras.Model, head: keras.Model) -> None:
    """Copy a fitted head's weights into the whole graph."""
    names = {layer.name for layer in head.layers}
    for name in classifier.HEAD:
        if name in names:
            network.get_layer(name).set_weights(head.get_layer(name).get_weights())


def prepare(model: keras.Model, settings: Settings, phase: int, replicas: int = 1) -> None:
    """Freeze for a phase, and compile: `trainable` has no effect before that.

    phase 1: the head alone; phase 2: what the settings say. With several replicas the batch is as
    many times as large, and so is the rate.
    """
    import keras

    if model.name != "head":
        layer = None if phase == 1 else settings.unfreeze_from
        classifier.freeze(model, layer, norms=phase == 2 and settings.norms_learn)
    outputs = int(model.output_shape[-1])
    smoothing = settings.label_smoothing
    rate = (settings.head_rate if phase == 1 else settings.rate) * replicas
    metrics: list[Any]
    if outputs == 1:
        loss: Any = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=smoothing)
        metrics = [
            keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0),
            keras.metrics.Precision(name="precision", thresholds=0.0),
            keras.metrics.Recall(name="recall", thresholds=0.0),
            keras.metrics.AUC(name="auc", from_logits=True),
        ]
    else:
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
        metrics = [keras.metrics.CategoricalAccuracy(name="accuracy")]
    optimiser = _optimiser(settings if phase == 2 else replace(settings, optimiser="adam"), rate)
    model.compile(optimiser, loss=loss, metrics=metrics, jit_compile=False)
    model.make_train_function(force=True)
    optimiser.build(model.trainable_variables)


def optimiser_of(model: keras.Model) -> keras.optimizers.Optimizer:
    """The optimiser that holds the rate: mixed precision wraps it in one that scales the loss."""
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def forward(model: keras.Model) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    """(n, …) inputs of any n → logits (n, outputs), compiled once."""
    import tensorflow as tf

    shape = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)

    @tf.function(input_signature=[shape])  # type: ignore[untyped-decorator]
    def run(x: Any) -> Any:
        return tf.cast(model(x, training=False), tf.float32)

    def scores(x: NDArray[Any]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = run(tf.cast(x, tf.float32)).numpy()
        return logits

    return scores


def reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Dropout's draws follow from seed and epoch, so that a resumed run repeats them."""
    for i, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            value = np.array([seed * 65_536 + i, epoch], np.int64)
            generator.state.assign(value.astype(generator.state.dtype))


@contextmanager
def precision(settings: Settings) -> Iterator[None]:
    """Mixed precision while a network is built: float16 on a GPU, bfloat16 on processors."""
    import keras
    import tensorflow as tf

    if not settings.mixed_precision:
        yield
        return
    before = keras.config.dtype_policy()
    gpu = bool(tf.config.list_physical_devices("GPU"))
    keras.config.set_dtype_policy("mixed_float16" if gpu else "mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def tf_gpus() -> int:
    """How many GPUs TensorFlow sees."""
    import tensorflow as tf

    return len(tf.config.list_logical_devices("GPU"))


def strategy() -> Any:
    """All GPUs of this machine where there are several, else the default."""
    import tensorflow as tf

    several = tf_gpus() > 1
    return tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy()


def _optimiser(settings: Settings, rate: float) -> keras.optimizers.Optimizer:
    import keras

    match settings.optimiser:
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, clipnorm=1.0)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate)
        case "sgd":
            return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
        case _:
            return keras.optimizers.Adam(rate)
