"""`python -m benchmarks`: every figure of speed that the product states, against the course's way.

Prints a table, and writes it with the machine and the versions to results/, dated.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

# As `python -m cxr_core` does, before NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks import browser, folder, serving, threshold
from benchmarks._films import films, ill
from benchmarks._measure import Process, Sample, machine
from benchmarks._results import RESULTS, write_csv
from benchmarks.course import Course
from cxr_core import batch, registry
from cxr_core.errors import CxrError
from cxr_core.serve import Model


@dataclass(frozen=True)
class Row:
    """One figure: ours, the course's, their ratio and what it should reach, where they apply."""

    figure: str
    unit: str
    ours: Sample
    course: Sample | None = None
    ratio: float | None = None
    target: str = ""
    met: bool | None = None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds: to try, not to quote")
    parser.add_argument("--model", metavar="NAME[@VERSION]", help="default: the shipped one")
    parser.add_argument(
        "--out", type=Path, default=RESULTS, metavar="DIR", help="default: results/"
    )
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        entry = registry.named(arguments.model or registry.DEFAULT_MODEL)
        with tempfile.TemporaryDirectory() as scratch:
            rows, what = measure(entry, Path(scratch), arguments.quick)
    except CxrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    write(rows, what, entry, arguments.out, arguments.quick)
    return 0


def measure(entry: registry.ModelEntry, scratch: Path, quick: bool) -> tuple[list[Row], str]:
    """All rows, printed as they come, and what films they are taken on."""
    chosen = films(scratch / "films", 24 if quick else 300)
    print(f"{entry.name} {entry.version}, {chosen.what}\n")
    rows = []
    for row in _rows(entry, chosen.paths, scratch, quick):
        print(_line(row), flush=True)
        rows.append(row)
    return rows, chosen.what


def _rows(
    entry: registry.ModelEntry, paths: tuple[Path, ...], scratch: Path, quick: bool
) -> Iterator[Row]:
    # Fresh processes first: later, this one's TensorFlow would compete with them for memory.
    keras_file, which = entry.path(registry.KERAS), f"{entry.name}@{entry.version}"
    ours, theirs = folder.cold_start(paths[0], keras_file, which, 2 if quick else 7)
    yield _compared("cold start to first result", "s", _seconds(ours), _seconds(theirs), 4)
    yield _compared("cold start, peak memory", "MB", _memory(ours), _memory(theirs), 4)
    few, lots = (50, 200) if quick else (100, 10_000)
    small = folder.terminal(scratch, paths, few, which)
    large = folder.terminal(scratch, paths, lots, which)
    growth = large.peak_mb / small.peak_mb
    yield Row(f"peak memory, {few} films", "MB", Sample.of([small.peak_mb]))
    yield Row(
        f"peak memory, {lots} films", "MB", Sample.of([large.peak_mb]),
        None, growth, f"≤ 1.1 × that of {few}", growth <= 1.1,
    )  # fmt: skip
    model, course = Model.load(entry), Course(keras_file, entry.card.cam_layer)
    a, b = serving.with_heatmap(model, course, paths[:24], 3 if quick else 30)
    yield _compared("decoded film to result with heatmap", "ms", _ms(a), _ms(b), 20)
    forward = serving.forward_only(model, paths[:24], 20 if quick else 200)
    yield Row("the network's one pass", "ms", _ms(forward))
    a, b = folder.throughput(model, course, paths, 2 if quick else 7)
    ratio = a.median / b.median
    yield Row("folder, decoding included", "films/s", a, b, ratio, "≥ 10 ×", ratio >= 10)
    one, eight, mixed = serving.at_once(model, paths[:24], 3 if quick else 25)
    yield Row("one session, upload to result", "ms", _ms(one))
    yield Row(
        f"{serving.SESSIONS} sessions at once, upload to result", "ms", _ms(eight),
        None, None, f"0 mixed up; found {mixed}", mixed == 0,
    )  # fmt: skip
    yield from _threshold(threshold.measure(quick))
    waits = browser.upload_to_figure(ill(paths), 2 if quick else 11)
    if waits is None:
        print("browser: not measured, no Chromium")
        return
    for what, wait in zip(("first film of a visit", "a further film"), waits, strict=True):
        met = wait.median <= 1
        yield Row(f"browser, {what}", "s", wait, None, None, "≤ 1 s", met)


def _threshold(taken: threshold.Taken) -> Iterator[Row]:
    for what, ready in (("ready", taken.ready), ("by patient, ready", taken.by_patient)):
        met = ready.median < 2
        yield Row(f"{threshold.FILMS:,} scores, {what}", "s", ready, None, None, "< 2 s", met)
    ratio, met = taken.course.median / taken.step.median, taken.step.median < 0.005
    ours, course = _ms(taken.step), _ms(taken.course)
    yield Row(f"{threshold.FILMS:,} scores, slider step", "ms", ours, course, ratio, "< 5 ms", met)


def write(
    rows: list[Row], what: str, entry: registry.ModelEntry, out: Path, quick: bool
) -> tuple[Path, Path]:
    """JSON with everything, CSV with the rows; a second run of a day overwrites the first."""
    now = datetime.now(UTC)
    out.mkdir(parents=True, exist_ok=True)
    stem = out / f"speed-{now.date().isoformat()}{'-quick' if quick else ''}"
    facts = {
        "taken": now.isoformat(timespec="seconds"),
        "films": what,
        "model": f"{entry.name} {entry.version}",
        "threads": {"network": 1, "readers": batch.workers(), "tensorflow": "its default"},
        "machine": machine(),
    }
    table = [_plain(row) for row in rows]
    as_json, as_csv = stem.with_suffix(".json"), stem.with_suffix(".csv")
    as_json.write_text(json.dumps({**facts, "rows": table}, indent=2, ensure_ascii=False) + "\n")
    write_csv(as_csv, table)
    print(f"\n{as_json}\n{as_csv}")
    return as_json, as_csv


def _compared(figure: str, unit: str, ours: Sample, course: Sample, least: int) -> Row:
    ratio = course.median / ours.median
    return Row(figure, unit, ours, course, ratio, f"≥ {least} ×", ratio >= least)


def _plain(row: Row) -> dict[str, object]:
    plain: dict[str, object] = {"figure": row.figure, "unit": row.unit}
    for who, sample in (("ours", row.ours), ("course", row.course)):
        for part in ("median", "q1", "q3", "n"):
            value = getattr(sample, part) if sample else None
            plain[f"{who}_{part}"] = round(value, 3) if isinstance(value, float) else value
    ratio = None if row.ratio is None else round(row.ratio, 2)
    return plain | {"ratio": ratio, "target": row.target, "met": row.met}


def _line(row: Row) -> str:
    text = f"{row.figure:<42}{_shown(row.ours, row.unit):<32}"
    if row.course:
        text += f"course {_shown(row.course, row.unit):<34}"
    if row.ratio is not None:
        text += f"{row.ratio:.2f} ×  "
    if row.met is not None:
        text += f"target {row.target}: {'met' if row.met else 'NOT MET'}"
    return text


def _shown(sample: Sample, unit: str) -> str:
    if sample.n == 1:
        return f"{sample.median:.1f} {unit}"
    return f"{sample.median:.2f} {unit} ({sample.q1:.2f}–{sample.q3:.2f})"


def _ms(sample: Sample) -> Sample:
    return Sample(1000 * sample.median, 1000 * sample.q1, 1000 * sample.q3, sample.n)


def _seconds(runs: list[Process]) -> Sample:
    return Sample.of([run.seconds for run in runs])


def _memory(runs: list[Process]) -> Sample:
    return Sample.of([run.peak_mb for run in runs])


if __name__ == "__main__":
    sys.exit(main())
