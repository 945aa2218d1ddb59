"""Training on drawn films with random weights: small, and real from end to end."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import films
from cxr_core import registry, release, train
from cxr_core.augmentation import NO_AUGMENTATION
from cxr_core.errors import ConfigError, DataError
from cxr_core.preprocess import Preprocessing
from cxr_core.recipe import SHIPPED_RECIPE, Recipe
from cxr_core.train import TrainConfig

TINY = TrainConfig(
    pretrained=False,
    unfreeze_from="",
    epochs=2,
    batch=4,
    head_steps=1,
    augmentation=NO_AUGMENTATION,
    preprocessing=Preprocessing(size=32),
)


def bright_or_dark(n: int = 24) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], n // 2).astype(np.int8)
    levels = np.where(labels == 1, 190, 60)[:, None, None, None]
    noise = rng.integers(-30, 31, (n, 32, 32, 1))
    return (levels + noise).astype(np.uint8), labels


def sides(n: int = 24) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(n - 8), np.arange(n - 8, n)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[train.Run, Path, list]:
    folder = tmp_path_factory.mktemp("run")
    told: list[train.EpochRow] = []
    inputs, labels = bright_or_dark()
    fitted = train.fit(TINY, inputs, labels, *sides(), folder=folder, on_epoch=told.append)
    return fitted, folder, told


@pytest.mark.slow
def test_a_run_tells_and_stores_one_row_an_epoch(run: tuple) -> None:
    fitted, folder, told = run
    assert [row.epoch for row in fitted.history] == [1, 2]
    assert list(fitted.history) == told
    assert [row.step for row in told] == [4, 8]
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == [row.loss for row in told]
    assert sorted(p.name for p in folder.iterdir()) == ["checkpoint.keras", "history.csv"]


@pytest.mark.slow
def test_the_checkpoint_is_the_returned_network(run: tuple) -> None:
    from cxr_core import classifier

    fitted, folder, _ = run
    x = bright_or_dark()[0]
    stored = classifier.load(folder / "checkpoint.keras")
    assert np.allclose(train.logits(stored, x), train.logits(fitted.model, x), atol=1e-5)


@pytest.mark.slow
def test_the_average_of_two_networks_has_the_mean_of_their_weights(run: tuple) -> None:
    import keras

    first = run[0].model
    second = keras.models.clone_model(first)
    second.set_weights([w + 1 for w in first.get_weights()])
    mean = train.average([first, second])
    for got, had in zip(mean.get_weights(), first.get_weights(), strict=True):
        assert np.allclose(got, had + 0.5, atol=1e-6)


@pytest.mark.slow
def test_going_on_from_a_network_starts_where_it_ended(run: tuple) -> None:
    inputs, labels = bright_or_dark()
    still = replace(TINY, learning_rate=1e-9, head_steps=0, weight_decay=0.0, epochs=0.25)
    further = train.fit(still, inputs, labels, *sides(), start=run[0].model)
    gaps = train.logits(further.model, inputs) - train.logits(run[0].model, inputs)
    assert np.abs(gaps).max() < 1e-4


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("batch", 1),
        ("learning_rate", 0.0),
        ("dropout", 1.0),
        ("ema", 1.0),
        ("cutmix", 1.5),
        ("beside_body", -0.1),
        ("label_smoothing", 0.5),
        ("backbone", "none-such"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_the_start(
    setting: str, value: object
) -> None:
    with pytest.raises(ConfigError, match="Expected"):
        train.check(replace(TINY, **{setting: value}))


def test_the_finer_map_needs_a_backbone_that_can_have_it() -> None:
    train.check(replace(TINY, finer=True))
    with pytest.raises(ConfigError, match="last stride"):
        train.check(replace(TINY, finer=True, backbone="vgg16"))


@pytest.mark.slow
def test_a_penalty_silences_the_class_map_beside_the_body() -> None:
    """The class shows in the air, right, as well as in the body, left: where does it look?"""
    inputs, labels = bright_or_dark(64)
    inputs = np.repeat(np.repeat(inputs, 2, axis=1), 2, axis=2)
    inputs[labels == 1, :, 32::2], inputs[labels == 1, :, 33::2] = 0, 255
    inputs[labels == 0, ::2, 32:], inputs[labels == 0, 1::2, 32:] = 0, 255
    bodies = np.zeros_like(inputs)
    bodies[:, :, :32] = 1

    def share_beside(weight: float) -> float:
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(0)
        film = keras.Input((64, 64, 1))
        maps = keras.layers.Conv2D(8, 8, 8, activation="relu", name="maps")(film / 255)
        pooled = keras.layers.GlobalAveragePooling2D()(maps)
        model = keras.Model(film, keras.layers.Dense(1, name="logit")(pooled))
        step = train._compiled_step(
            model, keras.optimizers.Adam(0.01), tf.Variable(0.0), weight, "maps"
        )
        batch = [tf.constant(a, tf.float32) for a in (inputs, labels, np.ones(64), bodies)]
        for _ in range(300):
            step(*batch)
        told = keras.Model(film, maps).predict(inputs, verbose=0) @ model.get_layer("logit").kernel
        air = np.abs(told[:, :, 4:]).mean()
        assert ((train.logits(model, inputs) > 0) == labels).all()
        return float(air / (air + np.abs(told[:, :, :4]).mean()))

    assert share_beside(0.0) > 0.3
    assert share_beside(1.0) < 0.15


@pytest.mark.slow
def test_a_stage_on_joined_films_gives_the_finer_network() -> None:
    inputs, labels = bright_or_dark()
    how = replace(TINY, epochs=0.5, cutmix=1.0, beside_body=0.1, finer=True, head_steps=0)
    fitted = train.fit(how, inputs, labels, *sides()).model
    assert fitted.get_layer("out_relu").output.shape[1:3] == (2, 2)
    assert np.isfinite(train.logits(fitted, inputs)).all()


def test_one_class_or_too_few_films_are_refused() -> None:
    inputs, labels = bright_or_dark()
    with pytest.raises(DataError, match="both classes"):
        train.fit(TINY, inputs, labels, np.arange(0, 24, 2), sides()[1])
    with pytest.raises(DataError, match="at least 4"):
        train.fit(TINY, inputs, labels, np.arange(3), sides()[1])


@pytest.mark.slow
def test_films_become_a_registered_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, work, root = tmp_path / "data", tmp_path / "work", tmp_path / "models"
    for i in range(56):
        label = "PNEUMONIA" if i % 2 else "NORMAL"
        name = f"person{i}_virus_{i}" if i % 2 else f"IM-{i:04d}-0001"
        (data / label).mkdir(parents=True, exist_ok=True)
        drawn = Image.fromarray(films.chest(96, 96, seed=i, opacity=bool(i % 2)))
        (data / label / f"{name}.png").write_bytes(films.png(np.asarray(drawn)))
    monkeypatch.setattr(release, "GATE_FILMS", 30)
    recipe = Recipe(stages=(TINY, replace(TINY, epochs=1)), members=2, hardened=1, folds=2)
    lines: list[str] = []
    entry = release.make(
        data, recipe, name="drawn", version="0.1.0", root=root, work=work, on_line=lines.append
    )
    assert registry.verify(entry) == ()
    card = entry.card
    assert (card.data.n_train, card.data.n_validation) == (28, 28)
    assert card.validation.n == 28
    assert card.recipe["stages"][1]["epochs"] == 1
    assert card.other == {"adults": "not measured"}
    point = card.operating_point
    assert card.validation.sensitivity is not None
    assert card.validation.sensitivity.value >= recipe.sensitivity
    with entry.path(registry.SCORES).open() as file:
        rows = list(csv.DictReader(file))
    called = sum(float(row["score"]) >= point.threshold for row in rows)
    assert card.validation.confusion is not None
    (_, fp), (_, tp) = card.validation.confusion
    assert abs(called - fp - tp) <= 1  # the file rounds to six digits
    assert {row["label"] for row in rows} == {"NORMAL", "PNEUMONIA"}

    # The served logit is the one that the scores were made from.
    from cxr_core import image
    from cxr_core.preprocess import model_input
    from cxr_core.serve import Model

    model = Model.load(entry)
    row = rows[0]
    film = image.read(data / f"{row['film_id']}.png")
    served = model.forward(model_input(film, model.preprocessing)).logit
    assert served == pytest.approx(float(row["logit"]), abs=1e-3)

    # A second call finds every stage complete and only writes the model anew.
    lines.clear()
    release.make(
        data, recipe, name="drawn", version="0.2.0", root=root, work=work, on_line=lines.append
    )
    assert sum("complete" in line for line in lines) == 3


def test_the_shipped_recipe_can_be_written_to_a_card_and_passes_its_own_check() -> None:
    from dataclasses import asdict

    assert json.loads(json.dumps(asdict(SHIPPED_RECIPE)))["members"] >= 1
    for stage in SHIPPED_RECIPE.stages:
        train.check(stage)
