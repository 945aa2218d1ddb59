"""Fitted networks → calibrated, judged on films held out, and stored where Review finds them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import dataset, methods, registry, release
from cxr_core.architectures import of_backbone, unserved
from cxr_core.augmentation import Augmentation
from cxr_core.batches import augmented_copies
from cxr_core.card import Calibration, DataFacts
from cxr_core.dataset import CLASSES, Split
from cxr_core.errors import ModelError
from cxr_core.evaluate import auc
from cxr_core.fine_tuning._ensemble import Graphs, graphs
from cxr_core.fine_tuning._features import head_logits, logits
from cxr_core.fine_tuning._judge import judged, worst
from cxr_core.fine_tuning._material import Material
from cxr_core.fine_tuning._record import write_json
from cxr_core.fine_tuning._state import EpochFigures
from cxr_core.methods import Plan, Settings, preprocessing
from cxr_core.threshold import at_sensitivity, calibrate, calibrated

if TYPE_CHECKING:
    import keras

    from cxr_core.jobs import Reporter

STORED, MODEL = "model.json", "model.keras"
SENSITIVITY = 0.96
INTENDED_USE = (
    "Research and teaching: made on this machine from films that its maker chose, for films like "
    "these. Not a medical device; a reader decides."
)
NOT_MEASURED = (
    "Films of any hospital other than the one the training films come from.",
    "Subgroups by age, sex and view.",
    "Diseases other than the classes of the training films.",
    "Where in a film a disease lies: what the heatmap marks was not judged against an outline.",
)


@dataclass(frozen=True, eq=False)
class Part:
    """One fit's outcome. learns: parameters that learnt. features: (n, F), where it used them."""

    settings: Settings
    network: keras.Model
    split: Split
    history: tuple[EpochFigures, ...]
    learns: int
    features: NDArray[np.float32] | None


def finish(
    plan: Plan,
    material: Material,
    inputs: NDArray[np.uint8],
    parts: Sequence[Part],
    report: Reporter,
) -> dict[str, Any]:
    """Figures of what was fitted, and the model stored: the ensemble, else the first part."""
    settings, split = plan.settings, parts[0].split
    chosen = list(parts) if settings.members else [parts[0]]
    found = graphs([(p.settings.backbone, p.network) for p in chosen], settings.base_until)
    held = _mean_logits(chosen, inputs, split.validation, report, "scoring validation films")
    test = None
    if len(split.test):
        test = _mean_logits(chosen, inputs, split.test, report, "scoring test films")
    each = [_part_figures(p, material) for p in parts] if len(parts) > 1 else []
    varied = _varied(each) if settings.folds else {}
    if len(material.classes) == 2:
        result = _two_classes(
            plan, material, inputs, found, chosen, split, held, test, varied, report
        )
    else:
        result = _several(material, inputs, split, held, test, report)
    if "model" not in result:
        report.log(result["not_registered"])
        found.model.save(report.folder / MODEL)
    counts = {
        side: {
            name: int((material.targets[getattr(split, side)] == k).sum())
            for k, name in enumerate(material.classes)
        }
        for side in ("train", "validation", "test")
    }
    return result | {
        "method": plan.method,
        "parameters": {
            "all": int(sum(p.network.count_params() for p in chosen)),
            "learnt": sum(p.learns for p in chosen),
        },
        "films": counts,
        "left_out": len(material.unreadable) + len(material.index.left_out),
        "notes": list(split.notes),
        "data_sha256": material.data_sha256,
        "split_sha256": dataset.split_hash(material.records, split),
        "epochs": [len(p.history) for p in parts],
        "parts": each,
        **varied,
        "logs": "tensorboard",
    }


def _two_classes(
    plan: Plan,
    material: Material,
    inputs: NDArray[np.uint8],
    found: Graphs,
    chosen: Sequence[Part],
    split: Split,
    held: NDArray[np.float32],
    test: NDArray[np.float32] | None,
    varied: dict[str, Any],
    report: Reporter,
) -> dict[str, Any]:
    z = held[:, 0].astype(np.float64)
    y = material.targets
    registered = None
    result: dict[str, Any] = {}
    own = of_backbone(plan.settings.backbone)
    kept = unserved(own) if own else None
    if material.classes == CLASSES and not kept:
        registered = _store(plan, material, inputs, found, chosen, split, z, test, varied, report)
        card = registered.card
        calibration, threshold = card.calibration, card.operating_point.threshold
        result["model"] = {"name": registered.name, "version": registered.version}
    else:
        calibration = calibrate(y[split.validation], z, "platt")
        p = calibrated(calibration, z)
        threshold = at_sensitivity(y[split.validation], p, SENSITIVITY)
        result["not_registered"] = (
            f"Review shows a map beside each score and cannot have this model: {kept}. It is kept "
            f"with the job as {MODEL}, with its figures."
            if kept
            else "Review reads NORMAL against PNEUMONIA; this model tells "
            f"{' from '.join(material.classes)}, so it is kept with the job as {MODEL}."
        )
    p = calibrated(calibration, z)
    result["validation"] = judged(p, y[split.validation], material.classes, threshold)
    result["worst"] = worst(
        p, y[split.validation], material.records, split.validation, inputs, material.classes,
        report.folder / "worst",
    )  # fmt: skip
    if test is not None:
        q = calibrated(calibration, test[:, 0].astype(np.float64))
        result["test"] = judged(q, y[split.test], material.classes, threshold)
    return result


def _several(
    material: Material,
    inputs: NDArray[np.uint8],
    split: Split,
    held: NDArray[np.float32],
    test: NDArray[np.float32] | None,
    report: Reporter,
) -> dict[str, Any]:
    def softmax(z: NDArray[np.float32]) -> NDArray[np.float64]:
        e = np.exp(z.astype(np.float64) - z.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = e / e.sum(axis=1, keepdims=True)
        return shares

    y = material.targets
    result: dict[str, Any] = {
        "not_registered": "Review reads one finding a film; this model tells "
        f"{len(material.classes)} classes apart, so it is kept with the job as {MODEL}.",
        "validation": judged(softmax(held), y[split.validation], material.classes, 0.0),
        "worst": worst(
            softmax(held), y[split.validation], material.records, split.validation, inputs,
            material.classes, report.folder / "worst",
        ),
    }  # fmt: skip
    if test is not None:
        result["test"] = judged(softmax(test), y[split.test], material.classes, 0.0)
    return result


def _store(
    plan: Plan,
    material: Material,
    inputs: NDArray[np.uint8],
    found: Graphs,
    chosen: Sequence[Part],
    split: Split,
    held: NDArray[np.float64],
    test: NDArray[np.float32] | None,
    varied: dict[str, Any],
    report: Reporter,
) -> registry.ModelEntry:
    """Write the model to the registry, once: a job that goes on finds what it stored."""
    note = report.folder / STORED
    name = methods.model_name(plan)
    if note.exists():
        return registry.find(name, json.loads(note.read_text())["version"])
    settings, y = plan.settings, material.targets
    report.progress(0, 1, message="scoring harder renderings of the validation films")
    harder = augmented_copies(
        np.asarray(inputs[split.validation]), Augmentation(), 1, settings.seed
    )
    what = "scoring harder renderings"
    each = [logits(p.network, harder, report, what)[:, 0] for p in chosen]
    hard = np.mean(each, axis=0).astype(np.float64)

    def other(calibration: Calibration, threshold: float) -> dict[str, Any]:
        if test is None:
            return {"test": "not measured"} | varied
        p = calibrated(calibration, test[:, 0].astype(np.float64))
        figures = judged(p, y[split.test], material.classes, threshold)
        what = "the data set's own test films; not trained on"
        return {"test": figures | {"what": what}} | varied

    done = release.Finished(
        model=found.model,
        serving=found.serving(),
        backbone="+".join(settings.members) or settings.backbone,
        cam_layer=found.cam_layer,
        layers=found.layers,
        preprocessing=preprocessing(settings),
        scores=held,
        hard_labels=np.tile(y[split.validation], 2),
        hard_scores=np.concatenate([held, hard]),
        judged_on="validation films, patients apart" if not split.notes else "validation films",
        data=_facts(plan, material, split),
        recipe={"method": plan.method, "settings": methods.as_config(plan)["settings"]},
        intended_use=INTENDED_USE,
        not_measured=NOT_MEASURED,
        other=other,
        sensitivity=SENSITIVITY,
        gate_films=settings.gate_films,
    )
    for attempt in range(5):
        version = plan.version or release.next_version(name)
        try:
            entry = release.store(
                done, material.records, inputs, y, split, name=name, version=version,
                on_line=lambda line: report.progress(0, 1, message=line),
            )  # fmt: skip
        except ModelError:
            # Another job may have stored the same number in the meantime.
            if plan.version or attempt == 4 or release.next_version(name) == version:
                raise
        else:
            break
    write_json(note, {"name": entry.name, "version": entry.version})
    report.log(f"stored as {entry.name} {entry.version}")
    return entry


def _mean_logits(
    parts: Sequence[Part],
    inputs: NDArray[np.uint8],
    positions: NDArray[np.intp],
    report: Reporter,
    what: str,
) -> NDArray[np.float32]:
    """Of chosen films, averaged over parts; from stored features where there are some."""
    each = [
        logits(p.network, inputs[positions], report, what)
        if p.features is None
        else head_logits(p.network, p.features[positions])
        for p in parts
    ]
    mean: NDArray[np.float32] = np.mean(each, axis=0)
    return mean


def _facts(plan: Plan, material: Material, split: Split) -> DataFacts:
    def patients(side: NDArray[np.intp]) -> int:
        return len({material.records[int(i)].patient for i in side})

    return DataFacts(
        name=f"{len(material.records)} films ({material.index.kind}) chosen for this run",
        n_train=len(split.train),
        n_validation=len(split.validation),
        patients_train=patients(split.train),
        patients_validation=patients(split.validation),
        data_sha256=material.data_sha256,
        split_sha256=dataset.split_hash(material.records, split),
        split_seed=plan.data.seed,
        extra={"split": plan.data.split, "notes": list(split.notes)},
    )


def _varied(folds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How much the folds' AUC varies: mean and standard deviation over them."""
    found = [row["auc"] for row in folds if row["auc"] is not None]
    if len(found) < 2:
        return {}
    return {
        "cross_validation": {
            "folds": len(folds),
            "auc": found,
            "auc_mean": float(np.mean(found)),
            "auc_sd": float(np.std(found, ddof=1)),
        }
    }


def _part_figures(part: Part, material: Material) -> dict[str, Any]:
    """A fold's or member's own validation AUC, from its best epoch or, without epochs, anew."""
    row = min(part.history, key=lambda r: r.val_loss, default=None)
    if row is not None:
        area, accuracy = row.val_auc, row.val_accuracy
    else:
        area = accuracy = None
        if part.features is not None and len(material.classes) == 2:
            own = part.features[part.split.validation]
            z = head_logits(part.network, own)[:, 0].astype(np.float64)
            y = material.targets[part.split.validation]
            area, accuracy = auc(y, z), float(((z > 0) == (y == 1)).mean())
    return {
        "backbone": part.settings.backbone,
        "n": len(part.split.validation),
        "auc": area,
        "accuracy": accuracy,
        "epochs": len(part.history),
    }
