"""`predict`: films → one line each, for a person or, as JSON lines, for a program."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_core.cli import _options
from cxr_core.cli._options import printable
from cxr_core.errors import ConfigError

if TYPE_CHECKING:
    from cxr_core.archive import Row
    from cxr_core.batch import Source
    from cxr_core.registry import ModelEntry
    from cxr_core.schema import Film, Reading
    from cxr_core.serve import Model

DESCRIPTION = """\
Read films and say, for each, whether it may be judged, how probable pneumonia is, and why to
distrust that. PATH is a film (PNG, JPEG, TIFF, WebP, BMP, DICOM), a folder, which is searched at
any depth, a ZIP of films, or a pattern such as 'films/**/*.dcm'. Results keep the order given.

With --parquet they go to a folder instead, which is gone on with where a run was cut off. Where
$CXR_RAY_ADDRESS names a Ray cluster, several films are read on all of its machines at once."""

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

With --parquet: the same as columns of DIR/part-….parquet, and
  finding      the result in a few words
  source       absolute path of the file or archive
Parts are whole, whatever ends the run; the same command goes on with it, and reads again what could
not be read. A folder takes the results of one model with one threshold.

exit code: 0 all films read; 1 some could not be; 2 nothing done; 130 interrupted

examples:
  python -m cxr_core predict film.dcm
  python -m cxr_core predict films/ more.zip --json > results.jsonl
  python -m cxr_core predict 'films/**/*.png' --heatmap maps/
  python -m cxr_core predict /archive/2025 /archive/2026 --parquet results/
  python -m cxr_core predict film.dcm --frame 2 --model pneumonia-mobilenetv2@1.2.0"""


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
        "--parquet", type=Path, metavar="DIR", help="store the rows there; go on with a run cut off"
    )
    command.add_argument(
        "--heatmap",
        type=Path,
        metavar="DIR",
        help="write DIR/NAME.png for each judged film: what speaks for pneumonia, over the film; "
        "NAME-SHA256.png where several are called so, and for those in a ZIP",
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
    """Print or store one row per film; 1 where a film could not be read."""
    from cxr_core import archive, batch, cluster

    if arguments.parquet and (arguments.json or arguments.heatmap):
        raise ConfigError(
            "Expected --parquet alone; received --json or --heatmap beside it. Leave one of them "
            "out: the Parquet files hold the same columns."
        )
    entry = _options.entry(arguments.model)
    model = _options.load(arguments.model)
    sources = batch.find(arguments.paths)
    several = len(sources) > 1 or _count(sources) is None
    where = cluster.address() if several and arguments.heatmap is None else None
    how = {"frame": arguments.frame, "show_anyway": arguments.show_anyway}
    seen: Counter[str] = Counter()

    def read(films: Sequence[Source], keep_order: bool) -> Iterator[Row]:
        if where:
            from cxr_core.archive.on_ray import films_on_cluster

            return films_on_cluster(films, entry, where, keep_order=keep_order, **how)
        also = _heatmaps(arguments.heatmap, films)
        return archive.films_here(films, model, jobs=arguments.jobs, also=also, **how)

    if arguments.parquet:
        _store(arguments.parquet, sources, read, _settings(entry, model, how), seen)
    else:
        # On a terminal that shows the rows themselves as they come, a bar would only tear them up.
        rows = read(sources, True)
        bar = _options.progress(rows, _count(sources), wanted=not sys.stdout.isatty())
        show = _as_json if arguments.json else _as_table(sources)
        for row in bar:
            seen[row.values["status"]] += 1
            show(row)
    if not arguments.json:
        print(_summary(seen, model))
    return 1 if seen["error"] else 0


def _store(
    folder: Path,
    sources: Sequence[Source],
    read: Callable[[Sequence[Source], bool], Iterator[Row]],
    settings: Mapping[str, object],
    seen: Counter[str],
) -> None:
    from cxr_core.archive.parquet import Results

    with Results(folder, settings) as results:
        left = results.left(sources)
        if results.done:
            print(
                f"{results.done:,} of {results.done + len(left):,} files are in {folder} already.",
                file=sys.stderr,
            )
        if left:
            for row in _options.progress(read(left, False), _count(left)):
                seen[row.values["status"]] += 1
                results.add(row)


def _settings(entry: ModelEntry, model: Model, how: Mapping[str, object]) -> dict[str, object]:
    """What results follow from, beside the films: those of other settings must not mix."""
    from cxr_core import registry

    point = model.card.operating_point
    return {
        "model": f"{model.name} {model.version}",
        "serving_sha256": entry.sums()[registry.SERVING],
        "threshold": point.threshold,
        "refer": [point.refer_low, point.refer_high],
        **how,
    }


def _heatmaps(
    folder: Path | None, sources: Sequence[Source]
) -> Callable[[str, Film, Reading], None] | None:
    if folder is None:
        return None
    from cxr_core.cli._heatmap import Writer

    return Writer(folder, [source.name for source in sources])


def _as_json(row: Row) -> None:
    print(json.dumps(dict(row.values)), flush=True)


def _as_table(sources: Sequence[Source]) -> Callable[[Row], None]:
    longest = max((len(printable(s.name)) for s in sources), default=4)
    width = min(max(longest, 4), max(20, shutil.get_terminal_size((100, 24)).columns - 42))
    print(f"{'file':<{width}}  {'status':<8}{'pneumonia':>9}  finding", flush=True)

    def show(row: Row) -> None:
        value = row.values["probability"]
        chance = f"{value:.1%}" if isinstance(value, float) else "–"
        name = _shortened(printable(row.values["file"]), width)
        print(f"{name:<{width}}  {row.values['status']:<8}{chance:>9}  {row.finding}")
        for reason in row.values["reasons"]:
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
