"""Work in a process of its own: answers come back, deaths become sentences, a stop is a stop."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from cxr_core.errors import Cancelled, ModelError
from cxr_core.measure import process
from cxr_core.measure._load import Load


def errand(check: Any = lambda: None, on_progress: Any = lambda a, b: None, **request: Any) -> Any:
    return process.run(
        "tests.measure.errand", request, what="The errand", threads=1, check=check,
        on_progress=on_progress,
    )  # fmt: skip


def test_an_answer_comes_back_whatever_libraries_print() -> None:
    told: list[tuple[int, int]] = []
    answered = errand(do="answer", value=21, on_progress=lambda done, of: told.append((done, of)))
    assert answered == {"twice": 42, "threads": "1"}
    assert told
    assert set(told) <= {(1, 3), (2, 3), (3, 3)}


@pytest.mark.parametrize(
    ("do", "words"),
    [
        ("fail", r"The errand: Expected a film; received a shoe\. Bring a film\."),
        ("break", r"The errand: RuntimeError: first line$"),
        ("exhaust", "memory was not enough"),
        ("run out", "memory was not enough.*take a smaller batch"),
        ("die", "signal 9.*lack of memory"),
        ("abort", "signal 6.*lack of memory"),
        ("vanish", "code 3.*the last words"),
    ],
)
def test_an_end_without_an_answer_is_a_sentence(do: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        errand(do=do)


def test_a_request_to_stop_ends_the_process(tmp_path: Path) -> None:
    file = tmp_path / "pid"

    def check() -> None:
        if file.exists() and file.read_text():
            raise Cancelled

    with pytest.raises(Cancelled):
        errand(do="linger", file=str(file), check=check)
    assert not psutil.pid_exists(int(file.read_text()))


def test_the_process_does_not_outlive_whoever_started_it(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    code = (
        "from cxr_core.measure import process; process.run('tests.measure.errand', "
        f"{{'do': 'linger', 'file': {str(file)!r}}}, what='x', threads=1, check=lambda: None)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=process.ROOT)
    end = time.monotonic() + 60
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < end, "the errand never began"
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    pid = int(file.read_text())
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "the errand lives on"
        time.sleep(0.05)


def test_memory_is_the_processs_own() -> None:
    mine = bytearray(1) * 300_000_000
    small, large = (errand(do="hold", megabytes=m)["peak_mb"] for m in (1, 150))
    assert len(mine) > 0
    # Above what was held, and free of the 300 MB that this process holds.
    assert small < 200
    assert large - small > 120


def test_the_load_of_others_leaves_out_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Times(tuple):
        idle = property(lambda self: self[0])
        user = property(lambda self: self[1])
        system = 0.0

    machine = iter([Times((100.0, 50.0)), Times((106.0, 54.0))])
    own = iter([Times((0.0, 10.0)), Times((0.0, 13.0))])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(machine))
    monkeypatch.setattr(psutil.Process, "cpu_times", lambda self: next(own))
    # 10 processor seconds went by, 4 of them used, 3 by this process: 1 in 10 by others.
    assert Load().of_others() == pytest.approx(0.1)


def test_a_working_process_is_seen_as_load() -> None:
    load = Load(children=True)
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    assert 0 <= load.of_others() <= 1
