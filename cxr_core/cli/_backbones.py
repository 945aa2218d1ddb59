"""`backbones list | measure | probe | download`: networks side by side, measured here."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_core.cli._options import printable, whole_number
from cxr_core.errors import ConfigError

if TYPE_CHECKING:
    from cxr_core.comparison import Results, Row

DESCRIPTION = """\
Every backbone and every registered model: parameters, multiply-adds and activations, counted from
the graph; ImageNet accuracy as Keras publishes it; latency and memory as measured on this machine.
What nobody measured reads 'not measured'."""

EPILOG = """\
ROW is a backbone (mobilenetv2) or a registered model (model:NAME@VERSION); without one, `measure`
and `probe` take every row that can be. Results are kept in $CXR_HOME/measure with date, versions,
processor and threads; the app shows the same ones. Interrupted, what was measured stays.

exit code: 0 all is well; 1 a row could not be measured, and says why; 2 nothing could

examples:
  python -m cxr_core backbones list --json
  python -m cxr_core backbones measure mobilenetv2 resnet50 --runtimes litert litert_int8
  python -m cxr_core backbones probe chest_xray/train mobilenetv2
  python -m cxr_core backbones download resnet50"""

_Action = Callable[[Mapping[str, Any], Any], Mapping[str, Any]]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "backbones",
        help="compare networks: counts, accuracy, latency on this machine, a probe on your films",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = command.add_subparsers(title="actions", dest="action", metavar="ACTION")
    actions.required = True
    listing = actions.add_parser("list", help="the table, with what was measured here")
    listing.add_argument("--csv", action="store_true", help="CSV with every column")
    listing.set_defaults(run=list_rows)
    measuring = actions.add_parser("measure", help="latency and memory, each in its own process")
    measuring.add_argument("rows", nargs="*", metavar="ROW")
    measuring.add_argument("--runtimes", nargs="+", metavar="NAME", help="default: all four")
    measuring.add_argument("--batches", nargs="+", type=whole_number(1), metavar="N")
    measuring.add_argument("--repeats", type=whole_number(1), metavar="N", help="default: 50")
    measuring.set_defaults(run=measure)
    probing = actions.add_parser("probe", help="frozen features and logistic regression: AUC")
    probing.add_argument("data", type=Path, metavar="DATA", help="films of two classes")
    probing.add_argument("rows", nargs="*", metavar="ROW")
    probing.add_argument("--films", type=whole_number(20), metavar="N", help="at most so many")
    probing.add_argument("--seed", type=whole_number(0), metavar="N", default=0)
    probing.set_defaults(run=probe)
    for action in (measuring, probing):
        action.add_argument(
            "--threads", type=whole_number(1), metavar="N", help="default: one per processor"
        )
    downloading = actions.add_parser("download", help="Keras' ImageNet weights")
    downloading.add_argument("rows", nargs="+", metavar="ROW")
    downloading.set_defaults(run=download)
    for action in (listing, measuring, probing, downloading):
        action.add_argument("--json", action="store_true", help="JSON instead of text")


def list_rows(arguments: argparse.Namespace) -> int:
    from cxr_core import comparison

    rows, results = comparison.table(), comparison.results()
    if arguments.json:
        print(json.dumps(comparison.as_json(rows, results)))
    elif arguments.csv:
        print(comparison.as_csv(rows, results), end="")
    else:
        print(as_text(rows, results))
    return 0


def measure(arguments: argparse.Namespace) -> int:
    from cxr_core import comparison
    from cxr_core.measure import latency

    config = {
        "rows": arguments.rows or [r.id for r in comparison.table() if not r.problem],
        "runtimes": arguments.runtimes,
        "batches": arguments.batches,
        "repeats": arguments.repeats,
        "threads": arguments.threads,
    }
    return _run(latency.run, config, arguments)


def probe(arguments: argparse.Namespace) -> int:
    from cxr_core import comparison
    from cxr_core.measure import probe as probing

    here = [r.id for r in comparison.table(registered=False) if r.weights and r.weights.present]
    if not (arguments.rows or here):
        raise ConfigError(
            "Expected ImageNet weights of at least one backbone on this machine; received none. "
            "`python -m cxr_core backbones download mobilenetv2` fetches some."
        )
    config = {
        "rows": arguments.rows or here,
        "data": str(arguments.data.absolute()),
        "films": arguments.films,
        "seed": arguments.seed,
        "threads": arguments.threads,
    }
    return _run(probing.run, config, arguments)


def download(arguments: argparse.Namespace) -> int:
    from cxr_core.measure import download as downloading

    return _run(downloading.run, {"rows": arguments.rows}, arguments)


def as_text(rows: tuple[Row, ...], results: Results) -> str:
    """The table for a person: counts, top-1, LiteRT latency of one film here, AUC on films."""
    from cxr_core import comparison

    head = ("", "params", "mult-adds", "on disk", "top-1", "LiteRT here", "AUC on films", "weights")
    lines = [head]
    for row in rows:
        measured = results.latency(row.id, "litert")
        lines.append(
            (
                row.title,
                _shown(row.params, 1e6, "M", "not counted"),
                _shown(row.macs, 1e9, "G", "not counted"),
                _shown(row.disk_bytes, 1e6, "MB", "not known"),
                f"{row.top1:.1f} %" if row.top1 is not None else "–",
                f"{measured.median_ms:.1f} ms{' (busy)' if measured.busy else ''}"
                if measured
                else comparison.NOT_MEASURED,
                _on_films(row, results),
                "fine-tuned" if row.model else _weights(row),
            )
        )
    wide = [max(len(line[i]) for line in lines) for i in range(len(head))]
    table = [
        "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w)
            for i, (c, w) in enumerate(zip(x, wide, strict=True))
        )
        for x in lines
    ]
    here = comparison.machine()
    problems = [f"{r.title}: {r.problem}" for r in rows if r.problem]
    return "\n".join([*table, "", f"here: {here.processor}, {here.cores} processors", *problems])


def _shown(value: int | None, unit: float, name: str, gap: str) -> str:
    return gap if value is None else f"{value / unit:.2f} {name}"


def _on_films(row: Row, results: Results) -> str:
    """A model's validation AUC, or a backbone's latest probe, with its 95 % interval."""
    from cxr_core import comparison
    from cxr_core.card import shown

    probe = results.probe(row.id)
    area = row.validation_auc if row.model else probe and probe.auc
    return shown(area) if area else comparison.NOT_MEASURED


def _weights(row: Row) -> str:
    if row.weights is None:
        return "none"
    return "damaged" if row.weights.problem else "here" if row.weights.present else "not here"


def _run(action: _Action, config: Mapping[str, Any], arguments: argparse.Namespace) -> int:
    from cxr_core import comparison

    before = len(comparison.results().latencies), len(comparison.results().probes)
    with _terminal(quiet=arguments.json) as report:
        outcome = action(config, report)
    if arguments.json:
        results = comparison.results()
        new: list[comparison.Entry] = [
            *results.latencies[before[0] :],
            *results.probes[before[1] :],
        ]
        print(json.dumps({**outcome, "results": [comparison.as_plain(x) for x in new]}))
    elif problems := len(outcome["problems"]):
        print(f"{problems} could not be done: the reasons stand above.", file=sys.stderr)
    if not outcome["problems"]:
        return 0
    return 1 if outcome.get("measured") or outcome.get("downloaded") else 2


@contextmanager
def _terminal(quiet: bool) -> Iterator[Any]:
    """A reporter for a run that a person watches and that no queue knows."""
    with tempfile.TemporaryDirectory() as folder:
        yield _Terminal(Path(folder), quiet)
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)


class _Terminal:
    """Progress on stderr where a person watches; results line by line on stdout."""

    resumed = False

    def __init__(self, folder: Path, quiet: bool) -> None:
        from cxr_core import comparison

        self.folder, self.threads = folder, comparison.cores()
        self._quiet = quiet
        self._said = 0.0

    def progress(
        self, step: int, steps: int, *, epoch: int = 0, epochs: int = 0, message: str = ""
    ) -> None:
        now = time.monotonic()
        if sys.stderr.isatty() and (epochs == 0 or now - self._said > 0.2):
            self._said = now
            text = printable(f"{step} of {steps}: {message}")
            print(f"\r\x1b[K{text[:100]}", end="", file=sys.stderr, flush=True)

    def log(self, text: str) -> None:
        if not self._quiet:
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""
            print(clear, end="", file=sys.stderr, flush=True)
            print(printable(text), flush=True)

    def point(self, **values: float) -> None:
        pass

    def keep(self, wanted: Callable[[Mapping[str, float | None]], bool]) -> None:
        pass

    def check(self) -> None:
        pass
