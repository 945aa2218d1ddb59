"""The threshold page in a real Chromium: drag, read, let go; keys; files; what fits the screen."""

from __future__ import annotations

import csv
import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_core.registry import ModelEntry

pytestmark = pytest.mark.browser

WAIT = 60_000
PANEL = ".st-key-threshold_live"
HANDLE = f"{PANEL} input[data-is=threshold]"
CHARTS = ("threshold_scores", "threshold_roc", "threshold_pr")

Open = Callable[..., Any]

READ = """
() => {
  const root = [...document.querySelectorAll(".st-key-threshold_live *")]
    .find((element) => element.shadowRoot).shadowRoot;
  const number = (name) =>
    +root.querySelector(`[data-is="${name}"]`).textContent.replaceAll(",", "");
  const row = (key) => [...root.querySelector(`[data-figure=${key}]`).cells]
    .map((cell) => cell.textContent);
  return {
    threshold: root.querySelector("[data-is=threshold]").dataset.exact,
    cells: ["tp", "fn", "fp", "tn"].map(number),
    sensitivity: row("sensitivity"), specificity: row("specificity"),
    point: document.querySelector(".st-key-threshold_roc .cxr-live circle")?.dataset.threshold,
  };
}
"""
PLACES = """
() => [".st-key-threshold_live", ".st-key-threshold_roc", ".st-key-threshold_pr",
  ".st-key-threshold_scores", ".st-key-threshold_section", ".st-key-threshold_criterion"]
  .map((name) => { const box = document.querySelector(name).getBoundingClientRect();
    return [box.x, box.y, box.width, box.height].map(Math.round); })
"""


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Open]:
    """Opens the page in a session of its own."""
    contexts = []

    def opened(width: int = 1440, height: int = 900, scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.goto(f"{address}/threshold")
        for chart in CHARTS:
            page.locator(f".st-key-{chart} .cxr-live > *").first.wait_for(state="attached")
        settled(page)
        return page

    yield opened
    for context in contexts:
        context.close()


def settled(page: Any) -> None:
    page.wait_for_timeout(300)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_timeout(300)


def films(entry: ModelEntry) -> list[tuple[bool, float]]:
    """Truth and probability of every validation film, from the stored file."""
    calibration = entry.card.calibration
    with entry.path("scores.csv").open() as file:
        return [
            (
                row["label"] == "PNEUMONIA",
                1 / (1 + math.exp(-(calibration.scale * float(row["logit"]) + calibration.offset))),
            )
            for row in csv.DictReader(file)
        ]


def counted(known: list[tuple[bool, float]], threshold: float) -> list[int]:
    """tp, fn, fp, tn."""
    return [
        sum(ill and p >= threshold for ill, p in known),
        sum(ill and p < threshold for ill, p in known),
        sum(not ill and p >= threshold for ill, p in known),
        sum(not ill and p < threshold for ill, p in known),
    ]


def place(
    page: Any, name: str = "threshold", thumb: int = 10
) -> tuple[Callable[..., float], float]:
    """Where a value lies on the rail, and the rail's middle, in pixels of the window."""
    box = page.locator(f"{PANEL} input[data-is={name}]").bounding_box()
    left, width = box["x"] + thumb, box["width"] - 2 * thumb
    return (lambda value: left + value * width), box["y"] + box["height"] / 2


def test_matrix_equals_counting_at_every_step_of_a_drag_and_nothing_else_moves(
    visit: Open, model_entry: ModelEntry
):
    page, known = visit(), films(model_entry)
    for key in CHARTS:
        page.evaluate(
            f"() => document.querySelector('.st-key-{key} .js-plotly-plot').dataset.mark = 'same'"
        )
    before = page.evaluate(PLACES)
    start = page.evaluate(READ)
    assert float(start["threshold"]) == model_entry.card.operating_point.threshold
    x, y = place(page)
    page.mouse.move(x(float(start["threshold"])), y)
    page.mouse.down()
    seen = set()
    for k in range(61):
        page.mouse.move(x(0.01 + 0.98 * k / 60), y)
        read = page.evaluate(READ)
        threshold = float(read["threshold"])
        assert read["cells"] == counted(known, threshold)
        assert read["point"] == read["threshold"]
        tp, fn, fp, tn = read["cells"]
        assert read["sensitivity"][1] == f"{100 * tp / (tp + fn):.1f} %"
        assert read["specificity"][1] == f"{100 * tn / (tn + fp):.1f} %"
        seen.add(threshold)
        assert page.evaluate(PLACES) == before
    assert len(seen) > 40
    page.mouse.up()
    settled(page)
    assert page.locator(".st-key-threshold_criterion input").input_value() == "By hand"
    after = page.evaluate(READ)
    assert after["cells"] == read["cells"]
    assert page.evaluate(PLACES)[:4] == before[:4]
    # The charts are those of before: nothing was drawn anew.
    for key in CHARTS:
        graph = f".st-key-{key} .js-plotly-plot"
        assert page.evaluate(f"() => document.querySelector('{graph}').dataset.mark") == "same"


def test_keys_move_the_handle_by_one_film_and_a_criterion_takes_it_elsewhere(
    visit: Open, model_entry: ModelEntry
):
    page, known = visit(), films(model_entry)
    handle = page.locator(HANDLE)
    handle.focus()
    first = page.evaluate(READ)
    for key, called in (("ArrowRight", -1), ("ArrowRight", -1), ("ArrowLeft", 1)):
        before = sum(page.evaluate(READ)["cells"][::2])
        page.keyboard.press(key)
        read = page.evaluate(READ)
        assert sum(read["cells"][::2]) - before in (called, 0)
        assert read["cells"] == counted(known, float(read["threshold"]))
    page.keyboard.press("End")
    assert page.evaluate(READ)["cells"][0] == 0
    page.keyboard.press("Home")
    assert page.evaluate(READ)["cells"][1] == 0
    settled(page)
    page.locator(".st-key-threshold_criterion").get_by_role("combobox").click()
    page.get_by_role("option").get_by_text("Youden").click()
    page.wait_for_function("first => (" + READ.strip() + ")().cells[1] > 0", arg=first["threshold"])
    settled(page)
    read = page.evaluate(READ)
    tp, fn, fp, tn = read["cells"]
    assert read["cells"] == counted(known, float(read["threshold"]))
    best = max(
        counted(known, p)[0] / (tp + fn) + counted(known, p)[3] / (fp + tn) for _, p in known
    )
    assert tp / (tp + fn) + tn / (fp + tn) == pytest.approx(best)


def test_charts_are_saved_with_the_point_on_them(visit: Open, tmp_path: Path):
    page = visit(scheme="dark")
    for kind in ("png", "svg"):
        with page.expect_download() as saved:
            page.locator(".st-key-threshold_roc_export button").get_by_text(kind.upper()).click()
        assert saved.value.suggested_filename == f"roc.{kind}"
        saved.value.save_as(tmp_path / f"roc.{kind}")
    picture = Image.open(tmp_path / "roc.png")
    picture.load()
    assert picture.format == "PNG"
    assert min(picture.size) >= 700
    # Three times as large, the curve is three times as wide too: 6 pixels, where 2 were drawn.
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    blue = np.abs(pixels - np.array([0, 114, 178])).sum(axis=2) < 30
    assert blue.sum() > 4 * (picture.width + picture.height) * 0.8
    root = ET.parse(tmp_path / "roc.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert [e for e in root.iter() if e.get("data-threshold")]
    assert "Sensitivity" in "".join(root.itertext())


def test_slider_matrix_figures_and_roc_fit_the_first_screen(visit: Open):
    page = visit()
    needed = [HANDLE, f"{PANEL} [data-is=tn]", f"{PANEL} [data-figure=lr_minus]"]
    needed.append(".st-key-threshold_roc .main-svg >> nth=0")
    for width, height, scheme in ((1440, 900, "light"), (1920, 1080, "dark"), (1280, 800, "light")):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        # At 1280 the figures stand under the matrix, and the page scrolls to them.
        for name in needed if width >= 1440 else needed[:1]:
            box = page.locator(name).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
