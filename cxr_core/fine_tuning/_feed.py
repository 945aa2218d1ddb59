"""Batches of one epoch: a function of seed and epoch alone, so that a resumed run sees the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.augmentation import NO_AUGMENTATION
from cxr_core.batches import augment
from cxr_core.errors import DataError
from cxr_core.features import exchange_style, grey_ranks
from cxr_core.methods import Settings

if TYPE_CHECKING:
    import tensorflow as tf

Floats = NDArray[np.float32]


class Feed:
    """Training films or features with targets and weights.

    inputs: (n, size, size, 1) uint8 films, or (n, F) float32 features; positions: which of them
    are for training; targets: (n,) class numbers of all.
    """

    def __init__(
        self,
        inputs: NDArray[Any],
        positions: NDArray[np.intp],
        targets: NDArray[np.int8],
        classes: int,
        settings: Settings,
        batch: int,
    ) -> None:
        counts = np.bincount(targets[positions], minlength=classes)
        if counts.min() == 0 or len(positions) < batch:
            raise DataError(
                f"Expected at least {batch} training films and some of each class; received "
                f"{', '.join(map(str, counts))} by class. Add films, or lower the batch size."
            )
        self._inputs, self._positions, self._settings = inputs, positions, settings
        self._classes, self.batch = classes, batch
        self._targets = targets
        self.weights = class_weights(counts, settings)
        self.steps = len(positions) // batch
        self._ranks: Floats | None = None

    def epoch(self, epoch: int) -> tf.data.Dataset:
        """`steps` batches of (input float32, target, weight), shuffled and augmented anew."""
        import tensorflow as tf

        settings, batch = self._settings, self.batch
        seed = (settings.seed, epoch)
        order = self._order(np.random.default_rng(seed))[: self.steps * batch]
        rows = order.reshape(self.steps, batch)
        how = NO_AUGMENTATION if self._inputs.ndim == 2 else settings.augmentation

        def gather(step: NDArray[np.int64]) -> Any:
            chosen = rows[int(step)]
            x = self._inputs[chosen]
            if how.style:
                x = self._styled(x, chosen, np.random.default_rng((*seed, int(step))), how.style)
            y = one_hot(self._targets[chosen], self._classes)
            return x, y, self.weights[self._targets[chosen]]

        kinds = [tf.as_dtype(self._inputs.dtype), tf.float32, tf.float32]
        width = 1 if self._classes == 2 else self._classes

        def fetch(step: Any) -> Any:
            x, y, w = tf.numpy_function(gather, [step], kinds)
            x.set_shape((batch, *self._inputs.shape[1:]))
            y.set_shape((batch, width))
            w.set_shape((batch,))
            x = tf.cast(x, tf.float32)
            if how != NO_AUGMENTATION:
                x = augment(x, how, Draws(seed, step))
            return x, y, w

        steps = tf.data.Dataset.range(self.steps)
        return steps.map(fetch, num_parallel_calls=2, deterministic=True).prefetch(4)

    def _order(self, rng: np.random.Generator) -> NDArray[np.intp]:
        if self._settings.balance != "oversample":
            return rng.permutation(self._positions)
        y = self._targets[self._positions]
        each = -(-len(y) // self._classes)
        drawn = [
            rng.choice(own, each, replace=each > len(own))
            for own in (self._positions[y == k] for k in range(self._classes))
        ]
        mixed: NDArray[np.intp] = rng.permutation(np.concatenate(drawn))
        return mixed

    def _styled(
        self, x: NDArray[Any], chosen: NDArray[np.intp], rng: np.random.Generator, most: float
    ) -> NDArray[np.uint8]:
        if self._ranks is None:
            self._ranks = grey_ranks(self._inputs[np.sort(self._positions)])
        others = rng.integers(0, len(self._ranks), len(chosen))
        return exchange_style(x, grey_ranks(x), self._ranks[others], rng.uniform(0, most, len(x)))


class Draws:
    """Random numbers for `batches.augment` that depend on epoch and step alone."""

    def __init__(self, seed: tuple[int, int], step: Any) -> None:
        self._seed, self._step, self._count = seed, step, 0

    def uniform(self, shape: Any, low: float = 0.0, high: float = 1.0) -> Any:
        import tensorflow as tf

        return tf.random.stateless_uniform(shape, self._next(), low, high)

    def normal(self, shape: Any) -> Any:
        import tensorflow as tf

        return tf.random.stateless_normal(shape, self._next())

    def _next(self) -> Any:
        import tensorflow as tf

        self._count += 1
        first = tf.cast(self._step, tf.int64) * 1024 + self._count
        return tf.stack([first, tf.constant(self._seed[0] * 4096 + self._seed[1], tf.int64)])


def class_weights(counts: NDArray[np.int64], settings: Settings) -> Floats:
    """One weight a class: n / (k · n_c) where balanced."""
    if settings.balance == "balanced":
        weights = counts.sum() / (len(counts) * counts)
    elif settings.balance == "custom":
        if len(settings.class_weights) != len(counts):
            raise DataError(
                f"Expected {len(counts)} class weights; received {len(settings.class_weights)}. "
                "Give one for each class."
            )
        weights = np.asarray(settings.class_weights)
    else:
        weights = np.ones(len(counts))
    as_floats: Floats = weights.astype(np.float32)
    return as_floats


def one_hot(targets: NDArray[np.int8], classes: int) -> Floats:
    """(n, 1) of 0 and 1 for two classes, else (n, classes)."""
    if classes == 2:
        return targets[:, None].astype(np.float32)
    return np.eye(classes, dtype=np.float32)[targets]
