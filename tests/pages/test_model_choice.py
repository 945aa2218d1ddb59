"""The review page with several models: the choice is the session's, and results name the model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cxr_core import phantom, points, registry, worklist
from cxr_core.card import Calibration
from cxr_core.reading import read_film
from cxr_core.registry import ModelEntry
from cxr_core.schema import OperatingPoint
from cxr_core.serve import Model

ROOT = Path(__file__).resolve().parents[2]
OPACITY = (ROOT / "assets" / "samples" / phantom.NAMES[True]).read_bytes()
MINE = ("mine", "1.0.0")


@pytest.fixture
def mine(model_entry: ModelEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """The shipped network under another name, calibrated otherwise, as if trained here."""
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    card = model_entry.card
    lower = Calibration(card.calibration.method, card.calibration.scale / 3, -0.5)
    files: dict[str, Path | bytes] = {
        name: model_entry.path(name) for name in registry.FILES if name != registry.CARD
    }
    return registry.write(replace(card, name=MINE[0], version=MINE[1], calibration=lower), files)


@pytest.fixture
def page(mine: ModelEntry) -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def choose(page: AppTest, model: tuple[str, str]) -> AppTest:
    next(s for s in page.selectbox if s.label == "Read films with").select(model).run()
    assert not page.exception
    return page


def results(page: AppTest) -> list[dict[str, object]]:
    session = page.session_state["review_session"]
    return json.loads(worklist.to_json([case.item for case in session.sorted()]))


def upload(page: AppTest) -> AppTest:
    page.file_uploader[0].set_value([("film.jpg", OPACITY, "image/jpeg")])
    return page.run()


def test_films_are_read_again_with_the_chosen_model_and_results_name_it(
    page: AppTest, mine: ModelEntry, model_entry: ModelEntry
):
    upload(page)
    assert results(page)[0]["model"] == f"{model_entry.name} {model_entry.version}"
    choose(page, MINE)
    expected = read_film(OPACITY, "", Model.load(mine)).prediction
    assert expected is not None
    row = results(page)[0]
    assert row["model"] == "mine 1.0.0"
    assert row["probability"] == pytest.approx(expected.probability, abs=1e-5)
    assert "mine 1.0.0" in "\n".join(m.value for m in page.markdown)
    choose(page, (model_entry.name, model_entry.version))
    assert results(page)[0]["model"] == f"{model_entry.name} {model_entry.version}"


def test_choice_made_before_the_first_film_reads_it_and_is_no_other_sessions(page: AppTest):
    other = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    upload(choose(page, MINE))
    assert results(page)[0]["model"] == "mine 1.0.0"
    assert results(upload(other))[0]["model"] != "mine 1.0.0"


def test_model_that_a_link_asks_for_reads_until_another_is_chosen(
    page: AppTest, model_entry: ModelEntry
):
    page.query_params["model"] = "mine@1.0.0"
    upload(page)
    assert results(page)[0]["model"] == "mine 1.0.0"
    assert "model" not in page.query_params
    choose(page, (model_entry.name, model_entry.version))
    page.run()
    assert results(page)[0]["model"] == f"{model_entry.name} {model_entry.version}"


@pytest.mark.parametrize("asked", ["gone@1.0.0", "mine@9.9.9", "mine@", "../mine@1.0.0", "a b", ""])
def test_link_to_a_model_that_is_not_here_says_so_and_the_default_one_reads(
    page: AppTest, model_entry: ModelEntry, asked: str
):
    page.query_params["model"] = asked
    upload(page)
    assert not page.exception
    assert page.error[0].value.startswith("Expected a model")
    assert "default model" in page.error[0].value
    assert results(page)[0]["model"] == f"{model_entry.name} {model_entry.version}"


def test_refusal_overruled_for_one_model_is_shown_again_for_the_next(page: AppTest):
    page.file_uploader[0].set_value([("grey.png", _turned(), "image/png")])
    page.run()
    if results(page)[0]["status"] != "refused":
        pytest.skip("this model's gate takes a film lying on its side")
    page.button(key="review_show_anyway").click().run()
    assert results(page)[0]["shown_anyway"] is True
    choose(page, MINE)
    row = results(page)[0]
    assert (row["status"], row["probability"], row["shown_anyway"]) == ("refused", None, False)


def test_model_damaged_after_it_was_listed_is_named_and_the_default_one_reads(
    page: AppTest, mine: ModelEntry, model_entry: ModelEntry
):
    (mine.folder / registry.SERVING).write_bytes(b"half a file")
    choose(page, MINE)
    assert "damaged" in page.error[0].value
    assert "default model" in page.error[0].value
    assert results(upload(page))[0]["model"] == f"{model_entry.name} {model_entry.version}"


def test_folder_with_a_damaged_card_is_named_and_cannot_be_chosen(page: AppTest, mine: ModelEntry):
    (mine.folder.parent / "1.0.1").mkdir()
    (mine.folder.parent / "1.0.1" / registry.CARD).write_text("{")
    page.run()
    choices = next(s for s in page.selectbox if s.label == "Read films with")
    assert not [option for option in choices.options if "mine 1.0.1" in option]
    assert [c.value for c in page.caption if "mine 1.0.1" in c.value]


def _turned() -> bytes:
    import io

    import numpy as np
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.rot90(phantom.draw(True)).copy()).save(buffer, "PNG")
    return buffer.getvalue()


def test_films_are_read_again_where_an_operating_point_was_locked_meanwhile(
    page: AppTest, model_entry: ModelEntry
):
    upload(page)
    if results(page)[0]["status"] == "refused":
        page.button(key="review_show_anyway").click().run()
    before = results(page)[0]
    assert before["label"] == "PNEUMONIA"
    point = OperatingPoint(0.99999, 0.1, 0.999995, "drawn", "drawn films", 9)
    points.lock(model_entry, point, data_sha256="", role="tuning", figures={})
    page.run()
    assert not page.exception
    after = results(page)[0]
    assert (after["threshold"], after["label"]) == (0.99999, "NORMAL")
    # It is the same reading otherwise, and keeps when a refusal was overruled.
    for key in ("probability", "shown_anyway", "shown_anyway_at", "status"):
        assert after[key] == before[key]
