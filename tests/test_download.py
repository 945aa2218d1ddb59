"""A download survives a server that breaks off, and says what is wrong when it cannot go on."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_core import dataset
from cxr_core.dataset import Downloadable, Progress, _download
from cxr_core.dataset._download import RemoteFile
from cxr_core.errors import ConfigError, DataError

BODY = np.random.default_rng(0).integers(0, 256, 3_000_000).astype(np.uint8).tobytes()


class Server(ThreadingHTTPServer):
    """Serves BODY, and breaks off each of the first `cuts` answers after `after` bytes."""

    daemon_threads = True

    def __init__(self, cuts: int = 0, after: int = 700_000) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cuts, self.after = cuts, after
        self.body, self.tag, self.status = BODY, '"one"', 0
        self.ranges: list[str | None] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._head(200, len(self.server.body))

    def do_GET(self) -> None:
        server, body = self.server, self.server.body
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if server.status:
            return self.send_error(server.status)
        begin = 0
        if asked and self.headers.get("If-Range") == server.tag:
            begin = int(asked.removeprefix("bytes=").split("-")[0])
            span = f"bytes {begin}-{len(body) - 1}/{len(body)}"
            self._head(206, len(body) - begin, span)
        else:
            self._head(200, len(body))
        end = len(body)
        if server.cuts:
            server.cuts -= 1
            end = min(end, begin + server.after)
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body[begin:end])
        self.close_connection = True

    def _head(self, status: int, length: int, span: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", self.server.tag)
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def one_file(server: Server, md5: str | None = None) -> Downloadable:
    file = RemoteFile("train/images.tfrec", server.url("images"), md5)
    return Downloadable("drawn", "", "", "", 3, (file,))


def fetch(server: Server, folder: Path, md5: str | None = None, **how: Any) -> list[Progress]:
    seen: list[Progress] = []
    dataset.download(one_file(server, md5), folder, seen.append, wait=0.01, **how)
    return seen


def test_cuts_are_resumed_where_they_happened(server: Server, tmp_path: Path) -> None:
    server.cuts = 3
    seen = fetch(server, tmp_path, hashlib.md5(BODY).hexdigest())
    assert (tmp_path / "train" / "images.tfrec").read_bytes() == BODY
    assert server.ranges == [None] + [f"bytes={k * 700_000}-" for k in (1, 2, 3)]
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert (seen[-1].done, seen[-1].total) == (len(BODY), len(BODY))
    assert (tmp_path / "SHA256SUMS").read_text() == (
        f"{hashlib.sha256(BODY).hexdigest()}  train/images.tfrec\n"
    )
    assert sorted(p.name for p in (tmp_path / "train").iterdir()) == ["images.tfrec"]


def test_a_later_call_goes_on_and_a_whole_file_is_not_fetched_again(
    server: Server, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.done > 1_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset.download(one_file(server), tmp_path, stop)
    seen = fetch(server, tmp_path)
    assert seen[0].resumed
    assert (tmp_path / "train" / "images.tfrec").read_bytes() == BODY
    asked = len(server.ranges)
    fetch(server, tmp_path)
    assert len(server.ranges) == asked


def test_a_file_that_changed_on_the_server_starts_anew(server: Server, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset.download(one_file(server), tmp_path, stop)
    server.body, server.tag = BODY[::-1], '"two"'
    fetch(server, tmp_path)
    assert (tmp_path / "train" / "images.tfrec").read_bytes() == BODY[::-1]


def test_a_damaged_file_on_disk_is_fetched_again(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    (tmp_path / "train" / "images.tfrec").write_bytes(BODY[:-1] + b"?")
    fetch(server, tmp_path)
    assert (tmp_path / "train" / "images.tfrec").read_bytes() == BODY


def test_a_wrong_checksum_is_refused_and_nothing_is_left(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="MD5"):
        fetch(server, tmp_path, "0" * 32)
    assert [p for p in tmp_path.rglob("*") if p.name.startswith("images.tfrec.part")] == []


def test_a_server_that_keeps_failing_is_named_as_such(server: Server, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(DataError, match="HTTP 503 again and again"):
        fetch(server, tmp_path, attempts=2)
    server.status, server.cuts, server.after = 0, 100, 0
    with pytest.raises(DataError, match="what has come is kept"):
        fetch(server, tmp_path, attempts=2)


def test_too_little_disk_space_is_said_before_anything_is_fetched(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 200_000_000})()
    monkeypatch.setattr(_download.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(DataError, match=r"271 MB of free disk space; found 200 MB"):
        fetch(server, tmp_path)
    assert server.ranges == []


def test_an_unknown_set_is_named() -> None:
    with pytest.raises(ConfigError, match="chestxray2017"):
        dataset.downloadable("imagenet")
    files = [f.path for f in dataset.downloadable("chestxray2017").files]
    assert sorted(files) == [
        f"{s}/{f}.tfrec" for s in ("test", "train") for f in ("images", "paths")
    ]
