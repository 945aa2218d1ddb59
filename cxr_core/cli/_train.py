"""`train`: labelled films → a registered model, by the shipped model's recipe or a changed one."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_core import registry
from cxr_core.cli import _method
from cxr_core.errors import ConfigError

if TYPE_CHECKING:
    from cxr_core.recipe import Recipe

DESCRIPTION = """\
Train a model on DIR/NORMAL and DIR/PNEUMONIA, patients kept apart, and store it in
$CXR_HOME/models with its card, its validation scores and its sha256 sums. Without settings it
repeats the recipe of the shipped model. Patients are read from file names
(person1453_bacteria_3770, IM-0115-0001); a file with another name is a patient of its own."""

EPILOG = """\
Each member's checkpoint stays in --work: a run that was interrupted goes on with the members that
are complete. The model appears in the registry whole, or not at all.

examples:
  python -m cxr_core train chest_xray/train
  python -m cxr_core train chest_xray/train --name trial --version 0.1.0 --members 1 --epochs 2
  python -m cxr_core train chest_xray --method two-phase --set epochs=5 --set backbone=vgg16
  python -m cxr_core predict film.png --model trial@0.1.0"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], with_settings: bool) -> None:
    command = commands.add_parser(
        "train",
        help="train a model on labelled films and store it",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("folder", type=Path, metavar="DIR", help="holds NORMAL and PNEUMONIA")
    command.add_argument(
        "--name", default=registry.DEFAULT_MODEL, help="name to store it by (default: %(default)s)"
    )
    command.add_argument(
        "--version",
        help="version to store it by (default: the last one of that name, third number raised)",
    )
    command.add_argument(
        "--root", type=Path, metavar="DIR", help="where to store it (default: $CXR_HOME/models)"
    )
    command.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="checkpoints and histories (default: $CXR_HOME/runs/NAME-VERSION)",
    )
    command.add_argument(
        "--adults",
        type=Path,
        metavar="DIR",
        help="class folders of films of another kind: reported in the card, used for nothing else",
    )
    command.add_argument(
        "--method",
        metavar="KEY",
        help=f"one of the course's methods instead of the shipped recipe: {_method.NAMES}",
    )
    command.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help="with --method: one of its settings, a JSON value or text; may be repeated",
    )
    command.set_defaults(run=run)
    if with_settings:
        _add_settings(command)


def run(arguments: argparse.Namespace) -> int:
    """Train and register; says where the model lies."""
    if arguments.method:
        if arguments.root or arguments.adults:
            raise ConfigError(
                "Expected --root and --adults with the shipped recipe alone; received them with "
                "--method. Leave them out."
            )
        return _method.run(arguments)
    if arguments.set:
        raise ConfigError(
            "Expected --set with --method; received it alone. Name a method, or use the recipe's "
            "own settings such as --epochs."
        )
    if arguments.version:
        registry.version_key(arguments.version)
    recipe = changed(arguments)
    from cxr_core import release

    version = arguments.version or release.next_version(arguments.name)
    work = arguments.work or registry.home() / "runs" / f"{arguments.name}-{version}"
    entry = release.make(
        arguments.folder,
        recipe,
        name=arguments.name,
        version=version,
        root=arguments.root,
        work=work,
        adults=arguments.adults,
        on_line=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(f"{entry.name} {entry.version}: {entry.folder}")
    return 0


def changed(arguments: argparse.Namespace) -> Recipe:
    """The shipped recipe with what was given; a stage's setting goes into every stage."""
    from cxr_core.recipe import SHIPPED_RECIPE, Recipe
    from cxr_core.train import TrainConfig

    given = vars(arguments)
    whole = {f.name: given[f.name] for f in _plain(Recipe) if given.get(f.name) is not None}
    stage = {f.name: given[f.name] for f in _plain(TrainConfig) if given.get(f.name) is not None}
    stages = tuple(replace(s, **stage) for s in SHIPPED_RECIPE.stages)
    return replace(SHIPPED_RECIPE, stages=stages, **whole)


def _add_settings(command: argparse.ArgumentParser) -> None:
    from cxr_core.recipe import SHIPPED_RECIPE, Recipe
    from cxr_core.train import TrainConfig

    model = command.add_argument_group("the model", "defaults are those of the shipped model")
    for field in _plain(Recipe):
        _add(model, field, str(getattr(SHIPPED_RECIPE, field.name)))
    stage = command.add_argument_group(
        "each stage", "a setting goes into every stage; its defaults are separated by '/'"
    )
    for field in _plain(TrainConfig):
        values = [str(getattr(s, field.name)) for s in SHIPPED_RECIPE.stages]
        _add(stage, field, values[0] if len(set(values)) == 1 else " / ".join(values))


def _add(group: argparse._ArgumentGroup, field: Field[Any], default: str) -> None:
    option = "--" + field.name.replace("_", "-")
    if field.type == "bool":
        group.add_argument(
            option, action=argparse.BooleanOptionalAction, help=f"default: {default}"
        )
        return
    kinds: dict[str, Callable[[str], Any]] = {"int": _whole, "float": _number, "str": str}
    group.add_argument(
        option, type=kinds[str(field.type)], metavar=str(field.type), help=f"default: {default}"
    )


def _plain(kind: Any) -> Iterator[Field[Any]]:
    return (f for f in fields(kind) if f.type in ("int", "float", "str", "bool"))


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number; received {text!r}") from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number; received {text!r}")
    return value
