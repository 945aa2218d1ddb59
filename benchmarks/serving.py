"""One film at a time, and eight sessions at once, in a process that is already running."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks._measure import Sample, in_turn
from benchmarks.course import Course
from cxr_core import image
from cxr_core.preprocess import model_input
from cxr_core.reading import read_film
from cxr_core.serve import Model

SESSIONS = 8


def with_heatmap(
    model: Model, course: Course, paths: Sequence[Path], rounds: int
) -> tuple[Sample, Sample]:
    """Seconds from a decoded film to probability and Grad-CAM: (ours, the course's).

    Ours includes the quality gate, both heatmaps and the shares that lie outside the body.
    """
    decoded = [image.read(path) for path in paths]

    def ours(i: int) -> object:
        return read_film(decoded[i % len(decoded)], "film", model, show_anyway=True)

    def theirs(i: int) -> object:
        film = course.resize(decoded[i % len(decoded)].pixels)
        return course.predict(film), course.grad_cam(film)

    return in_turn(ours, theirs, rounds)


def forward_only(model: Model, paths: Sequence[Path], rounds: int) -> Sample:
    """Seconds of the network's one pass alone: logit, map and features."""
    inputs = [model_input(image.read(path), model.preprocessing) for path in paths]
    taken = []
    for i in range(rounds + 1):
        started = time.perf_counter()
        model.forward(inputs[i % len(inputs)])
        taken.append(time.perf_counter() - started)
    return Sample.of(taken[1:])


def at_once(model: Model, paths: Sequence[Path], each: int) -> tuple[Sample, Sample, int]:
    """Eight sessions that upload without a pause: (seconds a film alone, at once, mix-ups).

    A result is mixed up where it is not the one that the same bytes gave alone.
    """
    contents = [path.read_bytes() for path in paths]
    alone, expected = [], []
    for content in contents:
        started = time.perf_counter()
        reading = read_film(content, "film", model, show_anyway=True)
        alone.append(time.perf_counter() - started)
        expected.append(_key(reading))
    together: list[float] = []
    mixed: list[int] = []
    barrier = threading.Barrier(SESSIONS)

    def session(number: int) -> None:
        barrier.wait()
        for k in range(each):
            i = (number * 7 + k) % len(contents)
            started = time.perf_counter()
            reading = read_film(contents[i], f"session {number}", model, show_anyway=True)
            together.append(time.perf_counter() - started)
            if _key(reading) != expected[i] or reading.name != f"session {number}":
                mixed.append(i)

    threads = [threading.Thread(target=session, args=(n,)) for n in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Sample.of(alone), Sample.of(together), len(mixed)


def _key(reading: object) -> tuple[object, ...]:
    from cxr_core.schema import Reading

    assert isinstance(reading, Reading)
    assert reading.prediction is not None
    return reading.sha256, reading.prediction.probability
