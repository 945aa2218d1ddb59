"""The compare page in a real Chromium: the first screen, a measurement as a job, things to take."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = pytest.mark.browser

WAIT = 60_000
# A process that imports TensorFlow, converts a small network and times it, on a slow machine.
JOB = 300_000
FIELD = ".st-key-compare_field .js-plotly-plot"
SPANS = ".st-key-compare_spans .js-plotly-plot"
Open = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Open]:
    """Opens a view of the page in a session of its own."""
    contexts = []

    def opened(view: str, width: int = 1440, height: int = 900, scheme: str = "dark") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.goto(f"{address}/compare?view={view.replace(' ', '+')}")
        page.get_by_role("radio", name=view).wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def drawn(page: Any, figure: str) -> None:
    page.locator(f"{figure} .main-svg").first.wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")


@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [(1280, 800, "light"), (1440, 900, "dark"), (1920, 1080, "light")],
)
def test_why_mobilenet_exists_is_seen_without_scrolling(
    visit: Open, width: int, height: int, scheme: str
):
    page = visit("Why MobileNet", width, height, scheme)
    drawn(page, FIELD)
    page.wait_for_function(
        f"() => {{ const box = document.querySelector('{FIELD}').getBoundingClientRect();"
        " return box.height > 300 && box.bottom <= window.innerHeight; }"
    )
    for element in (
        page.get_by_role("heading", name=re.compile("27 × fewer operations")),
        page.locator(FIELD).first,
        page.locator(".st-key-compare_split .main-svg").first,
        page.locator(".st-key-compare_shares .barlayer").first,
    ):
        box = element.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    texts = page.locator(".st-key-compare_shares .barlayer text").all_text_contents()
    assert {"94.86 %", "74.59 %"} <= set(texts)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_views_are_reached_by_keyboard(visit: Open):
    page = visit("Why MobileNet")
    drawn(page, FIELD)
    page.get_by_role("radio", name="Why MobileNet").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator(".st-key-compare_picture .main-svg").first.wait_for()
    assert "view=Convolutions" in page.url


def test_a_backbone_is_measured_as_a_job_and_its_point_appears(visit: Open, tmp_path: Path):
    page = visit("Measure here")
    networks = page.locator(".st-key-compare_measure_rows")
    networks.get_by_label("Clear all").click()
    networks.locator("input").fill("MobileNetV3Small")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="compiled call").click()
    page.get_by_role("button", name="Measure on this machine").click()
    page.get_by_test_id("stProgress").wait_for()
    page.get_by_text(re.compile("Latency of MobileNetV3Small: done")).wait_for(timeout=JOB)
    drawn(page, SPANS)
    page.get_by_role("radio", name="Why MobileNet").click()
    page.get_by_role("radio", name="Latency here").click()
    page.wait_for_function(
        f"() => (document.querySelector('{FIELD}')?.data ?? []).some("
        "(trace) => trace.customdata?.includes('MobileNetV3Small'))"
    )
    drawn(page, FIELD)
    with page.expect_download() as saved:
        # The title is given with the button's work: before, a click would be lost.
        page.locator(".st-key-compare_field_export button[title*=PNG]").click()
    saved.value.save_as(tmp_path / "field.png")
    assert Image.open(tmp_path / "field.png").width > 1000
    page.get_by_role("radio", name="All networks").click()
    page.get_by_test_id("stDataFrame").first.wait_for()
    with page.expect_download() as saved:
        page.locator(".st-key-compare_csv button").first.click()
    saved.value.save_as(tmp_path / "backbones.csv")
    text = (tmp_path / "backbones.csv").read_text()
    row = next(r for r in csv.DictReader(io.StringIO(text)) if r["row"] == "mobilenetv3small")
    measured = [v for k, v in row.items() if "litert" in k and "median" in k and "16" not in k]
    assert any(float(v) > 0 for v in measured if v != "not measured")
