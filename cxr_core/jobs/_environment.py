"""What a job's processes find in their environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import cxr_core
from cxr_core import registry
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


def environment(table: JobTable, job: Job) -> Mapping[str, str]:
    """Its threads, the database, where data and package lie; paths absolute, as it moves away."""
    package = str(Path(cxr_core.__file__).resolve().parent.parent)
    others = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    own = {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONPATH": os.pathsep.join([package, *map(os.path.abspath, others)]),
        "PYTHONUNBUFFERED": "1",
        "CXR_HOME": str(registry.home().absolute()),
        _schema.URL: table.url,
    }
    return {**os.environ, **own, **dict.fromkeys(THREADS, str(job.threads))}
