"""`evaluate`: a folder with one sub-folder per class → figures at the locked threshold."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_core.cli import _options
from cxr_core.cli._options import printable
from cxr_core.errors import DataError

if TYPE_CHECKING:
    from cxr_core.evaluate import Report
    from cxr_core.schema import Interval
    from cxr_core.serve import Model
    from cxr_core.worklist import Item

DESCRIPTION = """\
Score the films in DIR/NORMAL and DIR/PNEUMONIA and compare with those labels, at the threshold
that was locked with the model. Refused films are scored and counted all the same, so that refusing
a hard film cannot flatter a figure; 'refused' says how many there were. Films that cannot be read
are in no figure and are listed."""

EPILOG = """\
With --json, one object:
  n                                    films in the figures
  auc accuracy sensitivity specificity {value, low, high}: 95 % interval, DeLong's or Wilson's
  brier ece                            Brier score; expected calibration error, 10 equal bins
  confusion                            [[tn, fp], [fn, tp]]
  refused cautioned referred           films of those n that the product would refuse, caution of,
                                       or refer to a reader
  errors                               [{file, reason}] of the films that could not be read
  images_per_second                    from opening the first film to the last result
  threshold model                      what was locked, and where

exit code: 0 all films read; 1 some could not be; 2 nothing done; 130 interrupted

A threshold, or a model, chosen by looking at these films makes their figures too good.

examples:
  python -m cxr_core evaluate test/
  python -m cxr_core evaluate test/ --json --model pneumonia-mobilenetv2@1.2.0"""


@dataclass(frozen=True)
class Outcome:
    """Figures over all readable films, and what the product would have said of them."""

    report: Report
    seen: Counter[str]
    errors: tuple[tuple[str, str], ...]
    seconds: float


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "evaluate",
        help="AUC, accuracy, sensitivity, specificity, calibration on labelled films",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("folder", type=Path, metavar="DIR", help="holds NORMAL and PNEUMONIA")
    command.add_argument("--json", action="store_true", help="one JSON object")
    _options.add_model(command)
    _options.add_jobs(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the figures; 1 where a film could not be read."""
    model = _options.load(arguments.model)
    outcome = score(arguments.folder, model, arguments.jobs)
    if arguments.json:
        print(json.dumps(as_row(outcome, model)))
    else:
        print(as_text(outcome, model))
    return 1 if outcome.errors else 0


def score(folder: Path, model: Model, jobs: int | None = None) -> Outcome:
    """Read every film below `folder` and compare. Raises DataError where a class is missing."""
    import numpy as np

    from cxr_core import batch, dataset
    from cxr_core.evaluate import report

    records = dataset.index_folder(folder)
    started = time.perf_counter()
    items = batch.read_all(
        (batch.Source(str(r.path)) for r in records), model, jobs=jobs, show_anyway=True
    )
    kept: list[int] = []
    probabilities: list[float] = []
    errors: list[tuple[str, str]] = []
    seen: Counter[str] = Counter()
    for i, item in enumerate(_options.progress(items, len(records))):
        if item.reading is None or item.reading.prediction is None:
            errors.append((item.name, item.error or _why_not(item)))
            continue
        kept.append(i)
        probabilities.append(item.reading.prediction.probability)
        seen[item.reading.verdict.status] += 1
        seen["referred"] += item.reading.prediction.refer
    seconds = time.perf_counter() - started
    _check_classes([records[i].label for i in kept], errors)
    figures = report(
        dataset.labels([records[i] for i in kept]),
        np.array(probabilities, dtype=np.float64),
        model.card.operating_point.threshold,
    )
    return Outcome(figures, seen, tuple(errors), seconds)


def as_row(outcome: Outcome, model: Model) -> dict[str, object]:
    """What --json prints."""
    figures = asdict(outcome.report)
    return {
        **{k: figures[k] for k in ("n", "auc", "accuracy", "sensitivity", "specificity")},
        **{k: figures[k] for k in ("brier", "ece", "confusion")},
        "refused": outcome.seen["refused"],
        "cautioned": outcome.seen["caution"],
        "referred": outcome.seen["referred"],
        "errors": [{"file": name, "reason": reason} for name, reason in outcome.errors],
        "images_per_second": round(outcome.report.n / outcome.seconds, 2),
        "threshold": outcome.report.threshold,
        "model": f"{model.card.name} {model.card.version}",
    }


def as_text(outcome: Outcome, model: Model) -> str:
    """The same for a person."""
    r = outcome.report
    (tn, fp), (fn, tp) = r.confusion
    lines = [
        f"{model.card.name} {model.card.version} on {r.n} films, threshold {r.threshold:.1%}",
        "",
        _line("AUC", r.auc),
        _line("accuracy", r.accuracy),
        _line("sensitivity", r.sensitivity),
        _line("specificity", r.specificity),
        f"{'Brier score':<14}{r.brier:.3f}",
        f"{'ECE':<14}{r.ece:.3f}",
        "",
        f"{'':<18}{'called normal':>14}{'called pneumonia':>18}",
        f"{'normal':<18}{tn:>14}{fp:>18}",
        f"{'pneumonia':<18}{fn:>14}{tp:>18}",
        "",
        f"refused {outcome.seen['refused']}, cautioned {outcome.seen['caution']}, referred to a "
        f"reader {outcome.seen['referred']}: all are in the figures.",
        f"{r.n / outcome.seconds:.1f} films a second.",
    ]
    if outcome.errors:
        lines += ["", f"{len(outcome.errors)} could not be read and are in no figure:"]
        lines += [f"  {printable(name)}: {printable(why)}" for name, why in outcome.errors]
    return "\n".join(lines)


def _check_classes(scored: Sequence[str], errors: Sequence[tuple[str, str]]) -> None:
    counts = Counter(scored)
    if counts["NORMAL"] and counts["PNEUMONIA"]:
        return
    unread = ""
    if errors:
        name, why = errors[0]
        unread = f", and {len(errors)} that could not be (the first: {printable(name)}: {why})"
    raise DataError(
        "Expected films of both classes that can be scored; received "
        f"{counts['NORMAL']} of NORMAL, {counts['PNEUMONIA']} of PNEUMONIA{unread}. "
        "Add films of the class that lacks them."
    )


def _why_not(item: Item) -> str:
    """A film so blank that the network cannot be shown it is refused, and has no score."""
    assert item.reading is not None
    return " ".join(r.text for r in item.reading.verdict.reasons)


def _line(name: str, interval: Interval) -> str:
    return f"{name:<14}{interval.value:.3f}  (95 % {interval.low:.3f} to {interval.high:.3f})"
