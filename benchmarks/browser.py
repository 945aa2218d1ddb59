"""What a reader waits for: from a film chosen in a real Chromium to its figure on the screen."""

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

from benchmarks._measure import Sample

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Marks, on the page's own clock, when the film that was chosen is drawn, with its heatmap where
# there is one, and its probability stands beside it.
WATCH = """() => {
  window.cxrPicture = () => document.querySelector('.st-key-review_film .js-plotly-plot')
    ?.layout?.images?.[0]?.source;
  const seen = () => {
    const figure = document.querySelector('.st-key-review_film .nsewdrag');
    const number = document.querySelector('[data-testid=stMetricValue]');
    const title = [...document.querySelectorAll('[data-testid=stMain] p')]
      .some((p) => p.innerText === window.cxrName);
    const drawn = window.cxrPicture() !== window.cxrBefore;
    if (figure && number && title && drawn && !window.cxrDone) window.cxrDone = performance.now();
  };
  new MutationObserver(seen).observe(
    document, { childList: true, subtree: true, attributes: true, characterData: true });
}"""


def upload_to_figure(films: tuple[Path, ...], sessions: int) -> tuple[Sample, Sample] | None:
    """Seconds for a session's first film and for its second; None where no Chromium is found.

    films: (≥ 2) that the model judges. Each session is a browser context of its own, and the page
    has stood still for two seconds before the first film comes, as under a reader's eyes.
    """
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright

    first, second = [], []
    with _served() as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium)
        for k in range(sessions + 1):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.goto(address)
            page.get_by_test_id("stFileUploaderDropzone").wait_for()
            page.evaluate(WATCH)
            page.wait_for_timeout(2000)
            taken = [_upload(page, films[(2 * k + j) % len(films)]) for j in range(2)]
            # The first of all warms the server and the browser's own caches.
            if k:
                first.append(taken[0])
                second.append(taken[1])
            context.close()
        browser.close()
    return Sample.of(first), Sample.of(second)


def _upload(page: Any, film: Path) -> float:
    with page.expect_file_chooser() as chooser:
        page.locator("[data-testid=stFileUploaderDropzone] button").click()
    page.evaluate(
        "name => { Object.assign(window,"
        " { cxrName: name, cxrDone: 0, cxrBefore: window.cxrPicture() }) }",
        film.name,
    )
    # Taken in the page, as the film is handed over: the driver's own way there is not counted.
    page.evaluate(
        "() => document.querySelector('[data-testid=stFileUploaderDropzoneInput]').addEventListener"
        "('change', () => { window.cxrStart = performance.now() }, { capture: true, once: true })"
    )
    chooser.value.set_files([str(film)])
    page.wait_for_function("window.cxrDone > 0")
    page.wait_for_timeout(1000)
    return float(page.evaluate("(window.cxrDone - window.cxrStart) / 1000"))


@contextmanager
def _served() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        app.terminate()
        app.wait(20)
