"""Fine-tuning in a real Chromium: from a folder to a film read with the new model; live curves."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import films
from cxr_core import jobs
from cxr_core.jobs import Job, JobTable, State
from cxr_core.jobs._history import append
from cxr_core.jobs._process import identity
from cxr_core.methods import DataChoice, Plan, as_config, method

pytestmark = pytest.mark.browser

WAIT = 90_000
# TensorFlow's start, two epochs, the quality gate and the serving file, on a busy machine.
TRAINING = 300_000
CURVE = ".st-key-tune_curves svg.marks"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Models and jobs of this test alone, for the app and for its jobs."""
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hundred and twenty small drawn films, two of each patient."""
    for label in ("NORMAL", "PNEUMONIA"):
        place = tmp_path / "small" / label
        place.mkdir(parents=True)
        for k in range(60):
            name = f"person{k // 2}_virus_{k}" if label == "PNEUMONIA" else f"IM-{k // 2:04d}-{k}"
            film = films.chest(96, 96, seed=k, opacity=label == "PNEUMONIA")
            (place / f"{name}.png").write_bytes(films.png(film))
    return tmp_path / "small"


@pytest.fixture
def visit(home: Path, browser: Any, fresh_address: str) -> Iterator[Any]:
    """Opens the page in a session of its own."""
    contexts = []

    def opened(query: str = "") -> Any:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.goto(f"{fresh_address}/fine_tune{query}")
        page.get_by_role("link", name="New run").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def choose(page: Any, label: str, words: str) -> None:
    box = page.get_by_role("combobox", name=re.compile(label))
    box.click()
    box.fill(words)
    box.press("Enter")


def fill(page: Any, label: str, value: str) -> None:
    box = page.get_by_role("spinbutton", name=label, exact=True)
    box.fill(value)
    box.press("Enter")


def settled(page: Any) -> None:
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
    )


def metric(page: Any, label: str) -> Any:
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")


def test_folder_becomes_a_model_that_reads_a_film(visit: Any, folder: Path):
    page = visit()
    choose(page, "Data set", str(folder))
    page.get_by_text("120 films in class folders").wait_for()
    choose(page, "Method", "Small CNN from scratch")
    # The new method's widgets have taken the place of the old one's, all of them.
    page.get_by_text("This method brings its own.").wait_for()
    settled(page)
    fill(page, "Epochs", "2")
    page.get_by_text("Network", exact=True).click()
    fill(page, "Input size", "48")
    page.get_by_text("(2 changed)").wait_for()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"[?&]job="))

    review = page.get_by_role("link", name="Review films with it")
    review.wait_for(timeout=TRAINING)
    assert metric(page, "Epochs run").inner_text() == "2"
    page.wait_for_function(f"document.querySelectorAll('{CURVE}').length === 7")
    page.get_by_text("24 validation films").wait_for()
    stored = page.get_by_text(re.compile("Stored as ")).inner_text()
    name = re.search(r"Stored as (\S+ \d+\.\d+\.\d+)", stored)
    assert name

    page.reload()
    review.wait_for()
    settled(page)
    review.click()
    page.get_by_role("button", name="Drawn film with an opacity").click()
    page.locator(".st-key-review_film .js-plotly-plot .nsewdrag").first.wait_for()
    page.get_by_text(name[1]).first.wait_for()
    if page.get_by_role("button", name="Show anyway").count():
        page.get_by_role("button", name="Show anyway").click()
    page.locator(".st-key-review_bar .main-svg").first.wait_for()
    assert page.get_by_test_id("stMetricValue").count() == 2
    assert page.get_by_text(name[1]).count()


class Running:
    """A run whose process is this test: it says what it likes, and beats until it is stopped."""

    def __init__(self, table: JobTable, source: Path) -> None:
        config = as_config(Plan(DataChoice(str(source)), "frozen", method("frozen").defaults))
        claimed = table.claim(table.submit("train", config, title="Watched").id, identity())
        assert claimed is not None
        self.table, self.job = table, claimed
        self.step = 0
        self.job.folder.mkdir(parents=True)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        while not self._stop.wait(1):
            self.table.beat(self.job)

    def epoch(self, number: int) -> None:
        loss = 1 / (1 + number)
        append(
            self.job.folder,
            {"epoch": number, "loss": loss, "val_loss": loss + 0.01, "val_auc": 1 - loss},
        )
        self.table.beat(self.job, step=0, steps=50, epoch=number + 1, epochs=15)

    def end(self) -> Job:
        self._stop.set()
        self._thread.join()
        self.table.finish(self.job, State.CANCELLED, "Cancelled by a reader.")
        return self.table.get(self.job.id)


def test_curves_grow_in_place_and_a_second_browser_sees_and_stops_the_same_run(
    visit: Any, folder: Path
):
    table = jobs.open_table()
    run = Running(table, folder)
    try:
        run.epoch(1)
        page = visit(f"?job={run.job.id}")
        page.locator(CURVE).first.wait_for()
        assert metric(page, "Validation loss").inner_text() == "0.51"
        page.evaluate(
            f"""() => {{
              window.gone = 0;
              const marked = [...document.querySelectorAll('{CURVE}')];
              const progress = document.querySelector('[data-testid=stProgress]');
              new MutationObserver(() => {{
                window.gone += [...marked, progress].filter((e) => !e.isConnected).length;
              }}).observe(document.body, {{ childList: true, subtree: true }});
            }}"""
        )
        for number in (2, 3, 4):
            run.epoch(number)
            words = f"{1 / (1 + number) + 0.01:.4g}"
            metric(page, "Validation loss").filter(has_text=words).wait_for()
        assert page.evaluate("window.gone") == 0

        page.reload()
        metric(page, "Validation loss").filter(has_text="0.21").wait_for()
        other = visit()
        other.get_by_role("link", name="Watched").click()
        other.wait_for_url(re.compile(f"job={run.job.id}"))
        metric(other, "Epoch").filter(has_text="5 of 15").wait_for()
        other.get_by_role("button", name="Cancel").click()
        page.get_by_text("stopping").wait_for()
        assert table.get(run.job.id).cancelling
    finally:
        run.end()
    page.get_by_text("Cancelled by a reader.").wait_for()
    other.get_by_role("button", name="Resume").wait_for()
    other.get_by_role("link", name="New run").click()
    other.get_by_role("button", name="Start").wait_for()
    other.wait_for_url(re.compile(r"fine_tune(?!.*job=)"))
    table.close()
