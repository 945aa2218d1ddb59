"""The supervisor of one job, in a session of its own: `python -m cxr_core.jobs.worker JOB_ID`.

It starts the process that works, gives its heartbeat, ends it when asked, tells the table how it
ended, and starts what waits next: a queue drains with no app open.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from types import FrameType

from cxr_core.errors import JobError
from cxr_core.jobs import _process
from cxr_core.jobs._executor import executor
from cxr_core.jobs._states import State
from cxr_core.jobs._supervise import Stopped, supervise
from cxr_core.jobs._table import open_table


def main(identifier: str) -> int:
    """Supervise one attempt of a job that an executor has claimed, then start what waits."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    table = open_table()
    job = table.get(identifier)
    if job.state is not State.RUNNING or not table.adopt(job, _process.identity()):
        return 1
    with contextlib.suppress(Stopped, JobError):
        supervise(table, job)
        executor(table).tick()
    return 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
