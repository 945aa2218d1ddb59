"""`python -m benchmarks.archive`: an archive read by one process and by a Ray cluster.

Starts a cluster of this machine alone, with 1 and with all of its processors as workers, so that
what is compared is the way of working and not the number of machines: it shows what Ray itself
costs, and how the rate grows with workers. Needs `pip install -r requirements-ray.txt`. Writes a
dated CSV.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

# As `python -m cxr_core` does, before NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks._films import many
from benchmarks._measure import machine
from benchmarks.features import RESULTS, ROOT
from cxr_core import batch, registry
from cxr_core.archive import Row, films_here
from cxr_core.archive.on_ray import films_on_cluster
from cxr_core.batch import Source
from cxr_core.serve import Model


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.archive", description=__doc__)
    data = Path(os.environ.get("CXR_TEST_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data / "chest_xray_224" / "train")
    parser.add_argument("--films", type=int, default=4000)
    parser.add_argument("--quick", action="store_true", help="400 films: to try, not to quote")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if importlib.util.find_spec("ray") is None:
        print("Expected Ray: pip install -r requirements-ray.txt", file=sys.stderr)
        return 2
    count = 400 if arguments.quick else arguments.films
    with tempfile.TemporaryDirectory() as scratch:
        films = tuple(Path(source.name) for source in batch.find([str(arguments.data)]))
        folder = many(Path(scratch) / "films", films, count)
        rows = measure(batch.find([str(folder)]))
    for row in rows:
        print("  ".join(str(cell) for cell in row), flush=True)
    now = datetime.now(UTC)
    path = arguments.out / f"{now.date().isoformat()}-archive.csv"
    facts = {"taken": now.isoformat(timespec="seconds")}
    facts |= {k: str(v) for k, v in machine().items()}
    facts["load"] = " ".join(f"{x:.1f}" for x in os.getloadavg())
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["way", "films", "seconds in all", "to the first row", "films a second"])
        writer.writerows(rows)
        writer.writerows([k, v, "", "", ""] for k, v in facts.items())
    print(path)
    return 0


def measure(sources: Sequence[Source]) -> list[list[object]]:
    """films a second: from the first row on, without what starting takes."""
    entry = registry.find()
    model = Model.load(entry)
    cores = len(os.sched_getaffinity(0))
    rows = [
        _timed("one process, 1 thread", lambda: films_here(sources, model, jobs=1)),
        _timed(f"one process, {cores} threads", lambda: films_here(sources, model, jobs=cores)),
    ]
    for workers in sorted({1, cores}):
        with _cluster(workers) as where:
            rows.append(
                _timed(
                    f"Ray Data, {workers} worker{'s' if workers > 1 else ''}",
                    lambda where=where: films_on_cluster(sources, entry, where, keep_order=False),
                )
            )
    return rows


class _cluster:  # noqa: N801 (used as a function)
    """A cluster of this machine, with so many processors."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def __enter__(self) -> str:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster

        node = {"num_cpus": self._workers, "include_dashboard": False}
        self._running = Cluster(initialize_head=True, head_node_args=node)
        return str(self._running.address)

    def __exit__(self, *_: object) -> None:
        self._running.shutdown()


def _timed(way: str, read: Callable[[], Iterator[Row]]) -> list[object]:
    started = time.perf_counter()
    arrived = [time.perf_counter() for _ in read()]
    # Rows come by blocks: those of the first are no measure of what follows it.
    first = sum(t - arrived[0] < 0.05 for t in arrived)
    rate = (len(arrived) - first) / (arrived[-1] - arrived[0])
    seconds = (arrived[-1] - started, arrived[0] - started)
    return [way, len(arrived), *(round(s, 2) for s in seconds), round(rate, 1)]


if __name__ == "__main__":
    sys.exit(main())
