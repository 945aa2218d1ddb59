"""One fit: epochs of batches, each checked for a cancel; a checkpoint after each; exact resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ConfigError
from cxr_core.evaluate import auc
from cxr_core.fine_tuning._feed import Feed
from cxr_core.fine_tuning._network import forward, optimiser_of, prepare, reseed
from cxr_core.fine_tuning._state import (
    BEST,
    Counters,
    EpochFigures,
    State,
    load_state,
    load_weights,
    save_state,
    save_weights,
)
from cxr_core.methods import Settings, rate_at

if TYPE_CHECKING:
    import keras

    from cxr_core.jobs import Reporter

# Seconds between points of the live curves within an epoch, and films scored at once.
POINT_EVERY, SCORED_AT_ONCE = 2.0, 64


@dataclass(frozen=True, eq=False)
class Fit:
    """What one fit is given. inputs, targets: of all films; validation: positions in them.

    part of parts: fold or member. record: told each whole epoch's history so far.
    """

    settings: Settings
    feed: Feed
    inputs: NDArray[Any]
    targets: NDArray[np.int8]
    validation: NDArray[np.intp]
    classes: int
    folder: Path
    part: int = 0
    parts: int = 1
    replicas: int = 1
    record: Callable[[Sequence[EpochFigures]], None] = lambda history: None


def fit(model: keras.Model, job: Fit, report: Reporter, strategy: Any) -> tuple[EpochFigures, ...]:
    """Train, or go on from the folder's checkpoint. The model ends with its best epoch's weights.

    Raises ConfigError where the loss is no number any more, and Cancelled within a batch.
    """
    settings, head_epochs = job.settings, job.settings.head_epochs
    total = head_epochs + settings.epochs
    state = load_state(job.folder)
    history = list(state.history) if state else []
    now = state.counters if state else Counters()
    if report.resumed:
        done = (job.part, now.epoch)
        report.keep(lambda row: (row.get("part") or 0, row.get("epoch") or 0) <= done)
    if state:
        report.log(f"going on after epoch {now.epoch} of {total}")
        model.set_weights(list(state.weights))
    score, phase = forward(model), 0
    while now.epoch < total and not now.stopped:
        epoch = now.epoch + 1
        wanted = 1 if epoch <= head_epochs else 2
        if wanted != phase:
            with strategy.scope():
                prepare(model, settings, wanted, job.replicas)
            same = bool(history) and history[-1].phase == wanted
            if phase == 0 and state and same:
                _restore(model, state)
            phase = wanted
        row = _epoch(model, job, report, strategy, score, epoch, phase, now.drops)
        history.append(row)
        now = _after(now, row, settings, head_epochs)
        if now.best_epoch == row.epoch:
            save_weights(job.folder / BEST, model.get_weights())
        save_state(
            job.folder,
            State(
                now,
                tuple(history),
                tuple(model.get_weights()),
                tuple(np.asarray(v) for v in model.optimizer.variables),
            ),
        )
        job.record(history)
        report.point(**{k: v for k, v in asdict(row).items() if v is not None})
    if now.best_epoch:
        model.set_weights(load_weights(job.folder / BEST))
        report.log(f"kept epoch {now.best_epoch}, validation loss {now.best_loss:.4f}")
    return tuple(history)


def figures(logits: NDArray[np.float32], targets: NDArray[np.int8]) -> dict[str, float | None]:
    """Loss, accuracy, precision, recall and AUC of logits (n, 1) or (n, k); macro means for k."""
    k = logits.shape[1]
    if k == 1:
        z = logits[:, 0].astype(np.float64)
        loss = np.mean(np.logaddexp(0, np.where(targets == 1, -z, z)))
        called, classes = (z > 0).astype(np.int8), [1]
        ranked = z[:, None]
    else:
        z = logits.astype(np.float64)
        top = z.max(axis=1, keepdims=True)
        spread = top[:, 0] + np.log(np.exp(z - top).sum(axis=1))
        loss = np.mean(spread - z[np.arange(len(z)), targets])
        called, classes, ranked = z.argmax(axis=1).astype(np.int8), list(range(k)), z
    hits = [((called == c) & (targets == c)).sum() for c in classes]
    precision = [h / n for h, c in zip(hits, classes, strict=True) if (n := (called == c).sum())]
    recall = [h / n for h, c in zip(hits, classes, strict=True) if (n := (targets == c).sum())]
    areas = [
        auc((targets == c).astype(np.int8), ranked[:, i])
        for i, c in enumerate(classes)
        if 0 < (targets == c).sum() < len(targets) and np.isfinite(ranked).all()
    ]
    return {
        "loss": float(loss),
        "accuracy": float((called == targets).mean()),
        "precision": _mean(precision),
        "recall": _mean(recall),
        "auc": _mean(areas),
    }


def scores(
    score: Callable[[NDArray[Any]], NDArray[np.float32]],
    inputs: NDArray[Any],
    positions: NDArray[np.intp],
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> NDArray[np.float32]:
    """Logits of chosen inputs, a few at a time."""
    at_once = SCORED_AT_ONCE if inputs.ndim == 4 else 4096
    parts = []
    for i in range(0, len(positions), at_once):
        parts.append(score(inputs[positions[i : i + at_once]]))
        tell(min(i + at_once, len(positions)), len(positions))
    return np.concatenate(parts)


def _epoch(
    model: keras.Model,
    job: Fit,
    report: Reporter,
    strategy: Any,
    score: Callable[[NDArray[Any]], NDArray[np.float32]],
    epoch: int,
    phase: int,
    drops: int,
) -> EpochFigures:
    settings, feed = job.settings, job.feed
    total = settings.head_epochs + settings.epochs
    reseed(model, settings.seed, epoch)
    model.reset_metrics()
    batches = iter(strategy.experimental_distribute_dataset(feed.epoch(epoch)))
    optimiser = optimiser_of(model)
    # The schedule begins with its own phase.
    before = (epoch - 1 - (settings.head_epochs if phase == 2 else 0)) * feed.steps
    started = told = time.monotonic()
    logs: dict[str, float] = {}
    rate = 0.0
    where = f"part {job.part} of {job.parts}, " if job.parts > 1 else ""
    for step in range(1, feed.steps + 1):
        rate = job.replicas * (
            settings.head_rate
            if phase == 1
            else rate_at(settings, before + step - 1, feed.steps, drops)
        )
        optimiser.learning_rate = rate
        logs = {k: float(v) for k, v in model.train_function(batches).items()}
        if not math.isfinite(logs["loss"]):
            raise ConfigError(
                f"Expected a finite loss; received {logs['loss']} in epoch {epoch}, step {step}. "
                f"The rate of {rate:g} is too high, or a class weight or a film is damaged: lower "
                "the rate and run it again."
            )
        passed = time.monotonic()
        speed = step * feed.batch / (passed - started)
        report.progress(
            step,
            feed.steps,
            epoch=epoch,
            epochs=total,
            message=f"{where}loss {logs['loss']:.4f}, {speed:.0f} films a second",
        )
        if passed - told > POINT_EVERY and step < feed.steps:
            told = passed
            at = epoch - 1 + step / feed.steps
            report.point(part=job.part, phase=phase, epoch=at, rate=rate, per_second=speed, **logs)
    seconds = time.monotonic() - started

    def tell(done: int, of: int) -> None:
        report.progress(
            feed.steps, feed.steps, epoch=epoch, epochs=total,
            message=f"{where}validation, {done} of {of} films",
        )  # fmt: skip

    found = figures(scores(score, job.inputs, job.validation, tell), job.targets[job.validation])
    if not math.isfinite(found["loss"] or 0.0):
        raise ConfigError(
            f"Expected a finite validation loss; received {found['loss']} after epoch {epoch}. "
            "Lower the learning rate and run it again."
        )
    return EpochFigures(
        part=job.part,
        phase=phase,
        epoch=epoch,
        step=epoch * feed.steps,
        seconds=round(seconds, 3),
        rate=rate,
        per_second=round(feed.steps * feed.batch / seconds, 1),
        loss=logs["loss"],
        **{k: logs.get(k) for k in ("accuracy", "precision", "recall", "auc")},
        val_loss=found["loss"] or 0.0,
        **{f"val_{k}": found[k] for k in ("accuracy", "precision", "recall", "auc")},
    )


def _after(now: Counters, row: EpochFigures, settings: Settings, head_epochs: int) -> Counters:
    """Best epoch, early stopping and the plateau's drops after one more epoch."""
    better = row.val_loss < now.best_loss
    # The head's own epochs are counted for neither: fine-tuning starts with full patience.
    counts = row.epoch > head_epochs
    waited = 0 if better or not counts else now.waited + 1
    since = 0 if better or not counts else now.since_drop + 1
    drops = now.drops
    if settings.schedule == "plateau" and since >= settings.decay_every:
        drops, since = drops + 1, 0
    return replace(
        now,
        epoch=row.epoch,
        best_loss=row.val_loss if better else now.best_loss,
        best_epoch=row.epoch if better else now.best_epoch,
        waited=waited,
        since_drop=since,
        drops=drops,
        stopped=bool(settings.patience) and waited >= settings.patience,
    )


def _restore(model: keras.Model, state: State) -> None:
    for variable, value in zip(model.optimizer.variables, state.optimiser, strict=True):
        variable.assign(value)


def _mean(values: Sequence[Any]) -> float | None:
    return float(np.mean(values)) if len(values) else None
