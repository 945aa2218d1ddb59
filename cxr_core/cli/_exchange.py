"""`models export`: a stored model as a file to take elsewhere."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cxr_core.cli import _options


def add(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = actions.add_parser(
        "export", help="write a model as .keras, or as LiteRT in float32, float16 or int8"
    )
    command.set_defaults(run=export_model)
    command.add_argument("model", metavar="NAME[@VERSION]")
    command.add_argument(
        "--format", choices=("keras", "float32", "float16", "int8"), default="float32"
    )
    command.add_argument("--to", metavar="FILE", type=Path, help="default: NAME-VERSION here")
    command.add_argument(
        "--films",
        metavar="FOLDER",
        type=Path,
        help="the data set that it was trained from: how far float16 and int8 agree is measured "
        "on the validation films in it",
    )
    command.add_argument("--json", action="store_true", help="JSON instead of text")


def export_model(arguments: argparse.Namespace) -> int:
    # TensorFlow's converter is needed for this alone.
    from cxr_core import export

    entry = _options.entry(arguments.model)
    target = arguments.to or Path(export.filename(entry, arguments.format))
    done = export.export(entry, target, arguments.format, arguments.films)
    if arguments.json:
        print(json.dumps(export.as_json(done)))
        return 0
    share = done.bytes / done.served_bytes
    print(f"{done.path}: {done.bytes / 1e6:.2f} MB, {share:.2f} of the file that is served")
    if done.agreement:
        print(done.agreement.sentence)
    elif arguments.format in ("float16", "int8"):
        print("Agreement on validation films: not measured. Name their folder with --films.")
    return 0
