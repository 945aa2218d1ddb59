"""In a process of its own: a network → its serving files. Request: row, precisions, folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_core import classifier, comparison, registry
from cxr_core.comparison import Row
from cxr_core.errors import ConfigError, ModelError
from cxr_core.measure.count import counted
from cxr_core.measure.process import answer

if TYPE_CHECKING:
    import keras


def network(row: Row) -> tuple[keras.Model, str]:
    """film → logit, and whose weights it has: 'fine-tuned', 'imagenet' or 'random'.

    Times do not depend on the weights, so that a backbone without any at hand is measured all the
    same. A registered model is counted on the way. Raises ModelError for a damaged file.
    """
    if row.model:
        stored = classifier.load(row.model.path(registry.KERAS))
        if row.counts is None:
            head = (layer for layer in stored.layers if layer.name in classifier.HEAD)
            base = stored.count_params() - sum(layer.count_params() for layer in head)
            comparison.store(row.model, counted(stored, row.id, base))
        return stored, "fine-tuned"
    if row.backbone is None:
        raise ConfigError(f"Expected a backbone or a model; received {row.id}. Choose a row.")
    state = row.weights
    if state and state.problem:
        raise ModelError(state.problem)
    kind = "imagenet" if state and state.present else None
    model = classifier.build(row.backbone, size=row.backbone.size, weights=kind)
    return model, kind or "random"


def work(request: dict[str, Any]) -> dict[str, Any]:
    """Write `<precision>.tflite` for each precision asked for; whole or not at all."""
    row = comparison.row(request["row"])
    folder = Path(request["folder"])
    model, kind = network(row)
    for precision in request["precisions"]:
        classifier.export_serving(model, folder / f"{precision}.tflite", int8=precision == "int8")
    part = folder / "weights.part"
    part.write_text(kind)
    os.replace(part, folder / "weights.txt")
    return {"weights": kind}


if __name__ == "__main__":
    answer(work)
