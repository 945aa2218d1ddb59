"""Timing that can be quoted: medians with quartiles, taken in turn, and whole fresh processes."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

LIBRARIES = (
    "ai-edge-litert", "keras", "numpy", "opencv-python-headless", "pillow", "scikit-learn",
    "tensorflow",
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """Median and quartiles of n measurements."""

    median: float
    q1: float
    q3: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Sample:
        q1, median, q3 = np.percentile(values, [25, 50, 75])
        return cls(float(median), float(q1), float(q3), len(values))


@dataclass(frozen=True)
class Process:
    """A finished process: wall-clock seconds, peak resident memory in MB, what it printed."""

    seconds: float
    peak_mb: float
    output: str


def in_turn(
    ours: Callable[[int], object],
    theirs: Callable[[int], object],
    rounds: int,
    repeats: int = 10,
) -> tuple[Sample, Sample]:
    """Seconds a call of two functions, one round of each after the other, so that a machine whose
    speed drifts is as kind to both. Both are warmed up once; `ours`, the shorter, runs `repeats`
    times a round. Each gets the number of the call, to choose its film by."""
    ours(0), theirs(0)
    first, second = [], []
    for i in range(rounds):
        for j in range(repeats):
            first.append(_timed(ours, i * repeats + j))
        second.append(_timed(theirs, i))
    return Sample.of(first), Sample.of(second)


def process(command: Sequence[str | Path]) -> Process:
    """Run `command` to its end from the repository's root; raises where it fails."""
    started = time.perf_counter()
    child = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parent.parent,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        text=True,
    )
    assert child.stdout is not None
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {child.returncode}")
    # Kilobytes on Linux, bytes on macOS.
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return Process(time.perf_counter() - started, usage.ru_maxrss / unit, output)


def machine() -> dict[str, object]:
    """Processor, cores and versions: without them a timing says nothing."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def _timed(function: Callable[[int], object], call: int) -> float:
    started = time.perf_counter()
    function(call)
    return time.perf_counter() - started


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
