"""Whatever is killed, at whatever moment: a truthful state with a reason, and no orphan."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from cxr_core.jobs import State, history
from tests.jobs.conftest import named, processes

if TYPE_CHECKING:
    from tests.jobs.conftest import Queue


@pytest.mark.parametrize("module", ["runner", "worker"])
def test_a_killed_process_leaves_an_interrupted_job_that_goes_on(queue: Queue, module: str) -> None:
    job = queue.underway(queue.submit("count", {"to": 8, "seconds": 0.2}))
    named(job, module).send_signal(signal.SIGKILL)
    left = queue.end(job)
    assert (left.state, left.resumable) == (State.INTERRUPTED, True)
    assert "killed" in (left.reason or "").lower()
    queue.until(job, lambda now: not processes(now))
    queue.table.resume(job.id)
    done = queue.end(job)
    assert (done.state, done.attempt) == (State.DONE, 2)
    assert (done.result or {})["started_at"] >= 2
    assert [row["step"] for row in history(done.folder)] == list(range(1, 9))
