"""A process of its own for what needs Keras, so that the app never loads it nor waits in its turn.

`Workroom.ask` runs a task of `_tasks` there and gives its arrays back. Films cross a pipe and are
written nowhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import errors
from cxr_core.workroom import _wire

_ROOT = Path(__file__).resolve().parents[2]
# The slowest single answer, measured on two busy cores, takes a tenth of this.
LIMIT_S = 300.0


@dataclass(frozen=True, eq=False)
class Answer:
    """What a task gave. values: JSON; arrays: by name."""

    values: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


class Workroom:
    """One child process, started when first asked; one question at a time, others wait."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def warm(self) -> bool:
        """Whether the process runs already; the first question waits for TensorFlow otherwise."""
        return self._child is not None and self._child.poll() is None

    def ask(
        self, task: str, *, arrays: dict[str, NDArray[Any]] | None = None, **values: Any
    ) -> Answer:
        """The answer of a task.

        Raises the CxrError that the task raised; ModelError where the process died or ran past the
        limit.
        """
        with self._lock:
            child = self._child = self._child if self.warm else self._start()
            assert child is not None
            assert child.stdin is not None
            assert child.stdout is not None
            timer = threading.Timer(self._limit_s, child.kill)
            timer.start()
            try:
                _wire.write(child.stdin, {"task": task, "values": values}, arrays or {})
                received = _wire.read(child.stdout)
            except (OSError, EOFError):
                received = None
            finally:
                timer.cancel()
        if received is None:
            self.close()
            raise errors.ModelError(
                f"Expected an answer within {self._limit_s:.0f} seconds; the process that holds "
                "the network ended. Try again, or choose a smaller network."
            )
        header, found = received
        if "error" in header:
            kind = getattr(errors, header["error"], None)
            if isinstance(kind, type) and issubclass(kind, errors.CxrError):
                raise kind(header["text"])
            raise RuntimeError(f"{header['error']} in task {task}: {header['text']}")
        return Answer(header["values"], found)

    def close(self) -> None:
        """End the process; the next question starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()

    @staticmethod
    def _start() -> subprocess.Popen[bytes]:
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(_ROOT)}
        return subprocess.Popen(
            [sys.executable, "-m", "cxr_core.workroom"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=os.environ | quiet,
        )  # fmt: skip


def as_given(film: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """A film as tasks take it: {"film": (H, W) float32 0..1}."""
    return {"film": np.asarray(film, np.float32)}


__all__ = ["Answer", "Workroom", "as_given"]
