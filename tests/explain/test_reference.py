"""The fast path's heatmap against two others: a gradient tape's and tf-explain's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_core import image
from cxr_core.errors import ModelError
from cxr_core.explain import from_cam, reference
from cxr_core.preprocess import model_input
from cxr_core.registry import find
from cxr_core.schema import Label
from cxr_core.serve import Model
from tests import tiny_model

CLASSES: tuple[Label, Label] = ("NORMAL", "PNEUMONIA")


@pytest.fixture(scope="module")
def trained() -> tuple[Model, Any]:
    """The shipped model and its Keras graph, or a skip."""
    try:
        entry = find()
    except ModelError as error:
        pytest.skip(f"no trained model: {error}")
    serving = Model(entry.read("serving.tflite"), entry.card, tiny_model.gate())
    return serving, reference.load(entry.path("model.keras"))


@pytest.fixture(scope="module")
def inputs(trained: tuple[Model, Any], real_films: Path) -> np.ndarray:
    """(n, size, size, 1) uint8 of real films of both classes, small and as published."""
    how = trained[0].preprocessing
    picked: list[Path] = []
    for folder, count in (("chest_xray_224/train", 5), ("chest_xray_fullres", 2)):
        for label in CLASSES:
            paths = sorted((real_films / folder / label).iterdir())
            picked += paths[:: len(paths) // count][:count]
    return np.stack([model_input(image.read(path), how) for path in picked])


def test_a_two_by_two_map_worked_by_hand_comes_from_the_tape() -> None:
    import keras

    # Activations are the input itself, y = 3·mean(A⁰) - mean(A¹) + 5, so α = (3, -1) / 4.
    film = keras.Input((2, 2, 2))
    activation = keras.layers.Activation("linear", name="last")(film)
    pooled = keras.layers.GlobalAveragePooling2D()(activation)
    head = keras.layers.Dense(1, name="logit")
    model = keras.Model(film, head(pooled))
    head.set_weights([np.array([[3.0], [-1.0]]), np.array([5.0])])
    a = np.array([[[[1, 0], [0, 2]], [[2, 6], [0, 0]]]], np.uint8)
    assert reference.grad_cam(model, a, "last", "PNEUMONIA").tolist() == [[[0.75, 0], [0, 0]]]
    assert reference.grad_cam(model, a, "last", "NORMAL").tolist() == [[[0, 0.5], [0, 0]]]


@pytest.mark.parametrize("label", CLASSES)
def test_the_fast_path_equals_the_gradient_on_a_tiny_network(label: Label) -> None:
    model = Model(tiny_model.serving_bytes(), tiny_model.card(), tiny_model.gate())
    films = np.random.default_rng(3).integers(0, 256, (6, 32, 32, 1), dtype=np.uint8)
    slow = reference.grad_cam(tiny_model.network(), films, tiny_model.CAM_LAYER, label)
    fast = np.stack([from_cam(model.forward(film).cam, label).values for film in films])
    assert slow.max() > 0.01
    np.testing.assert_allclose(fast, slow, atol=1e-5)


@pytest.mark.parametrize("label", CLASSES)
def test_the_fast_path_equals_the_gradient_on_real_films(
    trained: tuple[Model, Any], inputs: np.ndarray, label: Label
) -> None:
    model, keras_model = trained
    slow = reference.grad_cam(keras_model, inputs, model.card.cam_layer, label)
    fast = np.stack([from_cam(model.forward(x).cam, label).values for x in inputs])
    assert (slow.max(axis=(1, 2)) > 0.01).sum() >= 4
    spread = max(float(np.ptp(slow)), 1e-6)
    assert np.abs(fast - slow).max() / spread < 1e-3
    # Where a film's own map has evidence, the map is as close within its own range.
    for own_fast, own_slow in zip(fast, slow, strict=True):
        if own_slow.max() > 0.01:
            assert np.abs(own_fast - own_slow).max() < 1e-3 * np.ptp(own_slow)


def tf_explain_maps(model: Any, films: np.ndarray, layer: str, *, guided: bool) -> np.ndarray:
    """tf-explain's maps before its colours: (n, h, w), negative where guidance allows it."""
    from tf_explain.core.grad_cam import GradCAM

    outputs, gradients = GradCAM.get_gradients_and_filters(model, films, layer, 0, guided)
    return np.stack([m.numpy() for m in GradCAM.generate_ponderated_output(outputs, gradients)])


@pytest.mark.slow
def test_tf_explain_without_guidance_gives_the_same_map_on_real_films(
    trained: tuple[Model, Any], inputs: np.ndarray
) -> None:
    model, keras_model = trained
    theirs = tf_explain_maps(keras_model, inputs, model.card.cam_layer, guided=False)
    ours = np.stack([model.forward(x).cam for x in inputs])
    np.testing.assert_allclose(ours, theirs, atol=1e-3 * float(np.ptp(theirs)))


@pytest.mark.slow
def test_tf_explain_as_it_comes_correlates_at_the_last_convolution(
    trained: tuple[Model, Any], inputs: np.ndarray
) -> None:
    """Its gradients are guided: channels that speak against are left out. So no equality, and how
    close it comes depends on the network: median 0.980 on the shipped one's 10×10 maps."""
    model, keras_model = trained
    theirs = tf_explain_maps(keras_model, inputs, model.card.cam_layer, guided=True)
    found = []
    for x, their in zip(inputs, theirs, strict=True):
        own = from_cam(model.forward(x).cam, "PNEUMONIA")
        if own.values.max() > 0.02:
            found.append(np.corrcoef(own.values.ravel(), np.maximum(their, 0).ravel())[0, 1])
    assert len(found) >= 4
    assert np.median(found) >= 0.97


def test_tf_explain_loses_the_map_behind_a_saturated_sigmoid_and_the_fast_path_does_not() -> None:
    import keras

    network = tiny_model.network()
    hot = keras.layers.Rescaling(40.0, 60.0)(network.output)
    confident = keras.Model(network.input, keras.layers.Activation("sigmoid")(hot))
    films = np.random.default_rng(3).integers(0, 256, (6, 32, 32, 1), dtype=np.uint8)
    assert (confident(films).numpy() == 1).all()
    assert not tf_explain_maps(confident, films, tiny_model.CAM_LAYER, guided=True).any()
    model = Model(tiny_model.serving_bytes(), tiny_model.card(), tiny_model.gate())
    assert all(model.forward(film).cam.any() for film in films)


def test_tf_explain_needs_the_layer_named_and_the_graph_flat() -> None:
    import keras
    from tf_explain.core.grad_cam import GradCAM

    network = tiny_model.network()
    films = np.zeros((1, 32, 32, 1), np.uint8)
    with pytest.raises(AttributeError, match="output_shape"):
        GradCAM().explain((films, None), network, 0)
    outer = keras.Input((32, 32, 1))
    nested = keras.Model(outer, network(outer))
    with pytest.raises(ValueError, match="No such layer"):
        GradCAM().explain((films, None), nested, 0, layer_name=tiny_model.CAM_LAYER)


def test_a_layer_that_is_not_there_is_named() -> None:
    films = np.zeros((1, 32, 32, 1), np.uint8)
    with pytest.raises(ModelError, match="a layer 'nowhere' in tiny"):
        reference.grad_cam(tiny_model.network(), films, "nowhere", "NORMAL")


def test_a_file_that_is_no_keras_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"no")
    with pytest.raises(ModelError, match=r"Expected a Keras model in model\.keras"):
        reference.load(path)
