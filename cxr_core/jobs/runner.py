"""The process that does a job's work: started by its worker, ended with it.

`python -m cxr_core.jobs.runner JOB_ID ATTEMPT FD`: says on FD how it ended, and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping

from cxr_core.errors import Cancelled, CxrError
from cxr_core.jobs import _kinds, _outcome, _process
from cxr_core.jobs._job import Json
from cxr_core.jobs._outcome import Outcome
from cxr_core.jobs._reporter import Reporter, TableReporter
from cxr_core.jobs._states import State
from cxr_core.jobs._table import open_table

NICE = 10  # below what people wait for


def main(identifier: str, attempt: int, channel: int, parent: int) -> None:
    """Run one attempt and say how it ended."""
    _process.die_with_parent(parent)
    # What the job starts itself must not keep the channel open.
    os.set_inheritable(channel, False)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    outcome = run(identifier, attempt)
    with os.fdopen(channel, "wb") as file:
        file.write(outcome.dumps())


def run(identifier: str, attempt: int) -> Outcome:
    """Do what the job asks; its every end is an outcome."""
    try:
        table = open_table()
        job = table.get(identifier)
        _process.stay_on(tuple(int(cpu) for cpu in job.cpus.split(",") if cpu))
        function: Callable[[Mapping[str, Json], Reporter], Mapping[str, Json]]
        function = _kinds.load(_kinds.find(job.kind).target)  # type: ignore[assignment]
        report = TableReporter(table, job)
        report.check()
        try:
            return Outcome(attempt, State.DONE, result=function(job.config, report) or {})
        finally:
            report.flush()
    except BaseException as error:
        if not isinstance(error, (CxrError, Cancelled)):
            # The log may lie on the very disk that is full.
            with contextlib.suppress(OSError):
                sys.stderr.write(_where(error))
        return _outcome.of(attempt, error)


def _where(error: BaseException) -> str:
    """The lines it came from. Not its text: that may hold a film's name."""
    earlier = error.__cause__ or error.__context__
    before = f"{_where(earlier)}\nand then\n" if earlier is not None else ""
    lines = "".join(traceback.format_tb(error.__traceback__))
    return f"{before}{lines}{type(error).__name__}\n"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
