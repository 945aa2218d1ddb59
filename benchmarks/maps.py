"""Does the heatmap point to where the pneumonia is? `python -m benchmarks.maps FILMS`

No film at hand has its pneumonia outlined. So one half of a validation film with pneumonia takes
the place of the same half of a normal one, and the signed map of the joint film is asked: how
well do its cells tell the ill half from the well one (AUC over cells, of the body's alone as well;
0.5 by chance), and which share of what argues for pneumonia lies in the ill half (0.5 by chance)?
Halves are left, right, upper and lower. The same is asked of a spot of a twentieth of the picture,
with a soft edge, in the middle of either lung. Beside it, of the films as they are: how much of
what argues for pneumonia in an ill film lies beside the body, how much in the field where lungs are
and which share of the body that field is, on which share of the body the map reaches half its peak,
and by how much the logit moves when all beside the body is blacked. Writes a dated CSV, a row a
figure.

What it does not show: where in the ill part the pneumonia is. A part without any of it, as many
halves are and most spots, counts as ill all the same, so that 1.0 is out of reach.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._chest import chest_areas
from benchmarks._results import RESULTS, write_csv
from cxr_core import dataset, registry
from cxr_core.dataset import FilmRecord
from cxr_core.evaluate import auc
from cxr_core.explain.body import body_areas
from cxr_core.features import load_films, read_film
from cxr_core.reading import examine
from cxr_core.serve import Model

HALVES = ("left half", "right half", "upper half", "lower half")
# Middle of a spot, x and y, of the picture's sides; the right lung lies on the screen's left.
SPOTS = {"spot in the right lung": (0.3, 0.45), "spot in the left lung": (0.7, 0.45)}
RADII, EDGE = (0.12, 0.14), 0.35


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="holds NORMAL and PNEUMONIA")
    parser.add_argument("--model", metavar="NAME[@VERSION]", help="default: the shipped one")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    entry = registry.named(arguments.model or registry.DEFAULT_MODEL)
    model = Model.load(entry)
    records = dataset.index_folder(arguments.data)
    held = [records[i] for i in dataset.split_by_patient(records).validation]
    films, y = load_films(held, model.preprocessing).inputs, dataset.labels(held)
    sick, sound = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    sick = sick[:: len(sick) // len(sound)][: len(sound)]
    areas = body_areas(films)
    bodies, chests = areas > 127, chest_areas(areas) > 127
    pairs = list(zip(sick, sound, strict=True))
    rows: list[dict[str, str | float]] = []

    def tell(of: str, measure: str, value: float, n: int) -> None:
        rows.append(
            {"model": f"{entry.name} {entry.version}", "films": of, "measure": measure,
             "value": round(float(value), 4), "n": n}
        )  # fmt: skip
        print(" · ".join(str(cell) for cell in rows[-1].values()), flush=True)

    for part in (*HALVES, *SPOTS):
        told, body, chest, inside = judged(model, films, (bodies, chests), pairs, part).T
        seen = inside[~np.isnan(inside)]
        tell(f"{part} ill", "AUC over cells, mean", told.mean(), len(told))
        tell(f"{part} ill", "AUC over cells of the body, mean", body.mean(), len(body))
        tell(f"{part} ill", "AUC over cells of the chest field, mean", chest.mean(), len(chest))
        tell(f"{part} ill", "share of evidence in the ill part, mean", seen.mean(), len(seen))
        tell(f"{part} ill", "films without any evidence", np.isnan(inside).sum(), len(inside))
    beside, extent = np.array([placed(model, held[i]) for i in sick]).T
    for quantile in (0.5, 0.97):
        share = np.nanquantile(beside, quantile)
        tell("ill", f"share of the map beside the body, quantile {quantile}", share, len(beside))
    within = np.array([_within(model.forward(films[i]).cam, chests[i]) for i in sick])
    tell("ill", "share of the map in the chest field, median", np.nanmedian(within), len(within))
    part_of_body = [chests[i].sum() / bodies[i].sum() for i in sick]
    tell("ill", "the chest field's share of the body, median", np.median(part_of_body), len(sick))
    for quantile in (0.1, 0.5, 0.9):
        share = np.nanquantile(extent, quantile)
        tell("ill", f"share of the body at half the peak, quantile {quantile}", share, len(extent))
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
    areas: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    pairs: Sequence[tuple[np.intp, np.intp]],
    part: str,
) -> NDArray[np.float64]:
    """(pairs, 4): of each pair (ill, well) joined the AUC over cells, over the body's and over the
    chest field's, which `areas` are, and the share of positive evidence in the ill part."""
    mask = _mask(part, films.shape[1])[..., None]
    rows = []
    for sick, sound in pairs:
        film = mask * films[sick] + (1 - mask) * films[sound]
        cam = model.forward(np.rint(film).astype(np.uint8)).cam
        ill = _per_cell(mask, cam) > 0.5
        row = [_told(ill, cam)]
        for area in areas:
            filled = _per_cell(np.where(mask > 0.5, area[sick], area[sound]), cam) > 0.5
            row.append(_told(ill[filled], cam[filled]))
        evidence = np.maximum(cam, 0)
        total = evidence.sum()
        rows.append([*row, evidence[ill].sum() / total if total > 0 else np.nan])
    return np.array(rows)


def _told(ill: NDArray[np.bool_], cam: NDArray[np.float32]) -> float:
    return auc(ill.ravel().astype(np.int8), cam.ravel().astype(np.float64))


def placed(model: Model, record: FilmRecord) -> tuple[float, float]:
    """Share of a film's map for pneumonia beside its body, and of its body at half the map's peak;
    NaN where the map is flat."""
    found = examine(read_film(record), record.film_id, model)
    heatmap = next(h for h in found.heatmaps or () if h.label == "PNEUMONIA")
    if heatmap.outside_share is None or heatmap.extent is None:
        return np.nan, np.nan
    return heatmap.outside_share, heatmap.extent


def _logit(model: Model, film: NDArray[np.uint8]) -> float:
    return model.forward(film).logit


def _within(cam: NDArray[np.float32], area: NDArray[np.bool_]) -> float:
    """Share of a map's positive evidence in an area of the film; NaN where there is none."""
    evidence = np.maximum(cam, 0).astype(np.float64)
    share = _per_cell(area, cam)
    return float((evidence * share).sum() / evidence.sum()) if evidence.any() else np.nan


def _per_cell(area: NDArray[Any], cam: NDArray[np.float32]) -> NDArray[np.float64]:
    """Share of each of a map's (n, n) cells that an area (size, size, 1) fills."""
    cells, step = cam.shape[0], area.shape[0] // cam.shape[0]
    shares: NDArray[np.float64] = area.reshape(cells, step, cells, step).mean(axis=(1, 3))
    return shares


def _mask(part: str, size: int) -> NDArray[np.float32]:
    """(size, size), 1 where the film is the ill one; left and right as they lie on the screen."""
    mask = np.zeros((size, size), np.float32)
    middle = size // 2
    match part.split()[0]:
        case "left":
            mask[:, :middle] = 1
        case "right":
            mask[:, middle:] = 1
        case "upper":
            mask[:middle] = 1
        case "lower":
            mask[middle:] = 1
        case _:
            down, across = (np.mgrid[:size, :size] + 0.5) / size
            (x, y), (wide, high) = SPOTS[part], RADII
            away = np.hypot((across - x) / wide, (down - y) / high)
            mask[:] = np.clip((1 + EDGE - away) / (2 * EDGE), 0, 1)
    return mask


if __name__ == "__main__":
    main()
