"""A fitted network's figures on films it was not trained on, and the films it gets most wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_core.dataset import FilmRecord
from cxr_core.evaluate import auc_interval, report, wilson

WORST = 12


def judged(
    probabilities: NDArray[np.float64],
    targets: NDArray[np.int8],
    classes: Sequence[str],
    threshold: float,
) -> dict[str, Any]:
    """Figures with 95 % intervals, and the confusion matrix: rows are true, columns called.

    probabilities: (n,) of the second class at a locked threshold, or (n, k), the highest called.
    """
    if probabilities.ndim == 1:
        found = report(targets, probabilities, threshold)
        names = ("auc", "accuracy", "sensitivity", "specificity")
        return {
            "n": found.n,
            "classes": list(classes),
            "threshold": threshold,
            "figures": {name: asdict(getattr(found, name)) for name in names},
            "brier": found.brier,
            "ece": found.ece,
            "confusion": [list(row) for row in found.confusion],
        }
    called = probabilities.argmax(axis=1)
    k = len(classes)
    confusion = np.zeros((k, k), int)
    np.add.at(confusion, (targets, called), 1)
    figures = {"accuracy": asdict(wilson(int(np.trace(confusion)), len(targets)))}
    for c, name in enumerate(classes):
        own = (targets == c).astype(np.int8)
        if 0 < own.sum() < len(own):
            figures[f"auc {name} against the rest"] = asdict(auc_interval(own, probabilities[:, c]))
            figures[f"sensitivity {name}"] = asdict(wilson(int(confusion[c, c]), int(own.sum())))
    return {
        "n": len(targets),
        "classes": list(classes),
        "threshold": None,
        "figures": figures,
        "confusion": confusion.tolist(),
    }


def worst(
    probabilities: NDArray[np.float64],
    targets: NDArray[np.int8],
    records: Sequence[FilmRecord],
    positions: NDArray[np.intp],
    inputs: NDArray[np.uint8],
    classes: Sequence[str],
    folder: Path,
) -> list[dict[str, Any]]:
    """The films whose own class got the least probability, worst first, each as a small PNG.

    positions: of the judged films among records and inputs. Pictures are what the network saw.
    """
    if probabilities.ndim == 1:
        both = np.stack([1 - probabilities, probabilities], axis=1)
    else:
        both = probabilities
    own = both[np.arange(len(targets)), targets]
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for rank, k in enumerate(np.argsort(own, kind="stable")[:WORST]):
        record = records[int(positions[k])]
        picture = f"{rank:02d}.png"
        Image.fromarray(np.asarray(inputs[int(positions[k])])[..., 0]).save(folder / picture)
        rows.append(
            {
                "film_id": record.film_id,
                "label": classes[int(targets[k])],
                "called": classes[int(both[k].argmax())],
                "probability": round(float(own[k]), 6),
                "picture": f"{folder.name}/{picture}",
            }
        )
    return rows
