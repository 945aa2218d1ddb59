"""The table: one row for each backbone, and one for each registered model."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cxr_core import registry
from cxr_core.backbones import BACKBONES, Backbone
from cxr_core.comparison._counts import Counts, counts, stored
from cxr_core.comparison._results import RUNTIMES, Results
from cxr_core.comparison._stored import read as read_stored
from cxr_core.comparison._weights import WeightsState, weights
from cxr_core.errors import ConfigError, ModelError
from cxr_core.registry import ModelEntry
from cxr_core.schema import Interval

NOT_MEASURED = "not measured"
NOT_PUBLISHED = "not published"
MODEL = "model:"
BATCHES = (1, 16)


@dataclass(frozen=True)
class Row:
    """A backbone, or a registered model. id: 'mobilenetv2', or 'model:NAME@VERSION'.

    params, macs: of a backbone with its top, counted at `size`; of a model as stored. counts: a
    model's once a job has loaded it. disk_bytes: a backbone's weights as float32, a model's serving
    file. problem: what is wrong with a model's folder.
    """

    id: str
    title: str
    family: str
    backbone: Backbone | None
    counts: Counts | None = None
    model: ModelEntry | None = None
    size: int | None = None
    params: int | None = None
    stored_macs: int | None = None
    disk_bytes: int | None = None
    validation_auc: Interval | None = None
    weights: WeightsState | None = None
    problem: str | None = None

    @property
    def macs(self) -> int | None:
        return self.counts.macs if self.counts else self.stored_macs

    @property
    def params_without_top(self) -> int | None:
        return self.counts.params_without_top if self.counts else None

    @property
    def top1(self) -> float | None:
        """ImageNet top-1, per cent, as Keras publishes it; None for a fine-tuned model."""
        return self.backbone.published.top1 if self.backbone and not self.model else None

    @property
    def top5(self) -> float | None:
        return self.backbone.published.top5 if self.backbone and not self.model else None


def table(registered: bool = True) -> tuple[Row, ...]:
    """Every backbone in the order of its family; then every registered model."""
    rows = tuple(_of_backbone(b) for b in BACKBONES)
    return rows + (tuple(_of_model(e) for e in registry.list_models()) if registered else ())


def row(identifier: str) -> Row:
    """The row of that id. Raises ConfigError where there is none."""
    if identifier.startswith(MODEL):
        return _of_model(registry.named(identifier.removeprefix(MODEL)))
    for backbone in BACKBONES:
        if backbone.name == identifier:
            return _of_backbone(backbone)
    known = ", ".join(b.name for b in BACKBONES)
    raise ConfigError(
        f"Expected a backbone out of {known}, or model:NAME@VERSION; received "
        f"{identifier[:80]!r}. Choose one."
    )


def as_json(rows: Sequence[Row], results: Results) -> list[dict[str, Any]]:
    """Plain values by column; None where there is no figure."""
    return [_plain(r, results) for r in rows]


def as_csv(rows: Sequence[Row], results: Results) -> str:
    """The same, with the gaps in words: 'not measured', 'not published'."""
    plain = as_json(rows, results)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(plain[0]) if plain else ["row"], lineterminator="\n")
    writer.writeheader()
    for line in plain:
        writer.writerow({k: _gap(k) if v is None else v for k, v in line.items()})
    return text.getvalue()


def _of_backbone(backbone: Backbone) -> Row:
    counted = counts().get(backbone.name)
    return Row(
        id=backbone.name,
        title=backbone.constructor,
        family=backbone.family,
        backbone=backbone,
        counts=counted,
        size=backbone.size,
        params=counted.params if counted else None,
        disk_bytes=counted.disk_bytes if counted else None,
        weights=weights(backbone),
    )


def _of_model(entry: ModelEntry) -> Row:
    identifier, title = f"{MODEL}{entry.name}@{entry.version}", f"{entry.name} {entry.version}"
    try:
        card = entry.card
        serving = entry.path(registry.SERVING).stat()
        keras = entry.path(registry.KERAS)
        inside = read_stored(keras, keras.stat().st_mtime_ns)
    except (ModelError, OSError) as error:
        return Row(identifier, title, "Fine-tuned", None, model=entry, problem=str(error))
    of = next((b for b in BACKBONES if b.name == card.backbone), None)
    size = card.preprocessing.get("size")
    return Row(
        id=identifier,
        title=title,
        family="Fine-tuned",
        backbone=of,
        counts=stored(entry),
        model=entry,
        size=size if isinstance(size, int) else None,
        params=inside.params,
        stored_macs=inside.macs,
        disk_bytes=serving.st_size,
        validation_auc=card.validation.auc,
    )


def _plain(row: Row, results: Results) -> dict[str, Any]:
    published = row.backbone.published if row.backbone and not row.model else None
    course = row.backbone.course if row.backbone and not row.model else None
    operations = row.backbone.operations if row.backbone and not row.model else None
    counted = row.counts
    probe = results.probe(row.id)
    line: dict[str, Any] = {
        "row": row.id,
        "name": row.title,
        "family": row.family,
        "backbone": row.backbone.name if row.backbone else None,
        "size_px": row.size,
        "params": row.params,
        "params_without_top": row.params_without_top,
        "macs": row.macs,
        "published_params": published and published.params,
        "published_macs": operations and round(operations.macs),
        "published_macs_source": operations and operations.source,
        "layers": counted.layers if counted else None,
        "weighted_layers": counted.weighted if counted else None,
        "activation_mb": counted and round(counted.activation_mb, 2),
        "peak_activation_mb": counted and round(counted.peak_activation_mb, 2),
        "disk_mb": row.disk_bytes and round(row.disk_bytes / 1e6, 2),
        "top1_percent": row.top1,
        "top5_percent": row.top5,
        "accuracy_source": published.source if published else None,
        "course_params": course.params if course else None,
        "course_top1_percent": course.top1 if course else None,
        "course_top5_percent": course.top5 if course else None,
        "validation_auc": row.validation_auc and round(row.validation_auc.value, 4),
        "validation_auc_low": row.validation_auc and round(row.validation_auc.low, 4),
        "validation_auc_high": row.validation_auc and round(row.validation_auc.high, 4),
        "weights": _weights_in_words(row),
    }
    for runtime in RUNTIMES:
        for batch in BATCHES:
            measured = results.latency(row.id, runtime.id, batch)
            key = f"{runtime.id}_b{batch}"
            for part in ("median_ms", "q1_ms", "q3_ms", "p95_ms", "peak_mb"):
                line[f"{key}_{part}"] = measured and round(getattr(measured, part), 3)
            line[f"{key}_n"] = measured and measured.n
            line[f"{key}_date"] = measured and measured.circumstances.date
            line[f"{key}_processor"] = measured and measured.circumstances.processor
            line[f"{key}_threads"] = measured and measured.circumstances.threads
            line[f"{key}_versions"] = measured and ", ".join(
                f"{name} {number}" for name, number in measured.circumstances.versions.items()
            )
            line[f"{key}_busy"] = measured and measured.busy
    line["probe_auc"] = probe and round(probe.auc.value, 4)
    line["probe_auc_low"] = probe and round(probe.auc.low, 4)
    line["probe_auc_high"] = probe and round(probe.auc.high, 4)
    line["probe_seconds"] = probe and round(probe.feature_seconds + probe.fit_seconds, 2)
    line["probe_data"] = probe and probe.data
    line["probe_date"] = probe and probe.circumstances.date
    line["problem"] = row.problem
    return line


def _weights_in_words(row: Row) -> str | None:
    if row.model:
        return "fine-tuned"
    if row.weights is None:
        return None
    return row.weights.problem or ("ImageNet, here" if row.weights.present else "not here")


def _gap(column: str) -> str:
    if column.startswith(("top1", "top5", "accuracy_source", "course", "published")):
        return NOT_PUBLISHED
    if column in ("problem", "backbone", "weights") or column.startswith("validation"):
        return ""
    return NOT_MEASURED
