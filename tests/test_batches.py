"""Augmentation and pasting change what they should and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import films
from cxr_core.augmentation import NO_AUGMENTATION, Augmentation
from cxr_core.batches import augmented_copies, pasted, training_batches


def drawn(n: int = 4, size: int = 64) -> np.ndarray:
    return np.stack([films.chest(size, size, seed=i)[..., None] for i in range(n)])


def test_no_augmentation_leaves_a_film_as_it_is() -> None:
    x = drawn()
    assert np.abs(augmented_copies(x, NO_AUGMENTATION, 1, seed=0).astype(int) - x).max() <= 1


def test_augmentation_is_repeatable_and_differs_by_film_and_copy() -> None:
    x = np.repeat(drawn(1), 3, axis=0)
    first = augmented_copies(x, Augmentation(), 2, seed=7)
    assert np.array_equal(first, augmented_copies(x, Augmentation(), 2, seed=7))
    assert len({film.tobytes() for film in first}) == 6
    assert first.shape == (6, 64, 64, 1)
    assert first.dtype == np.uint8


def test_a_film_is_never_mirrored() -> None:
    x = np.zeros((1, 64, 64, 1), np.uint8)
    x[:, :, :20] = 200
    moved = augmented_copies(np.repeat(x, 50, axis=0), Augmentation(style=0.0), 1, seed=1)
    left, right = moved[:, :, :16].mean(axis=(1, 2, 3)), moved[:, :, -16:].mean(axis=(1, 2, 3))
    assert (left > right).all()


def test_easing_leaves_more_films_nearly_where_they_are() -> None:
    x = np.zeros((1, 64, 64, 1), np.uint8)
    x[:, :, :32] = 200
    many = np.repeat(x, 1500, axis=0)

    def nearly_unmoved(easing: float) -> float:
        how = replace(NO_AUGMENTATION, shift=0.3, easing=easing)
        moved = augmented_copies(many, how, 1, seed=3)
        columns = (moved[:, 32, :, 0] > 100).sum(axis=1) - 32
        return float((np.abs(columns) <= 0.05 * 64).mean())

    # |u| at most a sixth of its limit: 1/6 for an even u, and t (1 - ln t) for u times an even s.
    # Columns are whole, so that a limit of 3.2 reaches from 3.5 below to 3.5 above.
    t = 3.5 / (0.3 * 64)
    assert abs(nearly_unmoved(0.0) - t) < 0.04
    assert abs(nearly_unmoved(1.0) - t * (1 - np.log(t))) < 0.04


def test_bare_margins_are_black_or_mirrored_as_often_as_asked() -> None:
    x = np.tile(np.arange(100, 228, 2, dtype=np.uint8)[None, None, :, None], (8, 64, 1, 1))
    how = replace(NO_AUGMENTATION, zoom=0.5, margins=0.5)
    kinds = {"drawn out": 0, "mirrored": 0, "black": 0}
    for seed in range(60):
        for film in augmented_copies(x, how, 1, seed=seed)[:1, 32, :, 0].astype(int):
            if film[0] == 0:
                kinds["black"] += 1
            elif film[0] > film[4] + 1:
                kinds["mirrored"] += 1
            elif abs(film[0] - 100) <= 1 and film[0] == film[2]:
                kinds["drawn out"] += 1
    # A good half of the films were made smaller and have a margin at all.
    assert sum(kinds.values()) > 20
    assert all(kinds.values()), kinds
    only_drawn_out = augmented_copies(x, replace(how, margins=0.0), 1, seed=1)
    assert only_drawn_out.min() >= 100


def test_a_pasted_rectangle_brings_its_share_of_target_and_weight() -> None:
    import tensorflow as tf

    n = 64
    x = tf.constant(np.arange(n, dtype=np.float32)[:, None, None, None] * np.ones((1, 20, 20, 1)))
    x = tf.cast(x, tf.float32)
    y, w, whole = (
        tf.range(n, dtype=tf.float32),
        tf.ones(n) + tf.range(n, dtype=tf.float32),
        x * 0 + 1,
    )
    seen, targets, weights, bodies = pasted(x, y, w, whole, 0.5, tf.random.Generator.from_seed(3))
    # Each film is as bright as its target, and stays so: the mean of its pixels is its new target.
    np.testing.assert_allclose(seen.numpy().mean(axis=(1, 2, 3)), targets, atol=1e-3)
    np.testing.assert_allclose(weights, targets.numpy() + 1, atol=1e-3)
    assert (bodies.numpy() == 1).all()
    own, other = np.arange(n)[:, None, None], n - 1 - np.arange(n)[:, None, None]
    seen = seen.numpy()[..., 0]
    assert ((seen == own) | (seen == other)).all()
    shares = (seen == other).mean(axis=(1, 2))
    assert 0.3 < (shares > 0).mean() < 0.6
    # Every pasted part is one rectangle.
    for mask in seen[shares > 0] == other[shares > 0]:
        rows, columns = mask.any(axis=1), mask.any(axis=0)
        assert mask[np.ix_(rows, columns)].all()
    untouched = pasted(x, y, w, whole, 0.0, tf.random.Generator.from_seed(3))
    assert np.array_equal(untouched[0], x)


def test_pasted_air_brings_nothing_and_takes_nothing_away() -> None:
    import tensorflow as tf

    n = 64
    x = tf.zeros((n, 20, 20, 1))
    y = tf.cast(tf.range(n) % 2, tf.float32)
    # Ill films, the odd ones, hold their body in the left half; well ones in the right.
    columns = np.arange(20)[None, None, :, None] < 10
    bodies = np.where(np.arange(n)[:, None, None, None] % 2, columns, ~columns)
    bodies = tf.constant(np.broadcast_to(bodies, x.shape).astype(np.float32))
    _, targets, _, mixed = pasted(x, y, tf.ones(n), bodies, 1.0, tf.random.Generator.from_seed(1))
    left, right = (
        mixed.numpy()[:, :, side].sum(axis=(1, 2, 3)) for side in (np.s_[:10], np.s_[10:])
    )
    np.testing.assert_allclose(targets, left / np.maximum(left + right, 1), atol=1e-5)
    assert np.std(targets.numpy()) > 0.1
    assert ((left + right) > 0).all()


def test_a_body_moves_with_its_film_and_keeps_its_levels() -> None:
    x = drawn(8)
    bodies = np.where(x > 60, 255, 0).astype(np.uint8)
    how = replace(NO_AUGMENTATION, rotate=10.0, shift=0.1, zoom=0.3, stretch=0.2)
    batches = training_batches(
        x, np.zeros(8, np.float32), np.ones(8, np.float32), how, batch=8, seed=0, bodies=bodies
    )
    film, _, _, inside = (part.numpy() for part in next(iter(batches)))
    assert inside.shape == film.shape
    assert (inside.min(), inside.max()) == (0, 1)
    # Edges are smoothed by resampling; away from them the moved body is that of the moved film.
    clear = np.abs(film - 60) > 25
    assert ((film > 60) == (inside > 0.5))[clear].mean() > 0.97


def test_batches_keep_film_target_and_weight_together() -> None:
    x = np.stack([np.full((32, 32, 1), 10 * i, np.uint8) for i in range(12)])
    targets, weights = np.arange(12, dtype=np.float32), np.arange(12, dtype=np.float32) + 100
    batches = iter(training_batches(x, targets, weights, NO_AUGMENTATION, batch=4, seed=0))
    seen: list[float] = []
    for _ in range(3):
        films_, y, w = (part.numpy() for part in next(batches))
        assert films_.shape == (4, 32, 32, 1)
        assert np.allclose(films_[:, 0, 0, 0], 10 * y, atol=1)
        assert np.array_equal(w, y + 100)
        seen.extend(y.tolist())
    assert sorted(seen) == list(range(12))
