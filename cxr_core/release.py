"""Films → a registered model: fit, average, calibrate, lock, describe, export, write."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxr_core import dataset, describe, registry, train
from cxr_core.backbones import backbone
from cxr_core.batches import augmented_copies
from cxr_core.card import Calibration, DataFacts, Facts, ModelCard
from cxr_core.classifier import (
    export_serving,
    last_stride,
    load,
    serving_model,
    without_last_stride,
)
from cxr_core.dataset import FilmRecord, Split
from cxr_core.errors import DataError
from cxr_core.features import load_films, read_film
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
    row = backbone(recipe.stages[-1].backbone)
    if recipe.fine_map:
        last_stride(row)
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
        model = without_last_stride(model, row)
    on_line("calibrating, fitting the quality gate and writing the model")
    return register(
        model, recipe, films, split, name=name, version=version, root=root, adults=adults
    )


@dataclass(frozen=True, eq=False)
class Finished:
    """A fitted network, and what its card will say of it.

    serving: see `classifier.serving_model`; layers: (name, width) of its features. scores: logits
    of the validation films; hard_labels, hard_scores: of these and of harder renderings.
    judged_on: the validation films in words. other: figures on other films, at a calibration and a
    threshold. gate_films: how many training films the quality gate is fitted on.
    """

    model: Network
    serving: Network
    backbone: str
    cam_layer: str
    layers: tuple[tuple[str, int], ...]
    preprocessing: Preprocessing
    scores: NDArray[np.float64]
    hard_labels: NDArray[np.int8]
    hard_scores: NDArray[np.float64]
    judged_on: str
    data: DataFacts
    recipe: Facts
    intended_use: str = describe.INTENDED_USE
    not_measured: tuple[str, ...] = describe.NOT_MEASURED
    other: Callable[[Calibration, float], Facts] = lambda calibration, threshold: {}
    sensitivity: float = 0.96
    miss_share: float = 0.01
    alarm_share: float = 0.01
    gate_films: int = GATE_FILMS


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
    """Score a network of the shipped recipe on its validation films, and store it."""
    final = recipe.stages[-1]
    row = backbone(final.backbone)
    inputs, y = films.inputs(final.preprocessing), films.labels
    held, held_y = inputs[split.validation], y[split.validation]
    scores = train.logits(model, held)
    harder = augmented_copies(held, final.augmentation, recipe.hardened, final.seed)
    done = Finished(
        model=model,
        serving=serving_model(model, row.cam_layer, row.feature_layers),
        backbone=row.name,
        cam_layer=row.cam_layer,
        layers=widths(model, row.feature_layers),
        preprocessing=final.preprocessing,
        scores=scores,
        hard_labels=np.tile(held_y, 1 + recipe.hardened),
        hard_scores=np.concatenate([scores, train.logits(model, harder)]),
        judged_on="validation films of the training folder, patients apart",
        data=describe.data_facts(films.records, split, recipe),
        recipe=json.loads(json.dumps(asdict(recipe))),
        other=lambda calibration, threshold: describe.adults(
            model, adults, final.preprocessing, calibration, threshold
        ),
        sensitivity=recipe.sensitivity,
        miss_share=recipe.miss_share,
        alarm_share=recipe.alarm_share,
        gate_films=GATE_FILMS,
    )
    return store(done, films.records, inputs, y, split, name=name, version=version, root=root)


def widths(model: Network, names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """(name, channels) of a network's layers."""
    return tuple((n, int(model.get_layer(n).output.shape[-1])) for n in names)


def store(
    done: Finished,
    records: Sequence[FilmRecord],
    inputs: NDArray[np.uint8],
    labels: NDArray[np.int8],
    split: Split,
    *,
    name: str,
    version: str,
    root: Path | None = None,
    on_line: Callable[[str], None] = lambda line: None,
) -> ModelEntry:
    """Calibrate, lock, measure and export a fitted network, and write it to the registry.

    inputs: (n, size, size, 1) uint8 of all records; labels: (n,) 1 for pneumonia.
    """
    held_y = labels[split.validation]
    calibration = calibrate(done.hard_labels, done.hard_scores, "platt")
    probabilities = calibrated(calibration, done.scores)
    point = operating_point(
        held_y,
        probabilities,
        hard_labels=done.hard_labels,
        hard_probabilities=calibrated(calibration, done.hard_scores),
        sensitivity=done.sensitivity,
        miss_share=done.miss_share,
        alarm_share=done.alarm_share,
        data=done.judged_on,
    )
    card = ModelCard(
        name=name,
        version=version,
        preprocessing=asdict(done.preprocessing),
        calibration=calibration,
        operating_point=point,
        cam_layer=done.cam_layer,
        backbone=done.backbone,
        created=datetime.now(UTC).date().isoformat(),
        intended_use=done.intended_use,
        not_measured=done.not_measured,
        data=done.data,
        recipe=done.recipe,
        versions=describe.versions(),
        validation=describe.figures(held_y, probabilities, point.threshold),
        other=done.other(calibration, point.threshold),
    )
    with tempfile.TemporaryDirectory() as folder:
        keras_file, serving_file = Path(folder, "model.keras"), Path(folder, "serving.tflite")
        gate_file = Path(folder, "gate.npz")
        done.model.save(keras_file)
        on_line("writing the serving file")
        export_serving(done.serving, serving_file)
        network = Model(serving_file.read_bytes(), card, None)
        on_line("fitting the quality gate")
        _gate(network, records, inputs, split, done.layers, done.gate_films, on_line).save(
            gate_file
        )
        return registry.write(
            card,
            {
                registry.KERAS: keras_file,
                registry.SERVING: serving_file,
                registry.GATE: gate_file,
                registry.SCORES: describe.scores(records, split, done.scores, probabilities),
            },
            root,
        )


def next_version(name: str) -> str:
    """One after the highest stored version of that name: the third number raised."""
    versions = [m.version for m in registry.list_models() if m.name == name]
    if not versions:
        return "0.1.0"
    latest = max(versions, key=registry.version_key)
    major, minor, patch, _ = registry.version_key(latest)
    return f"{major}.{minor}.{patch + 1}"


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
    layers: Sequence[tuple[str, int]],
    films: int,
    on_line: Callable[[str], None],
) -> GateModel:
    """Fit the quality gate on renderings of training films, its thresholds on validation films."""
    validation = np.stack([network.forward(x).features for x in inputs[split.validation]])
    chosen = np.random.default_rng(0).permutation(split.train)[:films]
    rendered: dict[str, list[NDArray[np.float32]]] = {name: [] for name in RENDERINGS}
    for k, position in enumerate(chosen):
        if k % 20 == 0:
            on_line(f"fitting the quality gate, film {k} of {len(chosen)}")
        shown = presentation(read_film(records[position]))
        for name, features in rendered.items():
            x = reduced(render(name, shown), network.preprocessing)
            features.append(network.forward(x).features)
    stacked = {name: np.stack(features) for name, features in rendered.items()}
    return fit_gate(stacked, validation, layers)
