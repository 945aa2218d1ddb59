"""Harmless kinds of job, known to the processes of the tests by $CXR_JOB_KINDS."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from cxr_core.errors import DataError
from cxr_core.jobs import Kind, Reporter


def count(config: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """Counts to `to`, `seconds` apart, and goes on from where it stopped."""
    kept = report.folder / "reached"
    start = int(kept.read_text()) if report.resumed and kept.exists() else 0
    report.keep(lambda row: (row["step"] or 0) <= start)
    to = int(config["to"])
    for step in range(start + 1, to + 1):
        time.sleep(config.get("seconds", 0))
        report.point(step=step, square=np.float32(step * step))
        kept.write_text(str(step))
        report.progress(step, to, epoch=1, epochs=1, message=f"counted {step}")
    return {"reached": to, "started_at": start, "mean": np.float64(np.nan)}


def environ(config: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """What it finds around it."""
    report.log("looked around")
    return {
        "environment": {name: os.environ.get(name) for name in config["names"]},
        "processors": len(os.sched_getaffinity(0)),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "session": os.getsid(0),
        "threads": report.threads,
    }


def busy(config: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """Wants every processor: how many it got, as processor seconds by seconds of the clock."""
    spin = "import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass"
    began = time.monotonic()
    children = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(4)]
    for child in children:
        child.wait()
    used = os.times()
    return {"processors": (used.children_user + used.children_system) / (time.monotonic() - began)}


def refuse(config: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """Fails in the way asked for."""
    if config["how"] == "expected":
        raise DataError("Expected two classes; received one. Add films of the other.")
    if config["how"] == "full":
        raise OSError(28, "No space left on device", config["film"])
    if config["how"] == "gone":
        raise FileNotFoundError(2, "No such file or directory", config["film"])
    if config["how"] == "exit":
        os._exit(7)
    raise RuntimeError("the wheel came off")


def fill(config: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """Stores until the disk is full."""
    report.progress(1, 2)
    with (report.folder / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 65536)


def deaf(config: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """Never looks up, and has a child of its own."""
    child = subprocess.Popen(["sleep", "600"])
    (report.folder / "child").write_text(str(child.pid))
    report.progress(1, 2)
    time.sleep(600)
    return {}


MORE = {
    "count": Kind("job_kinds:count", "Count", resumable=True),
    "light": Kind("job_kinds:count", "Count lightly", light=True),
    "environ": Kind("job_kinds:environ", "Look around"),
    "busy": Kind("job_kinds:busy", "Spin"),
    "refuse": Kind("job_kinds:refuse", "Refuse", resumable=True),
    "fill": Kind("job_kinds:fill", "Fill the disk", resumable=True),
    "deaf": Kind("job_kinds:deaf", "Never look up", resumable=True, grace=1.0),
    "absent": Kind("job_kinds:absent", "Not there"),
}
