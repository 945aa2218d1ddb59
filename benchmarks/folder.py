"""A folder of films scored, decoding included; and whether memory grows with the folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks._films import many
from benchmarks._measure import Process, Sample, process
from benchmarks.course import Course
from cxr_core import batch
from cxr_core.serve import Model


def throughput(
    model: Model, course: Course, paths: Sequence[Path], rounds: int, few: int = 24
) -> tuple[Sample, Sample]:
    """Films a second, (ours, the course's), in turn. The course reads `few` films a round."""
    sources = [batch.Source(str(path)) for path in paths]
    ours, theirs = [], []
    course.predict(course.read(paths[0]))
    for _ in range(rounds):
        started = time.perf_counter()
        read = sum(1 for _ in batch.read_all(sources, model, show_anyway=True))
        ours.append(read / (time.perf_counter() - started))
        started = time.perf_counter()
        for path in paths[:few]:
            course.predict(course.read(path))
        theirs.append(min(few, len(paths)) / (time.perf_counter() - started))
    return Sample.of(ours), Sample.of(theirs)


def terminal(scratch: Path, paths: tuple[Path, ...], count: int, model: str) -> Process:
    """`predict FOLDER --json` over `count` films, as a fresh process."""
    folder = many(scratch / f"folder-{count}", paths, count)
    command = [sys.executable, "-m", "cxr_core", "predict", folder, "--json", "--model", model]
    return process(command)


def cold_start(
    film: Path, keras_file: Path, model: str, rounds: int
) -> tuple[list[Process], list[Process]]:
    """Fresh processes to a first result, in turn: (ours, the course's); one of each is warm-up."""
    ours = [sys.executable, "-m", "cxr_core", "predict", film, "--json", "--model", model]
    theirs = [sys.executable, "-m", "benchmarks.course", keras_file, film]
    pairs = [(process(ours), process(theirs)) for _ in range(rounds + 1)][1:]
    return [a for a, _ in pairs], [b for _, b in pairs]
