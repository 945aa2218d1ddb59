"""`python -m benchmarks.backbones [ROW …]`: latency and memory of every backbone, on this machine.

The same measurement as the app's and the terminal's, kept where theirs are; this also writes them
as a dated CSV to results/, one line a measurement, the memory that was foreseen beside what was
taken. Each line says whether the machine was busy.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cxr_core import comparison
from cxr_core.errors import CxrError
from cxr_core.measure import latency

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backbones", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="default: every one")
    parser.add_argument("--quick", action="store_true", help="10 repeats: to try, not to quote")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR")
    arguments = parser.parse_args()
    rows = arguments.rows or [r.id for r in comparison.table() if not r.problem]
    before = len(comparison.results().latencies)
    with tempfile.TemporaryDirectory() as folder:
        try:
            config = {"rows": rows, "repeats": 10 if arguments.quick else 50}
            outcome = latency.run(config, _Report(Path(folder)))
        except CxrError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        finally:
            # Interrupted, what was measured by then is written all the same.
            write(comparison.results().latencies[before:], arguments.out, arguments.quick)
    return 1 if outcome["problems"] else 0


def write(measured: tuple[comparison.Latency, ...], out: Path, quick: bool) -> Path | None:
    """One line a measurement; a second run of a day overwrites the first."""
    if not measured:
        return None
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"backbones-{datetime.now(UTC).date().isoformat()}{'-quick' if quick else ''}.csv"
    lines = [_line(x) for x in measured]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    print(path)
    return path


def _line(x: comparison.Latency) -> dict[str, Any]:
    foreseen = comparison.estimate_mb(comparison.row(x.row), x.runtime, x.batch)
    how = x.circumstances
    return {
        "row": x.row,
        "runtime": x.runtime,
        "batch": x.batch,
        "n": x.n,
        **{f"{p}_ms": round(getattr(x, f"{p}_ms"), 3) for p in ("median", "q1", "q3", "p95")},
        "peak_mb": round(x.peak_mb, 1),
        "foreseen_mb": foreseen and round(foreseen, 1),
        "file_mb": x.file_mb and round(x.file_mb, 2),
        "size_px": x.size,
        "weights": x.weights,
        "threads": how.threads,
        "processor": how.processor,
        "cores": how.cores,
        "other_load": round(how.other_load, 3),
        "busy": x.busy,
        "date": how.date,
        **{name.replace("-", "_"): version for name, version in how.versions.items()},
    }


class _Report:
    """Says each result as it comes."""

    resumed = False

    def __init__(self, folder: Path) -> None:
        self.folder, self.threads = folder, comparison.cores()

    def progress(
        self, step: int, steps: int, *, epoch: int = 0, epochs: int = 0, message: str = ""
    ) -> None:
        pass

    def log(self, text: str) -> None:
        print(text, flush=True)

    def point(self, **values: float) -> None:
        pass

    def keep(self, wanted: object) -> None:
        pass

    def check(self) -> None:
        pass


if __name__ == "__main__":
    sys.exit(main())
