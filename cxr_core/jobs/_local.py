"""Jobs on this machine: a supervised process each, in a session of its own, so many at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from cxr_core.errors import JobError
from cxr_core.jobs import _outcome, _process
from cxr_core.jobs._environment import environment
from cxr_core.jobs._job import Job
from cxr_core.jobs._process import Identity
from cxr_core.jobs._states import State
from cxr_core.jobs._supervise import bury
from cxr_core.jobs._table import JobTable

AT_ONCE = "CXR_JOBS_AT_ONCE"
SILENCE = 60.0  # seconds; another machine's processes show themselves by their heartbeat alone
SILENT = f"Its machine gave no sign of life for {SILENCE:.0f} s. Resume it."
_GONE = "Its process was gone: killed, or the machine was started again. Resume it."

_children: list[subprocess.Popen[bytes]] = []
_lock = threading.Lock()


def at_once() -> int:
    """How many jobs run at a time here: $CXR_JOBS_AT_ONCE, else one. Raises JobError."""
    given = os.environ.get(AT_ONCE, "1")
    if not given.isdecimal() or int(given) < 1:
        raise JobError(
            f"Expected a whole number from 1 on in ${AT_ONCE}; received {given[:20]!r}. Correct it."
        )
    return int(given)


class LocalExecutor:
    """Starts and buries the processes of this machine."""

    def __init__(self, table: JobTable) -> None:
        self._table = table

    @property
    def place(self) -> str:
        """Where jobs run, in words."""
        most = at_once()
        return f"this machine, {most} at a time"

    def tick(self) -> None:
        """Mark the jobs whose process has died, then start what waits. Cheap; call it often."""
        with _lock:
            # What has ended stays a zombie, and would look alive, until it is asked for.
            _children[:] = [child for child in _children if child.poll() is None]
        self._bury()
        while job := self._table.claim_next(_process.identity(), at_once(), _process.processors()):
            self._start(job)

    def _start(self, job: Job) -> None:
        try:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "cxr_core.jobs.worker", job.id],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment(self._table, job),
                start_new_session=True,
            )
        except OSError as error:
            self._table.finish(job, State.FAILED, _outcome.reason(error))
            return
        self._table.adopt(job, _process.identity(child.pid))
        with _lock:
            _children.append(child)

    def _bury(self) -> None:
        for job in self._table.list(states=[State.RUNNING]):
            if job.host is None or job.pid is None or job.birth is None:
                continue
            worker = Identity(job.host, job.pid, job.birth)
            if worker.here:
                if not worker.alive():
                    self._end(job, worker)
            elif self._table.silent(job, SILENCE):
                bury(self._table, job, SILENT)

    def _end(self, job: Job, worker: Identity) -> None:
        # It may have ended well between the listing and the look at its process.
        if (job := self._table.get(job.id)).pid != worker.pid or job.state is not State.RUNNING:
            return
        _process.end_session(worker)
        if job.heartbeat is None:
            # Whoever claimed it died before its worker began.
            self._table.hand_back(job)
        else:
            bury(self._table, job, _GONE)
