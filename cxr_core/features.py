"""Films → arrays kept in memory; their grey levels taken to those of other films."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import dataset, image
from cxr_core.dataset import FilmRecord
from cxr_core.errors import DataError, ImageError
from cxr_core.preprocess import Preprocessing, model_input
from cxr_core.schema import Film


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
