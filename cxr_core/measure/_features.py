"""In a process of its own: films → pooled features of a frozen backbone, kept in a file.

Request: row, data, positions of the films in the source's index, file to write.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core import classifier, comparison, dataset
from cxr_core.errors import ConfigError, DataError, ModelError
from cxr_core.features import load_films
from cxr_core.measure.process import answer, peak_mb, tell
from cxr_core.preprocess import Preprocessing

BATCH = 16


def work(request: dict[str, Any]) -> dict[str, Any]:
    """Write features (n, F) float32 and the positions of the films that could be read."""
    import keras
    import tensorflow as tf

    row = comparison.row(request["row"])
    if row.backbone is None or row.model or row.weights is None:
        raise ConfigError(f"Expected a backbone; received {row.id}. Choose one of the table.")
    if not row.weights.present:
        raise ModelError(row.weights.sentence)
    size = row.backbone.size
    model = classifier.build(row.backbone, size=size, weights="imagenet")
    pooled = keras.Model(model.input, model.get_layer(classifier.POOL).output)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def forward(x: Any) -> Any:
        return pooled(tf.cast(x, tf.float32), training=False)

    index = dataset.open_source(request["data"])
    positions = np.array(request["positions"], dtype=np.intp)
    began = time.perf_counter()
    features: list[Any] = []
    kept: list[Any] = []
    for start in range(0, len(positions), BATCH):
        chosen = positions[start : start + BATCH]
        # A part at a time: all films of a large set at 600 pixels would not fit memory.
        loaded = load_films([index.records[i] for i in chosen], preprocessing(size))
        if len(loaded.kept):
            features.append(forward(loaded.inputs).numpy())
            kept.append(chosen[loaded.kept])
        tell(min(start + BATCH, len(positions)), len(positions))
    if not kept:
        raise DataError("Expected films that can be read; received none. Check the data set.")
    seconds = time.perf_counter() - began
    path = Path(request["file"])
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        features=np.concatenate(features).astype(np.float32),
        positions=np.concatenate(kept),
        seconds=seconds,
    )
    os.replace(part, path)
    return {"seconds": seconds, "peak_mb": peak_mb()}


def preprocessing(size: int) -> Preprocessing:
    """The product's own way to read a film, its blur at the same share of the side."""
    return Preprocessing(size=size, blur=Preprocessing.blur * size / Preprocessing.size)


if __name__ == "__main__":
    answer(work)
