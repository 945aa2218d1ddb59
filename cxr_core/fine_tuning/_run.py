"""The job 'train': a plan's films → fitted networks → figures → a model that Review can use."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import dataset, methods
from cxr_core.dataset import Split
from cxr_core.errors import Cancelled, DataError
from cxr_core.fine_tuning import _network as net
from cxr_core.fine_tuning._features import features, fit_svm
from cxr_core.fine_tuning._feed import Feed
from cxr_core.fine_tuning._finish import Part, finish
from cxr_core.fine_tuning._fit import Fit, fit
from cxr_core.fine_tuning._imagenet import as_it_is
from cxr_core.fine_tuning._material import Material, films, open_material
from cxr_core.fine_tuning._record import (
    CONFIGURATION,
    ENVIRONMENT,
    Recorder,
    environment,
    write_json,
)
from cxr_core.fine_tuning._state import BEST, load_state, load_weights
from cxr_core.methods import Plan, Settings, preprocessing

if TYPE_CHECKING:
    import keras

    from cxr_core.jobs import Reporter

FACTS, BEST_MODEL = "run.json", "best.keras"


def run(config: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """Carry out one plan (`methods.as_config`), or go on with it where `report.resumed`.

    Each whole epoch leaves a checkpoint in `report.folder`; a cancel keeps the best one as
    best.keras. Returns what the page shows: figures, confusion, worst films, the model's name.
    """
    plan = methods.from_config(config)
    methods.check(plan.settings)
    started = time.monotonic()
    folder = report.folder
    strategy = net.strategy()
    replicas = int(strategy.num_replicas_in_sync)
    write_json(folder / CONFIGURATION, methods.as_config(plan))
    write_json(folder / ENVIRONMENT, environment(replicas))
    material = open_material(plan.data, report)
    if plan.settings.head == "imagenet":
        return as_it_is(plan, material, report)
    material, inputs = films(material, preprocessing(plan.settings), report, report.threads)
    for what, why in material.unreadable:
        report.log(f"left out: {what}: {why}")
    splits = _splits(plan, material)
    _same_films(folder, material, splits, report)
    if replicas > 1:
        report.log(
            f"{replicas} GPUs: a batch of {plan.settings.batch} on each, "
            f"{plan.settings.batch * replicas} in all, and the rate {replicas} times as high"
        )
    recorder = Recorder(folder, methods.as_config(plan), methods.model_name(plan))
    figures: dict[str, float] = {}
    failed = True
    try:
        parts = [
            _fit_part(plan, settings, split, k, material, inputs, report, recorder, strategy)
            for k, (settings, split) in enumerate(_parts(plan, splits))
        ]
        fitted = time.monotonic()
        result = finish(plan, material, inputs, parts, report)
        found = result["validation"]["figures"]
        figures = {f"validation {name}": row["value"] for name, row in found.items()}
        failed = False
    finally:
        recorder.close(figures, failed)
    total = plan.settings.head_epochs + plan.settings.epochs
    report.progress(1, 1, epoch=total, epochs=total, message="finished")
    return result | {
        "replicas": replicas,
        "seconds": {
            "fitting": round(fitted - started, 1),
            "all": round(time.monotonic() - started, 1),
        },
    }


def _splits(plan: Plan, material: Material) -> tuple[Split, ...]:
    if plan.settings.folds:
        return material.folds(plan.settings.folds, plan.data.seed)
    return (material.split(plan.data),)


def _parts(plan: Plan, splits: tuple[Split, ...]) -> list[tuple[Settings, Split]]:
    """(settings, split) of every fit: one, one a fold, or one a member."""
    settings = plan.settings
    if not settings.members:
        return [(settings, split) for split in splits]
    alone = replace(settings, members=())
    # Two members of one backbone are complementary by their seeds alone.
    return [
        (replace(methods.with_backbone(alone, name), seed=settings.seed + k), splits[0])
        for k, name in enumerate(settings.members)
    ]


def _same_films(
    folder: Path, material: Material, splits: tuple[Split, ...], report: Reporter
) -> None:
    """A run that goes on must have the films it began with. Raises DataError."""
    facts = {
        "data_sha256": material.data_sha256,
        "split_sha256": [dataset.split_hash(material.records, s) for s in splits],
        "films": len(material.records),
        "notes": list(splits[0].notes),
    }
    path = folder / FACTS
    if report.resumed and path.exists():
        before = json.loads(path.read_text())
        if before["data_sha256"] != facts["data_sha256"]:
            raise DataError(
                f"Expected the {before['films']} films that this run began with; they have "
                "changed. Bring them back, or start a new run."
            )
    write_json(path, facts)


def _fit_part(
    plan: Plan,
    settings: Settings,
    split: Split,
    k: int,
    material: Material,
    inputs: NDArray[np.uint8],
    report: Reporter,
    recorder: Recorder,
    strategy: Any,
) -> Part:
    parts = plan.settings.folds or len(plan.settings.members) or 1
    number = k + 1 if parts > 1 else 0
    folder = report.folder / (f"part-{number}" if number else "fit")
    if state := load_state(folder):
        recorder.seen(state.history)
    classes = len(material.classes)
    replicas = int(strategy.num_replicas_in_sync)
    report.log(f"building {settings.backbone}" + (f", part {number} of {parts}" if number else ""))
    with strategy.scope(), net.precision(settings):
        network = net.build(settings, classes)
        net.prepare(network, settings, 2)
    learns = sum(int(np.prod(v.shape)) for v in network.trainable_variables)
    x: NDArray[Any] = inputs
    if settings.features:
        x = features(network, settings, material, inputs, report)
    if settings.head == "svm":
        own = material.targets[split.train]
        kernel, bias = fit_svm(x[split.train], own, settings, classes)
        network.get_layer("logit").set_weights([kernel, bias])
        return Part(settings, network, split, (), learns, x)
    trained = network
    if settings.features:
        with strategy.scope():
            trained = net.build_head(settings, x.shape[1], classes)
    batch = min(settings.batch * replicas, max(2, len(split.train)))
    job = Fit(
        settings,
        Feed(x, split.train, material.targets, classes, settings, batch),
        x,
        material.targets,
        split.validation,
        classes,
        folder,
        number,
        parts,
        replicas,
        recorder,
    )
    try:
        history = fit(trained, job, report, strategy)
    except Cancelled:
        _keep_best(network, trained, folder, report)
        raise
    network = _plain(network, settings, classes, replicas)
    if trained.name == "head":
        net.put_head(network, trained)
    return Part(settings, network, split, history, learns, x if settings.features else None)


def _plain(network: keras.Model, settings: Settings, classes: int, replicas: int) -> keras.Model:
    """The same weights in full precision and on one device, to score and to store."""
    if not settings.mixed_precision and replicas == 1:
        return network
    shell = net.build(replace(settings, pretrained=False, mixed_precision=False), classes)
    shell.set_weights(network.get_weights())
    return shell


def _keep_best(network: keras.Model, trained: keras.Model, folder: Path, report: Reporter) -> None:
    if not (folder / BEST).exists():
        return
    trained.set_weights(load_weights(folder / BEST))
    if trained is not network:
        net.put_head(network, trained)
    part = report.folder / ".best.part.keras"
    network.save(part)
    part.replace(report.folder / BEST_MODEL)
    report.log(f"the best epoch so far is kept as {BEST_MODEL}")
