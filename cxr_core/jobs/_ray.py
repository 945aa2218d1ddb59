"""Jobs on a Ray cluster, as the app and the terminal see it: they never load Ray themselves.

A process that is connected to a cluster ends when the cluster goes away. The app must not: it
looks at the table, and where nobody keeps the queue it starts `cxr_core.jobs.keeper`, which does.
"""

from __future__ import annotations

import subprocess
import sys
import threading

from cxr_core import cluster
from cxr_core.cluster import ADDRESS
from cxr_core.errors import JobError
from cxr_core.jobs._environment import surroundings
from cxr_core.jobs._states import State
from cxr_core.jobs._table import JobTable

KEEPER = "ray"
FRESH = 20.0  # seconds; a keeper shows itself each second, and takes several to start

_NO_START = (
    "Expected a keeper of the queue to start on the Ray cluster; it ended at once. "
    f"Check the cluster with `ray status`, and ${ADDRESS}."
)

_starting: list[subprocess.Popen[bytes]] = []
_lock = threading.Lock()


class RayExecutor:
    """Sees to it that somebody on the cluster keeps the queue."""

    def __init__(self, table: JobTable, address: str) -> None:
        cluster.require()
        self._table = table
        self._address = address

    @property
    def place(self) -> str:
        """Where jobs run, in words."""
        return "the Ray cluster, as many at a time as it has room for"

    def tick(self) -> None:
        """Start a keeper where jobs wait and none is there. Raises JobError where it could not."""
        with _lock:
            codes = [child.poll() for child in _starting]
            _starting[:] = [child for child in _starting if child.returncode is None]
        if any(codes) and not getattr(self._table.last_sign(KEEPER), "problem", None):
            self._table.sign(KEEPER, _NO_START)
        if not self._table.list(states=[State.QUEUED, State.RUNNING]):
            return
        sign = self._table.last_sign(KEEPER)
        if sign is not None and sign.age < FRESH:
            if sign.problem:
                raise JobError(sign.problem)
            return
        # Before the start, so that other pages and terminals do not start one each.
        self._table.sign(KEEPER)
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "cxr_core.jobs.keeper", self._address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=surroundings(self._table),
            start_new_session=True,
        )
        with _lock:
            _starting.append(child)
