"""What a job's processes find in their environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from cxr_core import cluster
from cxr_core.jobs import _schema
from cxr_core.jobs._job import Job
from cxr_core.jobs._table import JobTable

# Read by the numerical libraries when they are first imported.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


# What a process on another machine must be told.
PASSED = ("CXR_HOME", _schema.URL, "CXR_JOB_KINDS", "PYTHONPATH")


def surroundings(table: JobTable) -> dict[str, str]:
    """The database, and where data and package lie; paths absolute, as it works elsewhere."""
    return {**os.environ, **cluster.passed(), _schema.URL: table.url}


def environment(table: JobTable, job: Job) -> Mapping[str, str]:
    """The same, with the threads that the job may use."""
    own = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}
    return {**surroundings(table), **own, **dict.fromkeys(THREADS, str(job.threads))}
