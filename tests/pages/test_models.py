"""The models page as a script: what is stored, chosen, changed and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny_model
from streamlit.testing.v1 import AppTest

from cxr_core import registry, shelf
from cxr_core.registry import ModelEntry

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    monkeypatch.delenv("CXR_DATABASE_URL", raising=False)
    return tiny_model.write(tmp_path / "models")


def opened(*chosen: str) -> AppTest:
    """The page with these models chosen in its table."""
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    page.switch_page("pages/models.py").run()
    if chosen:
        found = [one.id for one in shelf.stored()]
        state: dict[str, Any] = {"rows": [found.index(name) for name in chosen]}
        key = f"models_table_{hash(tuple(found))}"
        page.session_state[key] = {"selection": state | {"columns": [], "cells": []}}
        page.run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    shown = [*page.markdown, *page.caption, *page.error, *page.warning, *page.success, *page.info]
    return "\n".join(str(element.value) for element in shown)


def test_every_model_is_listed_and_a_damaged_one_is_named(mine: ModelEntry):
    tiny_model.write(mine.folder.parent.parent, "1.1.0")
    mine.path(registry.SERVING).unlink()
    page = opened()
    table = page.dataframe[0].value.set_index("Version")
    own = table[table["Name"] == "tiny"]
    assert own.loc["1.0.0", "State"] == "damaged"
    assert own.loc["1.1.0", "State"] == "complete"
    assert "**tiny 1.0.0** is left out" in words(page)
    assert "serving.tflite" in words(page)


def test_the_page_opens_with_the_model_that_review_reads_with(mine: ModelEntry):
    registry.set_default(mine)
    page = opened()
    assert "#### tiny 1.0.0" in words(page)
    assert page.file_uploader(key="models_file")


def test_a_model_is_described_and_becomes_the_default(mine: ModelEntry):
    page = opened("tiny@1.0.0")
    page.text_area(key="models_text_tiny@1.0.0").set_value("Ward 7").run()
    page.button(key="models_describe").click().run()
    assert not page.exception
    assert next(o for o in shelf.stored() if o.entry == mine).description == "Ward 7"
    page = opened("tiny@1.0.0")
    page.button(key="models_default").click().run()
    assert not page.exception
    assert registry.find() == mine


def test_verify_tells_which_file_was_changed(mine: ModelEntry):
    page = opened("tiny@1.0.0")
    page.button(key="models_verify").click().run()
    assert "as it was written" in words(page)
    mine.path(registry.SCORES).write_bytes(b"other")
    page.button(key="models_verify").click().run()
    assert "scores.csv" in page.error[0].value


def test_a_name_that_is_no_name_is_refused_in_words(mine: ModelEntry):
    page = opened("tiny@1.0.0")
    page.text_input(key="models_name_tiny@1.0.0").set_value("No Name").run()
    page.button(key="models_rename").click().run()
    assert page.error[0].value.startswith("Expected a model name")
    assert mine.folder.is_dir()


def test_deletion_needs_the_name_typed(mine: ModelEntry):
    page = opened("tiny@1.0.0")
    page.button(key="models_delete").click().run()
    assert page.button(key="models_delete_now").disabled
    assert mine.folder.is_dir()


def test_a_shipped_model_can_be_exported_but_not_deleted(model_entry: ModelEntry, mine: ModelEntry):
    if not model_entry.shipped:
        pytest.skip("the model to test with is not a shipped one")
    page = opened(f"{model_entry.name}@{model_entry.version}")
    keys = {button.key for button in page.button}
    assert "models_export" in keys
    assert not {"models_delete", "models_rename"} & keys


def test_two_models_stand_side_by_side_with_a_warning_where_their_films_differ(mine: ModelEntry):
    tiny_model.write(mine.folder.parent.parent, "1.1.0")
    page = opened("tiny@1.0.0", "tiny@1.1.0")
    assert "not validated on the same films" in words(page)
    facts = page.dataframe[1].value.set_index("")
    assert list(facts.columns) == ["tiny 1.0.0", "tiny 1.1.0"]
    assert facts.loc["AUC", "tiny 1.0.0"] == "not measured"


def test_a_keras_file_is_examined_and_refused_with_the_reason_or_welcomed(
    model_entry: ModelEntry, mine: ModelEntry
):
    page = opened()
    page.file_uploader(key="models_file").set_value(("x.keras", b"no archive", "")).run()
    assert "damaged or of another kind" in page.error[0].value
    content = model_entry.path(registry.KERAS).read_bytes()
    page.file_uploader(key="models_file").set_value(("x.keras", content, "")).run()
    assert "No code in it" in page.success[0].value
    page.text_input(key="models_import_name").set_value("Not A Name")
    page.button(key="models_import_start").click().run()
    assert page.error[0].value.startswith("Expected a model name")
