"""`models list | show | compare | verify`: what is stored, how it was made, whether it is whole."""

from __future__ import annotations

import argparse
import json
from typing import Any

from cxr_core import card as cards
from cxr_core import points, registry, shelf
from cxr_core.card import ModelCard, shown
from cxr_core.cli import _exchange, _options, _shelf
from cxr_core.errors import ConfigError, ModelError

DESCRIPTION = """\
Models lie in the program's assets/models and in $CXR_HOME/models (default
~/.local/share/cxr-workbench), one folder per name and version."""

EPILOG = """\
exit code: 0 all is well; 1 a model is damaged (verify); 2 not done, and a sentence says why

examples:
  python -m cxr_core models list
  python -m cxr_core models show pneumonia-mobilenetv2
  python -m cxr_core models verify
  python -m cxr_core models compare pneumonia-mobilenetv2 mine@1.2.0
  python -m cxr_core models default mine@1.2.0
  python -m cxr_core models rename mine@1.2.0 ward-7
  python -m cxr_core models describe ward-7 "Fine-tuned on the films of 2025"
  python -m cxr_core models delete ward-7@1.2.0
  python -m cxr_core models export ward-7 --format int8 --films train/ --to ward-7.tflite
  python -m cxr_core models import theirs.keras --name theirs --films train/ --scaling 0..1"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "models",
        help="list, show, compare, verify, describe, rename, delete, export and import models",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = command.add_subparsers(title="actions", dest="action", metavar="ACTION")
    actions.required = True
    listing = actions.add_parser("list", help="every model and version")
    listing.set_defaults(run=list_models)
    show = actions.add_parser("show", help="a model's card: data, recipe, figures, limits")
    show.set_defaults(run=show_model)
    verify = actions.add_parser("verify", help="compare every file with its sha256")
    verify.set_defaults(run=verify_models)
    compare = actions.add_parser("compare", help="cards of two or more models side by side")
    compare.set_defaults(run=compare_models)
    compare.add_argument("models", nargs="+", metavar="NAME[@VERSION]")
    for action in (show, verify):
        action.add_argument(
            "model",
            nargs="?",
            metavar="NAME[@VERSION]",
            help="default: the shipped model" if action is show else "default: every model",
        )
    for action in (listing, show, verify, compare):
        action.add_argument("--json", action="store_true", help="JSON instead of text")
    _shelf.add(actions)
    _exchange.add(actions)


def list_models(arguments: argparse.Namespace) -> int:
    rows = [_row(one) for one in shelf.stored()]
    chosen = registry.default()
    if arguments.json:
        print(json.dumps(rows))
    elif not rows:
        print("No models. `python -m cxr_core train --help` says how to make one.")
    for row in [] if arguments.json else rows:
        marks = ["shipped" if row["shipped"] else str(row["folder"])]
        marks += ["default"] if row["default"] else []
        facts = (
            f"damaged, and skipped: {row['problem']}"
            if row["problem"]
            else f"{row['backbone']}, validation AUC {shown(row['validation_auc'])}, "
            f"threshold {shown(row['threshold'])}, {row['megabytes']:.1f} MB"
        )
        print(f"{row['name']} {row['version']}  ({', '.join(marks)})\n    {facts}")
        if row["description"]:
            print(f"    {_options.printable(str(row['description']))}")
    if chosen.problem and not arguments.json:
        print(f"note: {chosen.problem} The shipped model is meant instead.")
    return 0


def _row(one: shelf.Stored) -> dict[str, Any]:
    card = one.card
    area = card.validation.auc if card else None
    return {
        "name": one.entry.name,
        "version": one.entry.version,
        "shipped": one.entry.shipped,
        "default": one.default,
        "backbone": card.backbone if card else None,
        "created": card.created if card else None,
        "threshold": card.operating_point.threshold if card else None,
        "validation_auc": area.value if area else None,
        "megabytes": round(one.megabytes, 2),
        "description": one.description,
        "folder": str(one.entry.folder),
        "problem": one.problem,
    }


def compare_models(arguments: argparse.Namespace) -> int:
    """Raises ModelError where one of them is damaged, ConfigError for fewer than two."""
    if len(arguments.models) < 2:
        raise ConfigError("Expected two models or more to compare; received one. Name another.")
    cards = [points.card(_options.entry(name)) for name in arguments.models]
    titles = [f"{card.name} {card.version}" for card in cards]
    rows = shelf.side_by_side(cards)
    if arguments.json:
        facts = {what: dict(zip(titles, values, strict=True)) for what, values in rows}
        print(json.dumps(facts, ensure_ascii=False))
        return 0
    # Sentences are cut to a column's width; --json has them whole.
    short = [(what, tuple(v if len(v) < 48 else f"{v[:46]}…" for v in vs)) for what, vs in rows]
    lines = [("", tuple(titles)), *short]
    widths = [max(len(values[k]) for _, values in lines) for k in range(len(cards))]
    for what, values in lines:
        cells = "  ".join(v.ljust(w) for v, w in zip(values, widths, strict=True))
        print(f"{what:<18}{cells}".rstrip())
    return 0


def show_model(arguments: argparse.Namespace) -> int:
    card = points.card(_options.entry(arguments.model))
    text = cards.dumps(card)
    print(text.rstrip() if arguments.json else as_text(card))
    return 0


def verify_models(arguments: argparse.Namespace) -> int:
    """Check one model or all; 1 where one is damaged. Raises ModelError where there is none."""
    chosen = [_options.entry(arguments.model)] if arguments.model else registry.list_models()
    if not chosen:
        raise ModelError(
            "Expected a model to verify; found none. "
            "See `python -m cxr_core train --help` to make one."
        )
    found = {(e.name, e.version): registry.verify(e) for e in chosen}
    if arguments.json:
        rows = [{"name": n, "version": v, "problems": list(p)} for (n, v), p in found.items()]
        print(json.dumps(rows))
    for (name, version), problems in {} if arguments.json else found.items():
        print(f"{name} {version}: {'damaged' if problems else 'whole'}")
        for problem in problems:
            print(f"    {problem}")
    return 1 if any(found.values()) else 0


def as_text(card: ModelCard) -> str:
    """A card for a person, gaps said aloud."""
    data, figures, point = card.data, card.validation, card.operating_point
    lines = [
        f"{card.name} {card.version}, {shown(card.backbone)}, made {shown(card.created)}",
        f"\nIntended use\n    {shown(card.intended_use)}",
        f"\nData\n    {shown(data.name)}\n    {shown(data.source)}; licence {shown(data.licence)}",
        f"    training {shown(data.n_train)} films of {shown(data.patients_train)} patients, "
        f"validation {shown(data.n_validation)} of {shown(data.patients_validation)}",
        f"\nOperating point\n    pneumonia from {point.threshold:.4f} on; refer to a reader from "
        f"{point.refer_low:.4f} to {point.refer_high:.4f}\n    chosen by {point.criterion} on "
        f"{point.n} films ({point.data})",
        f"\nValidation ({shown(figures.n)} films, value and 95 % interval)",
    ]
    for name in ("auc", "accuracy", "sensitivity", "specificity", "brier", "ece"):
        lines.append(f"    {name:<13}{shown(getattr(figures, name))}")
    other = dict(card.other)
    if locked := other.pop(points.LOCKED, None):
        lines.insert(
            5, f"    locked {locked['date']} (id {locked['id']}) {locked['note']}".rstrip()
        )
    if problem := other.pop(points.PROBLEM, None):
        lines.insert(5, f"    warning: {problem}")
    if other:
        lines.append("\nOther films")
        lines += [f"    {key}: {json.dumps(value)}" for key, value in other.items()]
    lines.append("\nNot measured")
    lines += [f"    {sentence}" for sentence in card.not_measured] or ["    nothing is stated"]
    return "\n".join(lines)
