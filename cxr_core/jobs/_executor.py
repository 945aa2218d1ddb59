"""Where jobs run: on this machine, or on a cluster."""

from __future__ import annotations

from typing import Protocol

from cxr_core import cluster
from cxr_core.jobs._local import LocalExecutor
from cxr_core.jobs._ray import RayExecutor
from cxr_core.jobs._table import JobTable, open_table


class Executor(Protocol):
    """What starts queued jobs and notices the dead; it keeps nothing that the table does not."""

    @property
    def place(self) -> str:
        """Where jobs run, in words."""

    def tick(self) -> None:
        """Mark the jobs whose process has died, then start what waits. Cheap; call it often.

        Raises JobError where the table or the cluster does not answer.
        """


def executor(table: JobTable | None = None) -> Executor:
    """The executor that the environment names: Ray's with $CXR_RAY_ADDRESS. Raises JobError."""
    table = open_table() if table is None else table
    address = cluster.address()
    return RayExecutor(table, address) if address else LocalExecutor(table)
