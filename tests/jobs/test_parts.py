"""States, history, outcomes and kinds, each by itself."""

from __future__ import annotations

import ast
import errno
import os
from pathlib import Path

import numpy as np
import pytest

from cxr_core.errors import Cancelled, DataError
from cxr_core.jobs import (
    KINDS,
    TRANSITIONS,
    Job,
    JobError,
    JobTable,
    State,
    _history,
    _outcome,
    _process,
    history,
    open_table,
)
from cxr_core.jobs._outcome import Outcome
from cxr_core.jobs._process import Identity, identity

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("target", [s for s in State if s.ended])
@pytest.mark.parametrize("state", list(State))
def test_a_state_follows_only_where_the_table_of_transitions_allows(
    state: State, target: State, home: Path
) -> None:
    table = open_table()
    job = in_state(table, state)
    allowed = target in TRANSITIONS[state]
    assert table.finish(job, target) is allowed
    assert table.get(job.id).state is (target if allowed else state)


def in_state(table: JobTable, state: State) -> Job:
    job = table.submit("count", {})
    if state is not State.QUEUED:
        claimed = table.claim(job.id, identity())
        assert claimed is not None
        if state.ended:
            assert table.finish(claimed, state)
    return table.get(job.id)


def test_light_jobs_do_not_wait_for_those_that_compute_and_are_given_other_processors(
    home: Path,
) -> None:
    table, mine = open_table(), identity()
    heavy, waits = (table.submit("count", {}, threads=1) for _ in range(2))
    light, later = (table.submit("light", {}, threads=1) for _ in range(2))
    claimed = [table.claim_next(mine, 1, [0, 1]) for _ in range(3)]
    assert [job and (job.id, job.cpus) for job in claimed] == [
        (heavy.id, "1"),
        (light.id, "0"),
        None,
    ]
    assert claimed[1] is not None
    assert table.finish(claimed[1], State.DONE)
    assert [job and job.id for job in [table.claim_next(mine, 1, [0, 1])]] == [later.id]
    assert table.get(waits.id).state is State.QUEUED


def test_torn_rows_of_a_history_are_left_out_and_do_not_swallow_the_next(tmp_path: Path) -> None:
    _history.append(tmp_path, {"epoch": 1, "loss": np.float32(0.5)})
    with (tmp_path / _history.FILE).open("ab") as file:
        file.write(b'\x00\xff\n[1]\n{"epoch": 2, "lo')
    assert history(tmp_path) == ({"epoch": 1, "loss": 0.5},)
    _history.append(tmp_path, {"epoch": 2, "loss": float("nan")})
    assert history(tmp_path) == ({"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": None})
    _history.keep(tmp_path, lambda row: row["epoch"] == 2)
    assert history(tmp_path) == ({"epoch": 2, "loss": None},)
    assert history(tmp_path / "nowhere") == ()


def test_an_outcome_stored_in_its_room_is_that_of_its_attempt_or_none(tmp_path: Path) -> None:
    _outcome.reserve(tmp_path)
    assert _outcome.stored(tmp_path, 1) is None
    outcome = Outcome(1, State.DONE, None, {"auc": np.float64(0.9), "map": np.eye(2)})
    _outcome.store(tmp_path, outcome)
    assert _outcome.stored(tmp_path, 1) == Outcome(
        1, State.DONE, None, {"auc": 0.9, "map": [[1.0, 0.0], [0.0, 1.0]]}
    )
    assert _outcome.stored(tmp_path, 2) is None
    # No more room is taken: a full disk cannot refuse it.
    assert (tmp_path / _outcome.FILE).stat().st_size == 4096
    (tmp_path / _outcome.FILE).write_bytes(outcome.dumps()[:-9])
    assert _outcome.stored(tmp_path, 1) is None


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (Cancelled(), State.CANCELLED, "Cancelled"),
        (DataError("Expected films; received none. Add some."), State.FAILED, "Add some."),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/p/x.png"), State.FAILED, "full"),
        (PermissionError(errno.EACCES, "Permission denied", "/p/x.png"), State.FAILED, "EACCES"),
        (MemoryError(), State.FAILED, "memory"),
        (ValueError("odd\nand more"), State.FAILED, "ValueError: odd. "),
    ],
)
def test_an_exception_becomes_a_state_and_a_reason_without_a_path(
    error: BaseException, state: State, said: str
) -> None:
    outcome = _outcome.of(1, error)
    assert outcome.state is state
    assert said in (outcome.reason or "")
    assert "x.png" not in (outcome.reason or "")


def test_a_process_is_known_by_more_than_its_number() -> None:
    mine = identity()
    assert mine.alive()
    assert not Identity(mine.host, mine.pid, mine.birth - 60).alive()
    assert not Identity(mine.host, 2**22 + 1, mine.birth).alive()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert not _process.identity(child).alive(), "a zombie"
    os.waitpid(child, 0)


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/d", "nonsense", "postgresql://u:secret@127.0.0.1:1/d"]
)
def test_a_database_that_cannot_be_is_refused_without_its_password(url: str, home: Path) -> None:
    with pytest.raises(JobError, match="Expected") as refusal:
        open_table(url)
    assert "secret" not in str(refusal.value)


def test_a_home_that_cannot_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.delenv("CXR_DATABASE_URL", raising=False)
    with pytest.raises(JobError, match=r"Set \$CXR_HOME"):
        open_table()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_a_kind_names_is_there(kind: str) -> None:
    module, _, name = KINDS[kind].target.partition(":")
    path = ROOT / module.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(source.read_text())
    named = {
        alias.asname or alias.name
        for n in tree.body
        if isinstance(n, ast.ImportFrom)
        for alias in n.names
    }
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    assert name in named | defined
