"""A stored model → a file to take elsewhere: `.keras`, or LiteRT in float32, float16 or int8.

A smaller file answers a little differently. How far is measured on the model's own validation
films, where their folder is at hand, and stated beside the size; else it reads 'not measured'.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from cxr_core import classifier, dataset, image, operating, registry
from cxr_core.backbones import BACKBONES
from cxr_core.card import ModelCard
from cxr_core.dataset import FilmRecord
from cxr_core.errors import ConfigError, DataError, ImageError
from cxr_core.evaluate import auc
from cxr_core.preprocess import model_input
from cxr_core.registry import ModelEntry
from cxr_core.serve import Model, calibrated

if TYPE_CHECKING:
    from cxr_core.jobs import Reporter

Json: TypeAlias = Any
Format = Literal["keras", "float32", "float16", "int8"]
FORMATS: tuple[Format, ...] = get_args(Format)
Tell = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Agreement:
    """The exported file against the served one, on n validation films.

    greatest, mean: difference of the calibrated probabilities, 0 to 1. same: films on the same
    side of the threshold. auc_served, auc_exported: on those films, None where a class is missing.
    """

    n: int
    greatest: float
    mean: float
    same: int
    auc_served: float | None
    auc_exported: float | None

    @property
    def sentence(self) -> str:
        return (
            f"On {self.n} validation films {self.same} are called the same; probabilities differ "
            f"by {self.mean:.2g} on average, {self.greatest:.2g} at most."
        )


@dataclass(frozen=True)
class Exported:
    """A file that was written. served_bytes: size of the file that the registry serves."""

    path: Path
    format: Format
    bytes: int
    served_bytes: int
    sha256: str
    agreement: Agreement | None


def export(
    entry: ModelEntry,
    target: Path,
    form: Format,
    films: Path | None = None,
    tell: Tell = lambda done, of, what: None,
) -> Exported:
    """Write a stored model to `target`, whole or not at all; an existing file is replaced.

    films: the folder that holds its validation films. Raises ModelError for a damaged model,
    ConfigError where `target` cannot be written, DataError where no validation film is in `films`.
    """
    if form not in FORMATS:
        raise ConfigError(f"Expected a format out of {', '.join(FORMATS)}; received {form!r}.")
    served = entry.read(registry.SERVING)
    records = _validation_films(entry, films) if films else ()
    tell(0, 0, f"writing {form}")
    if form == "keras":
        content = entry.read(registry.KERAS)
    elif form == "float32":
        content = served
    else:
        content = _converted(entry, form)
    agreement = None
    if records and form == "keras":
        # The registry's serving file was made from it; that is checked when it is made.
        records = ()
    if records:
        agreement = _agreement(entry.card, served, content, records, tell)
    _write(target, content)
    return Exported(
        target, form, len(content), len(served), hashlib.sha256(content).hexdigest(), agreement
    )


def run(config: Mapping[str, Json], report: Reporter) -> Mapping[str, Json]:
    """What a job of kind 'export' does: {model, version, format, target, films}, paths absolute."""
    entry = registry.find(str(config["model"]), str(config["version"]))
    target = config.get("target")
    form: Format = config["format"]
    path = Path(target) if target else report.folder / filename(entry, form)
    films = Path(config["films"]) if config.get("films") else None

    def tell(done: int, of: int, what: str) -> None:
        report.progress(done, of, message=what)

    done = export(entry, path, form, films, tell)
    return as_json(done)


def as_json(done: Exported) -> dict[str, Json]:
    """Plain values; agreement is null where it was not measured."""
    return asdict(done) | {
        "path": str(done.path),
        "sentence": done.agreement.sentence if done.agreement else None,
    }


def filename(entry: ModelEntry, form: Format) -> str:
    """'tiny-1.0.0-int8.tflite'."""
    stem = f"{entry.name}-{entry.version}"
    return f"{stem}.keras" if form == "keras" else f"{stem}-{form}.tflite"


def _converted(entry: ModelEntry, form: Format) -> bytes:
    card = entry.card
    entry.read(registry.KERAS)
    network = classifier.load(entry.path(registry.KERAS))
    row = next((b for b in BACKBONES if b.name == card.backbone), None)
    names = {layer.name for layer in network.layers}
    layers = row.feature_layers if row and set(row.feature_layers) <= names else (card.cam_layer,)
    serving = classifier.serving_model(network, card.cam_layer, layers)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        classifier.export_serving(serving, path, int8=form == "int8", float16=form == "float16")
        return path.read_bytes()


def _validation_films(entry: ModelEntry, folder: Path) -> tuple[FilmRecord, ...]:
    """Those films of the folder that the model was validated on, by the names in its scores."""
    wanted = set(operating.from_model(entry).films)
    found = tuple(r for r in dataset.open_source(folder).records if r.film_id in wanted)
    if not found:
        raise DataError(
            f"Expected validation films of {entry.name} {entry.version} in the folder; found none "
            "of their names. Give the folder that it was trained from."
        )
    return found


def _agreement(
    card: ModelCard,
    served: bytes,
    exported: bytes,
    records: tuple[FilmRecord, ...],
    tell: Tell,
) -> Agreement:
    models = [Model(content, card, None, interpreters=1) for content in (served, exported)]
    rows, kept = [], []
    for i, record in enumerate(records):
        if i % 10 == 0:
            tell(i, len(records), "comparing on validation films")
        try:
            content = dataset.content(record)
            film = image.read(content) if isinstance(content, Path) else image.decode(content)
            x = model_input(film, models[0].preprocessing)
        except (ImageError, DataError, OSError):
            continue
        rows.append([calibrated(card, model.forward(x).logit) for model in models])
        kept.append(record)
    if not kept:
        raise DataError("Expected films that can be read; received none. Check the folder.")
    p: NDArray[np.float64] = np.array(rows)
    y = dataset.labels(kept)
    apart = np.abs(p[:, 0] - p[:, 1])
    called = p >= card.operating_point.threshold
    both = 0 < int(y.sum()) < len(y)
    return Agreement(
        n=len(kept),
        greatest=float(apart.max()),
        mean=float(apart.mean()),
        same=int((called[:, 0] == called[:, 1]).sum()),
        auc_served=auc(y, p[:, 0]) if both else None,
        auc_exported=auc(y, p[:, 1]) if both else None,
    )


def _write(target: Path, content: bytes) -> None:
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, target)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"Expected a file that can be written at {target}; received {error.strerror}. "
            "Name another place."
        ) from error
