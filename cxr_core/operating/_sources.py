"""Score sets from a registered model, and from a folder of films that was scored as a job."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cxr_core import registry
from cxr_core.errors import DataError
from cxr_core.operating._csv import read_csv
from cxr_core.operating._scores import ENDINGS, Role, ScoreSet, from_arrays
from cxr_core.operating._table import Table
from cxr_core.registry import ModelEntry
from cxr_core.threshold import calibrated

JOB_SCORES = "scores.csv"
JOB_FACTS = "scored.json"


def from_model(entry: ModelEntry, role: Role = "tuning") -> ScoreSet:
    """A model's scores on its validation films, as stored with it and checked by hash.

    Probabilities are made from the logits, which keep the digits that rounded scores lost.
    Raises ModelError where a file is damaged, DataError where it holds no scores.
    """
    name = f"{entry.name} {entry.version}"
    content = entry.read(registry.SCORES)
    found = read_csv(
        content, f"validation films of {name}", role, score="score", origin="model", model=name
    )
    if "logit" not in found.columns:
        return found
    logits = Table(content).numbers("logit")
    if len(logits) != found.n or not np.isfinite(logits).all():
        return found
    return from_arrays(
        found.labels,
        calibrated(entry.card.calibration, logits),
        found.name,
        role,
        films=found.films,
        columns={k: v for k, v in found.columns.items() if k != "logit"},
        named=found.named,
        origin="model",
        model=name,
    )


def from_job(folder: Path, role: Role = "reporting") -> ScoreSet:
    """What a job of kind 'score' left in its folder. Raises DataError where it left nothing."""
    try:
        facts = json.loads((folder / JOB_FACTS).read_text())
        content = (folder / JOB_SCORES).read_bytes()
        name, model, films = str(facts["name"]), str(facts["model"]), Path(facts["folder"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            "Expected the scores of a finished job; found none that can be read. Score the folder "
            "again."
        ) from error
    return read_csv(
        content, name, role, label="label", score="score", film="film", origin="job", model=model,
        folder=films,
    )  # fmt: skip


def locate(scores: ScoreSet, index: int) -> Path | None:
    """The file of a film below the set's folder, or None. Never a path outside that folder."""
    if scores.folder is None or not scores.named:
        return None
    root = scores.folder.resolve()
    for ending in ("", *(f".{e}" for e in sorted(ENDINGS))):
        path = (root / f"{scores.films[index]}{ending}").resolve()
        if path.is_relative_to(root) and path.is_file():
            return path
    return None
