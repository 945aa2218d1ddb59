"""A piece of work in a process of its own: its memory is its own, and so is its death."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cxr_core.errors import ModelError

ROOT = Path(__file__).resolve().parent.parent.parent
EVERY = 0.2  # seconds between looks at whether a person asked to stop
PROGRESS, DONE, FAILED = "progress", "done", "failed"
LESS = "Close other programs, take a smaller batch, or leave it out."


def run(
    module: str,
    request: Mapping[str, Any],
    *,
    what: str,
    threads: int,
    check: Callable[[], None],
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """Run `python -m <module>` on a request and return its answer.

    what: begins the sentence of the ModelError that is raised where it fails or dies. check: raises
    where a person asked to stop; the process is then ended before that is passed on.
    """
    environment = os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": str(ROOT),
    }
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
        )
        lines = _Lines(child, on_progress)
        try:
            assert child.stdin is not None
            # Left open: the process ends itself where this one is gone and its input is closed.
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
            while lines.alive():
                check()
        except BrokenPipeError:
            lines.alive()
        finally:
            if child.poll() is None and lines.alive():
                child.kill()
            child.wait()
            lines.close()
        if lines.answer is not None:
            return lines.answer
        errors.seek(0)
        last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
    raise ModelError(f"{what}: {lines.failure or _death(child.returncode, last)}")


def answer(work: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """What the process itself does: read the request, work, print the answer or the failure."""
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_whoever_asked, daemon=True).start()
    # What libraries print must not be taken for the answer.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _say.append(lambda line: print(json.dumps(line), file=out, flush=True))
    try:
        _say[-1]({DONE: work(request)})
    except Exception as error:
        if _for_lack_of_memory(error):
            _say[-1]({FAILED: f"its memory was not enough. {LESS}"})
            sys.exit(1)
        from cxr_core.errors import CxrError

        first = (str(error).splitlines() or [""])[0][:300]
        text = str(error) if isinstance(error, CxrError) else f"{type(error).__name__}: {first}"
        _say[-1]({FAILED: text})
        sys.exit(1)


def tell(done: int, of: int) -> None:
    """From within the process: how far the work is."""
    for say in _say:
        say({PROGRESS: [done, of]})


def peak_mb() -> float:
    """Most memory that this process has held so far, 10^6 bytes.

    Linux: VmHWM, because the figure that a parent is given for its child never falls below the
    parent's own (proc(5), getrusage(2)).
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 1e6
    import resource

    # Bytes on macOS, kilobytes elsewhere.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _end_with_whoever_asked() -> None:
    # Not through sys.stdin: Python could not take its lock when it ends.
    while os.read(0, 4096):
        pass
    os._exit(1)


_say: list[Callable[[dict[str, Any]], None]] = []


class _Lines:
    """Reads what the process says, on a thread, so that a request to stop never waits for it."""

    def __init__(
        self, child: subprocess.Popen[bytes], on_progress: Callable[[int, int], None]
    ) -> None:
        self.answer: dict[str, Any] | None = None
        self.failure: str | None = None
        self._child = child
        self._told: tuple[int, int] | None = None
        self._on_progress = on_progress
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        """Wait a moment, pass progress on; False once the process has said all."""
        self._thread.join(EVERY)
        told, self._told = self._told, None
        if told:
            self._on_progress(*told)
        return self._thread.is_alive()

    def close(self) -> None:
        self._thread.join()
        for pipe in (self._child.stdout, self._child.stdin):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            said = json.loads(line)
            if PROGRESS in said:
                done, of = said[PROGRESS]
                self._told = (done, of)
            self.answer = said.get(DONE, self.answer)
            self.failure = said.get(FAILED, self.failure)


def _for_lack_of_memory(error: Exception) -> bool:
    """TensorFlow and LiteRT have errors of their own for it."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "ResourceExhaustedError"
        or "allocate memory" in str(error)
    )


def _death(code: int, last: list[str]) -> str:
    if code == -9:
        return f"the system ended its process (signal 9), most often for lack of memory. {LESS}"
    if any("allocat" in line or "out of memory" in line.lower() for line in last):
        return f"its memory was not enough ({last[-1][:120]}). {LESS}"
    if code in (-6, -11):
        # Where a library cannot allocate it aborts (6), or goes on and trips over it (11).
        return f"a library in it gave up (signal {-code}), often for lack of memory. {LESS}"
    if code < 0:
        return f"its process was ended by signal {-code}. Try it again alone."
    why = f" ({last[0][:200]})" if last else ""
    return f"its process ended with code {code} and no answer{why}. Try it again alone."
