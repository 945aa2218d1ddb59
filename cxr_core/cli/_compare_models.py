"""`compare-models`: two models on the same films, with paired tests and what they disagree on."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cxr_core.cli import _options, _threshold
from cxr_core.cli._options import printable
from cxr_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from cxr_core.operating import Comparison, McNemar, ScoreSet
    from cxr_core.registry import ModelEntry

Json: TypeAlias = Any

DESCRIPTION = """\
Compare two models on the same films: paired DeLong test of the AUC, McNemar's test at their
thresholds, and the films they disagree on. Films are those of --data DIR (NORMAL and PNEUMONIA),
of one CSV with a column of scores for each, of two CSVs, or the validation films that both models
were stored with."""

EPILOG = """\
With --json, one object:
  a b                      {name, threshold, auc: {value, low, high}}
  n ill well left_out      films that both scored; films that only one did
  auc_difference auc_p     a minus b, DeLong's; null where both rank the films alike
  all ill_only well_only   {both_right, only_a, only_b, neither, difference, p, exact}: who is right
                           of all films (accuracy), of pneumonias (sensitivity), of normal films
  disagreements            [{film, label, score_a, score_b, called_a, called_b}], widest apart first
  sentence warnings errors

exit code: 0 done; 1 some films could not be read; 2 nothing done; 130 interrupted

examples:
  python -m cxr_core compare-models pneumonia-mobilenetv2 mine@1.0.0 --data test/
  python -m cxr_core compare-models ours theirs --scores both.csv --at 0.25 0.5 --json"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "compare-models",
        help="two models on the same films: DeLong, McNemar, disagreements",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for letter in ("a", "b"):
        command.add_argument(
            letter, metavar=letter.upper(), help="NAME[@VERSION], or a column of --scores"
        )
    films = command.add_mutually_exclusive_group()
    films.add_argument("--data", type=Path, metavar="DIR", help="holds NORMAL and PNEUMONIA")
    films.add_argument(
        "--scores", type=Path, nargs="+", metavar="FILE", help="one CSV for both, or one for each"
    )
    command.add_argument(
        "--at", type=float, nargs=2, metavar=("A", "B"),
        help="thresholds (default: the models' operating points)",
    )  # fmt: skip
    _threshold.add_columns(command)
    command.add_argument("--json", action="store_true", help="one JSON object")
    _options.add_jobs(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison; 1 where a film could not be read."""
    from cxr_core import operating as op

    errors: list[tuple[str, str]] = []
    if arguments.scores:
        first, second = _from_files(arguments)
        thresholds = arguments.at
    else:
        entries = [_options.entry(arguments.a), _options.entry(arguments.b)]
        if arguments.data is None:
            first, second = (op.from_model(e) for e in entries)
        else:
            first, second, errors = _score(arguments.data, entries, arguments.jobs)
        thresholds = arguments.at or [_in_force(e) for e in entries]
    if thresholds is None:
        raise ConfigError(
            "Expected thresholds for scores from a file; received none. "
            "Add --at A B, such as --at 0.25 0.5."
        )
    found = op.compare(first, second, *thresholds)
    if arguments.json:
        print(json.dumps(_as_row(found, errors)))
    else:
        print(_as_text(found, errors))
    return 1 if errors else 0


def _in_force(entry: ModelEntry) -> float:
    from cxr_core import points

    return points.active(entry).threshold


def _from_files(arguments: argparse.Namespace) -> tuple[ScoreSet, ScoreSet]:
    from dataclasses import replace

    if len(arguments.scores) > 2:
        raise ConfigError(
            f"Expected one CSV with a column for each model, or two; received "
            f"{len(arguments.scores)}. Leave the others out."
        )
    if len(arguments.scores) == 1:
        path = arguments.scores[0]
        first = _threshold.read(path, arguments, "reporting", score=arguments.a)
        second = _threshold.read(path, arguments, "reporting", score=arguments.b)
    else:
        first, second = (_threshold.read(p, arguments, "reporting") for p in arguments.scores)
    return replace(first, name=arguments.a), replace(second, name=arguments.b)


def _score(
    folder: Path, entries: list[ModelEntry], jobs: int | None
) -> tuple[ScoreSet, ScoreSet, list[tuple[str, str]]]:
    """Read every film once for each model. A film that one cannot judge is left out of both."""
    import numpy as np

    from cxr_core import batch, dataset
    from cxr_core import operating as op
    from cxr_core.serve import Model

    records = dataset.index_folder(folder)
    scores = np.full((2, len(records)), np.nan)
    errors: dict[str, str] = {}
    for row, entry in zip(scores, entries, strict=True):
        items = batch.read_all(
            (batch.Source(str(r.path)) for r in records),
            Model.load(entry),
            jobs=jobs,
            show_anyway=True,
        )
        for i, item in enumerate(_options.progress(items, len(records))):
            if item.reading is None or item.reading.prediction is None:
                errors[item.name] = item.error or "no contrast that a network could judge"
            else:
                row[i] = item.reading.prediction.probability
    kept = np.isfinite(scores).all(axis=0)
    if not kept.any():
        raise DataError("Expected films that can be read; found none. Check the folder.")
    films = np.array([r.film_id for r in records], dtype=object)[kept]
    patients = np.array([r.patient for r in records], dtype=object)[kept]
    first, second = (
        op.from_arrays(
            dataset.labels(records)[kept],
            row[kept],
            folder.name,
            "reporting",
            films=films,
            columns={"patient": patients},
            model=f"{entry.name} {entry.version}",
        )
        for row, entry in zip(scores, entries, strict=True)
    )
    return first, second, sorted(errors.items())


def _as_row(found: Comparison, errors: list[tuple[str, str]]) -> dict[str, Json]:
    from cxr_core import operating as op

    row = op.as_json(
        {
            "a": {"name": found.name_a, "threshold": found.threshold_a, "auc": found.auc_a},
            "b": {"name": found.name_b, "threshold": found.threshold_b, "auc": found.auc_b},
            "n": found.n,
            "ill": found.ill,
            "well": found.well,
            "left_out": found.left_out,
            "auc_difference": found.auc_difference,
            "auc_p": found.auc_p,
            "all": vars(found.all),
            "ill_only": vars(found.ill_only),
            "well_only": vars(found.well_only),
            "disagreements": [
                {k: v for k, v in vars(d).items() if not k.startswith("index")}
                for d in found.disagreements
            ],
            "sentence": found.sentence,
            "warnings": list(found.warnings),
            "errors": [{"file": name, "reason": reason} for name, reason in errors],
        }
    )
    assert isinstance(row, dict)
    return row


def _as_text(found: Comparison, errors: list[tuple[str, str]]) -> str:
    from cxr_core import operating as op

    lines = [
        f"{found.n:,} films, {found.ill:,} with pneumonia",
        f"    A  {printable(found.name_a)}, from {found.threshold_a:.4f} on: AUC "
        f"{op.shown(found.auc_a)}",
        f"    B  {printable(found.name_b)}, from {found.threshold_b:.4f} on: AUC "
        f"{op.shown(found.auc_b)}",
    ]
    if found.auc_difference is not None:
        lines.append(f"    A − B: {op.shown(found.auc_difference)}, DeLong's p = {found.auc_p:.3g}")
    lines.append("\nRight at the threshold (both, only A, only B, neither), difference, p")
    for name, part in (
        ("all films", found.all),
        ("pneumonias", found.ill_only),
        ("normal films", found.well_only),
    ):
        lines.append(f"    {name:<14}{_mcnemar(part)}")
    lines.append(f"\n{found.sentence}")
    lines += found.warnings
    for d in found.disagreements[:20]:
        truth = "PNEUMONIA" if d.label else "NORMAL"
        lines.append(f"    {printable(d.film)}  {truth}  A {d.score_a:.3f}  B {d.score_b:.3f}")
    if len(found.disagreements) > 20:
        lines.append(f"    and {len(found.disagreements) - 20:,} more (--json lists all)")
    lines += [f"not read: {printable(name)}: {printable(reason)}" for name, reason in errors]
    return "\n".join(lines)


def _mcnemar(part: McNemar) -> str:
    from cxr_core import operating as op

    counts = f"{part.both_right:,}, {part.only_a:,}, {part.only_b:,}, {part.neither:,}"
    kind = "exact" if part.exact else "continuity-corrected"
    return f"{counts:<22}{op.shown(part.difference, percent=True)}  p = {part.p:.3g} ({kind})"
