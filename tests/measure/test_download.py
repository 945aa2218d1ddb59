"""Weights from a server on this machine: whole, damaged, cut off, not there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cxr_core.backbones import Backbone, WeightsFile, backbone
from cxr_core.errors import Cancelled, ConfigError, DataError
from cxr_core.measure import download

CONTENT = b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 4000
DIGEST = hashlib.md5(CONTENT).hexdigest()


class Shelf(BaseHTTPRequestHandler):
    """whole.h5, and cut.h5 whose connection ends half-way."""

    def do_GET(self) -> None:
        if self.path not in ("/whole.h5", "/cut.h5"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        whole = self.path == "/whole.h5"
        self.wfile.write(CONTENT if whole else CONTENT[: len(CONTENT) // 2])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    shelf = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    threading.Thread(target=shelf.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{shelf.server_address[1]}"
    shelf.shutdown()


def row(url: str, digest: str | None = DIGEST) -> Backbone:
    return replace(backbone("resnet50"), weights=WeightsFile(url, digest))


def models(home: Path) -> list[str]:
    folder = home.parent / "keras" / "models"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_a_whole_file_lands_where_keras_looks(home: Path, server: str) -> None:
    told: list[tuple[int, int]] = []
    path = download.fetch(row(f"{server}/whole.h5"), lambda got, of: told.append((got, of)))
    assert path.read_bytes() == CONTENT
    assert models(home) == ["whole.h5"]
    assert told[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize(
    ("file", "digest", "words"),
    [
        ("whole.h5", "0" * 32, "another network's"),
        ("cut.h5", DIGEST, "the connection ended"),
        ("none.h5", DIGEST, "answered 404"),
    ],
)
def test_what_is_not_whole_leaves_nothing_behind(
    home: Path, server: str, file: str, digest: str, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        download.fetch(row(f"{server}/{file}", digest), lambda got, of: None)
    assert models(home) == []


def test_no_connection_says_how_to_do_without(home: Path) -> None:
    with pytest.raises(DataError, match="copy the file to"):
        download.fetch(row("http://127.0.0.1:9/x.h5"), lambda got, of: None)


def test_a_cancelled_download_leaves_nothing_behind(home: Path, server: str) -> None:
    def stop(got: int, of: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        download.fetch(row(f"{server}/whole.h5"), stop)
    assert models(home) == []


def test_a_row_without_weights_to_download_is_said(tiny: str, report) -> None:
    outcome = download.run({"rows": [tiny]}, report())
    assert "Expected a backbone" in outcome["problems"][0]["sentence"]
    with pytest.raises(ConfigError, match="at least one row"):
        download.run({"rows": []}, report())
