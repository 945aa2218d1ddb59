"""Fitting the gate from features of training and validation films; scikit-learn, training only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError
from cxr_core.gate._model import TURNED, Floats, GateModel, distances
from cxr_core.gate._render import BROAD, NARROW, RENDERINGS, UPRIGHT

UNLIKE_QUANTILE = 0.99
# Multiples of validation's 99th percentile of the broad distance; see docs/decisions.
FAR_FACTOR = 1.5
LAYERS_FOR_DISTANCE = 4
FEWEST_FILMS = 20


def fit_gate(
    train: Mapping[str, Floats], validation: Floats, layers: Sequence[tuple[str, int]]
) -> GateModel:
    """Fit the gate on renderings of training films, its thresholds on validation films.

    train: for each of RENDERINGS the features (n, F) of training films drawn that way, the same
    films in the same order. validation: (m, F), films of other patients, as stored. layers:
    (name, width) in the order in which they lie in F; the last, which feeds the classifier and
    loses all else in fine-tuning, is left out of the distances. Raises DataError.
    """
    _check(train, validation, layers)
    used = layers[:LAYERS_FOR_DISTANCE] if len(layers) > LAYERS_FOR_DISTANCE else layers
    edges = np.concatenate([[0], np.cumsum([width for _, width in used])])
    total = int(edges[-1])
    held_out = validation[:, :total].astype(np.float64)
    narrow = np.concatenate([train[name][:, :total] for name in NARROW]).astype(np.float64)
    broad = np.concatenate([train[name][:, :total] for name in BROAD]).astype(np.float64)
    narrow_mean, narrow_whiten = _reference(narrow, held_out, edges)
    broad_mean, broad_whiten = _reference(broad, held_out, edges)
    near = distances(held_out - narrow_mean, narrow_whiten, edges).mean(axis=1)
    wide = distances(held_out - broad_mean, broad_whiten, edges).mean(axis=1)
    limits = [np.quantile(near, UNLIKE_QUANTILE), FAR_FACTOR * np.quantile(wide, 0.99)]
    weights, bias = _turn_classifier({name: train[name][:, :total] for name in train}, narrow_mean)
    as_floats = {
        "narrow_mean": narrow_mean,
        "narrow_whiten": narrow_whiten,
        "broad_mean": broad_mean,
        "broad_whiten": broad_whiten,
        "limits": np.asarray(limits),
        "turn_weights": weights,
        "turn_bias": bias,
    }
    return GateModel(
        width=validation.shape[1],
        edges=edges.astype(np.int64),
        **{name: array.astype(np.float32) for name, array in as_floats.items()},
    )


def _reference(
    films: NDArray[np.float64], held_out: NDArray[np.float64], edges: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (total,) and whitening of each layer, in units of validation's 99th percentile.

    Covariances are shrunk (Ledoit and Wolf 2004) after each feature is brought to unit variance.
    """
    from sklearn.covariance import ledoit_wolf

    mean = films.mean(axis=0)
    spread = np.maximum(films.std(axis=0), 1e-6)
    parts = []
    for a, b in pairwise(edges):
        scaled = (films[:, a:b] - mean[a:b]) / spread[a:b]
        covariance, _ = ledoit_wolf(scaled, assume_centered=True)
        values, vectors = np.linalg.eigh(covariance)
        matrix = vectors / np.sqrt(np.maximum(values, 1e-9)) / spread[a:b, None]
        far = np.sqrt((((held_out[:, a:b] - mean[a:b]) @ matrix) ** 2).sum(axis=1))
        parts.append((matrix / np.quantile(far, 0.99)).ravel())
    return mean, np.concatenate(parts)


def _turn_classifier(
    train: Mapping[str, Floats], mean: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (total, 1 + len(TURNED)) and bias on features less `mean`: upright, or turned how."""
    from sklearn.linear_model import LogisticRegression

    x = np.concatenate([train[name] for name in (*UPRIGHT, *TURNED)]) - mean
    spread = np.maximum(x.std(axis=0), 1e-6)
    sizes = [len(train[name]) for name in (*UPRIGHT, *TURNED)]
    classes = [0] * len(UPRIGHT) + list(range(1, 1 + len(TURNED)))
    fitted = LogisticRegression(C=0.01, max_iter=300, class_weight="balanced").fit(
        x / spread, np.repeat(classes, sizes)
    )
    return fitted.coef_.T / spread[:, None], fitted.intercept_


def _check(
    train: Mapping[str, Floats], validation: Floats, layers: Sequence[tuple[str, int]]
) -> None:
    missing = [name for name in RENDERINGS if name not in train]
    if missing:
        raise DataError(
            f"Expected features of the renderings {', '.join(RENDERINGS)}; received none of "
            f"{', '.join(missing)}. Draw them with gate.render."
        )
    width = sum(size for _, size in layers)
    for name, array in {**train, "validation": validation}.items():
        if array.ndim != 2 or array.shape[1] != width or len(array) < FEWEST_FILMS:
            raise DataError(
                f"Expected features of {name} films as (at least {FEWEST_FILMS}, {width}); "
                f"received {array.shape}. Use more films, or list the layers that were pooled."
            )
        if not np.isfinite(array).all():
            raise DataError(
                f"Expected finite features of {name} films; received NaN or infinity. "
                "Check that the network trained without diverging."
            )
