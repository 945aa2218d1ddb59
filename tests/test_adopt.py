"""A network that came as a file becomes a model like any other, or is refused with the reason."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import films
from cxr_core import adopt, classifier, foreign_graph, registry
from cxr_core.errors import ConfigError, DataError, ModelError
from cxr_core.serve import Model

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def network(flatten: bool = False, hidden: bool = False, rescale: bool = False) -> Any:
    import keras
    from keras import layers

    keras.utils.set_random_seed(3)
    film = x = keras.Input((32, 32, 3), name="photo")
    if rescale:
        x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(4, 5, strides=4, activation="relu", name="early")(x)
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.Add(name="joined")([x, y])
    x = layers.Flatten()(x) if flatten else layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    if hidden:
        x = layers.Dense(6, activation="relu", name="wide")(x)
    return keras.Model(film, layers.Dense(1, activation="sigmoid", name="end")(x))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """44 drawn films of as many patients, drawn once."""
    root = tmp_path_factory.mktemp("films")
    for k in range(44):
        ill = k % 2 == 1
        name = f"person{k}_virus_{k}" if ill else f"IM-{k:04d}-0001"
        path = root / ("PNEUMONIA" if ill else "NORMAL") / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(films.png(films.chest(seed=k, opacity=ill)))
    return root


@pytest.mark.parametrize(("flatten", "hidden"), [(False, True), (True, False)])
def test_an_imported_network_is_served_as_the_file_answers(
    tmp_path: Path, folder: Path, flatten: bool, hidden: bool
):
    given = network(flatten, hidden)
    given.save(tmp_path / "theirs.keras")
    told: list[str] = []
    entry = adopt.adopt(
        tmp_path / "theirs.keras", folder, "theirs", scaling="-1..1", tell=told.append
    )
    assert registry.verify(entry) == ()
    served = Model.load(entry)
    x = np.random.default_rng(2).integers(0, 256, (32, 32, 1)).astype(np.uint8)
    expected = given.predict_on_batch(np.repeat(x[None] / 127.5 - 1.0, 3, axis=-1))[0, 0]
    found = served.forward(x)
    assert 1 / (1 + np.exp(-found.logit)) == pytest.approx(float(expected), abs=1e-4)
    assert found.cam.shape == (8, 8) or found.cam.shape == (7, 7)
    card = entry.card
    assert any("may have been among its training films" in s for s in card.not_measured)
    assert card.data.n_train is None
    assert card.validation.auc is not None
    assert "fitting the quality gate" in told


def test_a_network_that_scales_its_own_input_needs_no_word_about_it():
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (2, 32, 32, 1)).astype(np.float32)
    given = network(rescale=True)
    names = {"global_average_pooling2d": "pool", "end": "logit"}
    pool = next(v.name for v in given.layers if "pooling" in v.name)
    made = foreign_graph.in_house_form(given, {**names, pool: "pool"}, 1.0, 0.0)
    z = made.predict_on_batch(x)
    assert 1 / (1 + np.exp(-z)) == pytest.approx(
        given.predict_on_batch(np.repeat(x, 3, axis=-1)), abs=1e-5
    )


def test_without_a_word_about_its_input_a_network_is_refused(tmp_path: Path, folder: Path):
    network().save(tmp_path / "theirs.keras")
    with pytest.raises(ConfigError, match=r"0\.\.1"):
        adopt.adopt(tmp_path / "theirs.keras", folder, "theirs")
    with pytest.raises(ConfigError, match="scaling"):
        adopt.adopt(tmp_path / "theirs.keras", folder, "theirs", scaling="0..7")


def test_too_few_films_to_judge_by_are_refused_and_nothing_is_stored(
    tmp_path: Path, folder: Path, home: Path
):
    network().save(tmp_path / "theirs.keras")
    few = tmp_path / "few"
    shutil.copytree(folder, few)
    for path in sorted((few / "NORMAL").iterdir())[5:]:
        path.unlink()
    with pytest.raises(DataError, match="at least 20"):
        adopt.adopt(tmp_path / "theirs.keras", few, "theirs", scaling="0..1")
    assert registry.list_models([home / "models"]) == ()


def test_a_file_with_code_in_it_is_refused_before_keras_sees_it(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    import keras

    evil = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Lambda(lambda x: x * 2),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1),
        ]
    )
    evil.save(tmp_path / "evil.keras")

    def never(*_: object) -> None:
        raise AssertionError("the file was loaded")

    monkeypatch.setattr(classifier, "load", never)
    with pytest.raises(ModelError, match="code in it"):
        adopt.adopt(tmp_path / "evil.keras", folder, "evil", scaling="0..1")
