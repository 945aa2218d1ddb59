"""What holds for every queue, over each database and each executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cxr_core.errors import JobError
from cxr_core.jobs import LOG, State, history

if TYPE_CHECKING:
    from tests.jobs.conftest import Queue


class Contract:
    """Run as it stands over every pair of database and executor, see the classes below it."""

    in_order = True

    def test_a_job_runs_reports_and_ends_with_its_result(self, queue: Queue) -> None:
        job = queue.submit("count", {"to": 3, "seconds": 0.15})
        assert job.state is State.QUEUED
        done = queue.end(job)
        assert (done.state, done.reason, done.attempt) == (State.DONE, None, 1)
        assert done.result == {"reached": 3, "started_at": 0, "mean": None}
        assert (done.step, done.steps, done.epoch, done.epochs) == (3, 3, 1, 1)
        assert done.message == "counted 3"
        assert history(done.folder) == tuple(
            {"step": step, "square": float(step * step)} for step in (1, 2, 3)
        )
        assert done.created <= (done.started or "") <= (done.ended or "")

    def test_jobs_run_in_the_order_they_came(self, queue: Queue) -> None:
        jobs = [queue.submit("count", {"to": 1}) for _ in range(3)]
        ended = [queue.end(job) for job in jobs]
        assert [job.state for job in ended] == [State.DONE] * 3
        assert [j.id for j in queue.table.list()] == [j.id for j in reversed(jobs)]
        if self.in_order:
            started = sorted(ended, key=lambda j: j.started or "")
            assert [j.id for j in started] == [j.id for j in jobs]

    def test_an_error_becomes_a_reason_and_leaves_a_log(self, queue: Queue) -> None:
        told = queue.end(queue.submit("refuse", {"how": "expected"}))
        assert told.state is State.FAILED
        assert told.reason == "Expected two classes; received one. Add films of the other."
        broken = queue.end(queue.submit("refuse", {"how": "bug"}))
        assert broken.state is State.FAILED
        assert "RuntimeError: the wheel came off" in (broken.reason or "")
        assert "in refuse" in (broken.folder / LOG).read_text()

    def test_a_cancel_takes_effect_within_a_step_and_a_resume_goes_on(self, queue: Queue) -> None:
        job = queue.underway(queue.submit("count", {"to": 8, "seconds": 0.25}))
        asked = queue.table.cancel(job.id)
        assert (asked.state, asked.cancelling) == (State.RUNNING, True)
        stopped = queue.end(job)
        assert (stopped.state, stopped.cancelling) == (State.CANCELLED, False)
        # One step may have been under way when it was asked, and one report on its way.
        assert stopped.step <= asked.step + 2 < 8
        assert stopped.resumable
        again = queue.table.resume(job.id)
        assert (again.state, again.reason, again.resumed) == (State.QUEUED, None, True)
        done = queue.end(job)
        assert (done.state, done.attempt) == (State.DONE, 2)
        assert (done.result or {})["started_at"] >= 2
        # As long as that of a run without a break.
        assert [row["step"] for row in history(done.folder)] == list(range(1, 9))

    def test_a_queued_job_is_cancelled_at_once(self, queue: Queue) -> None:
        first = queue.underway(queue.submit("count", {"to": 100, "seconds": 0.1}))
        waits = queue.table.submit("count", {"to": 1})
        assert queue.table.cancel(waits.id).state is State.CANCELLED
        queue.table.cancel(first.id)
        queue.end(first)
        queue.executor.tick()
        assert queue.table.get(waits.id).attempt == 0

    def test_what_cannot_be_asked_of_a_job_is_refused(self, queue: Queue) -> None:
        done = queue.end(queue.submit("count", {"to": 1}))
        for ask in (queue.table.cancel, queue.table.resume):
            with pytest.raises(JobError, match=f"{done.id}.*done"):
                ask(done.id)
        looked = queue.end(queue.submit("environ", {"names": []}))
        assert not looked.resumable
        with pytest.raises(JobError, match="Expected the id of a job"):
            queue.table.get("nonesuch")
        with pytest.raises(JobError, match="Expected a kind of job"):
            queue.table.submit("nonesuch", {})
        with pytest.raises(JobError, match="JSON can carry"):
            queue.table.submit("count", {"to": float("nan")})
        assert len(queue.table.list()) == 2

    def test_a_removed_job_leaves_no_row_and_no_folder(self, queue: Queue) -> None:
        job = queue.underway(queue.submit("count", {"to": 100, "seconds": 0.05}), 1)
        with pytest.raises(JobError, match="Cancel it first"):
            queue.table.remove(job.id)
        queue.table.cancel(job.id)
        queue.end(job)
        assert job.folder.is_dir()
        queue.table.remove(job.id)
        assert (queue.table.list(), job.folder.exists()) == ((), False)

    def test_it_uses_the_threads_it_was_given_and_no_more(self, queue: Queue) -> None:
        names = ["OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"]
        looked = queue.end(queue.submit("environ", {"names": names}, threads=1))
        result = looked.result or {}
        assert result["environment"] == dict.fromkeys(names, "1")
        assert result["threads"] == 1
        assert result["nice"] >= 10

    def test_its_heartbeat_goes_on_while_it_says_nothing(self, queue: Queue) -> None:
        job = queue.underway(queue.submit("deaf", {}), 1)
        later = queue.until(job, lambda now: (now.heartbeat or "") > (job.heartbeat or ""))
        assert later.state is State.RUNNING
        queue.table.cancel(job.id)
        ended = queue.end(job)
        assert (ended.state, ended.resumable) == (State.CANCELLED, True)
        assert "by force" in (ended.reason or "")


class TestLocalOnSqlite(Contract):
    """A process per job on this machine, the table in a file."""

    def test_not_even_its_children_get_more_processors_than_it(self, queue: Queue) -> None:
        spun = queue.end(queue.submit("busy", {}, threads=1))
        assert 0 < (spun.result or {})["processors"] < 1.3


@pytest.mark.usefixtures("postgres")
class TestLocalOnPostgres(Contract):
    """The same, the table in a PostgreSQL."""

    @pytest.fixture
    def queue(self, postgres: str, queue: Queue) -> Queue:
        assert queue.table.url.startswith("postgresql+psycopg://")
        return queue
