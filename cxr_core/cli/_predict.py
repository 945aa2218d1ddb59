"""`predict`: films → one line each, for a person or, as JSON lines, for a program."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_core.cli import _options
from cxr_core.cli._options import printable

if TYPE_CHECKING:
    from cxr_core.batch import Source
    from cxr_core.serve import Model
    from cxr_core.worklist import Item

KEYS = (
    "file", "status", "reasons", "probability", "threshold", "label", "refer", "model", "sha256",
    "elapsed_ms",
)  # fmt: skip

DESCRIPTION = """\
Read films and say, for each, whether it may be judged, how probable pneumonia is, and why to
distrust that. PATH is a film (PNG, JPEG, TIFF, WebP, BMP, DICOM), a folder, which is searched at
any depth, a ZIP of films, or a pattern such as 'films/**/*.dcm'. Results keep the order given."""

EPILOG = """\
With --json each film is one JSON object on a line of its own:
  file         as it was given or found; ARCHIVE/MEMBER for a film in a ZIP
  status       ok, caution (judged, with reasons to distrust it), refused (not judged), error
  reasons      sentences: why caution, refused or error
  probability  of pneumonia, calibrated, 0 to 1; null where refused or error
  threshold    from which on the label is PNEUMONIA; locked with the model
  label        PNEUMONIA or NORMAL
  refer        true where the probability is too near the threshold to call: a reader must look
  model        name and version
  sha256       of the file's bytes
  elapsed_ms   from opening the file to the map

exit code: 0 all films read; 1 some could not be; 2 nothing done; 130 interrupted

examples:
  python -m cxr_core predict film.dcm
  python -m cxr_core predict films/ more.zip --json > results.jsonl
  python -m cxr_core predict 'films/**/*.png' --heatmap maps/
  python -m cxr_core predict film.dcm --frame 2 --model pneumonia-mobilenetv2@1.0.0"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "predict",
        help="probability of pneumonia, status and reasons for each film",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("paths", nargs="+", metavar="PATH", help="film, folder, ZIP or pattern")
    command.add_argument("--json", action="store_true", help="one JSON object per film and line")
    command.add_argument(
        "--heatmap",
        type=Path,
        metavar="DIR",
        help="write DIR/NAME.png for each judged film: what speaks for pneumonia, over the film",
    )
    command.add_argument(
        "--show-anyway",
        action="store_true",
        help="give refused films a probability too; their status stays 'refused'",
    )
    command.add_argument(
        "--frame",
        type=_options.whole_number(0),
        default=0,
        metavar="N",
        help="frame of a multi-frame DICOM file, from 0 on (default: 0)",
    )
    _options.add_model(command)
    _options.add_jobs(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one row per film; 1 where a film could not be read."""
    from cxr_core import batch

    model = _options.load(arguments.model)
    sources = batch.find(arguments.paths)
    also = None
    if arguments.heatmap is not None:
        from cxr_core.cli._heatmap import Writer

        also = Writer(arguments.heatmap)
    items = batch.read_all(
        sources,
        model,
        jobs=arguments.jobs,
        frame=arguments.frame,
        show_anyway=arguments.show_anyway,
        also=also,
    )
    # On a terminal that shows the rows themselves as they come, a bar would only tear them up.
    bar = _options.progress(items, _count(sources), wanted=not sys.stdout.isatty())
    show = _as_json(model) if arguments.json else _as_table(model, sources)
    seen: Counter[str] = Counter()
    for item in bar:
        seen[status(item)] += 1
        show(item)
    if not arguments.json:
        print(_summary(seen, model))
    return 1 if seen["error"] else 0


def status(item: Item) -> str:
    return "error" if item.reading is None else item.reading.verdict.status


def record(item: Item, model: Model) -> dict[str, object]:
    """What --json says of one film, in the order of KEYS."""
    from cxr_core import worklist

    row = worklist.record(item)
    if item.reading is not None and row["model"] is None:
        row["model"] = f"{model.card.name} {model.card.version}"
    return {key: row[key] for key in KEYS}


def _as_json(model: Model) -> Callable[[Item], None]:
    return lambda item: print(json.dumps(record(item, model)), flush=True)


def _as_table(model: Model, sources: Sequence[Source]) -> Callable[[Item], None]:
    longest = max((len(printable(s.name)) for s in sources), default=4)
    width = min(max(longest, 4), max(20, shutil.get_terminal_size((100, 24)).columns - 42))
    print(f"{'file':<{width}}  {'status':<8}{'pneumonia':>9}  finding", flush=True)

    def show(item: Item) -> None:
        from cxr_core import worklist

        row = record(item, model)
        value = row["probability"]
        chance = f"{value:.1%}" if isinstance(value, float) else "–"
        name = _shortened(printable(item.name), width)
        found = worklist.finding(item)
        print(f"{name:<{width}}  {row['status']:<8}{chance:>9}  {found}")
        reasons = row["reasons"]
        assert isinstance(reasons, list)
        for reason in reasons:
            print(f"    {printable(reason)}")
        sys.stdout.flush()

    return show


def _summary(seen: Counter[str], model: Model) -> str:
    point, card = model.card.operating_point, model.card
    total = sum(seen.values())
    counts = ", ".join(f"{seen[s]} {s}" for s in ("ok", "caution", "refused", "error") if seen[s])
    return (
        f"\n{total} film{'s' if total != 1 else ''}: {counts}. {card.name} {card.version}, "
        f"pneumonia from {point.threshold:.1%} on, refer to a reader from {point.refer_low:.1%} "
        f"to {point.refer_high:.1%}.\nNot a medical device: for research and teaching, "
        "beside a reader who decides."
    )


def _count(sources: Sequence[Source]) -> int | None:
    """How many films there will be, or None where an archive hides their number."""
    archives = any(s.name.lower().endswith(".zip") for s in sources)
    return None if archives else len(sources)


def _shortened(name: str, width: int) -> str:
    return name if len(name) <= width else "…" + name[len(name) - width + 1 :]
