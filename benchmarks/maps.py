"""Does the heatmap point to where the pneumonia is? `python -m benchmarks.maps FILMS`

No film at hand has its pneumonia outlined. So one half of a validation film with pneumonia takes
the place of the same half of a normal one, and the signed map of the joint film is asked: how
well do its cells tell the ill half from the well one (AUC over cells, of the body's alone as well;
0.5 by chance), and which share of what argues for pneumonia lies in the ill half (0.5 by chance)?
Halves are left, right, upper and lower. Beside it, of the films as they are: how much of what
argues for pneumonia in an ill film lies beside the body, and by how much the logit moves when all
beside the body is blacked. Writes a dated CSV, a row a
figure.

What it does not show: where in the ill half the pneumonia is. A half without any of it, as many
are, counts as ill all the same, so that 1.0 is out of reach.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._results import RESULTS, write_csv
from cxr_core import dataset, registry
from cxr_core.dataset import FilmRecord
from cxr_core.evaluate import auc
from cxr_core.explain.body import body_areas
from cxr_core.features import load_films, read_film
from cxr_core.reading import examine
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
    sick, sound = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    sick = sick[:: len(sick) // len(sound)][: len(sound)]
    bodies = body_areas(films) > 127
    rows: list[dict[str, str | float]] = []

    def tell(of: str, measure: str, value: float, n: int) -> None:
        rows.append(
            {"model": f"{entry.name} {entry.version}", "films": of, "measure": measure,
             "value": round(float(value), 4), "n": n}
        )  # fmt: skip
        print(" · ".join(str(cell) for cell in rows[-1].values()), flush=True)

    for half in HALVES:
        told, body, inside = judged(model, films, bodies, list(zip(sick, sound, strict=True)), half)
        seen = inside[~np.isnan(inside)]
        tell(f"{half} half ill", "AUC over cells, mean", told.mean(), len(told))
        tell(f"{half} half ill", "AUC over cells of the body, mean", body.mean(), len(body))
        tell(f"{half} half ill", "share of evidence in the ill half, mean", seen.mean(), len(seen))
        tell(f"{half} half ill", "films without any evidence", np.isnan(inside).sum(), len(inside))
    beside = np.array([beside_body(model, held[i]) for i in sick])
    for quantile in (0.5, 0.97):
        share = np.nanquantile(beside, quantile)
        tell("ill", f"share of the map beside the body, quantile {quantile}", share, len(beside))
    both = np.concatenate([sick, sound])
    moved = np.array([_logit(model, films[i] * bodies[i]) - _logit(model, films[i]) for i in both])
    tell(
        "as many of each",
        "logit when all beside the body is blacked, mean shift",
        moved.mean(),
        len(both),
    )
    tell("as many of each", "the same, mean size of the shift", np.abs(moved).mean(), len(both))
    path = arguments.out / f"{datetime.now(UTC).date()}-maps-{entry.name}-{entry.version}.csv"
    write_csv(path, rows)
    print(f"{path} written")


def judged(
    model: Model,
    films: NDArray[np.uint8],
    bodies: NDArray[np.bool_],
    pairs: Sequence[tuple[np.intp, np.intp]],
    half: str,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """For each pair (ill, well) joined: AUC over cells and over the body's, and the share of
    positive evidence in the ill half."""
    told, body, inside = [], [], []
    mask = _mask(half, films.shape[1:3])[..., None]
    for sick, sound in pairs:
        cam = model.forward(np.where(mask, films[sick], films[sound])).cam
        cells = _mask(half, cam.shape)
        step = mask.shape[0] // cam.shape[0]
        joined = np.where(mask, bodies[sick], bodies[sound])[..., 0]
        filled = joined.reshape(cam.shape[0], step, cam.shape[1], step).mean(axis=(1, 3)) > 0.5
        told.append(auc(cells.ravel().astype(np.int8), cam.ravel().astype(np.float64)))
        body.append(auc(cells[filled].astype(np.int8), cam[filled].astype(np.float64)))
        evidence = np.maximum(cam, 0)
        total = evidence.sum()
        inside.append(evidence[cells].sum() / total if total > 0 else np.nan)
    return np.array(told), np.array(body), np.array(inside)


def beside_body(model: Model, record: FilmRecord) -> float:
    """Share of a film's map for pneumonia beside its body; NaN where the map is flat."""
    found = examine(read_film(record), record.film_id, model)
    heatmap = next(h for h in found.heatmaps or () if h.label == "PNEUMONIA")
    return np.nan if heatmap.outside_share is None else heatmap.outside_share


def _logit(model: Model, film: NDArray[np.uint8]) -> float:
    return model.forward(film).logit


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
