"""`models`: what is stored and whether it is whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cxr_core.cli import main
from cxr_core.registry import ModelEntry

pytestmark = pytest.mark.usefixtures("model_entry")


def test_models_are_listed_shown_and_verified(
    model_entry: ModelEntry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert (model_entry.name, model_entry.version) in {(m["name"], m["version"]) for m in listed}
    assert main(["models", "show", f"{model_entry.name}@{model_entry.version}"]) == 0
    assert "Not measured" in capsys.readouterr().out
    assert main(["models", "verify", model_entry.name]) == 0
    assert "whole" in capsys.readouterr().out


def test_a_damaged_model_is_found_and_not_run(
    model_entry: ModelEntry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = tmp_path / "models" / model_entry.name / "99.0.0"
    shutil.copytree(model_entry.folder, copy)
    with (copy / "serving.tflite").open("r+b") as file:
        file.seek(5000)
        file.write(b"\0\1\2\3")
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    which = f"{model_entry.name}@99.0.0"
    assert main(["models", "verify", which]) == 1
    assert "serving.tflite" in capsys.readouterr().out
    assert main(["predict", "film.png", "--model", which]) == 2


def test_an_unknown_model_ends_with_two_and_names_the_others(
    model_entry: ModelEntry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "film.png", "--model", "nonesuch"]) == 2
    assert model_entry.name in capsys.readouterr().err
