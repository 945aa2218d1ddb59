"""Watch over the process that works: heartbeat, cancel, and how it ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from typing import BinaryIO

from cxr_core.errors import JobError
from cxr_core.jobs import _kinds, _outcome, _process
from cxr_core.jobs._environment import environment
from cxr_core.jobs._job import Job
from cxr_core.jobs._outcome import Outcome
from cxr_core.jobs._reporter import LOG
from cxr_core.jobs._states import State
from cxr_core.jobs._table import JobTable

BEAT = 1.0  # seconds
PATIENCE = 60.0  # seconds to wait for a database that does not answer
_HURRY = 3.0  # seconds that a machine that shuts down may leave
_LINGER = 5.0  # seconds for a process that has said how it ended to leave


class Stopped(Exception):  # noqa: N818 (a request from outside)
    """The system asked this process to end."""


def supervise(table: JobTable, job: Job) -> None:
    """Run one claimed attempt in a process of its own until it ends, and tell the table how.

    Raises Stopped, once nothing runs any more, where that was raised within.
    """
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
        _outcome.reserve(job.folder)
        outcome = _watch(table, job)
    except (OSError, JobError) as error:
        outcome = Outcome(job.attempt, State.FAILED, _outcome.reason(error))
    except Stopped:
        why = "The system asked its process to end, as it does before it shuts down. Resume it."
        _tell(table, job, Outcome(job.attempt, State.INTERRUPTED, why), _HURRY)
        raise
    if outcome is not None:
        _tell(table, job, outcome, PATIENCE)


def bury(table: JobTable, job: Job, why: str) -> None:
    """End an attempt whose worker has died: as it said itself, else as interrupted, because why."""
    end = _outcome.stored(job.folder, job.attempt)
    if end is not None:
        table.finish(job, end.state, end.reason, end.result)
    elif job.cancelling:
        table.finish(job, State.CANCELLED, "Cancelled; its process had ended before.")
    else:
        table.finish(job, State.INTERRUPTED, why)


def _watch(table: JobTable, job: Job) -> Outcome | None:
    ours, theirs = os.pipe()
    arguments = [job.id, str(job.attempt), str(theirs), str(os.getpid())]
    with os.fdopen(ours, "rb", 0) as channel, (job.folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            # -P: nothing that lies in its folder is ever imported.
            [sys.executable, "-P", "-m", "cxr_core.jobs.runner", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=job.folder,
            env=environment(table, job),
            pass_fds=(theirs,),
            process_group=0,
        )
        os.close(theirs)
        try:
            return _listen(table, job, process, channel)
        finally:
            _process.end_group(process.pid)
            process.wait()


def _listen(
    table: JobTable, job: Job, process: subprocess.Popen[bytes], channel: BinaryIO
) -> Outcome | None:
    """How it ended; None where the job was given to somebody else meanwhile."""
    grace = _kinds.find(job.kind).grace
    said = b""
    asked: float | None = None
    beaten = time.monotonic()
    while process.poll() is None:
        if select.select([channel], [], [], BEAT / 4)[0]:
            piece = channel.read(65536)
            said += piece
            if not piece:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LINGER)
                break
        if time.monotonic() - beaten >= BEAT:
            beaten = time.monotonic()
            with contextlib.suppress(JobError):
                row = table.beat(job)
                if row is None:
                    return None
                asked = (asked or beaten) if row.cancelling else None
        if asked is not None and time.monotonic() - asked > grace:
            return Outcome(
                job.attempt,
                State.CANCELLED,
                f"Cancelled; ended by force, as it did not stop within {grace:.0f} s.",
            )
    while select.select([channel], [], [], 0)[0] and (piece := channel.read(65536)):
        said += piece
    state = State.INTERRUPTED if asked is None else State.CANCELLED
    return _outcome.loads(said) or Outcome(job.attempt, state, _why(process.poll()))


def _why(code: int | None) -> str:
    if code is not None and code < 0:
        name = f"signal {-code} ({signal.strsignal(-code)})"
        likely = ", as the system does when memory runs out" if code == -signal.SIGKILL else ""
        return f"Its process was ended by {name}{likely}. Resume it, or start it again."
    return f"Its process ended with code {code} and did not say why. Its log may."


def _tell(table: JobTable, job: Job, outcome: Outcome, patience: float) -> None:
    """Tell the table; where it does not answer for long, what is stored tells the next tick."""
    with contextlib.suppress(OSError):
        _outcome.store(job.folder, outcome)
    until = time.monotonic() + patience
    while True:
        try:
            table.finish(job, outcome.state, outcome.reason, outcome.result)
            return
        except JobError:
            if time.monotonic() > until:
                return
            time.sleep(0.5)
