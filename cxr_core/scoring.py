"""What a job of kind 'score' runs: a folder of labelled films → scores of a model, kept as CSV."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cxr_core import batch, dataset, registry
from cxr_core.errors import ConfigError, DataError
from cxr_core.operating import JOB_FACTS, JOB_SCORES
from cxr_core.serve import Model

if TYPE_CHECKING:
    from cxr_core.jobs import Reporter
    from cxr_core.worklist import Item

Json: TypeAlias = Any

COLUMNS = ("film", "patient", "cause", "view", "age", "sex", "status", "label", "score")
PART = "scores.part.csv"


def run(config: Mapping[str, Json], report: Reporter) -> Mapping[str, Json]:
    """Score every film of `config["data"]`/NORMAL and /PNEUMONIA; a second attempt goes on.

    config: data (folder), model (name; the shipped one unless given), version (the latest unless
    given). Refused films are scored all the same, so that refusing cannot flatter a figure. Raises
    DataError where a class is missing or no film of one can be read.
    """
    root = Path(str(config.get("data") or ""))
    if not root.is_absolute():
        raise ConfigError(f"Expected 'data' as an absolute folder; received {str(root)[:80]!r}.")
    entry = registry.find(config.get("model"), config.get("version"))
    model = Model.load(entry)
    records = dataset.index_folder(root)
    path = report.folder / PART
    done = _kept(path) if report.resumed else set()
    rest = [r for r in records if _name(root, r.path) not in done]
    report.log(f"{len(records)} films to score with {entry.name} {entry.version}")
    unreadable = 0
    with path.open("a" if done else "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if not done:
            writer.writerow(COLUMNS)
        items = batch.read_all(
            (batch.Source(str(r.path)) for r in rest), model, jobs=report.threads, show_anyway=True
        )
        for i, (record, item) in enumerate(zip(rest, items, strict=True), 1):
            row = _row(root, record, item)
            unreadable += row[-1] == ""
            writer.writerow(row)
            report.progress(len(done) + i, len(records), message=f"{i + len(done)} films scored")
        file.flush()
        os.fsync(file.fileno())
    _check(path)
    facts = {
        "name": f"{root.name} scored by {entry.name} {entry.version}",
        "model": f"{entry.name} {entry.version}",
        "folder": str(root),
    }
    (report.folder / JOB_FACTS).write_text(json.dumps(facts))
    os.replace(path, report.folder / JOB_SCORES)
    return {"scores": JOB_SCORES, "n": len(records) - unreadable, "unreadable": unreadable}


def _row(root: Path, record: dataset.FilmRecord, item: Item) -> list[str]:
    reading = item.reading
    prediction = None if reading is None else reading.prediction
    facts = None if reading is None else reading.facts
    age = None if facts is None else facts.age_years
    return [
        _name(root, record.path),
        record.patient,
        record.cause,
        (facts.view if facts else None) or "",
        "" if age is None else f"{age:g}",
        (facts.sex if facts else None) or "",
        "unreadable" if reading is None else reading.verdict.status,
        record.label,
        "" if prediction is None else f"{prediction.probability:.9f}",
    ]


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _kept(path: Path) -> set[str]:
    """Films that an earlier attempt scored; a line that was cut off is dropped from the file."""
    if not path.is_file():
        return set()
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    path.write_text("".join(whole), encoding="utf-8")
    return {row[0] for row in csv.reader(whole[1:]) if len(row) == len(COLUMNS)}


def _check(path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        scored = {row["label"] for row in csv.DictReader(file) if row["score"]}
    if scored != set(dataset.CLASSES):
        raise DataError(
            "Expected readable films of both classes; "
            f"{' and '.join(sorted(scored)) or 'none'} could be scored. Check the films."
        )
