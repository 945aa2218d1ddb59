"""What the frozen base says of every film: computed once, kept on disk, trained on in seconds."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import classifier, registry
from cxr_core.fine_tuning._material import Material, check_space, digest, writing
from cxr_core.fine_tuning._network import forward
from cxr_core.methods import Settings, preprocessing

if TYPE_CHECKING:
    import keras

    from cxr_core.jobs import Reporter

BATCH = 32


def features(
    network: keras.Model,
    settings: Settings,
    material: Material,
    inputs: NDArray[np.uint8],
    report: Reporter,
) -> NDArray[np.float32]:
    """(n, F) float32: the network's pooled layer for each film of (n, size, size, 1).

    `$CXR_HOME/cache/features` keeps them by what they follow from: films, backbone, its weights,
    pooling and preprocessing.
    """
    base = body(network)
    array = registry.home() / "cache" / "features" / f"{_key(base, settings, material)}.npy"
    if array.exists():
        found: NDArray[np.float32] = np.load(array)
        if len(found) == len(inputs):
            report.log(f"features of {len(found)} films from the cache")
            return found
    score = forward(base)
    width = int(base.output_shape[-1])
    n = len(inputs)
    check_space(registry.home(), n * width * 4)
    with writing(array, (n, width), np.dtype(np.float32)) as out:
        for i in range(0, n, BATCH):
            out[i : i + BATCH] = score(inputs[i : i + BATCH])
            report.progress(min(i + BATCH, n), n, message="features of the frozen base")
    kept: NDArray[np.float32] = np.load(array)
    return kept


def body(network: keras.Model) -> keras.Model:
    """The network up to its pooled layer."""
    import keras

    return keras.Model(network.input, network.get_layer(classifier.POOL).output, name="body")


def _key(base: keras.Model, settings: Settings, material: Material) -> str:
    weights = hashlib.sha256()
    for array in base.get_weights():
        weights.update(np.ascontiguousarray(array).data)
    facts: dict[str, Any] = {
        "data": material.data_sha256,
        "films": len(material.records),
        "backbone": settings.backbone,
        "weights": weights.hexdigest(),
        "pooling": settings.pooling,
        "preprocessing": asdict(preprocessing(settings)),
    }
    return digest(facts)


def fit_svm(
    features_: NDArray[np.float32], targets: NDArray[np.int8], settings: Settings, classes: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A linear SVM on standardised features, as a layer's kernel (F, outputs) and bias.

    The standardisation is folded in, so that the network needs no other layer. Several classes are
    told one against the rest.
    """
    from sklearn.svm import LinearSVC

    mean = features_.mean(axis=0, dtype=np.float64)
    spread = np.maximum(features_.std(axis=0, dtype=np.float64), 1e-6)
    weight: Any = "balanced" if settings.balance in ("balanced", "oversample") else None
    if settings.balance == "custom":
        weight = dict(enumerate(settings.class_weights))
    machine = LinearSVC(
        C=settings.svm_c, class_weight=weight, random_state=settings.seed, max_iter=5000
    ).fit((features_ - mean) / spread, targets)
    kernel = machine.coef_.T / spread[:, None]
    bias = machine.intercept_ - mean @ kernel
    return kernel.astype(np.float32), bias.astype(np.float32)
