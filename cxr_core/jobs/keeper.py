"""Keeps the queue on a Ray cluster: `python -m cxr_core.jobs.keeper ADDRESS`.

The keeper is an actor that belongs to no process, on the cluster's head: it goes on when the app
is closed, submits each queued job as a task with its processors, GPUs and memory requested, and
notices tasks that were lost with their machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import ray

from cxr_core import cluster
from cxr_core.errors import ClusterError, JobError
from cxr_core.jobs import _process
from cxr_core.jobs._environment import PASSED
from cxr_core.jobs._job import Job
from cxr_core.jobs._local import SILENCE, SILENT
from cxr_core.jobs._ray import KEEPER
from cxr_core.jobs._states import State
from cxr_core.jobs._supervise import bury, supervise
from cxr_core.jobs._table import open_table

EVERY = 1.0  # seconds between looks at the queue


def main(address: str) -> int:
    """Connect, and see to it that there is one keeper for this queue."""
    table = open_table()
    try:
        cluster.connect(address)
        passed = {name: os.environ[name] for name in PASSED if name in os.environ}
        options = {
            # The database and home tell queues apart that share a cluster.
            "name": "queue-" + hashlib.sha256(repr(passed).encode()).hexdigest()[:16],
            "lifetime": "detached",
            "get_if_exists": True,
            "num_cpus": 0,
            "resources": {"node:__internal_head__": 0.001},
            "max_restarts": -1,
            "runtime_env": {"env_vars": passed},
        }
        keeper = ray.remote(Keeper).options(**options).remote(passed)
        ray.get(keeper.awake.remote(), timeout=60)
    except Exception as error:
        # Whatever Ray raises: the app shows it, and tries again later.
        known = isinstance(error, ClusterError)
        table.sign(KEEPER, str(error) if known else cluster.no_answer(error))
        return 1
    return 0


class Keeper:
    """Submits what is queued and notices what is lost, until the cluster ends."""

    def __init__(self, passed: Mapping[str, str]) -> None:
        self._passed = dict(passed)
        self._table = open_table()
        self._tasks: dict[str, Any] = {}
        threading.Thread(target=self._go_on, daemon=True).start()

    def awake(self) -> bool:
        """Answers once it can."""
        return True

    def _go_on(self) -> None:
        while True:
            # A database that is away comes back; jobs that run go on meanwhile.
            with contextlib.suppress(JobError):
                self._table.sign(KEEPER)
                self._collect()
                self._submit()
            time.sleep(EVERY)

    def _collect(self) -> None:
        """Take back the tasks that ended, and end the jobs whose task was lost."""
        if self._tasks:
            names = {task: identifier for identifier, task in self._tasks.items()}
            ended, _ = ray.wait([*names], num_returns=len(names), timeout=0)
            for task in ended:
                self._bury(names[task], task)
                del self._tasks[names[task]]
        for job in self._table.list(states=[State.RUNNING]):
            if job.id not in self._tasks and self._table.silent(job, SILENCE):
                bury(self._table, job, SILENT)

    def _bury(self, identifier: str, task: Any) -> None:
        try:
            ray.get(task)
            return
        except Exception as error:
            # Ray's own errors, and whatever the task raised before the job's process was there.
            why = _why(error)
        job = self._table.get(identifier)
        if job.state is State.RUNNING:
            bury(self._table, job, why)
        elif job.state is State.QUEUED and (begun := self._table.claim(job.id, _here())):
            self._table.finish(begun, State.FAILED, why)

    def _submit(self) -> None:
        queued = {job.id: job for job in reversed(self._table.list(states=[State.QUEUED]))}
        for identifier, task in self._tasks.items():
            if identifier not in queued and self._table.get(identifier).state.ended:
                # Cancelled while it waited for room; one that runs looks at the table itself.
                ray.cancel(task)
        for job in queued.values():
            if job.id not in self._tasks:
                self._tasks[job.id] = ray.remote(work).options(**self._request(job)).remote(job.id)

    def _request(self, job: Job) -> dict[str, Any]:
        """What to ask the cluster for: never more than its largest machine has."""
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return {
            "name": f"cxr {job.kind} {job.id}",
            "num_cpus": min(job.threads, max(m.get("CPU", 0) for m in machines) or 1),
            "num_gpus": min(job.gpus, max(m.get("GPU", 0) for m in machines)),
            "memory": min(job.memory, max(m.get("memory", 0) for m in machines)),
            # A lost job is resumed by a person, from its checkpoint, or not at all.
            "max_retries": 0,
            "runtime_env": {"env_vars": self._passed},
        }


def work(identifier: str) -> None:
    """A Ray task: one attempt of a job, supervised on the machine that Ray chose."""
    table = open_table()
    try:
        if job := table.claim(identifier, _here()):
            supervise(table, job)
    finally:
        table.close()


def _here() -> _process.Identity:
    return _process.identity()


def _why(error: Exception) -> str:
    if isinstance(error, ray.exceptions.OutOfMemoryError):
        return "The cluster ended it, as its machine ran out of memory. Resume it."
    if isinstance(error, ray.exceptions.RayTaskError):
        return (
            f"The cluster's machine could not begin it: {error.cause!r}. "
            "Check that it has the same program and sees $CXR_HOME and the database."
        )
    return f"Its machine or process left the cluster ({type(error).__name__}). Resume it."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
