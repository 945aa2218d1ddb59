"""`train`: settings, versions and what is refused before anything starts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cxr_core import registry, release
from cxr_core.cli import _train, main, parser
from cxr_core.recipe import SHIPPED_RECIPE
from cxr_core.registry import ModelEntry


def test_train_refuses_what_cannot_work_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(tmp_path), "--root", str(tmp_path / "out"), "--dropout", "2"]) == 2
    assert "dropout" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_train_refuses_a_finer_map_of_a_backbone_that_has_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hours before it would be made."""
    assert main(["train", str(tmp_path), "--backbone", "resnet50"]) == 2
    assert "--no-fine-map" in capsys.readouterr().err


def test_train_settings_change_every_stage_of_the_shipped_recipe() -> None:
    given = ["train", "films", "--epochs", "2.5", "--members", "1", "--no-class-weight"]
    recipe = _train.changed(parser(training=True).parse_args(given))
    assert recipe.members == 1
    assert [(s.epochs, s.class_weight) for s in recipe.stages] == [(2.5, False)] * len(
        SHIPPED_RECIPE.stages
    )
    assert recipe.stages[-1].learning_rate == SHIPPED_RECIPE.stages[-1].learning_rate


def test_the_next_version_follows_the_latest(
    model_entry: ModelEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    assert release.next_version("never-made") == "0.1.0"
    shutil.copytree(model_entry.folder, tmp_path / "models" / "made" / "1.4.9")
    assert release.next_version("made") == "1.4.10"
    assert registry.version_key("1.4.10") > registry.version_key("1.4.9")


def test_every_method_is_named_in_the_help() -> None:
    from cxr_core import methods
    from cxr_core.cli import _method

    assert _method.NAMES.split(", ") == [m.key for m in methods.METHODS]


def test_a_method_is_refused_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    for wrong, why in (
        (["--method", "magic"], "two-phase"),
        (["--method", "frozen", "--set", "batch=1"], "batch of 2"),
        (["--method", "frozen", "--set", "batch"], "NAME=VALUE"),
        (["--method", "frozen", "--adults", "x"], "--adults"),
        (["--set", "epochs=2"], "with --method"),
    ):
        assert main(["train", str(tmp_path), *wrong]) == 2
        assert why in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
def test_a_method_trains_from_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.fine_tuning.drawn import draw

    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    source = draw(tmp_path / "films", 120)
    given = ["size=48", "dense=8", "batch=16", "epochs=1", "gate_films=40"]
    settings = [part for setting in given for part in ("--set", setting)]
    assert main(["train", str(source), "--method", "small-cnn", *settings]) == 0
    said = capsys.readouterr()
    assert "validation auc: " in said.out
    assert "pneumonia-small-cnn 0.1.0 is stored" in said.out
    assert "epoch 1: loss" in said.err
