"""What a card states of a model: its data, its validation figures, what is not measured."""

from __future__ import annotations

import csv
import io
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxr_core import dataset, train
from cxr_core.card import Calibration, DataFacts, ValidationFigures
from cxr_core.dataset import FilmRecord, Split
from cxr_core.evaluate import report
from cxr_core.features import load_films
from cxr_core.preprocess import Preprocessing
from cxr_core.recipe import Recipe
from cxr_core.threshold import calibrated

if TYPE_CHECKING:
    from cxr_core.classifier import Network

INTENDED_USE = (
    "Research and teaching: a second look at frontal (AP) chest films of children of 1 to 5 years "
    "for pneumonia, beside a reader who decides. Not a medical device; not for diagnosis, triage "
    "or exclusion without a reader; not for adults, lateral films or other modalities."
)
NOT_MEASURED = (
    "Films of any hospital other than the one the training films come from, but for the adults "
    "under 'other': no other children's films were available.",
    "Subgroups by age and sex: the published films do not state them.",
    "Diseases other than pneumonia: every film without pneumonia in the data is a normal one.",
    "Inter-reader agreement: labels are those published with the films.",
    "Where in a film the pneumonia lies: no film has it outlined. What the heatmap marks, and "
    "whether a small focus is seen, was not judged against a reader's outline.",
)


def data_facts(records: Sequence[FilmRecord], split: Split, recipe: Recipe) -> DataFacts:
    def patients(side: NDArray[np.intp]) -> int:
        return len({records[i].patient for i in side})

    return DataFacts(
        name="Chest X-ray pneumonia set, training folder",
        source="Kermany et al., Cell 2018, doi 10.1016/j.cell.2018.02.010; "
        "data doi 10.17632/rscbjbr9sj",
        licence="CC BY 4.0",
        n_train=len(split.train),
        n_validation=len(split.validation),
        patients_train=patients(split.train),
        patients_validation=patients(split.validation),
        data_sha256=dataset.data_hash(records),
        split_sha256=dataset.split_hash(records, split),
        split_seed=recipe.split_seed,
    )


def figures(
    y: NDArray[np.int8], probabilities: NDArray[np.float64], threshold: float
) -> ValidationFigures:
    found = report(y, probabilities, threshold)
    return ValidationFigures(
        n=found.n,
        auc=found.auc,
        accuracy=found.accuracy,
        sensitivity=found.sensitivity,
        specificity=found.specificity,
        brier=found.brier,
        ece=found.ece,
        confusion=found.confusion,
    )


def adults(
    model: Network,
    folder: Path | None,
    how: Preprocessing,
    calibration: Calibration,
    threshold: float,
) -> dict[str, object]:
    if folder is None:
        return {"adults": "not measured"}
    records = dataset.index_folder(folder)
    films = load_films(records, how)
    probabilities = calibrated(calibration, train.logits(model, films.inputs))
    found = report(dataset.labels(records)[films.kept], probabilities, threshold)
    return {
        "adults": {
            "what": "films of adults of another hospital (NIH ChestX-ray14), labels mined from "
            "reports; not trained on",
            "n": found.n,
            "auc": asdict(found.auc),
            "sensitivity": asdict(found.sensitivity),
            "specificity": asdict(found.specificity),
        }
    }


def scores(
    records: Sequence[FilmRecord],
    split: Split,
    logits: NDArray[np.float64],
    probabilities: NDArray[np.float64],
) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["film_id", "patient", "cause", "label", "logit", "score"])
    for i, z, p in zip(split.validation, logits, probabilities, strict=True):
        r = records[i]
        writer.writerow([r.film_id, r.patient, r.cause, r.label, f"{z:.6f}", f"{p:.6f}"])
    return text.getvalue().encode()


def versions() -> dict[str, str]:
    packages = ("tensorflow", "keras", "numpy", "scikit-learn", "ai-edge-litert", "pillow")
    return {"python": platform.python_version()} | {p: installed(p) for p in packages}
