"""Jobs on a real Ray cluster of two machines, both of them this one; one is killed mid-job."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cxr_core.errors import JobError
from cxr_core.jobs import State, executor, history, open_table
from tests.jobs.conftest import Queue, processes, stop
from tests.jobs.test_contract import Contract

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="no Ray: pip install -r requirements-ray.txt",
    ),
]


class Machines:
    """A head that runs no jobs, and one machine with a processor that does."""

    def __init__(self) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster

        self.cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
        )
        self.node = self.join()

    def join(self) -> Any:
        self.node = self.cluster.add_node(num_cpus=1, memory=4 * 2**30, include_dashboard=False)
        return self.node

    def kill(self) -> None:
        """As when its power is cut: nothing on it has time to say anything."""
        self.cluster.remove_node(self.node, allow_graceful=False)


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    mine = psutil.Process()
    before = {*mine.children(recursive=True)}
    machines = Machines()
    yield machines
    machines.cluster.shutdown()
    started = [p for p in mine.children(recursive=True) if p not in before and _of_ray(p)]
    _, alive = psutil.wait_procs(started, timeout=30)
    assert alive == []


def _of_ray(process: psutil.Process) -> bool:
    try:
        return any("raylet" in part or "gcs_server" in part for part in process.cmdline())
    except psutil.Error:
        return False


@pytest.fixture
def on_ray(machines: Machines, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    monkeypatch.setenv("CXR_RAY_ADDRESS", machines.cluster.address)
    table = open_table()
    yield Queue(table, executor(table))
    stop(table)


class TestRayOnSqlite(Contract):
    """A Ray task per job; machines that share a disk which SQLite can lock."""

    in_order = False  # Ray places waiting tasks in an order of its own

    @pytest.fixture
    def queue(self, on_ray: Queue) -> Queue:
        return on_ray


class TestRayOnPostgres(Contract):
    """A Ray task per job, the table in a PostgreSQL."""

    in_order = False

    @pytest.fixture
    def queue(self, postgres: str, on_ray: Queue) -> Queue:
        assert on_ray.table.url.startswith("postgresql+psycopg://")
        return on_ray


def test_a_machine_killed_mid_job_interrupts_it_and_another_goes_on(
    postgres: str, on_ray: Queue, machines: Machines
) -> None:
    job = on_ray.underway(on_ray.submit("count", {"to": 30, "seconds": 0.3}), 4)
    machines.kill()
    left = on_ray.end(job)
    assert (left.state, left.resumable) == (State.INTERRUPTED, True)
    assert "left the cluster" in (left.reason or "")
    on_ray.until(job, lambda now: not processes(now))
    on_ray.table.resume(job.id)
    assert on_ray.table.get(job.id).state is State.QUEUED
    machines.join()
    done = on_ray.end(job)
    assert (done.state, done.attempt) == (State.DONE, 2)
    assert (done.result or {})["started_at"] >= 4
    assert [row["step"] for row in history(done.folder)] == list(range(1, 31))


def test_a_job_asks_for_its_processors_and_memory_and_waits_for_room(on_ray: Queue) -> None:
    import ray

    first = on_ray.underway(on_ray.submit("count", {"to": 200, "seconds": 0.1}))
    second = on_ray.submit("count", {"to": 1})
    ray.init(os.environ["CXR_RAY_ADDRESS"], log_to_driver=False, logging_level="ERROR")
    try:
        total, free = ray.cluster_resources(), ray.available_resources()
    finally:
        ray.shutdown()
    assert (first.threads, free.get("CPU", 0)) == (1, 0)
    assert free["memory"] <= total["memory"] - first.memory
    on_ray.table.cancel(first.id)
    assert on_ray.end(second).state is State.DONE
    assert on_ray.end(first).state is State.CANCELLED


def test_a_cluster_that_does_not_answer_is_told_and_jobs_wait(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_RAY_ADDRESS", "127.0.0.1:1")
    table = open_table()
    queue = Queue(table, executor(table))
    job = queue.table.submit("count", {"to": 1})
    with pytest.raises(JobError, match="Expected the Ray cluster to answer"):
        queue.until(job, lambda now: False)
    assert table.get(job.id).state is State.QUEUED
    stop(table)
