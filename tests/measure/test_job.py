"""The kinds in the real queue: measured by a job, cancelled half-way, the table whole after it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_core import comparison
from cxr_core.jobs import KINDS, Job, JobTable, State, executor, open_table


@pytest.fixture
def table(home: Path, monkeypatch: pytest.MonkeyPatch) -> JobTable:
    for name in ("CXR_DATABASE_URL", "CXR_RAY_ADDRESS", "CXR_JOBS_AT_ONCE", "CXR_JOB_KINDS"):
        monkeypatch.delenv(name, raising=False)
    return open_table()


def until(table: JobTable, job: Job, wanted: Callable[[Job], bool]) -> Job:
    runs, end = executor(table), time.monotonic() + 120
    while not wanted(now := table.get(job.id)):
        assert time.monotonic() < end, f"waited in vain: {now}"
        time.sleep(0.05)
        runs.tick()
    return now


def test_the_three_kinds_are_known() -> None:
    assert {"latency", "probe", "weights"} <= set(KINDS)


@pytest.mark.slow
def test_a_job_measures_and_a_cancelled_one_leaves_the_table_whole(
    tiny: str, table: JobTable
) -> None:
    config = {"rows": [tiny], "runtimes": ["litert"], "batches": [1], "repeats": 10}
    job = table.submit("latency", config, threads=1)
    done = until(table, job, lambda now: now.state.ended)
    assert (done.state, done.reason) == (State.DONE, None)
    assert done.result is not None
    assert done.result["measured"] == 1
    first = comparison.results().latencies
    assert [x.row for x in first] == [tiny]
    # So long a run that it can only end by being stopped.
    endless = {"rows": [tiny], "runtimes": ["litert"], "batches": list(range(1, 257))}
    job = table.submit("latency", endless | {"repeats": 10_000}, threads=1)
    until(table, job, lambda now: now.step >= 1)
    table.cancel(job.id)
    ended = until(table, job, lambda now: now.state.ended)
    assert ended.state is State.CANCELLED
    kept = comparison.results()
    assert kept.unreadable == 0
    assert kept.latencies[0] == first[0]
    assert 1 < len(kept.latencies) < 256
