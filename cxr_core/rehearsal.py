"""A mistake made on purpose, or the right way beside it, on the reader's own films: a job each.

Small on purpose: MobileNetV2 at 64 pixels, three epochs, minutes on two cores. Both jobs of a pair
part the same films alike, so that their scores can be compared film by film.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import classifier, image
from cxr_core.backbones import backbone
from cxr_core.dataset import FilmRecord, open_source
from cxr_core.errors import DataError
from cxr_core.jobs import Json, Reporter
from cxr_core.mistakes import mistake
from cxr_core.preprocess import Preprocessing, model_input

SIZE, BATCH, EPOCHS = 64, 32, 3
WANTED = {"test": 600, "validation": 300, "train": 1200}
FEWEST = 20
FROM = "block_13"
RESULT = "runs.json"


@dataclass(frozen=True, eq=False)
class Side:
    """Films (n, SIZE, SIZE, 1) and labels (n,), 1 = pneumonia."""

    films: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class How:
    """One run. siblings: other films of the test films' patients stand among the training films."""

    rate: float = 1e-4
    rescaled_before: bool = False
    siblings: bool = False
    norms_learn: bool = False
    batch: int = BATCH
    upside_down: bool = False
    phases: tuple[str, ...] = ("fine",)
    recompile: bool = True


RUNS: dict[str, How] = {
    "right": How(),
    "double_rescaling": How(rescaled_before=True),
    "patients_shared": How(siblings=True),
    "norms_learn": How(norms_learn=True, batch=8),
    "norms_frozen": How(batch=8),
    "rate_too_high": How(rate=1e-1),
    "upside_down": How(upside_down=True),
    "two_phases": How(phases=("head", "fine")),
    "not_recompiled": How(phases=("head", "fine"), recompile=False),
}


def run(config: Mapping[str, Json], report: Reporter) -> Mapping[str, Json]:
    """A job: {"source": folder, "mistake": key, "side": "wrong" or "right", "seed": 0} → `RESULT`.

    Raises ConfigError for another mistake, DataError for films of too few patients.
    """
    row = mistake(str(config["mistake"]))
    name = row.wrong if config["side"] == "wrong" else row.right
    seed = int(str(config.get("seed", 0)))
    rehearse(Path(str(config["source"])), [name], report.folder / RESULT, report, seed)
    return {"runs": RESULT, "mistake": row.key, "run": name}


def rehearse(
    source: Path, names: Sequence[str], out: Path, report: Reporter, seed: int = 0
) -> None:
    """Make the runs of these names on one split of the films, and write what `mistakes` reads.

    Raises DataError where either class has too few patients.
    """
    records = [r for r in open_source(source).records if r.label in ("NORMAL", "PNEUMONIA")]
    parts = split(records, seed)
    sides = {name: load(found, report, name) for name, found in parts.items()}
    mixed = with_siblings(sides["train"], sides["siblings"], np.random.default_rng(seed))
    runs: dict[str, Any] = {}
    for name in names:
        train = mixed if RUNS[name].siblings else sides["train"]
        runs[name] = trained(name, train, sides, seed, report)
        _store(out, parts, sides, runs, seed)


def split(records: Sequence[FilmRecord], seed: int) -> dict[str, list[FilmRecord]]:
    """Sides 'test', 'siblings' (other films of its patients), 'validation' and 'train'.

    Classes in the proportion of the films. Raises DataError where a side would have fewer than
    FEWEST films of a class.
    """
    rng = np.random.default_rng(seed)
    of: dict[tuple[str, str], list[FilmRecord]] = defaultdict(list)
    for record in records:
        of[record.label, record.patient].append(record)
    patients = sorted({patient for _, patient in of})
    rng.shuffle(patients)
    sides: dict[str, list[FilmRecord]] = {"test": [], "siblings": [], "validation": [], "train": []}
    for label in ("NORMAL", "PNEUMONIA"):
        share = sum(r.label == label for r in records) / max(1, len(records))
        left = {side: round(share * n) for side, n in WANTED.items()}
        for patient in patients:
            films = of.get((label, patient), [])
            if len(films) > 1 and left["test"] > 0:
                half = len(films) // 2
                sides["test"] += films[:half]
                sides["siblings"] += films[half:]
                left["test"] -= half
                continue
            for side in ("validation", "train"):
                if films and left[side] > 0:
                    sides[side] += films
                    left[side] -= len(films)
                    break
        few = min(sum(r.label == label for r in sides[side]) for side in WANTED)
        if few < FEWEST:
            raise DataError(
                f"Expected films of several patients, {FEWEST} of {label} on each side; received "
                f"{few}. Choose a folder whose file names carry the patient, such as the training "
                "folder of Kermany et al."
            )
    return sides


def load(records: Sequence[FilmRecord], report: Reporter, side: str) -> Side:
    """Films as this network reads them."""
    how = Preprocessing(size=SIZE, blur=0.34)
    films = []
    for i, record in enumerate(records):
        report.progress(i, len(records), message=f"reading the films of {side}")
        films.append(model_input(image.read(record.path), how))
    labels = np.array([r.label == "PNEUMONIA" for r in records], np.int64)
    return Side(np.stack(films), labels)


def with_siblings(train: Side, siblings: Side, rng: np.random.Generator) -> Side:
    """As many films of each class as `train`, as many of them siblings as there are."""
    films, labels = [], []
    for label in (0, 1):
        own, other = train.films[train.labels == label], siblings.films[siblings.labels == label]
        kept = other[: len(own)]
        rest = own[rng.permutation(len(own))[: len(own) - len(kept)]]
        films.append(np.concatenate([kept, rest]))
        labels += [label] * len(own)
    return Side(np.concatenate(films), np.array(labels))


def trained(
    name: str, train: Side, sides: Mapping[str, Side], seed: int, report: Reporter
) -> dict[str, Any]:
    """One run: logits of test and validation films, losses by epoch, and whether the base moved."""
    import keras

    how = RUNS[name]
    keras.utils.set_random_seed(seed)
    network = classifier.build(backbone("mobilenetv2"), size=SIZE)
    watched = network.get_layer("block_14_expand")
    start = [w.copy() for w in watched.get_weights()]
    rng = np.random.default_rng(seed)
    scale = 1 / 255 if how.rescaled_before else 1.0
    history: list[dict[str, float]] = []
    for n, phase in enumerate(how.phases):
        classifier.freeze(network, None if phase == "head" else FROM)
        if how.norms_learn:
            for layer in network.layers:
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.trainable = True
        if n == 0 or how.recompile:
            network.compile(
                keras.optimizers.Adam(1e-3 if phase == "head" else how.rate),
                keras.losses.BinaryCrossentropy(from_logits=True),
            )
        for _ in range(EPOCHS):
            place = (len(history) + 1, EPOCHS * len(how.phases))
            loss = _epoch(network, train, how, scale, rng, report, place)
            logits, truth = scored(network, sides["validation"], scale), sides["validation"].labels
            checked = float(np.mean(np.logaddexp(0, logits) - truth * logits))
            history.append({"epoch": len(history) + 1, "loss": loss, "val_loss": checked})
            report.point(**history[-1])
            report.log(f"{name}, epoch {len(history)}: validation loss {checked:.4f}")
    moved = [np.abs(a - b).max() for a, b in zip(start, watched.get_weights(), strict=True)]
    return {
        "test": scored(network, sides["test"], scale),
        "validation": scored(network, sides["validation"], scale),
        "history": history,
        "base_moved": float(max(moved)),
    }


def _epoch(
    network: Any, train: Side, how: How, scale: float, rng: np.random.Generator,
    report: Reporter, place: tuple[int, int],
) -> float:  # fmt: skip
    """Mean loss of one pass over the films, classes weighted alike. place: epoch, of so many."""
    weight = len(train.labels) / (2 * np.bincount(train.labels))
    order = rng.permutation(len(train.labels))
    steps = len(order) // how.batch
    loss = 0.0
    # Keras gives the mean since the last reset, not the batch's own loss.
    network.reset_metrics()
    for i in range(steps):
        report.progress(i, steps, epoch=place[0], epochs=place[1], message="training")
        at = order[i * how.batch : (i + 1) * how.batch]
        films = train.films[at].astype(np.float32)
        if how.upside_down:
            turned = rng.random(len(at)) < 0.5
            films[turned] = films[turned, ::-1]
        labels = train.labels[at]
        y = labels.astype(np.float32)[:, None]
        loss = float(network.train_on_batch(films * scale, y, weight[labels]))
    return loss


def scored(network: Any, side: Side, scale: float, batch: int = 100) -> NDArray[np.float64]:
    """Logits (n,)."""
    parts = [
        np.asarray(network.predict_on_batch(side.films[i : i + batch].astype(np.float32) * scale))
        for i in range(0, len(side.films), batch)
    ]
    logits: NDArray[np.float64] = np.concatenate(parts)[:, 0].astype(np.float64)
    return logits


def _store(
    out: Path, parts: Mapping[str, list[FilmRecord]], sides: Mapping[str, Side],
    runs: Mapping[str, Any], seed: int,
) -> None:  # fmt: skip
    """Labels and logits, no name of a film or patient."""
    import keras
    import tensorflow as tf

    facts = {
        "split": _fingerprint(parts),
        "films": {k: len(v) for k, v in parts.items()},
        "patients": {k: len({r.patient for r in v}) for k, v in parts.items()},
        "network": f"MobileNetV2, ImageNet weights, learning from {FROM} on",
        "size": SIZE, "epochs": EPOCHS, "batch": BATCH, "seed": seed,
        "keras": keras.__version__, "tensorflow": tf.__version__,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }  # fmt: skip
    labels = {k: sides[k].labels.tolist() for k in ("test", "validation")}
    rounded = {
        name: {
            k: [round(float(x), 4) for x in v] if isinstance(v, np.ndarray) else v
            for k, v in found.items()
        }
        for name, found in runs.items()
    }
    out.write_text(json.dumps({"facts": facts, "labels": labels, "runs": rounded}) + "\n")


def _fingerprint(parts: Mapping[str, list[FilmRecord]]) -> str:
    """sha256 over film ids and sides: two runs with the same one saw the same films."""
    lines = [f"{side}\t{r.film_id}\n" for side, found in parts.items() for r in found]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
