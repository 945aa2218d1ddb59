"""Work that outlives a page: queued in a table, run in processes of its own.

QUEUED → RUNNING → DONE, FAILED, CANCELLED or INTERRUPTED; all but DONE may be resumed. A new kind
of job is a row of KINDS; what it names is called as `run(config, report)`, see Reporter.
"""

from cxr_core.errors import Cancelled, JobError
from cxr_core.jobs._executor import Executor, executor
from cxr_core.jobs._history import read as history
from cxr_core.jobs._job import Job, Json
from cxr_core.jobs._kinds import KINDS, Kind
from cxr_core.jobs._local import at_once
from cxr_core.jobs._reporter import LOG, Reporter
from cxr_core.jobs._states import TRANSITIONS, State
from cxr_core.jobs._table import JobTable, open_table

__all__ = [
    "KINDS",
    "LOG",
    "TRANSITIONS",
    "Cancelled",
    "Executor",
    "Job",
    "JobError",
    "JobTable",
    "Json",
    "Kind",
    "Reporter",
    "State",
    "at_once",
    "executor",
    "history",
    "open_table",
]
