"""`models default | describe | rename | delete | compare` from the terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import tiny_model

from cxr_core import registry
from cxr_core.cli import main
from cxr_core.registry import ModelEntry


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    return tiny_model.write(tmp_path / "models")


class Terminal(io.StringIO):
    """Standard input with a person at it."""

    def isatty(self) -> bool:
        return True


def rows(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    assert main(["models", "list", "--json"]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_a_model_is_described_renamed_and_made_the_default(
    mine: ModelEntry, capsys: pytest.CaptureFixture[str]
):
    assert main(["models", "describe", "tiny", "Ward 7"]) == 0
    assert main(["models", "default", "tiny@1.0.0"]) == 0
    assert main(["models", "rename", "tiny", "ward-7"]) == 0
    found = rows(capsys)
    assert "tiny" not in found
    assert found["ward-7"]["description"] == "Ward 7"
    assert found["ward-7"]["default"] is True
    assert main(["models", "default"]) == 0
    assert rows(capsys)["ward-7"]["default"] is False


@pytest.mark.parametrize(("answer", "left"), [("no\n", True), ("tiny\n", False)])
def test_deletion_asks_for_the_name(
    mine: ModelEntry, monkeypatch: pytest.MonkeyPatch, answer: str, left: bool
):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert main(["models", "delete", "tiny@1.0.0"]) == 0
    assert mine.folder.exists() is left


def test_nothing_is_deleted_where_nobody_can_be_asked(
    mine: ModelEntry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.stdin", io.StringIO("tiny\n"))
    assert main(["models", "delete", "tiny@1.0.0"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert main(["models", "delete", "tiny"]) == 2
    assert mine.folder.exists()
    assert main(["models", "delete", "tiny@1.0.0", "--yes"]) == 0
    assert not mine.folder.exists()


def test_a_half_copied_model_is_named_in_the_list_and_skipped(
    mine: ModelEntry, capsys: pytest.CaptureFixture[str]
):
    mine.path(registry.SERVING).unlink()
    assert "serving.tflite" in str(rows(capsys)["tiny"]["problem"])
    assert main(["models", "list"]) == 0
    assert "damaged, and skipped" in capsys.readouterr().out


def test_cards_are_compared_side_by_side(mine: ModelEntry, capsys: pytest.CaptureFixture[str]):
    tiny_model.write(mine.folder.parent.parent, "1.1.0")
    assert main(["models", "compare", "tiny@1.0.0", "tiny@1.1.0", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["Threshold"] == {"tiny 1.0.0": "0.4", "tiny 1.1.0": "0.4"}
    assert main(["models", "compare", "tiny"]) == 2


def test_a_model_is_exported_with_its_size(
    mine: ModelEntry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    target = tmp_path / "out.tflite"
    assert main(["models", "export", "tiny", "--to", str(target), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bytes"] == target.stat().st_size == told["served_bytes"]
    assert main(["models", "export", "tiny", "--to", str(tmp_path / "no" / "out")]) == 2
