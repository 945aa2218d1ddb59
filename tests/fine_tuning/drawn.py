"""Drawn films, a reporter that remembers, and plans small enough for a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cxr_core import methods
from cxr_core.errors import Cancelled
from cxr_core.methods import DataChoice, Plan, Settings
from tests import films


class Told:
    """A reporter as a job's process has it, in memory."""

    def __init__(self, folder: Path, resumed: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.resumed, self.threads = folder, resumed, 2
        self.lines: list[str] = []
        self.points: list[dict[str, float]] = []
        self.stop: Callable[[int, int], bool] = lambda epoch, step: False
        self.steps_after_stop = 0

    def progress(
        self, step: int, steps: int, *, epoch: int = 0, epochs: int = 0, message: str = ""
    ) -> None:
        if self.stop(epoch, step):
            raise Cancelled

    def log(self, text: str) -> None:
        self.lines.append(text)

    def point(self, **values: float) -> None:
        self.points.append(values)

    def keep(self, wanted: Callable[[Mapping[str, float | None]], bool]) -> None:
        self.points = [p for p in self.points if wanted(p)]

    def check(self) -> None: ...


def draw(root: Path, count: int = 48, classes: tuple[str, ...] = ("NORMAL", "PNEUMONIA")) -> Path:
    """`count` chests by turns of each class, each of a patient of its own."""
    for i in range(count):
        label = classes[i % len(classes)]
        name = f"person{i}_virus_{i}" if i % len(classes) else f"IM-{i:04d}-0001"
        path = root / label / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(films.png(films.chest(72, 72, seed=i, opacity=bool(i % len(classes)))))
    return root


TINY = replace(
    methods.method("small-cnn").defaults,
    size=48, dense=16, batch=16, epochs=2, rate=1e-3, gate_films=40,
)  # fmt: skip


def config(source: Path, settings: Settings = TINY, **more: Any) -> dict[str, Any]:
    """What `jobs.submit` takes."""
    data = DataChoice(str(source), **more.pop("data", {}))
    plan = Plan(data, more.pop("method", "small-cnn"), settings, name="drawn", **more)
    return methods.as_config(plan)
