"""What a job of kind 'latency' runs: each row, runtime and batch timed in a process of its own."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cxr_core import comparison, registry
from cxr_core.comparison import BATCHES, RUNTIMES, Circumstances, Latency, Problem, Row
from cxr_core.errors import ConfigError, CxrError
from cxr_core.measure import process

if TYPE_CHECKING:
    from cxr_core.jobs import Reporter

Json: TypeAlias = Any

LIBRARIES = ("ai-edge-litert", "keras", "numpy", "tensorflow")
_PRECISION = {"litert": "float32", "litert_int8": "int8"}
_FINISHED = "done.json"


@dataclass(frozen=True)
class LatencyConfig:
    """rows: ids. threads: of the network, all that the job may use unless given."""

    rows: tuple[str, ...]
    runtimes: tuple[str, ...] = tuple(r.id for r in RUNTIMES)
    batches: tuple[int, ...] = BATCHES
    threads: int | None = None
    repeats: int = 50


def run(config: Mapping[str, Json], report: Reporter) -> Mapping[str, Json]:
    """Measure and keep each; what cannot be measured becomes a sentence, and the rest goes on.

    A resumed job leaves out what an earlier attempt has measured. Raises ConfigError for settings
    that cannot be, before anything is started.
    """
    settings = checked(config)
    rows = {identifier: comparison.row(identifier) for identifier in settings.rows}
    combinations = list(itertools.product(settings.rows, settings.runtimes, settings.batches))
    finished = _finished(report)
    problems: list[Problem] = []
    measured = busy = 0
    for i, (identifier, runtime, batch) in enumerate(combinations):
        row, title = rows[identifier], next(r.title for r in RUNTIMES if r.id == runtime)
        what = f"{row.title}, {title}, batch {batch}"
        report.progress(i, len(combinations), message=what)
        if [identifier, runtime, batch] in finished:
            continue
        try:
            found = measure(row, runtime, batch, settings, report, what, (i, len(combinations)))
        except CxrError as error:
            sentence = str(error)
            problem = Problem(identifier, "latency", sentence, comparison.now(), runtime, batch)
            comparison.keep(problem)
            problems.append(problem)
            report.log(sentence if sentence.startswith(what) else f"{what}: {sentence}")
            continue
        comparison.keep(found)
        measured += 1
        busy += found.busy
        report.log(f"{what}: {found.median_ms:.2f} ms ({found.q1_ms:.2f} to {found.q3_ms:.2f})")
        finished.append([identifier, runtime, batch])
        _remember(report, finished)
    report.progress(len(combinations), len(combinations), message=f"{measured} measured")
    return {
        "measured": measured,
        "busy": busy,
        "problems": [
            {"row": p.row, "runtime": p.runtime, "batch": p.batch, "sentence": p.sentence}
            for p in problems
        ],
    }


def checked(config: Mapping[str, Json]) -> LatencyConfig:
    """Settings from plain JSON. Raises ConfigError."""
    rows = _strings(config.get("rows"))
    runtimes = _strings(config.get("runtimes") or [r.id for r in RUNTIMES])
    batches, repeats = config.get("batches") or list(BATCHES), config.get("repeats") or 50
    threads = config.get("threads")
    rules = (
        (bool(rows), "at least one row", config.get("rows")),
        (
            bool(runtimes) and set(runtimes) <= {r.id for r in RUNTIMES},
            f"runtimes out of {', '.join(r.id for r in RUNTIMES)}",
            config.get("runtimes"),
        ),
        (_whole(batches, 1, 256), "batches from 1 to 256", batches),
        (_whole([repeats], 1, 10_000), "repeats from 1 to 10,000", repeats),
        (threads is None or _whole([threads], 1, 1024), "threads from 1 on", threads),
    )
    for good, expected, received in rules:
        if not good:
            raise ConfigError(
                f"Expected {expected}; received {str(received)[:80]}. Change that setting."
            )
    return LatencyConfig(
        tuple(dict.fromkeys(rows)),
        tuple(dict.fromkeys(runtimes)),
        tuple(dict.fromkeys(batches)),
        threads,
        repeats,
    )


def measure(
    row: Row,
    runtime: str,
    batch: int,
    settings: LatencyConfig,
    report: Reporter,
    what: str,
    step: tuple[int, int] = (0, 1),
) -> Latency:
    """One row, one runtime, one batch. Raises ModelError where it cannot be measured."""
    if row.problem:
        raise ConfigError(row.problem)
    if refused := comparison.refusal(row, runtime, batch):
        raise ConfigError(refused)
    threads = min(settings.threads or report.threads, usable())
    request: dict[str, Any] = {
        "row": row.id,
        "runtime": runtime,
        "batch": batch,
        "size": row.size,
        "threads": threads,
        "repeats": settings.repeats,
    }
    file: Path | None = None
    if runtime in _PRECISION:
        file, weights = serving_file(row, _PRECISION[runtime], threads, report.check)
        request["file"] = str(file)
    answered = process.run(
        "cxr_core.measure._timing",
        request,
        what=what,
        threads=threads,
        check=report.check,
        on_progress=lambda done, of: report.progress(*step, epoch=done, epochs=of, message=what),
    )
    q1, median, q3, p95 = np.percentile(answered["ms"], [25, 50, 75, 95])
    return Latency(
        row=row.id,
        runtime=runtime,
        batch=batch,
        n=len(answered["ms"]),
        median_ms=float(median),
        p95_ms=float(p95),
        q1_ms=float(q1),
        q3_ms=float(q3),
        peak_mb=answered["peak_mb"],
        file_mb=file.stat().st_size / 1e6 if file else None,
        weights=answered["weights"] or weights,
        size=int(row.size or 0),
        circumstances=circumstances(threads, answered["other_load"]),
    )


def serving_file(
    row: Row, precision: str, threads: int, check: Callable[[], None]
) -> tuple[Path, str]:
    """The row's LiteRT file, made once and kept, and whose weights it has.

    film → logit. For a registered model's float32, the very file that serves it, map included.
    """
    if row.model and precision == "float32":
        return row.model.path(registry.SERVING), "fine-tuned"
    folder = registry.home() / "measure" / "serving" / _key(row)
    path, kind = folder / f"{precision}.tflite", folder / "weights.txt"
    if path.is_file() and kind.is_file():
        return path, kind.read_text()
    if refused := comparison.conversion_refusal(row):
        raise ConfigError(refused)
    folder.mkdir(parents=True, exist_ok=True)
    request = {"row": row.id, "precisions": [precision], "folder": str(folder)}
    answered = process.run(
        "cxr_core.measure._export",
        request,
        what=f"{row.title}'s serving file could not be made",
        threads=threads,
        check=check,
    )
    return path, answered["weights"]


def circumstances(threads: int, other_load: float) -> Circumstances:
    """Now, on this machine, with these libraries."""
    here = comparison.machine()
    return Circumstances(
        comparison.now(), here.processor, here.cores, here.system, threads, versions(), other_load
    )


def versions() -> dict[str, str]:
    """What the figures depend on."""
    return {name: version(name) for name in LIBRARIES}


def usable() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return comparison.cores()


def _key(row: Row) -> str:
    """Names what a serving file depends on: the network, its weights and what converts it."""
    here = "-imagenet" if row.weights and row.weights.present else ""
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in row.id)
    return f"{name}-{row.size}{here}-keras{version('keras')}-tf{version('tensorflow')}"


def _finished(report: Reporter) -> list[list[Json]]:
    if not report.resumed:
        return []
    try:
        found: list[list[Json]] = json.loads((report.folder / _FINISHED).read_text())
    except (OSError, ValueError):
        return []
    return found


def _remember(report: Reporter, finished: list[list[Json]]) -> None:
    part = report.folder / f"{_FINISHED}.part"
    part.write_text(json.dumps(finished))
    os.replace(part, report.folder / _FINISHED)


def _strings(value: Json) -> list[str]:
    return [str(v) for v in value] if isinstance(value, (list, tuple)) else []


def _whole(values: Json, least: int, most: int) -> bool:
    return (
        isinstance(values, (list, tuple))
        and len(values) > 0
        and all(
            isinstance(v, int) and not isinstance(v, bool) and least <= v <= most for v in values
        )
    )
