"""The lecture page in a real Chromium: seen whole, by keyboard, saved, and never in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from cxr_core.explain.gallery import METHODS

pytestmark = pytest.mark.browser
WAIT = 120_000

Open = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Open]:
    """Opens the page in a session of its own."""
    contexts = []

    def opened(
        width: int = 1440, height: int = 900, scheme: str = "dark", of: str = "Architectures"
    ) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.goto(f"{address}/learn?learn_view={quote(of)}")
        page.get_by_role("radio", name=of, exact=True).or_(
            page.get_by_role("button", name=of, exact=True)
        ).first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def drawn(page: Any, key: str) -> Any:
    chart = page.locator(f".st-key-{key} .js-plotly-plot .main-svg").first
    chart.wait_for()
    return chart


def saved(page: Any, key: str, folder: Path) -> np.ndarray:
    """The pixels of a figure's PNG, (H, W) grey."""
    drawn(page, key)
    with page.expect_download() as download:
        page.locator(f".st-key-{key}_export button").first.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return np.asarray(Image.open(path).convert("L"))


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


@pytest.mark.parametrize(
    ("name", "says", "figures"),
    [
        ("Augmentation", "It happens to real films", ("learn_before", "learn_after")),
        ("Mistakes", "McNemar", ("learn_losses",)),
        ("Which method?", "Queue: Linear SVM on earlier features", ()),
    ],
)
def test_a_view_has_an_address_and_fits_a_projector_and_its_figures_are_saved(
    visit: Open, tmp_path: Path, name: str, says: str, figures: tuple[str, ...]
) -> None:
    page = visit(width=1280, height=720, of=name)
    page.get_by_text(says).first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for key in figures:
        assert saved(page, key, tmp_path).std() > 5


@pytest.mark.slow
def test_a_film_is_asked_why_by_keyboard_and_its_maps_are_tested(
    visit: Open, tmp_path: Path
) -> None:
    page = visit(of="Why?")
    page.get_by_role("button", name="Ask why").wait_for()
    for row in METHODS:
        if row.key not in ("grad_cam", "activations"):
            page.get_by_role("button", name=row.title, exact=True).click()
    page.get_by_role("button", name="Ask why").focus()
    page.keyboard.press("Enter")
    assert saved(page, "learn_why_grad_cam", tmp_path).std() > 5
    drawn(page, "learn_why_activations")
    page.get_by_text("Not tested").nth(1).wait_for()
    page.get_by_text("Test each map").click()
    assert saved(page, "learn_curve", tmp_path).std() > 5
    assert page.get_by_text("Masking: ").count() == page.get_by_text("Shuffling: ").count() == 2


@pytest.mark.slow
def test_the_network_as_it_came_names_a_cat_or_says_what_it_lacks(
    visit: Open, tmp_path: Path
) -> None:
    page = visit(of="As it came")
    lacks = page.get_by_text("set KERAS_HOME to a folder")
    names = page.locator(".st-key-learn_guesses_photograph .js-plotly-plot .main-svg")
    names.or_(lacks).first.wait_for()
    if not lacks.count():
        assert page.get_by_text("cat", exact=False).count()
        assert saved(page, "learn_guesses_film", tmp_path).std() > 5


@pytest.mark.slow
def test_a_network_is_opened_while_others_work_on(visit: Open) -> None:
    opening, working = visit(), visit()
    view(opening, "Inside a film")
    # Its process starts Keras now; the other session is answered all the same.
    view(working, "Augmentation")
    drawn(working, "learn_after")
    drawn(opening, "learn_maps")
    opening.get_by_text("that vary most").or_(opening.get_by_text("maps of")).first.wait_for()
