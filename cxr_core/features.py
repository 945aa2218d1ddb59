"""Films → arrays kept in memory → augmented tf.data batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import dataset, image
from cxr_core.augmentation import Augmentation
from cxr_core.dataset import FilmRecord
from cxr_core.errors import DataError, ImageError
from cxr_core.preprocess import Preprocessing, model_input
from cxr_core.schema import Film

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, eq=False)
class FilmArray:
    """Decoded films. inputs: (n, size, size, 1) uint8; kept: positions of the readable ones;
    unreadable: (film id, sentence) of the rest."""

    inputs: NDArray[np.uint8]
    kept: NDArray[np.intp]
    unreadable: tuple[tuple[str, str], ...]


def read_film(record: FilmRecord) -> Film:
    """The film itself, out of its own file or one of many. Raises ImageError and DataError."""
    try:
        found = dataset.content(record)
    except OSError as error:
        raise DataError(
            f"Expected the file of film {record.film_id}; it cannot be read any more "
            f"({type(error).__name__}). Bring the data back, then go on."
        ) from error
    return image.read(found) if isinstance(found, Path) else image.decode(found)


def load_films(
    records: Sequence[FilmRecord],
    how: Preprocessing,
    on_progress: Callable[[int, int], None] | None = None,
    workers: int = 2,
) -> FilmArray:
    """Decode and preprocess every film once, as serving does; unreadable ones are listed."""

    def load(record: FilmRecord) -> NDArray[np.uint8] | str:
        try:
            return model_input(read_film(record), how)
        except (ImageError, DataError) as error:
            return str(error)

    inputs: list[NDArray[np.uint8]] = []
    kept: list[int] = []
    unreadable: list[tuple[str, str]] = []
    with ThreadPoolExecutor(workers) as pool:
        for i, loaded in enumerate(pool.map(load, records)):
            if isinstance(loaded, str):
                unreadable.append((records[i].film_id, loaded))
            else:
                inputs.append(loaded)
                kept.append(i)
            if on_progress:
                on_progress(i + 1, len(records))
    stacked = np.stack(inputs) if inputs else np.zeros((0, how.size, how.size, 1), np.uint8)
    return FilmArray(stacked, np.array(kept, dtype=np.intp), tuple(unreadable))


def decoded(
    records: Sequence[FilmRecord],
    how: Preprocessing,
    unreadable: dict[int, str],
    *,
    batch: int = 32,
    workers: int = 2,
) -> Iterator[NDArray[np.uint8]]:
    """Films in order as (≤ batch, size, size, 1) uint8, decoded in parallel and ahead of use.

    One that cannot be read is black, and `unreadable` says why, by its position.
    """
    import tensorflow as tf

    shape = (how.size, how.size, 1)

    def load(position: NDArray[np.int64]) -> NDArray[np.uint8]:
        try:
            return model_input(read_film(records[int(position)]), how)
        except (ImageError, DataError) as error:
            unreadable[int(position)] = str(error)
            return np.zeros(shape, np.uint8)

    def fetch(position: Any) -> Any:
        film = tf.numpy_function(load, [position], tf.uint8, stateful=False)
        film.set_shape(shape)
        return film

    films = tf.data.Dataset.range(len(records)).map(
        fetch, num_parallel_calls=workers, deterministic=True
    )
    return iter(films.batch(batch).prefetch(4).as_numpy_iterator())


def training_batches(
    inputs: NDArray[np.uint8],
    targets: NDArray[np.float32],
    weights: NDArray[np.float32],
    how: Augmentation,
    *,
    batch: int,
    seed: int,
    cutmix: float = 0.0,
) -> tf.data.Dataset:
    """Endless shuffled batches of (film 0..255 float32, target, weight), augmented per film.

    cutmix: share of films that take a rectangle of another one of the batch, see `pasted`.
    """
    import tensorflow as tf

    order = tf.data.Dataset.range(len(inputs)).shuffle(len(inputs), seed=seed).repeat()

    ranks = grey_ranks(inputs) if how.style else None
    draws = np.random.default_rng(seed)

    def gather(indices: NDArray[np.int64]) -> Any:
        films = inputs[indices]
        if ranks is not None:
            others = draws.integers(0, len(inputs), len(films))
            share = draws.uniform(0, how.style, len(films))
            films = exchange_style(films, ranks[indices], ranks[others], share)
        return films, targets[indices], weights[indices]

    def fetch(indices: Any) -> Any:
        x, y, w = tf.numpy_function(gather, [indices], [tf.uint8, tf.float32, tf.float32])
        x.set_shape((batch, *inputs.shape[1:]))
        y.set_shape((batch,))
        w.set_shape((batch,))
        return x, y, w

    generator = tf.random.Generator.from_seed(seed)

    def augmented(x: Any, y: Any, w: Any) -> Any:
        x = augment(tf.cast(x, tf.float32), how, generator)
        return pasted(x, y, w, cutmix, generator) if cutmix else (x, y, w)

    return order.batch(batch, drop_remainder=True).map(fetch).map(augmented).prefetch(4)


def pasted(
    films: Any, targets: Any, weights: Any, share: float, generator: tf.random.Generator
) -> tuple[Any, Any, Any]:
    """CutMix (Yun et al. 2019, arXiv 1905.04899): a rectangle of another film, in its own place.

    films: (n, size, size, 1); targets, weights: (n,). Into `share` of the films a rectangle of the
    batch's film at the other end is pasted; its area is drawn evenly before it is cut off at the
    edges. Targets and weights follow the area, so that each cell of a map learns to tell of the
    place that it stands for, instead of the whole film.
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
    area = tf.reduce_mean(inside, axis=(1, 2, 3))

    def mixed(values: Any, part: Any) -> Any:
        return values * (1 - part) + tf.reverse(values, [0]) * part

    return mixed(films, inside), mixed(targets, area), mixed(weights, area)


def grey_ranks(films: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Share of each film's pixels at or below each grey: (n, 256) float32, middle of a tie."""
    counts = np.stack([np.bincount(film.ravel(), minlength=256) for film in films])
    shares = counts / counts.sum(axis=1, keepdims=True)
    ranks: NDArray[np.float32] = (np.cumsum(shares, axis=1) - shares / 2).astype(np.float32)
    return ranks


def exchange_style(
    films: NDArray[np.uint8],
    own: NDArray[np.float32],
    other: NDArray[np.float32],
    share: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Move each film's grey levels by `share` (0 none, 1 fully) towards another film's histogram.

    own, other: (n, 256) from `grey_ranks`. Order of grey levels is kept, so nothing is drawn in.
    """
    grey = np.arange(256)
    moved = np.empty_like(films)
    for i, film in enumerate(films):
        matched = np.interp(own[i], other[i], grey)
        table = (1 - share[i]) * grey + share[i] * matched
        moved[i] = np.rint(table).astype(np.uint8)[film]
    return moved


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
    """films: (n, size, size, 1) float32 in 0..255 → the same, each changed by its own draw."""
    import tensorflow as tf

    n, size = films.shape[0], films.shape[1]

    taken = 1 - generator.uniform((n,), 0.0, how.easing) if how.easing else 1.0

    def draw(limit: float, eased: bool = True) -> Any:
        even = generator.uniform((n,), -limit, limit)
        return even * taken if eased else even

    def per_film(values: Any) -> Any:
        return tf.reshape(values, (n, 1, 1, 1))

    films = _moved(films, _affine(draw, how, float(size)), how.margins, generator)
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
    return tf.clip_by_value(x, 0.0, 1.0) * 255


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
