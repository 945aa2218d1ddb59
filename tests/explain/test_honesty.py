"""The two checks, on a network of which everybody can see what it looks at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cxr_core.explain import honesty
from cxr_core.explain.gallery import Explainer, Explanation, method

SIDE = 28


@pytest.fixture(scope="module")
def corner() -> Explainer:
    """Its score is the mean of the upper left quarter, and nothing else."""
    import keras
    from keras import layers

    image = keras.Input((SIDE, SIDE, 1))
    dense = layers.Dense(1)
    model = keras.Model(image, dense(layers.Flatten()(image)))
    weights = np.zeros((SIDE, SIDE))
    weights[: SIDE // 2, : SIDE // 2] = 4 / SIDE**2
    dense.set_weights([weights.reshape(-1, 1), np.zeros(1)])
    return Explainer(model)


@pytest.fixture(scope="module")
def image() -> Any:
    """Bright in the upper left quarter, on a noisy ground."""
    rng = np.random.default_rng(0)
    ground = rng.uniform(0, 60, (SIDE, SIDE, 1)).astype(np.float32)
    ground[: SIDE // 2, : SIDE // 2] += 150
    return ground


def map_at(rows: slice, columns: slice) -> Explanation:
    values = np.zeros((SIDE, SIDE), np.float32)
    values[rows, columns] = 1
    return Explanation(method("occlusion"), None, values, False, 1.0)


UPPER_LEFT = map_at(slice(0, SIDE // 2), slice(0, SIDE // 2))
LOWER_RIGHT = map_at(slice(SIDE // 2, SIDE), slice(SIDE // 2, SIDE))


def test_a_map_that_points_at_what_counts_passes(corner: Explainer, image: Any) -> None:
    found = honesty.deletion(corner, image, UPPER_LEFT)
    assert found.passed
    assert found.p == pytest.approx(1 / 20)
    assert found.at_random.shape == (19, len(found.fractions))
    bright = image[: SIDE // 2, : SIDE // 2].mean()
    assert found.by_map[0] == pytest.approx(bright, rel=1e-3)
    assert found.by_map[-1] < np.median(found.at_random[:, -1]) - 5


def test_a_map_that_points_elsewhere_fails(corner: Explainer, image: Any) -> None:
    found = honesty.deletion(corner, image, LOWER_RIGHT)
    assert not found.passed
    assert found.p > 0.9


def test_a_flat_map_fails(corner: Explainer, image: Any) -> None:
    flat = replace(UPPER_LEFT, values=np.ones((SIDE, SIDE), np.float32), flat=True)
    assert honesty.deletion(corner, image, flat).p == 1


def test_masked_cells_lose_their_detail_and_others_keep_it(image: Any) -> None:
    class Seen:
        def scores(self, images: Any) -> Any:
            self.images = images
            return np.zeros(len(images))

    seen: Any = Seen()
    honesty.masked_scores(seen, image, np.arange(196)[None])
    assert len(seen.images) == 1 + len(honesty.FRACTIONS)
    assert (seen.images[0] == image).all()
    # Cells are two pixels a side, fourteen to a row: a tenth of 196 is one row of cells and six.
    tenth = seen.images[1 + honesty.FRACTIONS.index(0.1)]
    assert (tenth[4:] == image[4:]).all()
    assert (tenth[2:4, 12:] == image[2:4, 12:]).all()
    assert (tenth[:2] != image[:2]).all()
    assert np.diff(tenth[:2, :, 0]).std() < np.diff(image[:2, :, 0]).std() / 3


def test_random_masks_have_the_shape_of_the_map() -> None:
    cells = np.zeros((14, 14))
    cells[2:5, 3:9] = 1
    for order in honesty.moved_at_random(cells.ravel(), draws=5):
        mask = np.zeros(196, int)
        mask[order[:18]] = 1
        # A 3 × 6 patch has 18 open sides, also where it is rolled round an edge.
        square = mask.reshape(14, 14)
        sides = sum(int((square != np.roll(square, 1, axis)).sum()) for axis in (0, 1))
        assert (mask.sum(), sides) == (18, 18)


def test_gradients_change_with_the_weights(corner: Explainer, image: Any) -> None:
    found = corner.explain("vanilla_gradients", image)
    result = honesty.randomisation(corner, image, found)
    assert len(result.correlations) == 3
    assert result.passed


def test_a_map_of_edges_does_not_and_fails(image: Any) -> None:
    import keras
    from keras import layers

    film = keras.Input((SIDE, SIDE, 1))
    edges = layers.AveragePooling2D(2, name="edges")(film)
    network = keras.Model(film, layers.Dense(1)(layers.Flatten()(edges)))
    asked = Explainer(network)
    found = asked.explain("activations", image, "edges")
    result = honesty.randomisation(asked, image, found)
    assert result.mean == pytest.approx(1)
    assert not result.passed


def test_shuffling_keeps_the_weights_and_is_undone(corner: Explainer) -> None:
    before = corner.network.get_weights()[0].copy()
    with honesty.shuffled(corner, 0):
        other = corner.network.get_weights()[0]
    assert sorted(other.ravel()) == sorted(before.ravel())
    assert (other != before).any()
    assert (corner.network.get_weights()[0] == before).all()


def test_means_of_cells_by_hand() -> None:
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    whole = honesty.cell_means(values, (4, 4))
    assert whole.tolist() == values.ravel().tolist()
    large = honesty.cell_means(
        np.kron(np.eye(14, dtype=np.float32), np.ones((2, 2), np.float32)), (28, 28)
    )
    assert large.reshape(14, 14).tolist() == np.eye(14).tolist()
