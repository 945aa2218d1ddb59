"""A `.keras` file from elsewhere → a stored model: examined, rebuilt, calibrated and judged here.

To be served, a network needs a calibration, a threshold and a quality gate, and those come from
labelled films. What it was trained on is not known, so its figures here may flatter it: films of
the folder may have been among its training films. The card says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cxr_core import classifier, dataset, foreign_graph, registry, release, train
from cxr_core.augmentation import Augmentation
from cxr_core.batches import augmented_copies
from cxr_core.card import DataFacts
from cxr_core.dataset import CLASSES, FilmRecord, Split
from cxr_core.errors import ConfigError, DataError, ModelError
from cxr_core.features import load_films
from cxr_core.keras_file import KerasFile, examine
from cxr_core.preprocess import Preprocessing
from cxr_core.registry import ModelEntry

if TYPE_CHECKING:
    from cxr_core.classifier import Network
    from cxr_core.jobs import Reporter

Json: TypeAlias = Any

# From films of 0..255 to what a network was trained on: scale and offset.
INPUTS: Mapping[str, tuple[float, float]] = {
    "0..255": (1.0, 0.0),
    "0..1": (1 / 255, 0.0),
    "-1..1": (1 / 127.5, -1.0),
}
LEAST_FILMS = 20
MOST_FILMS = 4000
INTENDED_USE = (
    "Research and teaching: a network that came as a file, judged here on films that its importer "
    "chose. Not a medical device; a reader decides."
)
NOT_MEASURED = (
    "What the network was trained on: it came as a file. The films it was judged on may have been "
    "among its training films, and then every figure flatters it.",
    "Films of any hospital other than the one of the folder.",
    "Subgroups by age, sex and view.",
)


def adopt(
    path: Path,
    films: Path,
    name: str,
    *,
    scaling: str | None = None,
    version: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> ModelEntry:
    """Store a `.keras` file as a model. films: a data set with NORMAL and PNEUMONIA.

    scaling: one of INPUTS; not needed where the graph scales its own input. Raises ModelError for
    a file that cannot be served, ConfigError for a missing scaling, DataError for too few films.
    """
    registry.check_name(name)
    found = examine(path)
    scale, offset = _scaling(found, scaling)
    records = _records(films)
    tell("building the network")
    network = _rebuilt(path, found, scale, offset)
    how = Preprocessing(size=found.size)
    tell(f"reading {len(records)} films at {how.size} pixels")
    loaded = load_films(records, how)
    kept = tuple(records[i] for i in loaded.kept)
    y = dataset.labels(kept)
    split = _split(kept)
    tell("scoring validation films")
    held = loaded.inputs[split.validation]
    scores = train.logits(network, held)
    harder = augmented_copies(held, Augmentation(), 1, 0)
    done = release.Finished(
        model=network,
        serving=classifier.serving_model(network, found.cam_layer, (found.cam_layer,)),
        backbone="imported",
        cam_layer=found.cam_layer,
        layers=release.widths(network, (found.cam_layer,)),
        preprocessing=how,
        scores=scores,
        hard_labels=np.tile(y[split.validation], 2),
        hard_scores=np.concatenate([scores, train.logits(network, harder)]),
        judged_on="films of the folder named at import, patients apart; trained on them perhaps",
        data=_facts(kept, split),
        recipe={
            "imported": path.name,
            "sha256": registry.file_sha256(path),
            "keras": found.keras,
            "scaling": scaling or "its own",
        },
        intended_use=INTENDED_USE,
        not_measured=NOT_MEASURED,
    )
    return release.store(
        done, kept, loaded.inputs, y, split, name=name,
        version=version or release.next_version(name), on_line=tell,
    )  # fmt: skip


def run(config: Mapping[str, Json], report: Reporter) -> Mapping[str, Json]:
    """What a job of kind 'import' does: {file, films, name, scaling, remove}, paths absolute.

    remove: the file is a copy made for this job, and goes when it ends.
    """

    def tell(line: str) -> None:
        report.progress(0, 0, message=line)

    path = Path(config["file"])
    try:
        entry = adopt(
            path, Path(config["films"]), str(config["name"]), scaling=config.get("scaling"),
            tell=tell,
        )  # fmt: skip
    finally:
        if config.get("remove"):
            path.unlink(missing_ok=True)
    return {"model": {"name": entry.name, "version": entry.version}}


def _scaling(found: KerasFile, scaling: str | None) -> tuple[float, float]:
    if scaling is not None and scaling not in INPUTS:
        raise ConfigError(f"Expected a scaling out of {', '.join(INPUTS)}; received {scaling!r}.")
    if scaling is None and not found.rescales:
        raise ConfigError(
            "Expected the range of grey values that the network was trained on, since its graph "
            f"does not scale its input; received none. Name one of {', '.join(INPUTS)}."
        )
    return INPUTS[scaling or "0..255"]


def _rebuilt(path: Path, found: KerasFile, scale: float, offset: float) -> Network:
    """The network in the house's form, checked to answer as the file does. Raises ModelError."""
    given = classifier.load(path)
    names = {found.pool: classifier.POOL, found.logit: classifier.LOGIT}
    if found.hidden:
        names[found.hidden] = classifier.HIDDEN
    network = foreign_graph.in_house_form(given, names, scale, offset)
    rng = np.random.default_rng(0)
    film = rng.integers(0, 256, (2, found.size, found.size, 1)).astype(np.float32)
    expected = given.predict_on_batch(np.repeat(film * scale + offset, found.channels, axis=-1))
    received = network.predict_on_batch(film)
    if found.activation == "sigmoid":
        received = 1 / (1 + np.exp(-received.astype(np.float64)))
    if not np.allclose(expected, received, atol=1e-4, rtol=1e-4):
        raise ModelError(
            "Expected the rebuilt network to answer as the file does; it does not "
            f"(by {float(np.abs(expected - received).max()):.2g}). The file cannot be served here."
        )
    return network


def _records(films: Path) -> tuple[FilmRecord, ...]:
    index = dataset.open_source(films, CLASSES)
    if index.classes != CLASSES:
        raise DataError(
            f"Expected films of NORMAL and PNEUMONIA; found {', '.join(index.classes)}. "
            "Give a folder with both."
        )
    records = index.records
    if len(records) > MOST_FILMS:
        # Patients stay whole: their films lie side by side once they are sorted by patient.
        order = np.random.default_rng(0).permutation(sorted({r.patient for r in records}))
        place = {patient: k for k, patient in enumerate(order)}
        records = tuple(sorted(records, key=lambda r: place[r.patient])[:MOST_FILMS])
    return records


def _split(records: tuple[FilmRecord, ...]) -> Split:
    y = dataset.labels(records)
    least = min(int(y.sum()), int(len(y) - y.sum()))
    if least < LEAST_FILMS:
        raise DataError(
            f"Expected at least {LEAST_FILMS} readable films of each class to calibrate and judge "
            f"by; found {least} of one. Give more films."
        )
    return dataset.split_by_patient(records, folds=2)


def _facts(records: tuple[FilmRecord, ...], split: Split) -> DataFacts:
    patients = {records[int(i)].patient for i in split.validation}
    return DataFacts(
        name=f"{len(records)} films of the folder named at import",
        n_validation=len(split.validation),
        patients_validation=len(patients),
        data_sha256=dataset.data_hash(records),
        split_sha256=dataset.split_hash(records, split),
        split_seed=0,
    )
