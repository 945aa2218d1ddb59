"""Every threshold that matters: between each two neighbouring scores, and beyond both ends."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray


class Cuts:
    """Sorted films → the k + 1 distinct ways to part them, the one that calls all first.

    scores, labels: (n,), lowest score first. ill_below: (n + 1,) films of pneumonia among the
    lowest 0, 1, … n. positions: (k + 1,) how many films each way leaves uncalled.
    """

    def __init__(self, scores: NDArray[np.float64], labels: NDArray[np.int8]) -> None:
        self.scores = scores
        self.ill_below: NDArray[np.int64] = np.zeros(len(labels) + 1, dtype=np.int64)
        np.cumsum(labels, out=self.ill_below[1:])
        self.n = len(scores)
        self.ill = int(self.ill_below[-1])
        self.well = self.n - self.ill

    @cached_property
    def positions(self) -> NDArray[np.intp]:
        inner = np.flatnonzero(np.diff(self.scores) > 0) + 1
        ends = np.empty(len(inner) + 2, dtype=np.intp)
        ends[0], ends[1:-1], ends[-1] = 0, inner, self.n
        return ends

    @cached_property
    def tp(self) -> NDArray[np.int64]:
        return self.ill - self.ill_below[self.positions]

    @cached_property
    def fp(self) -> NDArray[np.int64]:
        return self.well - self.positions + self.ill_below[self.positions]

    @cached_property
    def thresholds(self) -> NDArray[np.float64]:
        """Half-way between neighbours, so that rounding drops neither.

        The last is nan where films at exactly 1 leave no threshold that calls none.
        """
        values = self.scores[self.positions[:-1]]
        low = np.concatenate([[0.0], values])
        high = np.append(values, 1.0 if values[-1] < 1 else np.nan)
        middle = (low + high) / 2
        # Between neighbouring floating-point numbers there is nothing: take the upper.
        stuck = (middle <= low) & (np.arange(len(low)) > 0)
        return np.asarray(np.where(stuck, high, middle), dtype=np.float64)

    def below(self, threshold: float) -> int:
        """How many films lie below."""
        return int(np.searchsorted(self.scores, threshold, side="left"))
