"""The job table: what was asked for, where it stands, and who is at it."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from cxr_core.errors import JobError
from cxr_core.jobs import _kinds, _process, _schema
from cxr_core.jobs._job import Job, Json
from cxr_core.jobs._process import Identity
from cxr_core.jobs._schema import JOBS, KEEPERS, now, reading, text, writing
from cxr_core.jobs._states import State, sources

_COLUMNS = [JOBS.c[name] for name in Job.__dataclass_fields__]


@dataclass(frozen=True)
class Sign:
    """How long ago, in seconds, a keeper showed itself, and what was wrong then."""

    age: float
    problem: str | None


def open_table(url: str | None = None) -> JobTable:
    """The table at `url`, else at $CXR_DATABASE_URL, else in $CXR_HOME/jobs.sqlite.

    Raises JobError where the database does not answer.
    """
    return JobTable(_schema.connect(url))


class JobTable:
    """Jobs in a database that several processes, and with PostgreSQL several machines, share.

    Any thread may call any method; each is one transaction. All raise JobError where the database
    does not answer.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @property
    def url(self) -> str:
        """The database's address, with its password: for the job's process, never to be shown."""
        return self._engine.url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    # What a page or the terminal asks.

    def submit(
        self,
        kind: str,
        config: Mapping[str, Json],
        title: str = "",
        threads: int | None = None,
    ) -> Job:
        """Queue a job; `executor().tick()` starts it. Raises JobError for an unknown kind.

        config: what JSON can carry, paths absolute. threads: most processors it may use, by
        default all but one.
        """
        row = _kinds.find(kind)
        if threads is not None and threads < 1:
            raise JobError(f"Expected at least one thread; received {threads}. Give it one.")
        try:
            plain = json.loads(json.dumps(dict(config), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise JobError(
                f"Expected settings that JSON can carry; received others: {error}. Correct them."
            ) from error
        with writing(self._engine) as connection:
            moment = now(connection)
            # Sorts by time in a folder's listing; the end keeps two of one second apart.
            identifier = f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
            connection.execute(
                sa.insert(JOBS).values(
                    id=identifier,
                    kind=kind,
                    title=title or row.title,
                    config=plain,
                    state=State.QUEUED,
                    created=text(moment),
                    threads=threads or max(1, len(_process.processors()) - 1),
                    gpus=row.gpus,
                    memory=row.memory,
                )
            )
            return _one(connection, identifier)

    def get(self, identifier: str) -> Job:
        """One job as it is now. Raises JobError where there is none of that id."""
        with reading(self._engine) as connection:
            return _one(connection, identifier)

    def list(
        self, kind: str | None = None, states: Iterable[State] | None = None
    ) -> tuple[Job, ...]:
        """Jobs, the latest first; of one kind or in some states where given."""
        query = sa.select(*_COLUMNS).order_by(JOBS.c.number.desc())
        if kind is not None:
            query = query.where(JOBS.c.kind == kind)
        if states is not None:
            query = query.where(JOBS.c.state.in_([*states]))
        with reading(self._engine) as connection:
            return tuple(_job(row) for row in connection.execute(query))

    def cancel(self, identifier: str) -> Job:
        """Cancel a queued job, or ask a running one to stop. Raises JobError for one that ended."""
        with writing(self._engine) as connection:
            job = _one(connection, identifier)
            if job.state is State.QUEUED:
                _move(connection, job, State.CANCELLED, "Cancelled before it began.")
            elif job.state is State.RUNNING:
                _set(connection, job, cancelling=True)
            else:
                raise JobError(
                    f"Expected a job that is queued or running; {job.id} is {job.state}. "
                    "There is nothing left to cancel."
                )
            return _one(connection, identifier)

    def resume(self, identifier: str) -> Job:
        """Queue again a job that failed, was cancelled or interrupted, to go on where it stopped.

        Raises JobError for one in another state, or of a kind that cannot go on.
        """
        with writing(self._engine) as connection:
            job = _one(connection, identifier)
            if not job.resumable:
                why = (
                    "its kind begins anew each time"
                    if job.state.ended and job.state is not State.DONE
                    else f"it is {job.state}"
                )
                raise JobError(
                    "Expected a failed, cancelled or interrupted job that can go on; "
                    f"{job.id} cannot: {why}. Submit a new one."
                )
            _move(connection, job, State.QUEUED, None, resumed=job.attempt > 0)
            return _one(connection, identifier)

    def remove(self, identifier: str) -> None:
        """Delete a job and its folder. Raises JobError for one that is queued or running."""
        with writing(self._engine) as connection:
            job = _one(connection, identifier)
            if not job.state.ended:
                raise JobError(
                    f"Expected a job that has ended; {job.id} is {job.state}. Cancel it first."
                )
            connection.execute(sa.delete(JOBS).where(JOBS.c.id == identifier))
        shutil.rmtree(job.folder, ignore_errors=True)

    # What executors and workers ask. Each names the attempt it means: a worker that was given up
    # for dead and comes back changes nothing.

    def claim(self, identifier: str, by: Identity) -> Job | None:
        """Mark one queued job as running in the process `by`; None where it is not queued."""
        with writing(self._engine) as connection:
            return _begin(connection, identifier, by, "")

    def claim_next(self, by: Identity, most: int, cpus: Sequence[int]) -> Job | None:
        """Claim the oldest queued job where fewer than `most` run on the machine of `by`.

        Light kinds are counted apart. It is given the least used of `cpus`, as many as its
        threads. None where there is nothing to start.
        """
        waiting = sa.select(JOBS.c.id).where(JOBS.c.state == State.QUEUED).limit(1)
        with reading(self._engine) as connection:
            if connection.execute(waiting).first() is None:
                return None
        with writing(self._engine) as connection:
            here = sa.and_(JOBS.c.state == State.RUNNING, JOBS.c.host == by.host)
            running = connection.execute(sa.select(JOBS.c.kind, JOBS.c.cpus).where(here)).all()
            light = _kinds.light()
            full = [
                sum((row.kind in light) is lane for row in running) >= most
                for lane in (False, True)
            ]
            queued = sa.select(JOBS.c.id, JOBS.c.kind, JOBS.c.threads)
            queued = queued.where(JOBS.c.state == State.QUEUED).order_by(JOBS.c.number)
            oldest = next(
                (row for row in connection.execute(queued) if not full[row.kind in light]), None
            )
            if oldest is None:
                return None
            taken = [int(cpu) for row in running for cpu in row.cpus.split(",") if cpu]
            # The last processors first: the first of them serve most interrupts.
            free = sorted(cpus, key=lambda cpu: (taken.count(cpu), -cpu))
            mine = ",".join(str(cpu) for cpu in sorted(free[: oldest.threads]))
            return _begin(connection, oldest.id, by, mine)

    def adopt(self, job: Job, by: Identity) -> bool:
        """Say that `by` is now the process of a claimed job; False where the claim has lapsed."""
        return self.beat(job, host=by.host, pid=by.pid, birth=by.birth) is not None

    def hand_back(self, job: Job) -> None:
        """Queue again a claimed job whose process never began."""
        with writing(self._engine) as connection:
            _move(connection, job, State.QUEUED, None)

    def beat(self, job: Job, **values: Any) -> Job | None:
        """Heartbeat, with progress where given; the job as it is, or None once it is not ours."""
        with writing(self._engine) as connection:
            moment = text(now(connection))
            query = sa.update(JOBS).where(_mine(job)).values(heartbeat=moment, **values)
            row = connection.execute(query.returning(*_COLUMNS)).first()
            return None if row is None else _job(row)

    def finish(
        self,
        job: Job,
        state: State,
        reason: str | None = None,
        result: Mapping[str, Json] | None = None,
    ) -> bool:
        """End this attempt; False where it is no longer this attempt that runs."""
        with writing(self._engine) as connection:
            return _move(
                connection, job, state, reason, result=None if result is None else dict(result)
            )

    def silent(self, job: Job, seconds: float) -> bool:
        """Whether a running job has given no sign of life for so long, by the database's clock."""
        with reading(self._engine) as connection:
            last = datetime.fromisoformat(job.heartbeat or job.started or job.created)
            return now(connection) - last > timedelta(seconds=seconds)

    def sign(self, keeper: str, problem: str | None = None) -> None:
        """Say that a keeper of the queue is there, or what keeps it from being so."""
        with writing(self._engine) as connection:
            values = {"heartbeat": text(now(connection)), "problem": problem}
            changed = connection.execute(
                sa.update(KEEPERS).where(KEEPERS.c.name == keeper).values(**values)
            )
            if changed.rowcount == 0:
                connection.execute(sa.insert(KEEPERS).values(name=keeper, **values))

    def last_sign(self, keeper: str) -> Sign | None:
        """The keeper's last sign; None where there was never one."""
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(KEEPERS).where(KEEPERS.c.name == keeper)).first()
            if row is None:
                return None
            age = now(connection) - datetime.fromisoformat(row.heartbeat)
            return Sign(age.total_seconds(), row.problem)


def _mine(job: Job) -> sa.ColumnElement[bool]:
    return sa.and_(
        JOBS.c.id == job.id, JOBS.c.attempt == job.attempt, JOBS.c.state == State.RUNNING
    )


def _begin(connection: sa.Connection, identifier: str, by: Identity, cpus: str) -> Job | None:
    moment = text(now(connection))
    begun = connection.execute(
        sa.update(JOBS)
        .where(JOBS.c.id == identifier, JOBS.c.state.in_(sources(State.RUNNING)))
        .values(
            state=State.RUNNING,
            started=moment,
            heartbeat=None,
            attempt=JOBS.c.attempt + 1,
            host=by.host,
            pid=by.pid,
            birth=by.birth,
            cpus=cpus,
        )
    )
    return _one(connection, identifier) if begun.rowcount == 1 else None


def _move(
    connection: sa.Connection, job: Job, target: State, reason: str | None, **values: Any
) -> bool:
    """Change the state of that attempt, if the table allows it from where it is now."""
    back = target is State.QUEUED
    values |= {"state": target, "reason": reason, "cancelling": False, "cpus": ""}
    values["ended"] = None if back else text(now(connection))
    changed = connection.execute(
        sa.update(JOBS)
        .where(JOBS.c.id == job.id, JOBS.c.attempt == job.attempt)
        .where(JOBS.c.state.in_(sources(target)))
        .values(**values)
    )
    return changed.rowcount == 1


def _set(connection: sa.Connection, job: Job, **values: Any) -> None:
    connection.execute(sa.update(JOBS).where(JOBS.c.id == job.id).values(**values))


def _one(connection: sa.Connection, identifier: str) -> Job:
    row = connection.execute(sa.select(*_COLUMNS).where(JOBS.c.id == identifier)).first()
    if row is None:
        raise JobError(
            f"Expected the id of a job; received {identifier[:80]!r}. "
            "See `python -m cxr_core jobs list`."
        )
    return _job(row)


def _job(row: sa.Row[Any]) -> Job:
    values = dict(row._mapping)
    return Job(**values | {"state": State(values["state"])})
