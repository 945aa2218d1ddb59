"""A home of its own for each test, and a queue on it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from cxr_core.jobs import KINDS, Executor, Job, JobTable, State, executor, open_table
from tests.jobs import postgres as server

HERE = Path(__file__).resolve().parent


@dataclass
class Queue:
    """A table, what empties it, and patience."""

    table: JobTable
    executor: Executor

    def submit(self, kind: str, config: dict[str, Any], threads: int | None = 1) -> Job:
        job = self.table.submit(kind, config, threads=threads)
        self.executor.tick()
        return job

    def until(self, job: Job, wanted: Callable[[Job], bool], patience: float = 120) -> Job:
        """Tick until the job is as wanted; fails with what it is instead."""
        end = time.monotonic() + patience
        while not wanted(now := self.table.get(job.id)):
            assert time.monotonic() < end, f"waited in vain: {now}"
            time.sleep(0.05)
            self.executor.tick()
        return now

    def end(self, job: Job) -> Job:
        return self.until(job, lambda now: now.state.ended)

    def underway(self, job: Job, step: int = 2) -> Job:
        return self.until(job, lambda now: now.state is State.RUNNING and now.step >= step)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty $CXR_HOME whose jobs know the kinds of the tests."""
    for name in ("CXR_DATABASE_URL", "CXR_RAY_ADDRESS", "CXR_JOBS_AT_ONCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CXR_JOB_KINDS", "job_kinds:MORE")
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.syspath_prepend(str(HERE))
    before = dict(KINDS)
    yield tmp_path / "home"
    KINDS.clear()
    KINDS.update(before)


@pytest.fixture
def queue(home: Path) -> Iterator[Queue]:
    """A queue on SQLite and this machine; nothing of it runs afterwards."""
    table = open_table()
    yield Queue(table, executor(table))
    stop(table)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL that this run started, or a skip."""
    with server.server() as url:
        yield url


@pytest.fixture
def postgres(postgres_server: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new database of it, as $CXR_DATABASE_URL."""
    url = server.fresh(postgres_server)
    monkeypatch.setenv("CXR_DATABASE_URL", url)
    return url


def stop(table: JobTable) -> None:
    """Cancel what is left, and wait until no process of a job is there."""
    jobs = table.list()
    for job in jobs:
        if not job.state.ended:
            table.cancel(job.id)
    end = time.monotonic() + 60
    while left := [p for job in jobs for p in processes(job)]:
        assert time.monotonic() < end, f"orphans: {left}"
        if time.monotonic() > end - 40:
            for process in left:
                process.kill()
        time.sleep(0.05)
    table.close()


def processes(job: Job) -> list[psutil.Process]:
    """Every process that names the job, or was started by one that does."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and (
                job.id in process.cmdline() or process.cwd() == str(job.folder)
            ):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return [p for p in found if p.pid != os.getpid()]


def named(job: Job, module: str) -> psutil.Process:
    """The job's worker or runner."""
    (process,) = [p for p in processes(job) if f"cxr_core.jobs.{module}" in p.cmdline()]
    return process
