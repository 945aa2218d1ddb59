"""Grey levels are exchanged and nothing else; unreadable films are listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import films
from cxr_core import dataset
from cxr_core.features import exchange_style, grey_ranks, load_films
from cxr_core.preprocess import Preprocessing


def drawn(n: int = 4, size: int = 64) -> np.ndarray:
    return np.stack([films.chest(size, size, seed=i)[..., None] for i in range(n)])


def test_a_full_exchange_of_style_gives_the_other_films_histogram() -> None:
    rng = np.random.default_rng(0)
    dark = rng.integers(0, 120, (1, 64, 64, 1)).astype(np.uint8)
    bright = (255 - rng.integers(0, 60, (1, 64, 64, 1))).astype(np.uint8)
    ranks = grey_ranks(np.concatenate([dark, bright]))
    moved = exchange_style(dark, ranks[:1], ranks[1:], np.ones(1))
    for share in (10, 50, 90):
        assert abs(np.percentile(moved, share) - np.percentile(bright, share)) <= 2
    # Order is kept: what was darker stays no brighter.
    order = np.argsort(dark.ravel(), kind="stable")
    assert (np.diff(moved.ravel()[order].astype(int)) >= 0).all()


def test_no_exchange_of_style_is_the_identity() -> None:
    x = drawn(2)
    ranks = grey_ranks(x)
    assert np.array_equal(exchange_style(x, ranks, ranks[::-1], np.zeros(2)), x)


def test_unreadable_films_are_listed_and_left_out(tmp_path: Path) -> None:
    for label in ("NORMAL", "PNEUMONIA"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "good.png").write_bytes(films.png(films.chest(96, 96)))
    (tmp_path / "NORMAL" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    loaded = load_films(dataset.index_folder(tmp_path), Preprocessing(size=64))
    assert loaded.inputs.shape == (2, 64, 64, 1)
    assert loaded.kept.tolist() == [1, 2]
    [(film_id, why)] = loaded.unreadable
    assert film_id == "NORMAL/broken"
    assert "Expected" in why


def test_exchange_needs_as_many_partners_as_films() -> None:
    with pytest.raises(IndexError):
        exchange_style(drawn(2), grey_ranks(drawn(2)), grey_ranks(drawn(1)), np.ones(2))
