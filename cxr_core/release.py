"""Films → a registered model: fit, average, calibrate, lock, describe, export, write."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxr_core import dataset, describe, registry, train
from cxr_core.backbones import backbone
from cxr_core.card import ModelCard
from cxr_core.classifier import export_serving, load, serving_model, without_last_stride
from cxr_core.dataset import FilmRecord, Split
from cxr_core.errors import DataError
from cxr_core.features import augmented_copies, load_films, read_film
from cxr_core.gate import RENDERINGS, GateModel, fit_gate, render
from cxr_core.preprocess import Preprocessing, presentation, reduced
from cxr_core.recipe import Recipe
from cxr_core.registry import ModelEntry
from cxr_core.serve import Model
from cxr_core.threshold import calibrate, calibrated, operating_point
from cxr_core.train import EpochRow, TrainConfig

if TYPE_CHECKING:
    from cxr_core.classifier import Network

GATE_FILMS = 1500


def make(
    data: Path,
    recipe: Recipe,
    *,
    name: str,
    version: str,
    root: Path | None = None,
    work: Path,
    adults: Path | None = None,
    on_line: Callable[[str], None] = lambda line: None,
) -> ModelEntry:
    """Train by `recipe` on the class folders below `data` and register the result.

    work: folder for checkpoints; a member that is complete there is not fitted again. adults:
    class folders of another hospital, reported in the card and used for nothing else.
    Raises DataError and ConfigError before anything is started where they can be foreseen.
    """
    for stage in recipe.stages:
        train.check(stage)
    records = dataset.index_folder(data)
    split = dataset.split_by_patient(records, folds=recipe.folds, seed=recipe.split_seed)
    films = Films(records, on_line)
    start = None
    for i, stage in enumerate(recipe.stages[:-1]):
        start = _fit(stage, films, split, start, work / f"stage-{i}", on_line)
    final = recipe.stages[-1]
    models = [
        _fit(train.with_seed(final, seed), films, split, start, work / f"member-{seed}", on_line)
        for seed in range(recipe.members)
    ]
    model = train.average(models) if len(models) > 1 else models[0]
    if recipe.fine_map:
        model = without_last_stride(model, backbone(final.backbone))
    on_line("calibrating, fitting the quality gate and writing the model")
    return register(
        model, recipe, films, split, name=name, version=version, root=root, adults=adults
    )


def register(
    model: Network,
    recipe: Recipe,
    films: Films,
    split: Split,
    *,
    name: str,
    version: str,
    root: Path | None,
    adults: Path | None,
) -> ModelEntry:
    """Calibrate, lock, measure and export a fitted network, and write it to the registry."""
    final = recipe.stages[-1]
    row = backbone(final.backbone)
    inputs, y = films.inputs(final.preprocessing), films.labels
    held, held_y = inputs[split.validation], y[split.validation]
    scores = train.logits(model, held)
    harder = augmented_copies(held, final.augmentation, recipe.hardened, final.seed)
    hard_y = np.tile(held_y, 1 + recipe.hardened)
    hard_scores = np.concatenate([scores, train.logits(model, harder)])
    calibration = calibrate(hard_y, hard_scores, "platt")
    probabilities = calibrated(calibration, scores)
    point = operating_point(
        held_y,
        probabilities,
        hard_labels=hard_y,
        hard_probabilities=calibrated(calibration, hard_scores),
        sensitivity=recipe.sensitivity,
        miss_share=recipe.miss_share,
        alarm_share=recipe.alarm_share,
        data="validation films of the training folder, patients apart",
    )
    serving = serving_model(model, row.cam_layer, row.feature_layers)
    card = ModelCard(
        name=name,
        version=version,
        preprocessing=asdict(final.preprocessing),
        calibration=calibration,
        operating_point=point,
        cam_layer=row.cam_layer,
        backbone=row.name,
        created=datetime.now(UTC).date().isoformat(),
        intended_use=describe.INTENDED_USE,
        not_measured=describe.NOT_MEASURED,
        data=describe.data_facts(films.records, split, recipe),
        recipe=json.loads(json.dumps(asdict(recipe))),
        versions=describe.versions(),
        validation=describe.figures(held_y, probabilities, point.threshold),
        other=describe.adults(model, adults, final.preprocessing, calibration, point.threshold),
    )
    with tempfile.TemporaryDirectory() as folder:
        keras_file, serving_file = Path(folder, "model.keras"), Path(folder, "serving.tflite")
        gate_file = Path(folder, "gate.npz")
        model.save(keras_file)
        export_serving(serving, serving_file)
        network = Model(serving_file.read_bytes(), card, None)
        layers = [(n, int(model.get_layer(n).output.shape[-1])) for n in row.feature_layers]
        _gate(network, films.records, inputs, split, layers).save(gate_file)
        return registry.write(
            card,
            {
                registry.KERAS: keras_file,
                registry.SERVING: serving_file,
                registry.GATE: gate_file,
                registry.SCORES: describe.scores(films.records, split, scores, probabilities),
            },
            root,
        )


class Films:
    """Decoded films by preprocessing, kept in memory; unreadable ones are left out and told."""

    def __init__(self, records: Sequence[FilmRecord], on_line: Callable[[str], None]) -> None:
        self.records = records
        self.labels = dataset.labels(records)
        self._on_line = on_line
        self._kept: dict[Preprocessing, NDArray[np.uint8]] = {}

    def inputs(self, how: Preprocessing) -> NDArray[np.uint8]:
        if how not in self._kept:
            self._on_line(f"reading {len(self.records)} films at {how.size} pixels")
            loaded = load_films(self.records, how)
            if loaded.unreadable:
                lines = "; ".join(f"{i}: {why}" for i, why in loaded.unreadable[:5])
                raise DataError(
                    f"Expected {len(self.records)} readable films; {len(loaded.unreadable)} "
                    f"were not. Remove or replace them: {lines}"
                )
            self._kept[how] = loaded.inputs
        return self._kept[how]


def _fit(
    config: TrainConfig,
    films: Films,
    split: Split,
    start: Network | None,
    folder: Path,
    on_line: Callable[[str], None],
) -> Network:
    """Fit one stage, or load it where `folder` holds it complete and from the same settings."""
    settings = json.dumps(train.as_row(config), indent=1)
    done, described = folder / "final.keras", folder / "config.json"
    if done.exists() and described.exists() and described.read_text() == settings:
        on_line(f"{folder.name}: complete, from an earlier run")
        return load(done)

    def tell(row: EpochRow) -> None:
        on_line(
            f"{folder.name}: epoch {row.epoch}, {row.seconds:.0f} s, loss {row.loss:.3f}, "
            f"validation AUC {row.val_auc:.4f}"
        )

    inputs = films.inputs(config.preprocessing)
    run = train.fit(
        config,
        inputs,
        films.labels,
        split.train,
        split.validation,
        start=start,
        folder=folder,
        on_epoch=tell,
    )
    part = folder / "final.part.keras"
    run.model.save(part)
    os.replace(part, done)
    described.write_text(settings)
    return run.model


def _gate(
    network: Model,
    records: Sequence[FilmRecord],
    inputs: NDArray[np.uint8],
    split: Split,
    layers: list[tuple[str, int]],
) -> GateModel:
    """Fit the quality gate on renderings of training films, its thresholds on validation films."""
    validation = np.stack([network.forward(x).features for x in inputs[split.validation]])
    chosen = np.random.default_rng(0).permutation(split.train)[:GATE_FILMS]
    rendered: dict[str, list[NDArray[np.float32]]] = {name: [] for name in RENDERINGS}
    for position in chosen:
        shown = presentation(read_film(records[position]))
        for name, features in rendered.items():
            x = reduced(render(name, shown), network.preprocessing)
            features.append(network.forward(x).features)
    stacked = {name: np.stack(features) for name, features in rendered.items()}
    return fit_gate(stacked, validation, layers)
