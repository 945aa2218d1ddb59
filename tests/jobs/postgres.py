"""A real PostgreSQL for the tests: a server of their own, on loopback, gone afterwards."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa


def programs() -> Path:
    """The folder with initdb and postgres, or a skip."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        Path(path) for path in (shutil.which("initdb"),) if path
    ]
    if not found:
        pytest.skip("no PostgreSQL: install Debian's package `postgresql` (`make postgresql`)")
    return found[-1].parent


@contextmanager
def server() -> Iterator[str]:
    """Start a server with a password and yield its address; the server refuses to be root's."""
    folder = Path(tempfile.mkdtemp(prefix="cxr-postgres-"))
    who: dict[str, object] = {}
    try:
        if os.getuid() == 0:
            account = _account()
            who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(folder, account.pw_uid, account.pw_gid)
        password = secrets.token_urlsafe(16)
        (folder / "password").write_text(password)
        (folder / "password").chmod(0o644)
        data = folder / "data"
        subprocess.run(
            [
                programs() / "initdb", "-D", data, "-U", "cxr", "-A", "scram-sha-256", "-N",
                "-E", "UTF8", "--locale=C", f"--pwfile={folder / 'password'}",
            ],
            check=True, capture_output=True, cwd=folder, **who,
        )  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    programs() / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port),
                    "-k", folder, "-F",
                ],
                stdout=log, stderr=log, cwd=folder, **who,
            )  # fmt: skip
        try:
            url = f"postgresql://cxr:{password}@127.0.0.1:{port}/postgres"
            _wait(url, process, folder / "log")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fresh(url: str) -> str:
    """The address of a new, empty database beside it."""
    name = "test_" + secrets.token_hex(6)
    engine = sa.create_engine(_driver(url), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    finally:
        engine.dispose()
    return url.rpartition("/")[0] + f"/{name}"


def _driver(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg:")


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            engine = sa.create_engine(_driver(url))
            with engine.connect():
                return engine.dispose()
        except sa.exc.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
