"""`data index | split | leaks | download | forget`: what lies in a data set, before training."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cxr_core import dataset, registry
from cxr_core.dataset import Index, Progress, Split

DESCRIPTION = """\
A SOURCE is a folder of class folders (Kaggle's train/val/test or none), a folder of TFRecord pairs
(images.tfrec, paths.tfrec), a MedMNIST .npz, or a CSV with columns path and label, and optionally
patient, age, sex, view and split. Two or more classes; NORMAL and PNEUMONIA need not be named."""

EPILOG = """\
exit code: 0 done; 1 something was left out, or films leak from one side to another; 2 not done

examples:
  python -m cxr_core data download chestxray2017
  python -m cxr_core data index chest_xray/
  python -m cxr_core data split chest_xray/ --by own --out split.csv
  python -m cxr_core data leaks chest_xray/ --json"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "data",
        help="index labelled films, split them, find what leaks, download a public set",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = command.add_subparsers(title="actions", dest="action", metavar="ACTION")
    actions.required = True
    index = actions.add_parser("index", help="classes, films, patients, what was left out")
    split = actions.add_parser("split", help="training and validation films, patients apart")
    leaks = actions.add_parser("leaks", help="patients and films that two sides share")
    for action, run in ((index, show_index), (split, show_split), (leaks, show_leaks)):
        action.add_argument("source", type=Path, metavar="SOURCE")
        action.add_argument(
            "--classes", default="", metavar="A,B", help="in the order of their targets"
        )
        action.add_argument("--json", action="store_true", help="JSON instead of text")
        action.set_defaults(run=run)
    for action in (split, leaks):
        action.add_argument(
            "--by", choices=("patient", "own"), default="patient", help="default: %(default)s"
        )
        action.add_argument("--share", type=_share, default=0.2, help="default: %(default)s")
        action.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    split.add_argument("--out", type=Path, metavar="CSV", help="film_id, label, patient, side")
    fetch = actions.add_parser("download", help="a public data set, resumed after a cut")
    fetch.add_argument("name", choices=[s.name for s in dataset.SETS], metavar="NAME")
    fetch.add_argument("--folder", type=Path, metavar="DIR", help="default: $CXR_HOME/data/NAME")
    fetch.set_defaults(run=fetch_set)
    forget = actions.add_parser(
        "forget", help="delete decoded films and features that fine-tuning keeps for its next run"
    )
    forget.set_defaults(run=forget_films)


def show_index(arguments: argparse.Namespace) -> int:
    index = _open(arguments)
    rows = dataset.balance(index)
    if arguments.json:
        print(
            json.dumps(
                {
                    "kind": index.kind,
                    "classes": index.classes,
                    "films": len(index.records),
                    "sides": index.sides,
                    "balance": [asdict(r) for r in rows],
                    "left_out": index.left_out,
                }
            )
        )
    else:
        print(f"{len(index.records)} films ({index.kind}), classes {', '.join(index.classes)}")
        for row in rows:
            side = f"{row.side:<6}" if index.sides else ""
            print(f"    {side}{row.label:<16}{row.films:>7} films{row.patients:>7} patients")
        _say_left_out(index.left_out)
    return 1 if index.left_out else 0


def show_split(arguments: argparse.Namespace) -> int:
    index = _open(arguments)
    split = _split(index, arguments)
    sides = _sides(index, split)
    facts: dict[str, Any] = {
        "sides": sides,
        "sha256": dataset.split_hash(index.records, split),
        "notes": split.notes,
    }
    if arguments.out:
        _write(arguments.out, index, split)
    if arguments.json:
        print(json.dumps(facts))
        return 0
    for name, counts in sides.items():
        each = ", ".join(f"{label} {n}" for label, n in counts.items() if label != "patients")
        print(f"{name:<11}{each}, {counts['patients']} patients")
    print(f"sha256     {facts['sha256']}")
    for note in split.notes:
        print(note)
    return 0


def show_leaks(arguments: argparse.Namespace) -> int:
    index = _open(arguments)
    split = _split(index, arguments)
    report = dataset.leaks(index.records, split, on_progress=_counter("films compared"))
    if arguments.json:
        print(json.dumps(asdict(report)))
        return 0 if report.clean else 1
    print(f"{report.compared} films compared")
    print(f"{len(report.shared_patients)} patients on more than one side")
    for patient, sides in report.shared_patients[:20]:
        print(f"    {patient}: {', '.join(sides)}")
    same = sum(t.identical for t in report.twins)
    print(f"{same} identical films, {len(report.twins) - same} near-identical")
    for twin in report.twins[:20]:
        how = "identical" if twin.identical else f"{twin.distance} of 256 bits apart"
        print(f"    {twin.first} ({twin.sides[0]}) = {twin.second} ({twin.sides[1]}): {how}")
    _say_left_out(report.unreadable)
    return 0 if report.clean else 1


def fetch_set(arguments: argparse.Namespace) -> int:
    what = dataset.downloadable(arguments.name)
    folder = arguments.folder or registry.home() / "data" / what.name
    show = sys.stderr.isatty()

    def tell(progress: Progress) -> None:
        if show:
            done, total = progress.done / 1e6, progress.total / 1e6
            print(f"\r{done:,.0f} of {total:,.0f} MB  {progress.file:<24}", end="", file=sys.stderr)

    print(f"{what.title}\n{what.source}; licence {what.licence}", file=sys.stderr)
    dataset.download(what, folder, tell)
    if show:
        print(file=sys.stderr)
    print(folder)
    return 0


def forget_films(arguments: argparse.Namespace) -> int:
    """Delete `$CXR_HOME/cache`; the next run decodes its films again."""
    cache = registry.home() / "cache"
    size = sum(p.stat().st_size for p in cache.rglob("*") if p.is_file())
    shutil.rmtree(cache, ignore_errors=True)
    print(f"{size / 1e6:,.0f} MB of decoded films and features deleted")
    return 0


def _open(arguments: argparse.Namespace) -> Index:
    classes = [c.strip() for c in arguments.classes.split(",") if c.strip()]
    return dataset.open_source(arguments.source, classes)


def _split(index: Index, arguments: argparse.Namespace) -> Split:
    return dataset.make_split(index, arguments.by, arguments.share, arguments.seed)


def _sides(index: Index, split: Split) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name in ("train", "validation", "test"):
        records = [index.records[int(i)] for i in getattr(split, name)]
        if records:
            counts = {c: sum(r.label == c for r in records) for c in index.classes}
            found[name] = counts | {"patients": len({r.patient for r in records})}
    return found


def _write(path: Path, index: Index, split: Split) -> None:
    import csv
    import os

    part = path.with_name(path.name + ".part")
    with part.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["film_id", "label", "patient", "side"])
        for name in ("train", "validation", "test"):
            for i in getattr(split, name):
                record = index.records[int(i)]
                writer.writerow([record.film_id, record.label, record.patient, name])
    os.replace(part, path)


def _say_left_out(left_out: tuple[tuple[str, str], ...]) -> None:
    if left_out:
        print(f"{len(left_out)} left out")
        for what, why in left_out[:20]:
            print(f"    {what}: {why}")


def _counter(what: str) -> Any:
    from tqdm import tqdm

    bar: Any = None

    def tell(done: int, total: int) -> None:
        nonlocal bar
        bar = bar or tqdm(total=total, desc=what, disable=None, leave=False, file=sys.stderr)
        bar.update(done - bar.n)

    return tell


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0.02 <= share <= 0.5:
        raise argparse.ArgumentTypeError(f"expected a share from 0.02 to 0.5; received {text!r}")
    return share
