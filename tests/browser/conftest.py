"""A served app and a real Chromium; both are skipped with a reason where they cannot be had."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cxr_core.registry import ModelEntry

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def _served(log: Path) -> Iterator[str]:
    """A server of its own, on a free port of this machine, that nobody has visited yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as output:
        served = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"],
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=output, stderr=output,
        )  # fmt: skip
    at = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{at}/_stcore/health", timeout=1).close()
                break
            except OSError:
                if served.poll() is not None:
                    break
                time.sleep(0.5)
        else:
            pytest.fail(f"the app did not answer: {log.read_text()[-2000:]}")
        yield at
    finally:
        served.terminate()
        try:
            served.wait(20)
        except subprocess.TimeoutExpired:
            served.kill()


@pytest.fixture(scope="session")
def address(model_entry: ModelEntry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the app answers to all browser tests."""
    with _served(tmp_path_factory.mktemp("app") / "log") as at:
        yield at


@pytest.fixture
def fresh_address(model_entry: ModelEntry, tmp_path: Path) -> Iterator[str]:
    """Where an app answers that nobody has visited yet."""
    with _served(tmp_path / "log") as at:
        yield at


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with playwright.sync_playwright() as driver:
        try:
            launched = driver.chromium.launch(executable_path=found)
        except playwright.Error:
            pytest.skip(f"no Chromium: none of {', '.join(BROWSERS)} can be started")
        yield launched
        launched.close()
