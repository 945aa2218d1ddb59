"""What a job of kind 'probe' runs: frozen features once, then logistic regression, patients apart.

The source's own test films are left alone.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cxr_core import comparison, dataset, registry
from cxr_core.comparison import ProbeResult, Problem, Row, WeightsState
from cxr_core.dataset import Index, Split
from cxr_core.errors import ConfigError, CxrError, DataError, ModelError
from cxr_core.evaluate import auc_interval
from cxr_core.measure import process
from cxr_core.measure._load import Load
from cxr_core.measure.latency import circumstances, usable

if TYPE_CHECKING:
    from cxr_core.jobs import Reporter

Json: TypeAlias = Any

# Strength of the ridge on standardised features, fixed so that nothing is tuned on the films that
# judge; 0.001 to 0.1 move MobileNetV2's AUC by less than its interval.
C = 0.01
SHARE = 0.2


@dataclass(frozen=True)
class ProbeConfig:
    """rows: ids of backbones. data: a source of films of two classes. films: at most so many, whole
    patients drawn by `seed`; all of them unless given."""

    rows: tuple[str, ...]
    data: Path
    films: int | None = None
    seed: int = 0
    threads: int | None = None


def run(config: Mapping[str, Json], report: Reporter) -> Mapping[str, Json]:
    """Probe and keep each row; what cannot be probed becomes a sentence, and the rest goes on.

    Raises ConfigError and DataError, before anything is started, where no row could be.
    """
    settings = checked(config)
    rows = [comparison.row(identifier) for identifier in settings.rows]
    index = dataset.open_source(settings.data)
    if not index.binary:
        raise DataError(
            f"Expected films of two classes; received {len(index.classes)}: "
            f"{', '.join(index.classes)[:120]}. Name two of them in a CSV, or choose another set."
        )
    positions, split = _drawn(index, settings)
    report.log(f"{len(split.train)} films to train on, {len(split.validation)} to judge by")
    problems: list[Problem] = []
    results: list[ProbeResult] = []
    for i, row in enumerate(rows):
        report.progress(i, len(rows), message=row.title)
        try:
            found = probe(row, index, positions, split, settings, report, (i, len(rows)))
        except CxrError as error:
            problems.append(Problem(row.id, "probe", str(error), comparison.now()))
            comparison.keep(problems[-1])
            report.log(f"{row.title}: {error}")
            continue
        comparison.keep(found)
        results.append(found)
        report.log(f"{row.title}: AUC {found.auc.value:.4f}, {found.feature_seconds:.1f} s")
    report.progress(len(rows), len(rows), message=f"{len(results)} probed")
    return {
        "measured": len(results),
        "auc": {r.row: r.auc.value for r in results},
        "problems": [{"row": p.row, "sentence": p.sentence} for p in problems],
    }


def checked(config: Mapping[str, Json]) -> ProbeConfig:
    """Settings from plain JSON. Raises ConfigError."""
    rows, data = config.get("rows"), str(config.get("data") or "")
    films, seed, threads = config.get("films"), config.get("seed") or 0, config.get("threads")
    rules = (
        (isinstance(rows, (list, tuple)) and len(rows) > 0, "at least one row", rows),
        (Path(data).is_absolute(), "'data' as an absolute path", data),
        (films is None or _at_least(films, 20), "at least 20 films, or none for all", films),
        (_at_least(seed, 0), "a seed from 0 on", seed),
        (threads is None or _at_least(threads, 1), "threads from 1 on", threads),
    )
    for good, expected, received in rules:
        if not good:
            raise ConfigError(
                f"Expected {expected}; received {str(received)[:80]}. Change that setting."
            )
    names = tuple(dict.fromkeys(str(r) for r in rows or ()))
    return ProbeConfig(names, Path(data), films, seed, threads)


def probe(
    row: Row,
    index: Index,
    positions: NDArray[np.intp],
    split: Split,
    settings: ProbeConfig,
    report: Reporter,
    step: tuple[int, int] = (0, 1),
) -> ProbeResult:
    """One row on films of `index`. Raises ModelError and DataError where it cannot be probed."""
    if row.model or row.weights is None or row.backbone is None:
        raise ConfigError(
            f"Expected a backbone; {row.title} is a fine-tuned model and has a validation AUC of "
            "its own. Choose a backbone."
        )
    if not row.weights.present:
        raise ModelError(missing(row.weights, row.id))
    if refused := comparison.refusal(row, "compiled", 16):
        raise ConfigError(refused)
    threads = min(settings.threads or report.threads, usable())
    file = _cache(row, index, positions)
    cached, load = file.is_file(), Load(children=True)
    if not cached:
        file.parent.mkdir(parents=True, exist_ok=True)
        request = {
            "row": row.id,
            "data": str(settings.data),
            "positions": positions.tolist(),
            "file": str(file),
        }
        process.run(
            "cxr_core.measure._features",
            request,
            what=f"{row.title}'s features",
            threads=threads,
            check=report.check,
            on_progress=lambda done, of: report.progress(
                *step, epoch=done, epochs=of, message=f"{row.title}: {done} of {of} films"
            ),
        )
    features, kept, seconds = _read(file)
    y = dataset.targets(index)
    began = time.perf_counter()
    train, held = (np.isin(kept, side) for side in (split.train, split.validation))
    scores = fitted_scores(features[train], y[kept[train]], features[held])
    fit_seconds = time.perf_counter() - began
    return ProbeResult(
        row=row.id,
        data=str(settings.data),
        n_train=int(train.sum()),
        n_validation=int(held.sum()),
        patients_train=len({index.records[i].patient for i in kept[train]}),
        patients_validation=len({index.records[i].patient for i in kept[held]}),
        auc=auc_interval(y[kept[held]], scores),
        feature_seconds=seconds,
        fit_seconds=fit_seconds,
        width=features.shape[1],
        size=int(row.size or 0),
        cached=cached,
        weights="imagenet",
        seed=settings.seed,
        circumstances=circumstances(threads, load.of_others()),
    )


def missing(state: WeightsState, identifier: str) -> str:
    """Why a row's weights cannot be used and where they come from, in a sentence."""
    if state.problem:
        return state.problem
    return (
        f"Expected ImageNet weights of {identifier}; they are not on this machine. Keras has them "
        f"at {state.url}: `python -m cxr_core backbones download {identifier}`."
    )


def fitted_scores(
    train: NDArray[np.float32], labels: NDArray[np.int8], held: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Scores (m,) of `held` (m, F) by logistic regression on `train` (n, F), standardised.

    Raises DataError where only one class is left to learn from.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(set(labels.tolist())) < 2:
        raise DataError("Expected readable films of both classes; received one. Add films.")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))
    model.fit(train.astype(np.float64), labels)
    scores: NDArray[np.float64] = model.decision_function(held.astype(np.float64))
    return scores


def _drawn(index: Index, settings: ProbeConfig) -> tuple[NDArray[np.intp], Split]:
    """Positions of the films to use, whole patients, and the two sides among them."""
    split = dataset.make_split(index, "patient", SHARE, settings.seed)
    both = np.concatenate([split.train, split.validation])
    if settings.films is None or settings.films >= len(both):
        return np.sort(both), split
    share = settings.films / len(both)
    train, held = (
        _patients(index, s, share, settings.seed) for s in (split.train, split.validation)
    )
    return np.sort(np.concatenate([train, held])), Split(train, held)


def _patients(index: Index, side: NDArray[np.intp], share: float, seed: int) -> NDArray[np.intp]:
    """About `share` of a side's films, each class for itself, whole patients."""
    rng, chosen = np.random.default_rng(seed), set()
    for label in index.classes:
        films = [i for i in side if index.records[i].label == label]
        patients = sorted({index.records[i].patient for i in films})
        wanted, taken = share * len(films), 0
        for patient in rng.permutation(patients):
            if taken >= wanted:
                break
            mine = [i for i in films if index.records[i].patient == patient]
            chosen.update(mine)
            taken += len(mine)
    return np.array(sorted(chosen), dtype=np.intp)


def _cache(row: Row, index: Index, positions: Sequence[int] | NDArray[np.intp]) -> Path:
    """Named after all that the features depend on: weights, films and how they are read."""
    assert row.weights is not None
    facts = row.weights.path.stat()
    digest = hashlib.sha256(
        json.dumps([row.id, row.size, facts.st_size, facts.st_mtime_ns]).encode()
    )
    for i in positions:
        record = index.records[i]
        on_disk = record.path.stat()
        known = [record.film_id, record.member, on_disk.st_size, on_disk.st_mtime_ns]
        digest.update(json.dumps(known).encode())
    name = f"{row.id}-{digest.hexdigest()[:24]}.npz"
    return registry.home() / "measure" / "features" / name


def _read(file: Path) -> tuple[NDArray[np.float32], NDArray[np.intp], float]:
    try:
        with np.load(file, allow_pickle=False) as content:
            return content["features"], content["positions"], float(content["seconds"])
    except (OSError, ValueError, KeyError) as error:
        file.unlink(missing_ok=True)
        raise DataError(
            "Expected features of an earlier run; received a damaged file, which was deleted. "
            "Probe again."
        ) from error


def _at_least(value: Json, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
