"""Does the heatmap point to where the pneumonia is? `python -m benchmarks.maps FILMS`

No film at hand has its pneumonia outlined. So one half of a validation film with pneumonia takes
the place of the same half of a normal one, and the signed map of the joint film is asked: how
well do its cells tell the ill half from the well one (AUC over cells; 0.5 by chance), and which
share of what argues for pneumonia lies in the ill half (0.5 by chance)? Halves are left, right,
upper and lower. Writes a dated CSV, a row a half.

What it does not show: where in the ill half the pneumonia is. A half without any of it, as many
are, counts as ill all the same, so that 1.0 is out of reach.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._results import RESULTS, write_csv
from cxr_core import dataset, registry
from cxr_core.evaluate import auc
from cxr_core.features import load_films
from cxr_core.serve import Model

HALVES = ("left", "right", "upper", "lower")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="holds NORMAL and PNEUMONIA")
    parser.add_argument("--model", metavar="NAME[@VERSION]", help="default: the shipped one")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    name, _, version = (arguments.model or registry.DEFAULT_MODEL).partition("@")
    entry = registry.find(name, version or None)
    model = Model.load(entry)
    records = dataset.index_folder(arguments.data)
    held = [records[i] for i in dataset.split_by_patient(records).validation]
    films, y = load_films(held, model.preprocessing).inputs, dataset.labels(held)
    ill, well = films[y == 1], films[y == 0]
    ill = ill[:: len(ill) // len(well)][: len(well)]
    rows = []
    for half in HALVES:
        told, inside = judged(model, ill, well, half)
        row = {
            "model": f"{entry.name} {entry.version}",
            "ill half": half,
            "n": len(ill),
            "cells_auc_mean": round(float(told.mean()), 3),
            "cells_auc_low_quarter": round(float(np.quantile(told, 0.25)), 3),
            "share_inside_mean": round(float(np.nanmean(inside)), 3),
            "without_any_evidence": int(np.isnan(inside).sum()),
        }
        print(row, flush=True)
        rows.append(row)
    path = arguments.out / f"{datetime.now(UTC).date()}-maps-{entry.name}-{entry.version}.csv"
    write_csv(path, rows)
    print(f"{path} written")


def judged(
    model: Model, ill: NDArray[np.uint8], well: NDArray[np.uint8], half: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each pair the AUC over cells, and the share of positive evidence in the ill half."""
    told, inside = [], []
    for sick, sound in zip(ill, well, strict=True):
        cam = model.forward(np.where(_mask(half, sick.shape[:2])[..., None], sick, sound)).cam
        cells = _mask(half, cam.shape)
        told.append(auc(cells.ravel().astype(np.int8), cam.ravel().astype(np.float64)))
        evidence = np.maximum(cam, 0)
        total = evidence.sum()
        inside.append(evidence[cells].sum() / total if total > 0 else np.nan)
    return np.array(told), np.array(inside)


def _mask(half: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """True where the film is the ill one; left and right as they lie on the screen."""
    mask = np.zeros(shape, bool)
    height, width = shape[0] // 2, shape[1] // 2
    match half:
        case "left":
            mask[:, :width] = True
        case "right":
            mask[:, width:] = True
        case "upper":
            mask[:height] = True
        case _:
            mask[height:] = True
    return mask


if __name__ == "__main__":
    main()
