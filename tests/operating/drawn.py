"""Score sets drawn at random, for tests that need any films rather than real ones."""

from __future__ import annotations

import numpy as np

from cxr_core.operating import ScoreSet, Sorted, from_arrays


def arrays(n: int, seed: int = 0, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores (n,) of a fair model: about a third ill, AUC near 0.85."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.35).astype(np.int8)
    labels[:2] = (0, 1)
    scores = 1 / (1 + np.exp(-(rng.normal(size=n) * 1.3 + 2 * labels - 1)))
    return labels, np.round(scores, 1) if ties else scores


def films(n: int, seed: int = 0, ties: bool = False, patients: int | None = None) -> ScoreSet:
    labels, scores = arrays(n, seed, ties)
    columns = {}
    if patients:
        rng = np.random.default_rng(seed + 1)
        columns["patient"] = np.array([f"p{i}" for i in rng.integers(patients, size=n)], object)
    names = [f"film-{i}" for i in range(n)]
    return from_arrays(labels, scores, "drawn", films=names, columns=columns)


def ordered(n: int, seed: int = 0, ties: bool = False, patients: int | None = None) -> Sorted:
    return Sorted(films(n, seed, ties, patients))
