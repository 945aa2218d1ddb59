"""A chosen threshold → the model's new operating point, with its evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from cxr_core import points
from cxr_core.card import ValidationFigures
from cxr_core.errors import CxrError, DataError
from cxr_core.operating._criteria import Choice
from cxr_core.operating._figures import Figures
from cxr_core.operating._sorted import Sorted
from cxr_core.operating._sources import from_model
from cxr_core.points import LockedPoint
from cxr_core.registry import ModelEntry
from cxr_core.schema import Interval, OperatingPoint

Json: TypeAlias = Any


def lock(
    entry: ModelEntry,
    films: Sorted,
    choice: Choice,
    *,
    refer_low: float | None = None,
    refer_high: float | None = None,
    reporting: Sorted | None = None,
    note: str = "",
) -> LockedPoint:
    """Put `choice` in force for a model, chosen on `films`; earlier points stay.

    refer_low, refer_high: the band in force unless given, widened to hold the threshold. reporting:
    films that it was not chosen on, whose figures are kept beside. Raises DataError for scores of
    another model and for a threshold that calls all films or none, ModelError where nothing can be
    written.
    """
    name = f"{entry.name} {entry.version}"
    for scores in (films.set, *([reporting.set] if reporting else [])):
        if scores.model not in (None, name):
            raise DataError(
                f"Expected scores of {name}; received those of {scores.model}. A threshold holds "
                "for the model it was chosen on: lock it there, or score these films with this one."
            )
    if not 0 < choice.threshold < 1:
        raise DataError(
            f"Expected a threshold between 0 and 1 to lock; received {choice.threshold:g}, which "
            "calls every film or none. Choose another."
        )
    before = points.active(entry)
    low = before.refer_low if refer_low is None else refer_low
    high = before.refer_high if refer_high is None else refer_high
    low, high = min(low, choice.threshold), max(high, choice.threshold)
    point = OperatingPoint(
        threshold=choice.threshold,
        refer_low=low,
        refer_high=high,
        criterion=f"{choice.sentence}; refer from {low:.4f} to {high:.4f}",
        data=f"{films.set.name} (for {films.set.role}, sha256 {films.set.sha256[:12]}…)",
        n=films.n,
    )
    kept = None
    if reporting is not None:
        kept = {
            "name": reporting.set.name,
            "data_sha256": reporting.set.sha256,
            "figures": evidence(reporting, choice),
        }
    return points.lock(
        entry,
        point,
        data_sha256=films.set.sha256,
        role=films.set.role,
        figures=evidence(films, choice),
        reported=kept,
        validation=_validation(entry, choice.threshold),
        note=note,
    )


def evidence(films: Sorted, choice: Choice) -> dict[str, Json]:
    """Figures at a choice as plain JSON; what is infinite or not defined is null."""
    found = films.figures(choice.threshold, choice.prevalence)
    return {"films": films.set.name, "auc": as_json(films.auc)} | figures_json(found)


def figures_json(found: Figures) -> dict[str, Json]:
    """Every figure of a threshold as plain JSON, for a terminal or a file."""
    c = found.confusion
    return {
        "threshold": found.threshold,
        "n": found.n,
        "confusion": [[c.tn, c.fp], [c.fn, c.tp]],
        "prevalence": found.prevalence,
        "clinic_prevalence": found.clinic,
        **{row.key: as_json(row.interval) for row in found.rows()},
        "per_1000": as_json(asdict(found.per_1000)),
        "resampled": found.resampled,
    }


def as_json(value: Json) -> Json:
    """Plain JSON of nested dataclasses, mappings and numbers; null for what is not finite."""
    if isinstance(value, Interval):
        return {
            "value": as_json(value.value),
            "low": as_json(value.low),
            "high": as_json(value.high),
        }
    if isinstance(value, Mapping):
        return {str(k): as_json(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [as_json(v) for v in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def _validation(entry: ModelEntry, threshold: float) -> ValidationFigures | None:
    """Figures on the model's own validation films; None where it has no scores of them."""
    try:
        found = Sorted(from_model(entry)).figures(threshold)
    except CxrError:
        return None
    c = found.confusion
    return ValidationFigures(
        n=found.n,
        accuracy=found.accuracy,
        sensitivity=found.sensitivity,
        specificity=found.specificity,
        confusion=((c.tn, c.fp), (c.fn, c.tp)),
    )
