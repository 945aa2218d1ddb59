"""A stored model as a file to take elsewhere: what it weighs and how far it answers the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tiny_model

import films
from cxr_core import export, registry
from cxr_core.errors import ConfigError, DataError, ModelError
from cxr_core.registry import ModelEntry
from cxr_core.serve import Model

SCORES = (
    "film_id,patient,cause,label,logit,score\n"
    "NORMAL/a,pa,,NORMAL,-0.5,0.4\nNORMAL/b,pb,,NORMAL,-0.5,0.4\n"
    "PNEUMONIA/c,pc,,PNEUMONIA,0.5,0.6\nPNEUMONIA/d,pd,,PNEUMONIA,0.5,0.6\n"
)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    return tiny_model.write(tmp_path / "home" / "models", scores=SCORES.encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The four validation films, one that the model was trained on and one that is damaged."""
    root = tmp_path / "films"
    for k, name in enumerate(("NORMAL/a", "NORMAL/other", "PNEUMONIA/c", "PNEUMONIA/d")):
        path = root / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(films.png(films.chest(seed=k, opacity="PNEU" in name)))
    (root / "NORMAL" / "b.png").write_bytes(b"no picture")
    return root


def test_keras_and_float32_leave_as_they_are_stored(mine: ModelEntry, tmp_path: Path):
    for form, file in (("keras", registry.KERAS), ("float32", registry.SERVING)):
        done = export.export(mine, tmp_path / form, form)  # type: ignore[arg-type]
        assert (tmp_path / form).read_bytes() == mine.path(file).read_bytes()
        assert done.sha256 == mine.sums()[file]
        assert done.agreement is None


@pytest.mark.parametrize("form", ["float16", "int8"])
def test_a_smaller_format_is_compared_on_the_validation_films_alone(
    mine: ModelEntry, folder: Path, tmp_path: Path, form: Any
):
    told: list[str] = []
    target = tmp_path / f"model-{form}.tflite"
    done = export.export(mine, target, form, folder, lambda *what: told.append(what[2]))
    assert done.bytes == target.stat().st_size
    assert done.served_bytes == mine.path(registry.SERVING).stat().st_size
    found = done.agreement
    assert found is not None
    assert found.n == 3
    assert found.same <= 3
    assert 0 <= found.mean <= found.greatest < 0.05
    assert "3 validation films" in found.sentence
    assert "comparing on validation films" in told
    Model(target.read_bytes(), mine.card, None)


def test_float16_answers_as_an_independent_rounding_of_the_weights_does(
    mine: ModelEntry, folder: Path, tmp_path: Path
):
    import numpy as np

    target = tmp_path / "half.tflite"
    export.export(mine, target, "float16")
    network = tiny_model.network()
    rounded = [w.astype(np.float16).astype(np.float32) for w in network.get_weights()]
    x = np.random.default_rng(1).integers(0, 256, (1, 32, 32, 1)).astype(np.float32)
    kept = network.get_weights()
    network.set_weights(rounded)
    expected = float(network.predict_on_batch(x)[0, 0])
    network.set_weights(kept)
    received = Model(target.read_bytes(), mine.card, None).forward(x[0].astype(np.uint8)).logit
    assert received == pytest.approx(expected, abs=2e-3)


def test_a_damaged_model_is_not_exported(mine: ModelEntry, tmp_path: Path):
    mine.path(registry.KERAS).write_bytes(b"half")
    with pytest.raises(ModelError, match="damaged"):
        export.export(mine, tmp_path / "out.keras", "keras")
    assert not (tmp_path / "out.keras").exists()


def test_a_folder_without_validation_films_is_refused_before_anything_is_written(
    mine: ModelEntry, folder: Path, tmp_path: Path
):
    for name in ("NORMAL/a", "NORMAL/b", "PNEUMONIA/c", "PNEUMONIA/d"):
        path = folder / f"{name}.png"
        path.rename(path.with_stem(f"x{path.stem}"))
    with pytest.raises(DataError, match="found none of their names"):
        export.export(mine, tmp_path / "out.tflite", "int8", folder)
    assert not (tmp_path / "out.tflite").exists()


def test_a_place_that_cannot_be_written_is_told(mine: ModelEntry, tmp_path: Path):
    with pytest.raises(ConfigError, match="Name another place"):
        export.export(mine, tmp_path / "nowhere" / "out.keras", "keras")


def test_an_unknown_format_is_told(mine: ModelEntry, tmp_path: Path):
    with pytest.raises(ConfigError, match="float16"):
        export.export(mine, tmp_path / "x", "onnx")  # type: ignore[arg-type]


class Told:
    """A job's reporter that only keeps what it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def progress(self, step: int, steps: int, *, message: str = "", **_: object) -> None:
        self.last = message


def test_as_a_job_it_leaves_the_file_in_its_own_folder(mine: ModelEntry, tmp_path: Path):
    config = {"model": "tiny", "version": "1.0.0", "format": "float32"}
    result: Mapping[str, Any] = export.run(config, Told(tmp_path))  # type: ignore[arg-type]
    assert Path(result["path"]).parent == tmp_path
    assert Path(result["path"]).name == "tiny-1.0.0-float32.tflite"
    assert result["agreement"] is None
