"""`threshold`: choose an operating point by a criterion, see what it is worth, lock it."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cxr_core.cli import _options, _threshold_text
from cxr_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from cxr_core.operating import Choice, Role, ScoreSet, Sorted, Subgroup
    from cxr_core.points import History
    from cxr_core.registry import ModelEntry

Json: TypeAlias = Any

DESCRIPTION = """\
Choose the threshold of a model by a criterion, with every figure and its 95 % interval there. It
is chosen on the model's own validation films, or on those of a CSV of labels and scores. Figures
on the films it was chosen on look better than they will be: name others with --report-on."""

EPILOG = """\
criteria:
  hand=0.3            as you say
  youden              highest sensitivity + specificity
  f1                  best F1
  sensitivity=0.95    fewest false alarms with at least this sensitivity
  specificity=0.95    fewest misses with at least this specificity
  cost=10             least cost, a miss worth 10 false alarms, at --prevalence
  referral=0.2        most found while at most this share is called, at --prevalence
Without one: the operating point that is in force.

With --json, one object:
  threshold criterion value prevalence sentence reached note
  chosen_on        {name, role, sha256, n, ill, well, bad_rows: [{line, reason}], warnings}
  optimises costs  what the criterion gives, and what it costs, in a sentence each
  figures          at the threshold, on those films; {value, low, high}, null where not defined
  warning          why the figures flatter, or null
  reported         the same of --report-on: {name, sha256, n, …, figures}, or null
  optimism band subgroups    where they were asked for
  in_force locked  the operating point in force now; true where this command locked it
With --history: [{id, locked, in_force, threshold, criterion, data, n, data_sha256, note, figures,
reported}], figures and reported as they were when it was locked.

exit code: 0 done; 1 done, but rows were left out or the criterion cannot be reached; 2 nothing done

examples:
  python -m cxr_core threshold --criterion sensitivity=0.98
  python -m cxr_core threshold --scores tuning.csv --report-on test.csv --criterion cost=20 \\
      --prevalence 0.05 --lock --note "agreed by the committee"
  python -m cxr_core threshold --history
  python -m cxr_core threshold --restore own"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "threshold",
        help="choose, report, lock and restore operating points",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--scores", type=Path, metavar="FILE", help="CSV of films to choose on")
    command.add_argument("--report-on", type=Path, metavar="FILE", help="CSV of other films")
    command.add_argument("--criterion", metavar="KEY[=VALUE]", help="see below")
    command.add_argument(
        "--prevalence", type=float, metavar="P", help="the clinic's, 0 to 1 (default: the films')"
    )
    add_columns(command)
    command.add_argument(
        "--refer", type=float, nargs=2, metavar=("LOW", "HIGH"), help="refer to a reader from … to"
    )
    command.add_argument("--subgroups", metavar="COLUMN", help="figures by a column of the films")
    command.add_argument("--optimism", action="store_true", help="repeated splits of the films")
    command.add_argument("--pdf", type=Path, metavar="FILE", help="write a one-page report")
    command.add_argument("--lock", action="store_true", help="put it in force for the model")
    command.add_argument("--note", default="", metavar="TEXT", help="why, kept with the lock")
    command.add_argument("--history", action="store_true", help="list what was locked, and stop")
    command.add_argument("--restore", metavar="ID", help="put an earlier point back ('own': first)")
    command.add_argument("--json", action="store_true", help="JSON instead of text")
    _options.add_model(command)
    command.set_defaults(run=run)


def add_columns(command: argparse.ArgumentParser) -> None:
    """How to read a CSV whose columns are not recognised."""
    command.add_argument("--label-column", metavar="NAME")
    command.add_argument("--score-column", metavar="NAME")
    command.add_argument(
        "--score-kind",
        choices=("probability", "logit", "percent"),
        help="logits are converted with the sigmoid, percentages divided by 100",
    )
    command.add_argument(
        "--positive", action="append", metavar="WORD", help="a label that means pneumonia"
    )
    command.add_argument(
        "--negative", action="append", metavar="WORD",
        help="a label that means normal (default: all others)",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for; 1 where rows were left out or a criterion cannot be reached."""
    from cxr_core import points

    entry = _options.entry(arguments.model)
    if arguments.restore is not None:
        wanted = None if arguments.restore == "own" else arguments.restore
        return _threshold_text.show_history(points.restore(entry, wanted), entry, arguments.json)
    if arguments.history:
        return _threshold_text.show_history(points.history(entry), entry, arguments.json)
    return _choose(arguments, entry)


def _choose(arguments: argparse.Namespace, entry: ModelEntry) -> int:
    from cxr_core import operating as op
    from cxr_core import points

    if arguments.scores is None:
        films = op.Sorted(op.from_model(entry))
    else:
        films = op.Sorted(read(arguments.scores, arguments, "tuning"))
    reporting = None
    if arguments.report_on is not None:
        reporting = op.Sorted(read(arguments.report_on, arguments, "reporting"))
    choice = _criterion(arguments, films, entry)
    found = films.figures(choice.threshold, arguments.prevalence)
    reported = None
    if reporting is not None:
        reported = reporting.figures(choice.threshold, arguments.prevalence)
    shown = films if reporting is None else reporting
    band = None
    if arguments.refer:
        band = op.band(shown, arguments.refer[0], arguments.refer[1], arguments.prevalence)
    groups: tuple[Subgroup, ...] = ()
    if arguments.subgroups:
        groups = op.subgroups(shown.set, arguments.subgroups, choice.threshold)
    optimism = None
    if arguments.optimism:
        optimism = op.optimism(films, choice.key, choice.value, arguments.prevalence)
    if arguments.pdf is not None:
        content = op.report_pdf(
            films, found, choice, band=band, optimism=optimism, subgroups=groups,
            reporting=None if reporting is None or reported is None else (reporting, reported),
        )  # fmt: skip
        _write(arguments.pdf, content)
    if arguments.lock:
        low, high = arguments.refer or (None, None)
        op.lock(
            entry, films, choice, refer_low=low, refer_high=high, reporting=reporting,
            note=arguments.note,
        )  # fmt: skip
    past = points.history(entry)
    criterion = None if arguments.criterion is None else op.criterion(choice.key)
    row = {
        "threshold": choice.threshold,
        "criterion": choice.key,
        "value": choice.value,
        "prevalence": arguments.prevalence,
        "sentence": choice.sentence,
        "reached": choice.reached,
        "note": choice.note,
        "chosen_on": _set(films),
        "optimises": criterion and criterion.optimises,
        "costs": criterion and criterion.costs,
        "figures": _ranking(films) | op.figures_json(found),
        "warning": op.honesty(films.set, shown.set),
        "reported": None,
        "optimism": None,
        "band": band and op.as_json(vars(band)),
        "subgroups": [op.as_json(vars(g) | {"confusion": vars(g.confusion)}) for g in groups],
        "in_force": _in_force(past, entry),
        "locked": arguments.lock,
    }
    if reporting is not None and reported is not None:
        figures = _ranking(reporting) | op.figures_json(reported)
        row["reported"] = _set(reporting) | {"figures": figures}
    if optimism is not None:
        row["optimism"] = {
            "repeats": optimism.repeats,
            "by_patient": optimism.by_patient,
            "sentence": optimism.sentence,
            "rows": [op.as_json(vars(r)) for r in optimism.rows],
        }
    if arguments.json:
        print(json.dumps(row))
    else:
        print(_threshold_text.as_text(row, found, reported))
    bad = len(films.set.bad) + (len(reporting.set.bad) if reporting else 0)
    return 0 if choice.reached and not bad else 1


def read(
    path: Path, arguments: argparse.Namespace, role: Role, score: str | None = None
) -> ScoreSet:
    """A CSV by the options of `add_columns`. score: another column of scores than theirs."""
    from cxr_core import operating as op

    if not path.is_file():
        raise DataError(f"Expected a CSV file at {path}; found none. Check the path.")
    score = score or arguments.score_column
    seen = op.inspect_csv(path, arguments.label_column, score)
    if seen.question and not (arguments.positive or arguments.score_kind):
        raise DataError(
            f"{seen.question} (--label-column, --score-column, --positive, --score-kind)"
        )
    return op.read_csv(
        path, path.name, role,
        label=arguments.label_column, score=score,
        kind=arguments.score_kind, positive=arguments.positive,
        negative=arguments.negative,
    )  # fmt: skip


def _criterion(arguments: argparse.Namespace, films: Sorted, entry: ModelEntry) -> Choice:
    from cxr_core import operating as op
    from cxr_core import points

    if arguments.criterion is None:
        if arguments.lock:
            raise ConfigError(
                "Expected a criterion to lock by; received none. Add --criterion, "
                "such as --criterion sensitivity=0.95."
            )
        point = points.active(entry)
        choice = op.choose(films, "hand", point.threshold)
        return replace(choice, sentence=f"the operating point in force ({point.criterion})")
    # 'sensitivity>=0.95' and 'sensitivity:0.95' leave no doubt either.
    key, *rest = re.split(r"\s*(?:>=|≥|=|:)\s*", arguments.criterion.strip(), maxsplit=1)
    try:
        value = float(rest[0]) if rest else None
    except ValueError:
        raise ConfigError(
            f"Expected a number after '{key}='; received {rest[0]!r}. Give {key}=0.95, say."
        ) from None
    return op.choose(films, key, value, arguments.prevalence)


def _set(films: Sorted) -> dict[str, Json]:
    scores = films.set
    return {
        "name": scores.name,
        "role": scores.role,
        "sha256": scores.sha256,
        "n": scores.n,
        "ill": scores.ill,
        "well": scores.well,
        "bad_rows": [{"line": b.line, "reason": b.reason} for b in scores.bad],
        "warnings": list(films.warnings),
    }


def _ranking(films: Sorted) -> dict[str, Json]:
    """Figures that are the same at every threshold."""
    from cxr_core import operating as op

    return {
        "auc": op.as_json(films.auc),
        "average_precision": films.ap,
        "ece": films.ece,
        "brier": op.as_json(films.calibration().brier),
    }


def _in_force(past: History, entry: ModelEntry) -> dict[str, Json]:
    point = past.active.point if past.active else entry.card.operating_point
    return {
        "model": f"{entry.name} {entry.version}",
        "id": past.active.id if past.active else "own",
        "threshold": point.threshold,
        "refer_low": point.refer_low,
        "refer_high": point.refer_high,
        "problem": past.problem,
    }


def _write(path: Path, content: bytes) -> None:
    try:
        _options.write_whole(path, content)
    except OSError as error:
        raise ConfigError(
            f"Expected a file that can be written at {path}; received "
            f"'{error.strerror or error}'. Choose another place."
        ) from error
