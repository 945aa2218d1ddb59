"""Stored models as a person arranges them: nothing is lost by half, nothing shipped is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_model

from cxr_core import points, registry, shelf
from cxr_core.errors import ModelError
from cxr_core.registry import ModelEntry
from cxr_core.schema import OperatingPoint


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    return tmp_path / "models"


@pytest.fixture
def mine(root: Path) -> ModelEntry:
    return tiny_model.write(root)


def names(root: Path) -> list[str]:
    return [f"{e.name}@{e.version}" for e in registry.list_models([root])]


def locked(entry: ModelEntry) -> OperatingPoint:
    point = OperatingPoint(0.55, 0.5, 0.6, "by hand", "drawn", 10)
    points.lock(entry, point, data_sha256="0" * 64, role="tuning", figures={})
    return point


def test_default_is_the_shipped_model_until_another_is_chosen(mine: ModelEntry):
    assert registry.default().entry is None
    registry.set_default(mine)
    assert registry.find() == mine
    registry.set_default(None)
    assert registry.find() != mine


def test_a_damaged_model_cannot_be_made_the_default(mine: ModelEntry):
    mine.path(registry.SERVING).write_bytes(b"half")
    with pytest.raises(ModelError, match="damaged"):
        registry.set_default(mine)
    assert registry.default().entry is None


@pytest.mark.parametrize("harm", ["folder", "file", "card", "choice"])
def test_a_default_that_came_to_harm_is_told_and_the_shipped_model_is_meant(
    mine: ModelEntry, root: Path, harm: str
):
    registry.set_default(mine)
    if harm == "folder":
        mine.folder.rename(root / "elsewhere")
    elif harm == "file":
        mine.path(registry.GATE).unlink()
    elif harm == "card":
        mine.path(registry.CARD).write_text("{}")
    else:
        (root / "default.json").write_text("[1, 2]")
    found = registry.default()
    assert found.entry is None
    assert found.problem
    assert registry.find().name == registry.DEFAULT_MODEL


def test_a_half_copied_model_is_named_and_the_others_stand(mine: ModelEntry, root: Path):
    whole = tiny_model.write(root, "1.1.0")
    mine.path(registry.KERAS).unlink()
    found = {one.id: one for one in shelf.stored([root])}
    assert "model.keras" in (found["tiny@1.0.0"].problem or "")
    assert found["tiny@1.0.0"].card is None
    assert found[f"tiny@{whole.version}"].problem is None
    assert found[f"tiny@{whole.version}"].megabytes > 0


def test_a_description_is_kept_and_taken_away_without_touching_the_model(mine: ModelEntry):
    before = mine.sums()
    shelf.describe(mine, "  Ward 7, 2025  ")
    assert [one.description for one in shelf.stored() if one.entry == mine] == ["Ward 7, 2025"]
    assert registry.verify(mine) == ()
    assert mine.sums() == before
    shelf.describe(mine, "")
    assert [one.description for one in shelf.stored() if one.entry == mine] == [""]


def test_a_description_that_is_a_book_is_refused(mine: ModelEntry):
    with pytest.raises(ModelError, match="up to 2000"):
        shelf.describe(mine, "x" * 2001)


def test_damaged_descriptions_are_only_lost_words(mine: ModelEntry, root: Path):
    (root / "descriptions.json").write_text("[")
    assert [one.description for one in shelf.stored([root])] == [""]
    shelf.describe(mine, "again")
    assert json.loads((root / "descriptions.json").read_text()) == {"tiny@1.0.0": "again"}


def test_a_renamed_model_is_whole_and_takes_all_that_is_its_own_with_it(
    mine: ModelEntry, root: Path
):
    shelf.describe(mine, "mine")
    registry.set_default(mine)
    point = locked(mine)
    renamed = shelf.rename(mine, "ward-7")
    assert names(root) == ["ward-7@1.0.0"]
    assert registry.verify(renamed) == ()
    assert renamed.card.name == "ward-7"
    assert registry.find() == renamed
    assert points.active(renamed) == point
    assert [one.description for one in shelf.stored([root])] == ["mine"]


@pytest.mark.parametrize("name", ["Upper", "", "a/b", "..", "x" * 65])
def test_a_name_that_is_no_name_is_refused_and_nothing_moves(
    mine: ModelEntry, root: Path, name: str
):
    with pytest.raises(ModelError, match="model name"):
        shelf.rename(mine, name)
    assert names(root) == ["tiny@1.0.0"]


def test_a_name_that_is_taken_is_refused(mine: ModelEntry, root: Path):
    other = tiny_model.write(root, name="other")
    with pytest.raises(ModelError, match="exists already"):
        shelf.rename(mine, "other")
    assert registry.verify(other) == ()
    assert names(root) == ["other@1.0.0", "tiny@1.0.0"]


def test_a_damaged_model_is_not_copied_under_another_name(mine: ModelEntry, root: Path):
    mine.path(registry.SERVING).write_bytes(b"half")
    with pytest.raises(ModelError, match="damaged"):
        shelf.rename(mine, "ward-7")
    assert names(root) == ["tiny@1.0.0"]


def test_a_deleted_model_leaves_nothing_that_another_of_its_name_would_inherit(
    mine: ModelEntry, root: Path
):
    shelf.describe(mine, "mine")
    registry.set_default(mine)
    locked(mine)
    shelf.delete(mine)
    assert names(root) == []
    assert not (root / "tiny").exists()
    assert registry.default() == registry.Default()
    again = tiny_model.write(root)
    assert points.history(again).active is None
    assert [one.description for one in shelf.stored([root])] == [""]


def test_a_damaged_model_can_be_deleted(mine: ModelEntry, root: Path):
    mine.path(registry.CARD).unlink()
    shelf.delete(mine)
    assert names(root) == []


def test_deleting_twice_says_that_it_is_gone(mine: ModelEntry):
    shelf.delete(mine)
    with pytest.raises(ModelError, match="not there any more"):
        shelf.delete(mine)


def test_a_shipped_model_is_neither_renamed_nor_deleted(model_entry: ModelEntry):
    if not model_entry.shipped:
        pytest.skip("the model to test with is not a shipped one")
    for act in (lambda: shelf.rename(model_entry, "x"), lambda: shelf.delete(model_entry)):
        with pytest.raises(ModelError, match="came with the program"):
            act()
    assert registry.verify(model_entry) == ()


def test_cards_stand_side_by_side_with_their_gaps(mine: ModelEntry, root: Path):
    other = tiny_model.write(root, "1.1.0", backbone="mobilenetv2")
    rows = dict(shelf.side_by_side([mine.card, other.card]))
    assert rows["Backbone"] == ("not measured", "mobilenetv2")
    assert rows["Threshold"] == ("0.4", "0.4")
    assert rows["AUC"] == ("not measured", "not measured")
