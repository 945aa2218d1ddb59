"""Whatever is killed, at whatever moment: a truthful state with a reason, and no orphan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from cxr_core.jobs import LOG, State, executor, history, open_table
from cxr_core.jobs._process import identity
from tests.jobs.conftest import Queue, named, processes, stop


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


def test_a_killed_job_is_noticed_with_no_app_open_and_its_child_goes_with_it(queue: Queue) -> None:
    job = queue.underway(queue.submit("deaf", {}), 1)
    child = int((job.folder / "child").read_text())
    last = queue.table.submit("count", {"to": 1}, threads=1)
    named(job, "runner").kill()
    # Nobody ticks from here on.
    watching = Queue(queue.table, Idle())
    assert watching.end(job).state is State.INTERRUPTED
    assert watching.end(last).state is State.DONE
    watching.until(job, lambda now: not processes(now))
    watching.until(job, lambda now: not psutil.pid_exists(child))


def test_a_shutdown_interrupts_and_says_so(queue: Queue) -> None:
    job = queue.underway(queue.submit("count", {"to": 500, "seconds": 0.1}))
    named(job, "worker").terminate()
    left = queue.end(job)
    assert left.state is State.INTERRUPTED
    assert "asked its process to end" in (left.reason or "")
    queue.until(job, lambda now: not processes(now))


def test_a_killed_app_takes_no_job_with_it(queue: Queue) -> None:
    app = subprocess.Popen(
        f"{sys.executable} -m cxr_core jobs submit count --set to=6 --set seconds=0.2 "
        "--threads 1 --watch".split(),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    watching = Queue(queue.table, Idle())
    while not (jobs := queue.table.list()):
        assert app.poll() is None
    watching.underway(jobs[0])
    os.killpg(app.pid, signal.SIGKILL)
    app.wait()
    done = watching.end(jobs[0])
    assert (done.state, done.attempt) == (State.DONE, 1)


def test_an_app_killed_before_the_job_began_leaves_it_queued(queue: Queue) -> None:
    app = subprocess.Popen(["sleep", "600"])
    job = queue.table.submit("count", {"to": 1})
    assert queue.table.claim_next(identity(app.pid), 1, [0]) is not None
    queue.executor.tick()
    assert queue.table.get(job.id).state is State.RUNNING
    app.kill()
    app.wait()
    done = queue.end(job)
    assert (done.state, done.attempt) == (State.DONE, 2)


def test_a_worker_given_up_for_dead_changes_nothing_when_it_comes_back(queue: Queue) -> None:
    job = queue.table.submit("count", {"to": 1})
    lost = queue.table.claim(job.id, identity())
    assert lost is not None
    assert queue.table.finish(lost, State.INTERRUPTED, "Silent.")
    queue.table.resume(job.id)
    now = queue.table.claim(job.id, identity())
    assert (queue.table.beat(lost, step=9), queue.table.finish(lost, State.DONE)) == (None, False)
    assert queue.table.get(job.id) == now
    queue.table.finish(queue.table.get(job.id), State.FAILED)


def test_two_apps_on_one_queue_start_each_job_once_and_one_at_a_time(queue: Queue) -> None:
    code = (
        "import time; from cxr_core.jobs import *\n"
        "table = open_table(); runs = executor(table)\n"
        "for _ in range(2): table.submit('count', {'to': 2, 'seconds': 0.05}, threads=1)\n"
        "while not all(j.state.ended for j in table.list()): runs.tick(); time.sleep(0.01)\n"
    )
    root = Path(__file__).parents[2]
    apps = [subprocess.Popen([sys.executable, "-c", code], cwd=root) for _ in range(2)]
    assert [app.wait(120) for app in apps] == [0, 0]
    jobs = sorted(queue.table.list(), key=lambda job: job.started or "")
    assert [(job.state, job.attempt) for job in jobs] == [(State.DONE, 1)] * 4
    spans = [(job.started or "", job.ended or "") for job in jobs]
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A $CXR_HOME on a disk of 4 MB, or a skip."""
    home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", home], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk can only be mounted as root, and outside most containers")
    yield home
    subprocess.run(["umount", "-l", home], check=True)


def test_a_full_disk_fails_the_job_with_that_reason(small_disk: Path) -> None:
    table = open_table()
    queue = Queue(table, executor(table))
    job = queue.submit("fill", {})
    # The table lies on the same disk: it may take a state only once there is room again.
    queue.until(job, lambda now: b'"failed"' in _bytes(now.folder / "outcome.json"))
    (job.folder / "ballast").unlink()
    failed = queue.end(job)
    assert (failed.state, failed.resumable) == (State.FAILED, True)
    assert "disk; it is full" in (failed.reason or "")
    stop(table)


@pytest.mark.parametrize(
    ("how", "state", "why"),
    [
        ("full", State.FAILED, "disk; it is full"),
        ("gone", State.FAILED, "No such file or directory"),
        ("exit", State.INTERRUPTED, "ended with code 7"),
    ],
)
def test_each_end_has_its_reason_and_names_no_film(
    queue: Queue, how: str, state: State, why: str
) -> None:
    ended = queue.end(queue.submit("refuse", {"how": how, "film": "/films/someone.png"}))
    assert ended.state is state
    assert why in (ended.reason or "")
    assert "someone" not in (ended.reason or "") + (ended.folder / LOG).read_text()


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


class Idle:
    """No app is open: nobody looks after the queue."""

    place = "nowhere"

    def tick(self) -> None:
        pass
