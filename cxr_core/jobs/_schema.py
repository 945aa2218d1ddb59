"""The database behind the job table: SQLite in WAL mode, or PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from cxr_core import registry
from cxr_core.errors import JobError

URL = "CXR_DATABASE_URL"
_LOCK = 0x6378726A  # the advisory lock of PostgreSQL that stands for "the queue"

metadata = sa.MetaData()
JOBS = sa.Table(
    "jobs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(40), nullable=False, unique=True),
    sa.Column("kind", sa.String(80), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("reason", sa.Text),
    sa.Column("created", sa.String(32), nullable=False),
    sa.Column("started", sa.String(32)),
    sa.Column("ended", sa.String(32)),
    sa.Column("heartbeat", sa.String(32)),
    sa.Column("step", sa.Integer, nullable=False, default=0),
    sa.Column("steps", sa.Integer, nullable=False, default=0),
    sa.Column("epoch", sa.Integer, nullable=False, default=0),
    sa.Column("epochs", sa.Integer, nullable=False, default=0),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("result", sa.JSON(none_as_null=True)),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("threads", sa.Integer, nullable=False),
    sa.Column("gpus", sa.Integer, nullable=False, default=0),
    sa.Column("memory", sa.BigInteger, nullable=False, default=0),
    sa.Column("cancelling", sa.Boolean, nullable=False, default=False),
    sa.Column("resumed", sa.Boolean, nullable=False, default=False),
    sa.Column("host", sa.String(255)),
    sa.Column("pid", sa.Integer),
    sa.Column("birth", sa.Float(53)),
    sa.Column("cpus", sa.String(2000), nullable=False, default=""),
)

# Who fills a queue on a cluster, and what keeps it from doing so.
KEEPERS = sa.Table(
    "keepers",
    metadata,
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("heartbeat", sa.String(32), nullable=False),
    sa.Column("problem", sa.Text),
)


def connect(url: str | None = None) -> sa.Engine:
    """An engine on the database, its table made where there is none. Raises JobError."""
    chosen = _address(url)
    engine = sa.create_engine(chosen, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    with reading(engine) as connection:
        there = sa.inspect(connection).get_table_names()
    if not {*metadata.tables} <= {*there}:
        with writing(engine) as connection:
            metadata.create_all(connection)
    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that only reads, and waits for nobody. Raises JobError."""
    with _answering(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that waits until no other one writes. Raises JobError."""
    with (
        _answering(),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        yield connection


def now(connection: sa.Connection) -> datetime:
    """The database's time: the clocks of several machines may differ, in UTC."""
    if connection.dialect.name == "postgresql":
        received: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return received.astimezone(UTC)
    return datetime.now(UTC)


def text(moment: datetime) -> str:
    """ISO 8601 with milliseconds: as text it sorts as it does in time."""
    return moment.isoformat(timespec="milliseconds")


def _address(url: str | None) -> sa.URL:
    given = url or os.environ.get(URL)
    if not given:
        home = registry.home().absolute()
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JobError(
                f"Expected a folder for jobs and models that can be written to; {home}: "
                f"{error.strerror}. Set $CXR_HOME to another one."
            ) from error
        return sa.URL.create("sqlite", database=str(home / "jobs.sqlite"))
    try:
        address = sa.make_url(given)
        if address.drivername in ("postgresql", "postgres"):
            address = address.set(drivername="postgresql+psycopg")
        if address.get_dialect().name in ("sqlite", "postgresql"):
            return address
    except (ArgumentError, NoSuchModuleError):
        pass
    raise JobError(
        "Expected a database as postgresql://user@host/name or sqlite:////folder/file; received "
        f"another form. Correct ${URL}."
    )


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # SQLAlchemy begins transactions itself (below); sqlite3 must not add its own.
    connection.isolation_level = None
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later may find the table locked; this one waits.
    immediate = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        # The first line says what happened; SQLAlchemy's own adds values, the address a password.
        said = str(error.orig).strip().splitlines()[:1] or ["no answer"]
        raise JobError(
            f"Expected the job table's database to answer; received {said[0][:200]!r}. "
            f"Check ${URL}, or the disk that holds $CXR_HOME where it is not set."
        ) from error
