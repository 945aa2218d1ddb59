"""May a map be believed? Two checks that it can fail.

Deletion: what it points at, masked, must move the score more than the same mask at random places
(after Petsiuk et al. 2018, arXiv 1806.07421). Randomisation: with the weights shuffled, it must
change (Adebayo et al. 2018, arXiv 1810.03292).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.explain.gallery import Explainer, Explanation
from cxr_core.explain.grad_cam import upsample
from cxr_core.preprocess import gaussian

CELLS = 14
FRACTIONS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
# 19 random orders: beaten by none of them is p = 1/20.
DRAWS = 19
MOST_ALIKE = 0.5

Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Deletion:
    """Scores while more and more is masked. fractions: (k,) of the area, 0 first.

    by_map: (k,) the map's strongest cells first; at_random: (draws, k), the same
    masks elsewhere. p: share of orders, the
    map's own among them, that move the score as far as the map's.
    """

    fractions: Scores
    by_map: Scores
    at_random: Scores
    p: float

    @property
    def passed(self) -> bool:
        return self.p <= 0.05


@dataclass(frozen=True)
class Randomisation:
    """Rank correlation, without its sign, of the map with those of shuffled networks."""

    correlations: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.correlations))

    @property
    def passed(self) -> bool:
        return self.mean < MOST_ALIKE


def masked_scores(explainer: Explainer, image: NDArray[Any], orders: NDArray[np.intp]) -> Scores:
    """Scores (orders, 1 + fractions) of the image with the first cells of each order masked.

    Masked cells show the image blurred until it has no detail: a square of one grey would be a
    finding of its own.
    """
    side = min(CELLS, *image.shape[:2])
    count = side * side
    plain = image.astype(np.float32)
    blurred = np.stack(
        [gaussian(plain[..., c], image.shape[0] / 12) for c in range(image.shape[-1])], axis=-1
    )
    images = [plain]
    for order in orders:
        for fraction in FRACTIONS:
            cells = np.zeros(count, np.float32)
            cells[order[: max(1, round(fraction * count))]] = 1
            mask = _enlarged(cells.reshape(side, side), image.shape[:2])[..., None]
            images.append(mask * blurred + (1 - mask) * plain)
    scores = explainer.scores(np.stack(images))
    first = np.full((len(orders), 1), scores[0])
    return np.concatenate([first, scores[1:].reshape(len(orders), -1)], axis=1)


def moved_at_random(cells: Scores, draws: int = DRAWS, seed: int = 0) -> NDArray[np.intp]:
    """Orders (draws, cells) of a map of cells (side²,) turned over and rolled round at random.

    Masks of the same shapes in other places: scattered squares would damage a film far more than
    a patch of the same area, wherever the patch lies.
    """
    rng = np.random.default_rng(seed)
    side = round(len(cells) ** 0.5)
    square = cells.reshape(side, side)
    orders = []
    for _ in range(draws):
        turned = np.rot90(square[:, :: rng.choice((-1, 1))], int(rng.integers(4)))
        rolled = np.roll(turned, rng.integers(side, size=2), axis=(0, 1))
        orders.append(np.argsort(-rolled.ravel(), kind="stable"))
    return np.stack(orders).astype(np.intp)


def deletion(explainer: Explainer, image: NDArray[Any], explanation: Explanation) -> Deletion:
    """The deletion curve of a map against masks of the same shapes at random places."""
    cells = cell_means(explanation.values, image.shape[:2])
    order = np.argsort(-cells, kind="stable")[None].astype(np.intp)
    scores = masked_scores(explainer, image, np.concatenate([order, moved_at_random(cells)]))
    by_map, at_random = scores[0], scores[1:]

    def moved(scores: Scores) -> Scores:
        fall = scores[..., :1] - scores[..., 1:]
        size = fall if explanation.method.evidence else np.abs(fall)
        mean: Scores = size.mean(axis=-1)
        return mean

    as_far = int((moved(at_random) >= moved(by_map)).sum())
    p = 1.0 if explanation.flat else (1 + as_far) / (1 + len(at_random))
    return Deletion(np.array([0, *FRACTIONS]), by_map, at_random, p)


def randomisation(
    explainer: Explainer, image: NDArray[Any], explanation: Explanation, draws: int = 3,
    seed: int = 0,
) -> Randomisation:  # fmt: skip
    """How much of the map is left when every weight of the network is shuffled in its tensor."""
    own = cell_means(explanation.values, image.shape[:2])
    found = []
    for draw in range(draws):
        with shuffled(explainer, seed + draw):
            again = explainer.explain(explanation.method.key, image, explanation.layer)
        found.append(abs(_rank_correlation(own, cell_means(again.values, image.shape[:2]))))
    return Randomisation(tuple(found))


@contextmanager
def shuffled(explainer: Explainer, seed: int) -> Iterator[None]:
    """Inside, the entries of each of the network's weight tensors stand in random order."""
    weights = explainer.network.get_weights()
    rng = np.random.default_rng(seed)
    # In place: a copy would have to be traced again for every method.
    explainer.network.set_weights([rng.permutation(w.ravel()).reshape(w.shape) for w in weights])
    try:
        yield
    finally:
        explainer.network.set_weights(weights)


def cell_means(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A map of any size as the means of at most CELLS × CELLS cells: (cells,)."""
    side = min(CELLS, shape[0], shape[1])
    full = upsample(values, (shape[0], shape[1])).astype(np.float64)
    rows, columns = (np.arange(n) * side // n for n in full.shape)
    sums = np.zeros((side, side))
    np.add.at(sums, (rows[:, None], columns[None]), full)
    counts = np.outer(np.bincount(rows), np.bincount(columns))
    means: NDArray[np.float64] = (sums / counts).ravel()
    return means


def _enlarged(cells: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    rows, columns = (np.arange(n) * len(cells) // n for n in shape)
    large: NDArray[np.float32] = cells[np.ix_(rows, columns)]
    return large


def _rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    from scipy.stats import spearmanr

    if not (np.isfinite(a).all() and np.isfinite(b).all() and np.ptp(a) > 0 and np.ptp(b) > 0):
        return 0.0
    return float(spearmanr(a, b).statistic)
