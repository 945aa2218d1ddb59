"""Curves of a million points → at most 2,000 that keep the shape and its corners."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

LIMIT = 2_000


def corners(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions of both ends and of every point where the line through (x, y) turns."""
    if len(x) <= 2:
        return np.arange(len(x))
    dx, dy = np.diff(x), np.diff(y)
    turn = dx[:-1] * dy[1:] - dy[:-1] * dx[1:]
    size = np.hypot(dx[:-1], dy[:-1]) * np.hypot(dx[1:], dy[1:])
    inner = np.flatnonzero(np.abs(turn) > 1e-12 * size) + 1
    return np.concatenate([[0], inner, [len(x) - 1]])


def thin(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    always: tuple[int, ...] = (),
    limit: int = LIMIT,
) -> NDArray[np.intp]:
    """Positions to keep of a line through (x, y), both (n,): at most `limit`, ends included.

    Nothing is lost where the corners are few enough. Else the line is cut into pieces of equal
    length (each axis scaled to 1) and each keeps its ends and the points farthest from the chord
    between them on either side. always: positions that are kept whatever happens.
    """
    kept = corners(x, y)
    room = limit - len(always)
    if len(kept) > room:
        kept = kept[_extremes(x[kept], y[kept], room // 3 - 1)]
    if always:
        kept = np.union1d(kept, np.asarray(always, dtype=np.intp))
    return kept


def _extremes(x: NDArray[np.float64], y: NDArray[np.float64], pieces: int) -> NDArray[np.intp]:
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) / _span(x))])
    along[1:] += np.cumsum(np.abs(np.diff(y)) / _span(y))
    starts = np.searchsorted(along, np.linspace(0, along[-1], pieces + 1)[:-1])
    starts = np.unique(np.append(starts, len(x) - 1))
    kept = [starts]
    for a, b in itertools.pairwise(starts.tolist()):
        if b - a > 1:
            off = (x[a:b] - x[a]) * (y[b] - y[a]) - (y[a:b] - y[a]) * (x[b] - x[a])
            kept.append(a + np.array([off.argmax(), off.argmin()]))
    return np.unique(np.concatenate(kept))


def _span(values: NDArray[np.float64]) -> float:
    return float(np.ptp(values)) or 1.0
