"""This machine: processor, cores, and the memory that a process may still take."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Machine:
    """processor: as it names itself. cores: its processors. memory_mb: all of it,
    10^6 bytes."""

    processor: str
    cores: int
    memory_mb: float
    system: str


@cache
def machine() -> Machine:
    """The machine that this runs on."""
    memory = min(psutil.virtual_memory().total, _limit())
    return Machine(_processor(), cores(), memory / 1e6, f"{platform.system()} {platform.release()}")


def cores() -> int:
    """Processors of the machine, whether or not this process may use them all."""
    return os.cpu_count() or 1


def available_mb() -> float:
    """Memory, 10^6 bytes, that can be taken now without swapping; a container's limit counts."""
    free: float = psutil.virtual_memory().available
    limit = _limit()
    if limit != float("inf"):
        free = min(free, limit - _used())
    return free / 1e6


def _limit() -> float:
    text = _read(_CGROUP / "memory.max")
    return float(text) if text.isdigit() else float("inf")


def _used() -> float:
    """What a container holds, without the file cache that it would give back."""
    text = _read(_CGROUP / "memory.current")
    cached = [
        int(line.split()[1])
        for line in _read(_CGROUP / "memory.stat").splitlines()
        if line.startswith("inactive_file ")
    ]
    return (int(text) if text.isdigit() else 0) - sum(cached)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
