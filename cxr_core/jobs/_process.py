"""Which process a job's is: a number alone may since belong to another."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from dataclasses import dataclass

import psutil

_PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True)
class Identity:
    """A process: its machine, number, and seconds from the machine's start to its own."""

    host: str
    pid: int
    birth: float

    @property
    def here(self) -> bool:
        """Whether it belongs to this machine, so that its life can be looked at."""
        return self.host == socket.gethostname()

    def alive(self) -> bool:
        """Whether it runs; False for a zombie and for another process of the same number."""
        try:
            process = psutil.Process(self.pid)
            return (
                abs(_birth(process) - self.birth) < 0.05
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False


def identity(pid: int | None = None) -> Identity:
    """Of a process of this machine, by default this one. Raises psutil.NoSuchProcess."""
    process = psutil.Process(pid)
    return Identity(socket.gethostname(), process.pid, _birth(process))


def _birth(process: psutil.Process) -> float:
    # The time of day may be corrected while a job runs; the distance from the start is not.
    return process.create_time() - psutil.boot_time()


def end_group(pid: int) -> None:
    """Kill a process that leads its group, with all that it has started. Never raises."""
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        family = psutil.Process(pid).children(recursive=True)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()


def end_session(worker: Identity) -> None:
    """Kill what a worker that has died left in its session. Never raises."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == worker.pid and _birth(process) >= worker.birth - 0.05:
                process.kill()


def die_with_parent(parent: int) -> None:
    """Let the system kill this process when its parent ends (Linux); else the parent sees to it."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def processors() -> tuple[int, ...]:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def stay_on(cpus: tuple[int, ...]) -> None:
    """Keep this process, its threads and its children on these processors (Linux)."""
    if cpus and hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, cpus)
