"""The lecture page in a real Chromium: seen whole, by keyboard, saved, and never in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = pytest.mark.browser
WAIT = 120_000

Open = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Open]:
    """Opens the page in a session of its own."""
    contexts = []

    def opened(width: int = 1440, height: int = 900, scheme: str = "dark") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.goto(f"{address}/learn")
        page.get_by_text("Problem").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def drawn(page: Any, key: str) -> Any:
    chart = page.locator(f".st-key-{key} .js-plotly-plot .main-svg").first
    chart.wait_for()
    return chart


def view(page: Any, name: str) -> None:
    page.get_by_role("radio", name=name).or_(page.get_by_role("button", name=name)).first.click()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1920, "dark")])
def test_an_architecture_is_seen_whole_and_saved(
    visit: Open, tmp_path: Path, width: int, scheme: str
) -> None:
    page = visit(width=width, scheme=scheme)
    box = drawn(page, "learn_block").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    with page.expect_download() as saved:
        page.locator(".st-key-learn_block_export button").first.click()
    saved.value.save_as(tmp_path / "block.png")
    assert saved.value.suggested_filename == "resnet50-block.png"
    assert Image.open(tmp_path / "block.png").width > width


def test_another_architecture_by_keyboard_alone(visit: Open) -> None:
    page = visit()
    drawn(page, "learn_block")
    chosen = page.get_by_role("combobox", name="Architecture")
    for _ in range(40):
        page.keyboard.press("Tab")
        if chosen.evaluate("element => element === document.activeElement"):
            break
    else:
        pytest.fail("the list of architectures was not reached by Tab")
    page.keyboard.type("Inception")
    page.keyboard.press("Enter")
    page.get_by_text("one and small in the next").wait_for()


@pytest.mark.slow
def test_a_network_is_opened_while_others_work_on(visit: Open) -> None:
    opening, working = visit(), visit()
    view(opening, "Inside a film")
    # Its process starts Keras now; the other session is answered all the same.
    view(working, "Augmentation")
    drawn(working, "learn_after")
    drawn(opening, "learn_maps")
    opening.get_by_text("that vary most").or_(opening.get_by_text("maps of")).first.wait_for()
