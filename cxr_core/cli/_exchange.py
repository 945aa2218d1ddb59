"""`models export | import`: a stored model as a file to take elsewhere, and one from elsewhere."""

from __future__ import annotations

import argparse
import json
import sys
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
    incoming = actions.add_parser(
        "import",
        help="store a .keras file as a model; code in it is never run",
        description="A network needs a calibration, a threshold and a quality gate to be served. "
        "They are made from the labelled films of FOLDER, which stay where they are.",
    )
    incoming.set_defaults(run=import_model)
    incoming.add_argument("file", metavar="FILE.keras", type=Path)
    incoming.add_argument("--name", required=True, help="small letters, digits, '-' and '_'")
    incoming.add_argument(
        "--films", required=True, type=Path, metavar="FOLDER",
        help="a data set with NORMAL and PNEUMONIA",
    )  # fmt: skip
    incoming.add_argument(
        "--scaling", choices=("0..255", "0..1", "-1..1"),
        help="grey values that the network was trained on, unless its graph scales them itself",
    )  # fmt: skip
    incoming.add_argument("--json", action="store_true", help="JSON instead of text")


def import_model(arguments: argparse.Namespace) -> int:
    from cxr_core import adopt

    def tell(line: str) -> None:
        print(f"{line} …", file=sys.stderr)

    entry = adopt.adopt(
        arguments.file, arguments.films, arguments.name, scaling=arguments.scaling, tell=tell
    )
    if arguments.json:
        print(json.dumps({"name": entry.name, "version": entry.version}))
    else:
        print(f"{entry.name} {entry.version} is stored. See `models show {entry.name}`.")
    return 0


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
