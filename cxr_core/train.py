"""TrainConfig → a fitted network and its history. Fine-tuning in one run, from ImageNet weights."""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.augmentation import Augmentation
from cxr_core.backbones import backbone
from cxr_core.batches import training_batches
from cxr_core.classifier import LOGIT, build, freeze, last_stride, without_last_stride
from cxr_core.errors import ConfigError, DataError
from cxr_core.evaluate import auc
from cxr_core.explain.body import body_areas
from cxr_core.preprocess import Preprocessing

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class TrainConfig:
    """One run. pretrained: start from ImageNet's weights, else from random ones.

    learning_rate: peak, reached after `warmup` of the steps, then a cosine to a fiftieth of it.
    unfreeze_from: first backbone layer that learns (see `classifier.freeze`). head_steps: steps
    that train the head alone before that. ema: decay of the running mean of the weights, which is
    what the run returns. class_weight: w_c = n / (2 · n_c) when True. cutmix: share of films that
    take a rectangle of another one (see `batches.pasted`). beside_body: weight of a penalty on
    what the class map says of air beside the body, 0 for none (see `_compiled_step`). finer: train
    with the map of twice the rows and columns (`classifier.without_last_stride`).
    """

    backbone: str = "mobilenetv2"
    pretrained: bool = True
    unfreeze_from: str = "block_3"
    epochs: float = 8.0
    batch: int = 32
    learning_rate: float = 4e-4
    head_learning_rate: float = 2e-3
    head_steps: int = 60
    warmup: float = 0.1
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    class_weight: bool = True
    dropout: float = 0.3
    ema: float = 0.99
    cutmix: float = 0.0
    beside_body: float = 0.0
    finer: bool = False
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)


@dataclass(frozen=True)
class EpochRow:
    """One line of a run's history. val_*: at 0.5 of the uncalibrated probability."""

    epoch: int
    step: int
    seconds: float
    learning_rate: float
    loss: float
    val_loss: float
    val_auc: float
    val_sensitivity: float
    val_specificity: float


@dataclass(frozen=True, eq=False)
class Run:
    """A fitted network (its weights are the running mean), and its history."""

    model: keras.Model
    history: tuple[EpochRow, ...]
    config: TrainConfig


def check(config: TrainConfig) -> None:
    """Refuse settings that cannot work, before anything is started. Raises ConfigError."""
    rules = (
        (config.epochs > 0, "epochs above 0", config.epochs),
        (config.batch >= 2, "a batch of at least 2", config.batch),
        (0 < config.learning_rate < 1, "a learning rate between 0 and 1", config.learning_rate),
        (0 <= config.dropout < 1, "dropout from 0 to below 1", config.dropout),
        (0 <= config.cutmix <= 1, "a share of pasted films from 0 to 1", config.cutmix),
        (config.beside_body >= 0, "a penalty of 0 or more", config.beside_body),
        (0 <= config.ema < 1, "an averaging decay from 0 to below 1", config.ema),
        (0 <= config.label_smoothing < 0.5, "smoothing below 0.5", config.label_smoothing),
    )
    for good, expected, received in rules:
        if not good:
            raise ConfigError(f"Expected {expected}; received {received}. Change that setting.")
    chosen = backbone(config.backbone)
    if config.finer:
        last_stride(chosen)


def fit(
    config: TrainConfig,
    inputs: NDArray[np.uint8],
    labels: NDArray[np.int8],
    train: NDArray[np.intp],
    validation: NDArray[np.intp],
    *,
    start: keras.Model | None = None,
    folder: Path | None = None,
    on_progress: Callable[[int, int, float], None] | None = None,
    on_epoch: Callable[[EpochRow], None] | None = None,
) -> Run:
    """Fine-tune on `inputs[train]`, watching `inputs[validation]`.

    inputs: (n, size, size, 1) uint8 from `features.load_films`. labels: (n,) 1 for pneumonia.
    start: weights to go on from, of the same backbone at any input size; else ImageNet's.
    folder: gets `history.csv` and, after each epoch, `checkpoint.keras`.
    on_progress(step, steps, loss) after every tenth step.
    """
    import keras
    import tensorflow as tf

    check(config)
    _check_data(labels, train, config.batch)
    keras.utils.set_random_seed(config.seed)
    chosen = backbone(config.backbone)
    model = build(
        chosen,
        size=config.preprocessing.size,
        dropout=config.dropout,
        weights="imagenet" if config.pretrained and start is None else None,
    )
    if start is not None:
        model.set_weights(start.get_weights())
    if config.finer:
        model = without_last_stride(model, chosen)
    y = labels[train].astype(np.float32)
    films = np.ascontiguousarray(inputs[train])
    batches = training_batches(
        films,
        y * (1 - 2 * config.label_smoothing) + config.label_smoothing,
        _weights(y, config.class_weight),
        config.augmentation,
        batch=config.batch,
        seed=config.seed,
        bodies=body_areas(films) if config.cutmix or config.beside_body else None,
        cutmix=config.cutmix,
    )
    per_epoch = max(1, len(train) // config.batch)
    steps = max(1, round(config.epochs * per_epoch))
    feed = iter(batches)
    loss_sum = tf.Variable(0.0)
    _train_head(model, feed, config)

    freeze(model, config.unfreeze_from)
    rate = keras.optimizers.schedules.CosineDecay(
        config.learning_rate * 0.02,
        steps - int(config.warmup * steps),
        warmup_target=config.learning_rate,
        warmup_steps=int(config.warmup * steps),
    )
    optimizer = _adamw(rate, config)
    step_once = _compiled_step(model, optimizer, loss_sum, config.beside_body, chosen.cam_layer)
    history: list[EpochRow] = []
    started = time.monotonic()
    for step in range(1, steps + 1):
        step_once(*next(feed))
        if on_progress and step % 10 == 0:
            on_progress(step, steps, float(loss_sum) / ((step - 1) % per_epoch + 1))
        if step % per_epoch == 0 or step == steps:
            done = (step - 1) % per_epoch + 1
            live = [v.numpy() for v in model.trainable_variables]
            optimizer.finalize_variable_values(model.trainable_variables)
            row = EpochRow(
                len(history) + 1,
                step,
                round(time.monotonic() - started, 1),
                float(rate(step)),
                float(loss_sum) / done,
                *_validate(model, inputs[validation], labels[validation]),
            )
            history.append(row)
            _record(folder, model, history)
            if on_epoch:
                on_epoch(row)
            loss_sum.assign(0.0)
            if step < steps:
                for variable, value in zip(model.trainable_variables, live, strict=True):
                    variable.assign(value)
    return Run(model, tuple(history), config)


def logits(model: keras.Model, inputs: NDArray[np.uint8], batch: int = 32) -> NDArray[np.float64]:
    """Scores of pneumonia before the sigmoid for (n, size, size, 1) uint8; shape (n,)."""
    import tensorflow as tf

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def forward(x: Any) -> Any:
        return model(tf.cast(x, tf.float32), training=False)

    parts = [forward(inputs[i : i + batch]).numpy() for i in range(0, len(inputs), batch)]
    flat: NDArray[np.float64] = np.concatenate(parts).ravel().astype(np.float64)
    return flat


def average(models: Sequence[keras.Model]) -> keras.Model:
    """One network whose weights are the mean of several fine-tuned from the same start.

    A uniform soup (Wortsman et al. 2022, arXiv 2203.05482): an ensemble at the cost of one.
    """
    import keras

    mean: keras.Model = keras.models.clone_model(models[0])
    stacks = zip(*(m.get_weights() for m in models), strict=True)
    mean.set_weights([np.mean(np.stack(tensors), axis=0) for tensors in stacks])
    return mean


def with_seed(config: TrainConfig, seed: int) -> TrainConfig:
    """The same run from another seed."""
    return replace(config, seed=seed)


def as_row(config: TrainConfig) -> dict[str, Any]:
    """The settings as plain values for a card."""
    return asdict(config)


def _train_head(model: keras.Model, feed: Any, config: TrainConfig) -> None:
    import keras
    import tensorflow as tf

    if not config.head_steps:
        return
    freeze(model, None)
    optimizer = keras.optimizers.Adam(config.head_learning_rate)
    step_once = _compiled_step(model, optimizer, tf.Variable(0.0))
    for _ in range(config.head_steps):
        step_once(*next(feed))


def _adamw(rate: Any, config: TrainConfig) -> keras.optimizers.Optimizer:
    import keras

    return keras.optimizers.AdamW(
        rate,
        weight_decay=config.weight_decay,
        clipnorm=1.0,
        use_ema=config.ema > 0,
        ema_momentum=config.ema or 0.99,
    )


def _compiled_step(
    model: Any, optimizer: Any, loss_sum: Any, beside_body: float = 0.0, cam_layer: str = ""
) -> Callable[..., None]:
    """One step on (films, targets, weights, bodies), the last only where `beside_body` needs it.

    beside_body times the mean over cells of (a³ · c)² is added to the loss, with c the class map
    (Zhou et al. 2016, arXiv 1512.04150) in logits and a the share of the cell that air fills: the
    network is to be right for reasons inside the body (as Ross et al. 2017, arXiv 1703.03717, ask
    it of input gradients). The cube leaves cells alone that the body shares.
    """
    import keras
    import tensorflow as tf

    maps = model.get_layer(cam_layer).output if beside_body else None
    network = model if maps is None else keras.Model(model.input, [model.output, maps])
    variables = model.trainable_variables
    optimizer.build(variables)

    @tf.function  # type: ignore[untyped-decorator]
    def step(x: Any, y: Any, w: Any, bodies: Any = None) -> None:
        with tf.GradientTape() as tape:
            found = network(x, training=True)
            score, seen = (found, None) if maps is None else found
            each = tf.nn.sigmoid_cross_entropy_with_logits(y, score[:, 0])
            loss = tf.reduce_mean(w * each)
            if seen is not None:
                told = seen @ model.get_layer(LOGIT).kernel
                air = 1 - tf.image.resize(bodies, told.shape[1:3], "area")
                loss += beside_body * tf.reduce_mean((air**3 * told) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        loss_sum.assign_add(loss)

    return step  # type: ignore[no-any-return]


def _validate(
    model: keras.Model, inputs: NDArray[np.uint8], labels: NDArray[np.int8]
) -> tuple[float, float, float, float]:
    if len(inputs) == 0 or labels.min() == labels.max():
        return math.nan, math.nan, math.nan, math.nan
    z = logits(model, inputs)
    loss = np.mean(np.logaddexp(0, np.where(labels == 1, -z, z)))
    sick, well = z[labels == 1], z[labels == 0]
    return float(loss), auc(labels, z), float((sick > 0).mean()), float((well <= 0).mean())


def _weights(y: NDArray[np.float32], balanced: bool) -> NDArray[np.float32]:
    if not balanced:
        return np.ones_like(y)
    share = y.mean()
    weights: NDArray[np.float32] = np.where(y == 1, 0.5 / share, 0.5 / (1 - share))
    return weights.astype(np.float32)


def _check_data(labels: NDArray[np.int8], train: NDArray[np.intp], batch: int) -> None:
    counts = np.bincount(labels[train], minlength=2)
    if counts.min() == 0 or len(train) < batch:
        raise DataError(
            f"Expected at least {batch} training films of both classes; received {counts[0]} "
            f"normal and {counts[1]} pneumonia. Add films or lower the batch size."
        )


def _record(folder: Path | None, model: keras.Model, history: Sequence[EpochRow]) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "history.csv.part"
    with temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(history[0])))
        writer.writeheader()
        writer.writerows(asdict(row) for row in history)
    os.replace(temporary, folder / "history.csv")
    model.save(folder / "part.keras")
    os.replace(folder / "part.keras", folder / "checkpoint.keras")
