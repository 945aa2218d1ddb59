"""Judge a recipe by films that shift, not by a random split: `python -m benchmarks.recipes -h`.

Validation at random says 0.99 of recipes that fall apart on unseen films. What fell apart was
always the same: exposure and proportions differ between the classes in the training folder, and a
network reads them. So the held-out films are shown once more with exactly that exchanged.
The shifts are listed in `_shifts.py`; `python -m benchmarks.proxies` says which to believe.

Each line goes into a CSV: AUC, and specificity at the sensitivity of 97 % that was set on the
unchanged films (`spec_locked`) or anew (`spec_97`).
"""

from __future__ import annotations

import argparse
import csv
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._results import RESULTS
from benchmarks._shifts import shifted
from cxr_core import classifier, dataset, train
from cxr_core.augmentation import Augmentation
from cxr_core.backbones import backbone
from cxr_core.evaluate import auc
from cxr_core.features import load_films
from cxr_core.preprocess import Preprocessing
from cxr_core.threshold import at_sensitivity

SENSITIVITY = 0.97


def judged(model: Any, films: dict[str, NDArray[np.uint8]], y: NDArray[np.int8]) -> dict[str, Any]:
    """Figures of a network on each kind of held-out film."""
    scores = {kind: train.logits(model, x) for kind, x in films.items()}
    locked = at_sensitivity(y, scores["val"], SENSITIVITY)
    row: dict[str, Any] = {}
    for kind, z in scores.items():
        anew = at_sensitivity(y, z, SENSITIVITY)
        row[f"{kind}_auc"] = round(auc(y, z), 4)
        row[f"{kind}_sens_locked"] = round(float((z[y == 1] >= locked).mean()), 3)
        row[f"{kind}_spec_locked"] = round(float((z[y == 0] < locked).mean()), 3)
        row[f"{kind}_spec_97"] = round(float((z[y == 0] < anew).mean()), 3)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="holds NORMAL and PNEUMONIA")
    parser.add_argument("--name", required=True, help="what to call the run in the table")
    parser.add_argument(
        "--model", type=Path, nargs="*", help="judge these .keras files (averaged) instead"
    )
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--split", default="base", help="base, virus, bacteria, early or late")
    parser.add_argument("--set", nargs="*", default=[], help="settings, e.g. epochs=2.5 style=0")
    parser.add_argument("--out", type=Path, default=RESULTS / "recipes.csv")
    arguments = parser.parse_args()

    blur = round(1.2 * arguments.size / 224, 3)
    config = _config(arguments.set, Preprocessing(size=arguments.size, blur=blur))
    records = dataset.index_folder(arguments.data)
    split = dataset.split_by_patient(records)
    if arguments.split != "base":
        split = dataset.leave_out(records, arguments.split, split)
    y = dataset.labels(records)
    inputs = load_films(records, config.preprocessing).inputs
    started = time.monotonic()
    if arguments.model:
        stored = train.average([classifier.load(path) for path in arguments.model])
        model = classifier.build(backbone(config.backbone), size=arguments.size, weights=None)
        model.set_weights(stored.get_weights())
    else:
        model = train.fit(config, inputs, y, split.train, split.validation).model
    row = {
        "name": arguments.name,
        "split": arguments.split,
        "size": arguments.size,
        "settings": " ".join(arguments.set),
        "n_train": len(split.train),
        "n_held_out": len(split.validation),
        "seconds": round(time.monotonic() - started),
        **judged(model, shifted(inputs, y, split), y[split.validation]),
    }
    new = not arguments.out.exists()
    with arguments.out.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
    print(row)


def _config(settings: list[str], preprocessing: Preprocessing) -> train.TrainConfig:
    values = dict(item.split("=", 1) for item in settings)
    how = {f.name: float(values.pop(f.name)) for f in fields(Augmentation) if f.name in values}
    config = train.TrainConfig(preprocessing=preprocessing)
    config = replace(config, augmentation=replace(config.augmentation, **how))
    for name, text in values.items():
        kind = type(getattr(config, name))
        config = replace(config, **{name: text if kind is str else kind(float(text))})
    return config


if __name__ == "__main__":
    main()
