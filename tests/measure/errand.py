"""What tests run in a process of its own: it answers, fails, dies or lingers, as it is told."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from cxr_core.errors import DataError
from cxr_core.measure.process import answer, peak_mb, tell


def work(request: dict[str, Any]) -> dict[str, Any]:
    match request["do"]:
        case "answer":
            print("chatter of a library")
            for i in range(3):
                tell(i + 1, 3)
                time.sleep(0.3)
            return {"twice": 2 * request["value"], "threads": os.environ["OMP_NUM_THREADS"]}
        case "fail":
            raise DataError("Expected a film; received a shoe. Bring a film.")
        case "break":
            raise RuntimeError("first line\nsecond line")
        case "exhaust":
            raise MemoryError
        case "run out":
            raise RuntimeError("OOM: failed to allocate memory for a tensor")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "abort":
            os.kill(os.getpid(), signal.SIGABRT)
        case "vanish":
            sys.stderr.write("the last words\n")
            sys.stderr.flush()
            os._exit(3)
        case "linger":
            Path(request["file"]).write_text(str(os.getpid()))
            time.sleep(600)
        case "hold":
            held = bytearray(os.urandom(1)) * (request["megabytes"] * 10**6)
            return {"peak_mb": peak_mb(), "held": len(held)}
    return {}


if __name__ == "__main__":
    answer(work)
