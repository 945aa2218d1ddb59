"""Every row: builds, counts, gives a map, scales its input exactly once, serves the same."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_core import classifier
from cxr_core.backbones import BACKBONES, Backbone, InputScaling, backbone
from cxr_core.comparison import counts
from cxr_core.comparison._stored import multiply_adds
from cxr_core.measure.count import counted, network

keras = pytest.importorskip("keras")

# What these halve five times and crop on the way must leave a map of at least 2×2.
SIDES = {"inceptionv3": 128, "xception": 96}
# Minutes together on two processors, because of their hundreds of layers.
LARGE = {f"efficientnetb{i}" for i in range(4, 8)} | {"nasnetmobile", "convnexttiny"}
ROWS = [
    pytest.param(row, id=row.name, marks=[pytest.mark.slow] if row.name in LARGE else [])
    for row in BACKBONES
]


@pytest.fixture(scope="module", params=ROWS)
def row(request: pytest.FixtureRequest) -> Backbone:
    return request.param


@pytest.fixture(scope="module")
def published(row: Backbone) -> keras.Model:
    """The network as Keras publishes it, of zeros: drawing 138 million weights takes long."""
    keras.backend.clear_session()
    with pytest.MonkeyPatch.context() as patch:
        for drawn in ("GlorotUniform", "VarianceScaling", "RandomNormal", "TruncatedNormal"):
            initializer = getattr(keras.initializers, drawn)
            patch.setattr(initializer, "__call__", keras.initializers.Zeros().__call__)
        return network(row)


@pytest.fixture(scope="module")
def built(row: Backbone, published: keras.Model) -> keras.Model:
    keras.utils.set_random_seed(0)
    return classifier.build(row, size=side(row), weights=None)


@pytest.fixture(scope="module")
def films(row: Backbone) -> np.ndarray:
    shape = (2, side(row), side(row), 1)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)


@pytest.fixture(scope="module")
def serving(row: Backbone, built: keras.Model) -> keras.Model:
    return classifier.serving_model(built, row.cam_layer, row.feature_layers)


@pytest.fixture(scope="module")
def outputs(serving: keras.Model, films: np.ndarray) -> dict[str, np.ndarray]:
    """What Keras makes of the films: logit, cam and features, by name."""
    return {k: np.asarray(v) for k, v in serving(films, training=False).items()}


def side(row: Backbone) -> int:
    return SIDES.get(row.name, 64)


def before_first_weights(model: keras.Model) -> tuple[list[Any], Any]:
    """The layers up to the first that learns from pixels, and what reaches that one."""
    passed = []
    for layer in model.layers:
        nested = getattr(layer, "layers", [layer])
        if any("Conv" in type(inner).__name__ for inner in nested):
            return passed, layer.input
        passed.append(layer)
    raise AssertionError("a backbone without a convolution")


def scaled_input(model: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.asarray(keras.Model(model.input, before_first_weights(model)[1])(images))


def scaled_by_keras(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The same of a network of another size: scaling and padding do not depend on it."""
    first, *layers = before_first_weights(model)[0]
    assert type(first).__name__ == "InputLayer"
    for layer in layers:
        images = layer(images)
    return np.asarray(images)


def test_it_counts_at_full_size_what_was_published(row: Backbone, published: keras.Model) -> None:
    """Parameters and multiply-adds; and the committed table is this very count."""
    committed = counts()[row.name]
    found = counted(published, row.name, committed.params_without_top)
    assert found == committed
    assert found.size == row.size
    assert found.params == pytest.approx(row.published.params, rel=0.01)
    assert row.operations is not None
    assert found.macs == pytest.approx(row.operations.macs, rel=0.01)


def test_a_stored_copy_is_counted_without_keras_as_its_graph_is(
    row: Backbone, built: keras.Model
) -> None:
    stored = keras.saving.serialize_keras_object(built)
    assert multiply_adds(stored) == counted(built, row.name, 0).macs


def test_its_base_holds_what_the_table_says_without_the_top(
    row: Backbone, built: keras.Model
) -> None:
    head = built.get_layer(classifier.LOGIT).count_params()
    assert built.count_params() - head == counts()[row.name].params_without_top


def test_its_named_layers_exist_and_give_maps(row: Backbone, built: keras.Model, outputs) -> None:
    for name in (row.cam_layer, *row.feature_layers):
        assert len(built.get_layer(name).output.shape) == 4
    cam = outputs["cam"]
    assert min(cam.shape[1:3]) >= 2
    assert np.isfinite(cam).all()
    assert float(np.ptp(cam)) > 0


def test_its_input_is_scaled_exactly_once(
    row: Backbone, built: keras.Model, published: keras.Model, films
) -> None:
    """The trap: a network that scales inside, given an input that was scaled outside as well.

    Compared with Keras' own preprocessing before Keras' own network, at its first convolution.
    """
    constructor = getattr(keras.applications, row.constructor)
    prepare = inspect.getmodule(inspect.unwrap(constructor)).preprocess_input
    rgb = np.repeat(films, 3, axis=-1)
    expected = scaled_by_keras(published, prepare(rgb.copy()))
    received = scaled_input(built, films)
    assert received == pytest.approx(expected, abs=1e-3)
    # Grey levels 0..255 that nobody scaled at all would be wrong as well.
    assert not np.allclose(expected[:, -rgb.shape[1] :, -rgb.shape[2] :], rgb)


def test_its_serving_file_agrees_with_keras(serving, films, outputs, tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    classifier.export_serving(serving, tmp_path / "serving.tflite")
    run = Interpreter(str(tmp_path / "serving.tflite")).get_signature_runner()
    served = [run(film=film[None]) for film in films]
    for name, expected in outputs.items():
        received = np.concatenate([s[name] for s in served])
        # Random weights leave little of a film: compare in units of what is left.
        unit = min(1.0, float(np.abs(expected).max()))
        assert unit > 0
        assert np.abs(received - expected).max() <= 1e-3 * unit


def test_scaling_a_second_time_would_be_noticed() -> None:
    row = backbone("efficientnetb0")
    twice = replace(row, scaling=InputScaling("tf", 1 / 127.5, -1.0))
    films = np.full((1, 64, 64, 1), 200.0, np.float32)
    once, again = (
        scaled_input(classifier.build(r, size=64, weights=None), films) for r in (row, twice)
    )
    assert not np.allclose(once, again, atol=1e-3)
