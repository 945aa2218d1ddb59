"""A run from drawn films to a model that Review can use, and what it leaves beside it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_core import fine_tuning, image, registry
from cxr_core.errors import ConfigError, DataError
from cxr_core.preprocess import model_input
from cxr_core.serve import Model
from tests.fine_tuning.drawn import TINY, Told, config, draw

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(
    drawn: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Told, dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("job")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXR_HOME", str(folder / "home"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        told = Told(folder / "job")
        result = fine_tuning.run(config(drawn), told)
    return told, json.loads(json.dumps(result)), folder


def test_the_model_is_in_the_registry_and_serves_the_scores_it_states(
    finished: tuple, drawn: Path
) -> None:
    _, result, folder = finished
    assert result["model"] == {"name": "drawn", "version": "0.1.0"}
    entry = registry.find("drawn", among=[folder / "home" / "models"])
    assert registry.verify(entry) == ()
    with entry.path(registry.SCORES).open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == result["validation"]["n"] == 24
    model = Model.load(entry)
    for row in rows[:3]:
        film = image.read(drawn / f"{row['film_id']}.png")
        out = model.forward(model_input(film, model.preprocessing))
        assert out.logit == pytest.approx(float(row["logit"]), abs=1e-3)
        assert out.cam.shape == (1, 1)
    assert entry.card.recipe["settings"]["epochs"] == 2
    assert entry.card.data.patients_validation == 24


def test_the_result_adds_up(finished: tuple) -> None:
    told, result, _ = finished
    (tn, fp), (fn, tp) = result["validation"]["confusion"]
    assert tn + fp + fn + tp == 24
    figures = result["validation"]["figures"]
    assert figures["accuracy"]["value"] == pytest.approx((tn + tp) / 24)
    assert figures["auc"]["low"] <= figures["auc"]["value"] <= figures["auc"]["high"]
    own = [row["probability"] for row in result["worst"]]
    assert own == sorted(own)
    assert len(own) == 12
    for row in result["worst"]:
        assert (told.folder / row["picture"]).is_file()
    assert result["films"]["train"] == {"NORMAL": 48, "PNEUMONIA": 48}
    assert result["parameters"]["all"] == result["parameters"]["learnt"]


def test_what_it_leaves_beside_the_model(finished: tuple) -> None:
    told, _, _ = finished
    with (told.folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    whole = [p for p in told.points if float(p["epoch"]).is_integer()]
    assert [p["val_loss"] for p in whole] == [float(row["val_loss"]) for row in rows]
    environment = json.loads((told.folder / "environment.json").read_text())
    assert environment["versions"]["keras"]
    assert set(environment) >= {"git_revision", "replicas", "threads"}
    assert json.loads((told.folder / "configuration.json").read_text())["method"] == "small-cnn"
    facts = json.loads((told.folder / "run.json").read_text())
    assert len(facts["data_sha256"]) == len(facts["split_sha256"][0]) == 64


def test_the_curves_can_be_read_as_tensorboard_logs(finished: tuple) -> None:
    import tensorflow as tf

    told, _, _ = finished
    [events] = (told.folder / "tensorboard" / "run").iterdir()
    found: dict[tuple[str, int], float] = {}
    for event in tf.compat.v1.train.summary_iterator(str(events)):
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            found[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    whole = [p for p in told.points if float(p["epoch"]).is_integer()]
    for point in whole:
        assert found["val_auc", point["epoch"]] == pytest.approx(point["val_auc"])
    assert {step for _, step in found} == {1, 2}


def test_training_figures_are_those_of_the_definition(drawn: Path) -> None:
    """Keras' running metrics are fed logits: against counting by hand."""
    from cxr_core.fine_tuning._fit import figures

    z = np.array([[2.0], [-1.0], [0.5], [-3.0]], np.float32)
    found = figures(z, np.array([1, 1, 0, 0], np.int8))
    assert found["accuracy"] == 0.5
    assert (found["precision"], found["recall"], found["auc"]) == (0.5, 0.5, 0.75)
    expected = np.log1p(np.exp([-2.0, 1.0, 0.5, -3.0])).mean()
    assert found["loss"] == pytest.approx(expected)


def test_several_classes_are_trained_and_kept_with_the_job(tmp_path: Path, home: Path) -> None:
    source = draw(tmp_path / "films", 60, ("normal", "mass", "effusion"))
    told = Told(tmp_path / "job")
    result = fine_tuning.run(config(source, replace(TINY, epochs=1)), told)
    assert "model" not in result
    assert "3 classes" in result["not_registered"]
    assert (told.folder / "model.keras").is_file()
    assert result["validation"]["classes"] == ["NORMAL", "effusion", "mass"]
    assert np.array(result["validation"]["confusion"]).shape == (3, 3)
    assert np.array(result["validation"]["confusion"]).sum() == result["validation"]["n"]
    assert registry.list_models([home / "models"]) == ()


def test_test_films_are_judged_apart_and_unreadable_ones_are_left_out(
    tmp_path: Path, home: Path
) -> None:
    source = draw(tmp_path / "films" / "train", 120).parent
    draw(source / "test", 20)
    (source / "train" / "NORMAL" / "IM-0900-0001.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    told = Told(tmp_path / "job")
    result = fine_tuning.run(config(source, replace(TINY, epochs=1)), told)
    assert result["left_out"] == 1
    assert any("IM-0900-0001" in line and "left out" in line for line in told.lines)
    assert result["films"]["test"] == {"NORMAL": 10, "PNEUMONIA": 10}
    assert result["validation"]["n"] == 24
    assert result["test"]["n"] == np.sum(result["test"]["confusion"]) == 20
    [entry] = registry.list_models([home / "models"])
    assert entry.card.other["test"]["n"] == 20
    assert entry.card.data.n_train == 96


def test_a_plan_that_cannot_work_is_refused_by_the_job_too(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="batch"):
        fine_tuning.run(config(drawn, replace(TINY, batch=1)), Told(tmp_path))
    with pytest.raises(DataError, match="Check the path"):
        fine_tuning.run(config(tmp_path / "nowhere"), Told(tmp_path))


def test_the_estimate_is_measured_and_draws_the_augmented_films(
    drawn: Path, tmp_path: Path, home: Path
) -> None:
    from PIL import Image

    from cxr_core.methods import GEOMETRY

    told = Told(tmp_path / "job")
    found = fine_tuning.estimate(config(drawn, replace(TINY, augmentation=GEOMETRY)), told)
    assert found["films"] == {"all": 120, "train": 96, "validation": 24, "test": 0}
    assert (found["steps_per_epoch"], found["epochs"]) == (6, 2)
    assert 0 < found["seconds_fitting"] < found["seconds_total"]
    with Image.open(told.folder / found["preview"]) as preview:
        assert preview.size == (5 * 48, 4 * 48)


def test_a_data_set_is_inspected(drawn: Path, tmp_path: Path) -> None:
    found = fine_tuning.inspect({"data": {"source": str(drawn)}}, Told(tmp_path))
    assert found["split"]["validation"] == {"NORMAL": 12, "PNEUMONIA": 12}
    assert found["leaks"]["compared"] == 120
    assert found["leaks"]["shared_patients"] == 0
