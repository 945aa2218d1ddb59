"""What the frozen base says of every film: computed once, kept on disk, trained on in seconds."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import classifier, registry
from cxr_core.fine_tuning._material import Material, digest, trim, writing
from cxr_core.fine_tuning._network import forward, tf_gpus
from cxr_core.methods import Settings, preprocessing

if TYPE_CHECKING:
    import keras

    from cxr_core.jobs import Reporter

BATCH = 32
# Parameters below which LiteRT is the faster engine on processors, and films from which on its
# conversion, some seconds, is worth it.
LITE_BELOW, LITE_FROM = 10_000_000, 500


def features(
    network: keras.Model,
    settings: Settings,
    material: Material,
    inputs: NDArray[np.uint8],
    report: Reporter,
) -> NDArray[np.float32]:
    """(n, F) float32: the network's pooled layer for each film of (n, size, size, 1).

    `$CXR_HOME/cache/features` keeps them by what they follow from: films, backbone, its weights,
    pooling, where it ends and preprocessing.
    """
    base = body(network)
    array = registry.home() / "cache" / "features" / f"{_key(base, settings, material)}.npy"
    if array.exists():
        found: NDArray[np.float32] = np.load(array)
        if len(found) == len(inputs):
            os.utime(array)
            report.log(f"features of {len(found)} films from the cache")
            return found
    width = int(base.output_shape[-1])
    n = len(inputs)
    with writing(array, (n, width), np.dtype(np.float32)) as out:
        done = 0
        for block in _blocks(base, inputs, report):
            out[done : done + len(block)] = block
            done += len(block)
            report.progress(done, n, message="features of the frozen base")
    kept: NDArray[np.float32] = np.load(array)
    trim(registry.home() / "cache", array)
    return kept


def _blocks(
    base: keras.Model, inputs: NDArray[np.uint8], report: Reporter
) -> Iterator[NDArray[np.float32]]:
    """Features of BATCH films at a time, by whichever engine is faster here.

    On processors LiteRT takes a quarter of TensorFlow's time for a small network of depthwise
    convolutions (docs/decisions/0011), a film at a time on each thread.
    """
    score = forward(base)
    if len(inputs) >= LITE_FROM and base.count_params() < LITE_BELOW and not tf_gpus():
        lite = _lite(base, report.threads)
        few = inputs[:2]
        if np.allclose(lite(few), score(few), rtol=1e-3, atol=1e-3):
            score = lite
        else:
            report.log("LiteRT's features differ from TensorFlow's: taking TensorFlow's")
    for i in range(0, len(inputs), BATCH):
        yield score(inputs[i : i + BATCH])


def logits(
    network: keras.Model, inputs: NDArray[np.uint8], report: Reporter, what: str
) -> NDArray[np.float32]:
    """(n, outputs) of films (n, size, size, 1)."""
    parts = []
    done = 0
    # An architecture with a head of its own is asked as a whole.
    pooled = classifier.POOL in {layer.name for layer in network.layers}
    for block in _blocks(body(network) if pooled else network, inputs, report):
        parts.append(head_logits(network, block) if pooled else block)
        done += len(block)
        report.progress(done, len(inputs), message=f"{what}, {done} of {len(inputs)} films")
    return np.concatenate(parts)


def head_logits(network: keras.Model, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the network's head says of pooled features (n, F): (n, outputs)."""
    x = pooled
    if classifier.HIDDEN in {layer.name for layer in network.layers}:
        kernel, bias = network.get_layer(classifier.HIDDEN).get_weights()
        x = np.maximum(x @ kernel + bias, 0)
    kernel, bias = network.get_layer(classifier.LOGIT).get_weights()
    found: NDArray[np.float32] = (x @ kernel + bias).astype(np.float32)
    return found


def _lite(base: keras.Model, threads: int) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """The base as a LiteRT file, an interpreter on each thread."""
    import keras
    from ai_edge_litert.interpreter import Interpreter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body.tflite"
        named = keras.Model(base.input, {"features": base.output}, name="body_serving")
        classifier.export_serving(named, path)
        content = path.read_bytes()
    own = threading.local()

    def one(film: NDArray[np.uint8]) -> NDArray[np.float32]:
        if not hasattr(own, "run"):
            # The runner holds its interpreter, and the interpreter its content.
            own.run = Interpreter(model_content=content, num_threads=1).get_signature_runner()
        found: NDArray[np.float32] = own.run(film=film[None].astype(np.float32))["features"][0]
        return found

    pool = ThreadPoolExecutor(max(1, threads))
    return lambda films: np.stack(list(pool.map(one, films)))


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
        "until": settings.base_until,
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
