"""`python -m benchmarks.threshold_page`: what a step of the threshold slider takes in a browser.

A score file of drawn scores is put into the app in a real Chromium, and the handle is dragged by
the mouse. A step counts from the moment the browser made the pointer's event to the end of the
frame that shows the new matrix. Beside it: from the click on 'Use these scores' to a panel that
answers, and from letting go to the server's answer. Written, dated, to results/.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._measure import Sample, machine

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HANDLE = ".st-key-threshold_live input[data-is=threshold]"
WAIT = 180_000

# The end of a frame is the first task after the animation callback that precedes its painting.
_WATCH = """
() => {
  window.steps = [];
  let moved = 0;
  window.addEventListener("pointermove", (event) => { moved = event.timeStamp; }, true);
  window.addEventListener("input", () => {
    const made = moved, begun = performance.now();
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.steps.push([made, begun, performance.now()]);
      channel.port2.postMessage(null);
    });
  }, true);
}
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.threshold_page", description=__doc__
    )
    parser.add_argument("--films", type=int, nargs="*", default=[745, 1_000_000])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as home, _served(Path(home)) as address:
        for films in arguments.films:
            for figure, sample in _measure(address, films, arguments.steps):
                rows.append((films, figure, sample))
                print(
                    f"{films:>9,} films  {figure:<46} {sample.median:9.1f} ms "
                    f"({sample.q1:.1f}–{sample.q3:.1f}, n {sample.n})",
                    flush=True,
                )
    _write(rows, arguments.out)
    return 0


def _measure(address: str, films: int, steps: int) -> Iterator[tuple[str, Sample]]:
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(WAIT)
        page.goto(f"{address}/threshold")
        page.locator(HANDLE).wait_for()
        page.locator(".st-key-threshold_roc .main-svg").first.wait_for()
        yield "score file read, in use, panel answers", Sample.of([_loaded(page, films)])
        yield from _dragged(page, steps)
        browser.close()


def _loaded(page: Any, films: int) -> float:
    """Milliseconds from 'Use these scores' to a matrix of so many films; uploading comes before."""
    page.get_by_text("Add a score file").click()
    with page.expect_file_chooser() as chooser:
        page.locator(
            "[class*=st-key-threshold_csv] [data-testid=stFileUploaderDropzone] button"
        ).click()
    chooser.value.set_files({"name": "drawn.csv", "mimeType": "text/csv", "buffer": _drawn(films)})
    use = page.get_by_role("button", name="Use these scores")
    use.wait_for()
    began = time.perf_counter()
    use.click()
    # The shipped model's films, shown before, may be as many: the heading tells the two apart.
    page.get_by_test_id("stMain").get_by_text("drawn.csv").first.wait_for()
    page.locator(".st-key-threshold_live").get_by_text(f"of {films:,} called").wait_for()
    return 1000 * (time.perf_counter() - began)


def _dragged(page: Any, steps: int) -> Iterator[tuple[str, Sample]]:
    _rest(page)
    page.evaluate(_WATCH)
    handle = page.locator(HANDLE)
    handle.scroll_into_view_if_needed()
    box, at = handle.bounding_box(), float(handle.input_value())
    y = box["y"] + box["height"] / 2

    def x(value: float) -> float:
        return float(box["x"] + 10 + value * (box["width"] - 20))

    page.mouse.move(x(at), y)
    page.mouse.down()
    for k in range(steps):
        page.mouse.move(x(0.05 + 0.9 * abs((2 * k / steps) % 2 - 1)), y)
        page.wait_for_timeout(8)
    made = np.array(page.evaluate("window.steps"))
    began = time.perf_counter()
    page.mouse.up()
    page.wait_for_function(
        "document.querySelector('.st-key-threshold_criterion input').value === 'By hand'"
    )
    released = 1000 * (time.perf_counter() - began)
    yield (
        "whole step: pointer's event to the frame shown",
        Sample.of((made[:, 2] - made[:, 0]).tolist()),
    )
    yield "of it from the slider's own event on", Sample.of((made[:, 2] - made[:, 1]).tolist())
    worst = float(np.percentile(made[:, 2] - made[:, 0], 95))
    yield "whole step, 95th percentile", Sample.of([worst])
    yield "let go to the server's answer", Sample.of([released])


def _rest(page: Any) -> None:
    page.wait_for_timeout(500)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_timeout(1000)


def _drawn(films: int) -> bytes:
    """Scores of two overlapping normal distributions through the sigmoid, one in four ill."""
    rng = np.random.default_rng(4)
    labels = (rng.random(films) < 0.25).astype(int)
    scores = 1 / (1 + np.exp(-(rng.normal(size=films) * 1.6 + 3 * labels - 1.5)))
    buffer = io.StringIO()
    buffer.write("film,label,score\n")
    for k in range(films):
        buffer.write(f"film-{k},{labels[k]},{scores[k]:.9f}\n")
    return buffer.getvalue().encode()


@contextmanager
def _served(home: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CXR_HOME": str(home)}
    served = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    at = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{at}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.5)
        yield at
    finally:
        served.terminate()
        served.wait(20)


def _write(rows: list[tuple[int, str, Sample]], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = out / f"threshold-page-{now.date().isoformat()}.csv"
    facts = machine()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["films", "figure", "unit", "median", "q1", "q3", "n", "taken", "machine"])
        for films, figure, s in rows:
            ends = (round(v, 2) for v in (s.median, s.q1, s.q3))
            taken = now.isoformat(timespec="seconds")
            writer.writerow([films, figure, "ms", *ends, s.n, taken, str(facts)])
    print(path)


if __name__ == "__main__":
    sys.exit(main())
