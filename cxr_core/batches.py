"""Arrays of films → augmented batches of a training run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.augmentation import Augmentation
from cxr_core.features import exchange_style, grey_ranks

if TYPE_CHECKING:
    import tensorflow as tf


def training_batches(
    inputs: NDArray[np.uint8],
    targets: NDArray[np.float32],
    weights: NDArray[np.float32],
    how: Augmentation,
    *,
    batch: int,
    seed: int,
    bodies: NDArray[np.uint8] | None = None,
    cutmix: float = 0.0,
) -> tf.data.Dataset:
    """Endless shuffled batches of (film 0..255 float32, target, weight), augmented per film.

    bodies: (n, size, size, 1) from `explain.body.body_areas`; with them a batch ends with a fourth
    part, the body of each film as it was moved, 0..1. cutmix: share of films that take a rectangle
    of another one of the batch, see `pasted`; needs bodies.
    """
    import tensorflow as tf

    order = tf.data.Dataset.range(len(inputs)).shuffle(len(inputs), seed=seed).repeat()

    ranks = grey_ranks(inputs) if how.style else None
    draws = np.random.default_rng(seed)
    planes = 1 if bodies is None else 2

    def gather(indices: NDArray[np.int64]) -> Any:
        films = inputs[indices]
        if ranks is not None:
            others = draws.integers(0, len(inputs), len(films))
            share = draws.uniform(0, how.style, len(films))
            films = exchange_style(films, ranks[indices], ranks[others], share)
        if bodies is not None:
            films = np.concatenate([films, bodies[indices]], axis=-1)
        return films, targets[indices], weights[indices]

    def fetch(indices: Any) -> Any:
        x, y, w = tf.numpy_function(gather, [indices], [tf.uint8, tf.float32, tf.float32])
        x.set_shape((batch, *inputs.shape[1:3], planes))
        y.set_shape((batch,))
        w.set_shape((batch,))
        return x, y, w

    generator = tf.random.Generator.from_seed(seed)

    def augmented(x: Any, y: Any, w: Any) -> Any:
        x = augment(tf.cast(x, tf.float32), how, generator)
        if bodies is None:
            return x, y, w
        films, inside = x[..., :1], x[..., 1:] / 255
        return pasted(films, y, w, inside, cutmix, generator) if cutmix else (films, y, w, inside)

    return order.batch(batch, drop_remainder=True).map(fetch).map(augmented).prefetch(4)


def pasted(
    films: Any,
    targets: Any,
    weights: Any,
    bodies: Any,
    share: float,
    generator: tf.random.Generator,
) -> tuple[Any, Any, Any, Any]:
    """CutMix (Yun et al. 2019, arXiv 1905.04899): a rectangle of another film, in its own place.

    films, bodies: (n, size, size, 1), bodies 0..1; targets, weights: (n,). Into `share` of the
    films a rectangle of the batch's film at the other end is pasted; its area is drawn evenly
    before it is cut off at the edges. Targets and weights follow the share of the body that it
    brings, not its area as published: of air beside a body nothing can be told.
    """
    import tensorflow as tf

    n, size = films.shape[0], films.shape[1]
    chosen = tf.cast(generator.uniform((n,)) < share, tf.float32)
    half = tf.sqrt(generator.uniform((n,))) * size / 2
    middle = tf.range(size, dtype=tf.float32) + 0.5

    def within() -> Any:
        centre = generator.uniform((n,), 0.0, float(size))
        return tf.cast(tf.abs(middle[None] - centre[:, None]) < half[:, None], tf.float32)

    inside = within()[:, :, None, None] * within()[:, None, :, None]
    inside *= tf.reshape(chosen, (n, 1, 1, 1))

    def mixed(values: Any, part: Any) -> Any:
        return values * (1 - part) + tf.reverse(values, [0]) * part

    own = tf.reduce_sum(bodies * (1 - inside), axis=(1, 2, 3))
    brought = tf.reduce_sum(tf.reverse(bodies, [0]) * inside, axis=(1, 2, 3))
    part = tf.math.divide_no_nan(brought, own + brought)
    return mixed(films, inside), mixed(targets, part), mixed(weights, part), mixed(bodies, inside)


def augmented_copies(
    inputs: NDArray[np.uint8], how: Augmentation, copies: int, seed: int, batch: int = 32
) -> NDArray[np.uint8]:
    """`copies` augmented renderings of each film, one pass after another: (copies · n, …) uint8."""
    import tensorflow as tf

    generator, draws = tf.random.Generator.from_seed(seed), np.random.default_rng(seed)
    ranks = grey_ranks(inputs)
    made: list[NDArray[np.uint8]] = []
    for _ in range(copies):
        others = draws.integers(0, len(inputs), len(inputs))
        share = draws.uniform(0, how.style, len(inputs))
        moved = exchange_style(inputs, ranks, ranks[others], share)
        for i in range(0, len(moved), batch):
            films = tf.constant(moved[i : i + batch], tf.float32)
            made.append(np.rint(augment(films, how, generator)).astype(np.uint8))
    return np.concatenate(made) if made else inputs[:0]


def augment(films: Any, how: Augmentation, generator: tf.random.Generator) -> Any:
    """films: (n, size, size, 1) float32 in 0..255 → the same, each changed by its own draw.

    A plane after the first, as of a body, moves with the film and is otherwise left as it is.
    """
    import tensorflow as tf

    n, size = films.shape[0], films.shape[1]

    taken = 1 - generator.uniform((n,), 0.0, how.easing) if how.easing else 1.0

    def draw(limit: float, eased: bool = True) -> Any:
        even = generator.uniform((n,), -limit, limit)
        return even * taken if eased else even

    def per_film(values: Any) -> Any:
        return tf.reshape(values, (n, 1, 1, 1))

    moved = _moved(films, _affine(draw, how, float(size)), how.margins, generator)
    films, planes = moved[..., :1], moved[..., 1:]
    if how.sharpness:
        soft = tf.nn.avg_pool2d(films, 3, 1, "SAME")
        films += per_film(draw(how.sharpness)) * (films - soft)
    x = tf.clip_by_value(films / 255, 0.0, 1.0)
    x **= per_film(tf.exp(draw(float(np.log1p(how.gamma)))))
    if how.shading:
        ramp = tf.linspace(-1.0, 1.0, size)
        x += per_film(draw(how.shading)) * ramp[None, :, None, None]
        x += per_film(draw(how.shading)) * ramp[None, None, :, None]
    x = (x - 0.5) * per_film(1 + draw(how.contrast)) + 0.5 + per_film(draw(how.brightness))
    if how.noise:
        sigma = per_film(generator.uniform((n,), 0.0, how.noise / 255) * taken)
        x += sigma * generator.normal(tf.shape(x))
    if how.erase:
        x = _erase(x, how.erase, generator, per_film)
    x = tf.clip_by_value(x, 0.0, 1.0) * 255
    return tf.concat([x, planes], axis=-1) if planes.shape[-1] else x


def _moved(films: Any, transforms: Any, margins: float, generator: tf.random.Generator) -> Any:
    """Films resampled by projective rows (n, 8), what they leave bare filled in one way for all."""
    import tensorflow as tf

    def filled(how: str) -> Callable[[], Any]:
        return lambda: tf.raw_ops.ImageProjectiveTransformV3(
            images=films,
            transforms=transforms,
            output_shape=films.shape[1:3],
            interpolation="BILINEAR",
            fill_mode=how,
            fill_value=0.0,
        )

    if not margins:
        return filled("NEAREST")()
    drawn = generator.uniform(())
    # 0 with a chance of 1 - margins; 1 and 2 share the rest.
    way = tf.cast(drawn < margins, tf.int32) + tf.cast(drawn < margins / 2, tf.int32)
    return tf.switch_case(way, [filled("NEAREST"), filled("REFLECT"), filled("CONSTANT")])


def _affine(draw: Callable[..., Any], how: Augmentation, size: float) -> Any:
    """(n, 8) projective rows that map output to input coordinates, about the film's centre."""
    import tensorflow as tf

    angle = draw(float(np.deg2rad(how.rotate)))
    zoom, stretch = tf.exp(draw(float(np.log1p(how.zoom)))), draw(how.stretch)
    sx, sy = zoom * (1 + stretch), zoom * (1 - stretch)
    cos, sin, centre = tf.cos(angle), tf.sin(angle), (size - 1) / 2
    a, b, c, d = cos * sx, -sin * sy, sin * sx, cos * sy
    dx = centre - a * centre - b * centre + draw(how.shift) * size
    dy = centre - c * centre - d * centre + draw(how.shift) * size
    if how.flip:
        mirrored = draw(1.0, eased=False) > 1 - 2 * how.flip
        side = tf.where(mirrored, -1.0, 1.0)
        # The film's columns are counted from the other side.
        a, b, dx = a * side, b * side, centre + (dx - centre) * side
    zero = tf.zeros_like(a)
    return tf.stack([a, b, dx, c, d, dy, zero, zero], axis=1)


def _erase(x: Any, limit: float, generator: Any, per_film: Callable[[Any], Any]) -> Any:
    import tensorflow as tf

    n, size = x.shape[0], x.shape[1]
    half = per_film(generator.uniform((n,), 0.0, limit / 2) * size)
    row, column = (per_film(generator.uniform((n,), 0.0, float(size))) for _ in (0, 1))
    grid = tf.range(size, dtype=tf.float32)
    inside = (tf.abs(grid[None, :, None, None] - row) < half) & (
        tf.abs(grid[None, None, :, None] - column) < half
    )
    return tf.where(inside, per_film(generator.uniform((n,), 0.0, 1.0)), x)
