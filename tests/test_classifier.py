"""The graph: flat, counted, frozen as said; its heatmap adds up to its logit; its file agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr_core import classifier
from cxr_core.backbones import BACKBONES, SMALL_CNN, Backbone, backbone
from cxr_core.errors import ConfigError, ModelError

keras = pytest.importorskip("keras")


# One of each way to scale the input; all three take a minute less than every row.
TRIED = [b for b in BACKBONES if b.name in ("mobilenetv2", "vgg16", "efficientnetb0")]


@pytest.fixture(scope="module", params=TRIED, ids=lambda row: row.name)
def built(request: pytest.FixtureRequest) -> tuple[Backbone, keras.Model]:
    keras.utils.set_random_seed(0)
    return request.param, classifier.build(request.param, size=64, weights=None)


def test_the_graph_is_flat_and_ends_in_a_logit(built: tuple) -> None:
    row, model = built
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert model.output_shape == (None, 1)
    assert model.get_layer(classifier.LOGIT).activation is keras.activations.linear
    for name in (row.cam_layer, *row.feature_layers):
        assert len(model.get_layer(name).output.shape) == 4


def test_mobilenetv2_has_the_published_count_without_its_top() -> None:
    model = classifier.build(backbone("mobilenetv2"), size=64, weights=None)
    # 2,257,984 of the base (Keras' table) and 1,280 + 1 of the head.
    assert model.count_params() == 2_257_984 + 1_281


def test_freezing_leaves_the_head_alone(built: tuple) -> None:
    _, model = built
    classifier.freeze(model, None)
    assert [v.path for v in model.trainable_variables] == ["logit/kernel", "logit/bias"]


def test_freezing_leaves_what_follows_the_named_layer() -> None:
    model = classifier.build(backbone("mobilenetv2"), size=64, weights=None)
    classifier.freeze(model, "block_15")
    names = {v.path.split("/")[0] for v in model.trainable_variables}
    assert {"block_15_expand", "block_16_project", "Conv_1", "logit"} <= names
    assert not any(n.startswith("block_14") or n.endswith("_BN") for n in names)


def test_batch_norm_stays_in_inference_mode(built: tuple) -> None:
    row, model = built
    classifier.freeze(model, "")
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert norms or row.name == "vgg16"
    assert not any(layer.trainable for layer in norms)


def test_the_reference_recipe_has_its_own_counts() -> None:
    model = classifier.build(
        backbone("mobilenetv2"), size=224, dropout=0.0, weights=None, hidden=128
    )
    classifier.freeze(model, "Conv_1_bn", norms=True)
    learns = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert (model.count_params(), learns) == (2_422_081, 166_657)
    assert model.count_params() - learns == 2_255_424


def test_vgg16_at_150_has_the_courses_counts() -> None:
    model = classifier.build(
        backbone("vgg16"), size=150, dropout=0.0, weights=None, hidden=256, pooling="flatten"
    )
    classifier.freeze(model, "")
    assert (model.count_params(), len(model.trainable_weights)) == (16_812_353, 30)
    classifier.freeze(model, None)
    assert len(model.trainable_weights) == 4
    head = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert model.count_params() - head == 14_714_688


def test_the_small_cnn_has_the_courses_count() -> None:
    model = classifier.build(SMALL_CNN, size=150, weights=None, hidden=512, pooling="flatten")
    assert model.count_params() == 3_453_121


@pytest.mark.parametrize("pooling", ["mean", "flatten"])
@pytest.mark.parametrize("hidden", [0, 16])
def test_the_map_is_the_gradients(pooling: str, hidden: int) -> None:
    """Against the definition: α_k = mean of ∂logit/∂A_k, by a gradient tape."""
    import tensorflow as tf

    keras.utils.set_random_seed(3)
    model = classifier.build(SMALL_CNN, size=64, weights=None, hidden=hidden, pooling=pooling)
    row = SMALL_CNN
    serving = classifier.serving_model(model, row.cam_layer, row.feature_layers)
    x = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 1)).astype(np.float32)
    both = keras.Model(model.input, [model.get_layer(row.cam_layer).output, model.output])
    with tf.GradientTape() as tape:
        activation, logit = both(x, training=False)
        tape.watch(activation)
        # Only what follows the activation is watched, so the head is run once more on it.
        y = model.get_layer("pool")(activation)
        for name in ("hidden", "logit") if hidden else ("logit",):
            y = model.get_layer(name)(y)
    alpha = tf.reduce_mean(tape.gradient(y, activation), axis=(1, 2), keepdims=True)
    expected = tf.reduce_sum(activation * alpha, axis=-1, keepdims=True).numpy()
    out = serving(x, training=False)
    assert np.allclose(out["logit"], logit, atol=1e-5)
    assert np.allclose(out["cam"], expected, rtol=1e-3, atol=1e-6)


def test_an_unknown_layer_is_named(built: tuple) -> None:
    with pytest.raises(ConfigError, match="blok_3"):
        classifier.freeze(built[1], "blok_3")


def test_an_unknown_backbone_is_named() -> None:
    with pytest.raises(ConfigError, match="resnet9000"):
        backbone("resnet9000")


def test_the_map_and_the_bias_add_up_to_the_logit(built: tuple) -> None:
    row, model = built
    serving = classifier.serving_model(model, row.cam_layer, row.feature_layers)
    x = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 1)).astype(np.float32)
    out = {k: np.asarray(v) for k, v in serving(x, training=False).items()}
    bias = model.get_layer(classifier.LOGIT).get_weights()[1]
    total = out["cam"].sum(axis=(1, 2, 3)) + bias
    assert np.allclose(total, out["logit"][:, 0], rtol=1e-3, atol=1e-4)
    widths = [model.get_layer(n).output.shape[-1] for n in row.feature_layers]
    assert out["features"].shape == (2, sum(widths))
    pooled = model.get_layer("pool").output
    expected = np.asarray(keras.Model(model.input, pooled)(x, training=False))
    assert np.allclose(out["features"][:, -widths[-1] :], expected, rtol=1e-4, atol=1e-5)


def test_without_its_last_stride_every_second_cell_of_the_map_is_what_it_was() -> None:
    row = backbone("mobilenetv2")
    model = classifier.build(row, size=64, weights=None)
    finer = classifier.without_last_stride(model, row)
    x = np.random.default_rng(2).integers(0, 256, (2, 64, 64, 1)).astype(np.float32)

    def cells(network: keras.Model) -> np.ndarray:
        layer = network.get_layer(row.cam_layer).output
        return np.asarray(keras.Model(network.input, layer)(x, training=False))

    coarse, fine = cells(model), cells(finer)
    # Random weights leave next to nothing of the film: compare in units of what is left.
    coarse, fine = coarse / coarse.max(), fine / coarse.max()
    assert fine.shape[1:3] == (2 * coarse.shape[1], 2 * coarse.shape[2])
    assert np.allclose(fine[:, ::2, ::2], coarse, atol=1e-5)
    assert not np.allclose(fine[:, 1::2, 1::2], coarse, atol=1e-3)


@pytest.mark.slow
def test_the_serving_file_agrees_with_the_network(built: tuple, tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    row, model = built
    path = tmp_path / "serving.tflite"
    serving = classifier.serving_model(model, row.cam_layer, row.feature_layers)
    classifier.export_serving(serving, path)
    run = Interpreter(str(path)).get_signature_runner()
    rng = np.random.default_rng(1)
    for _ in range(3):
        x = rng.integers(0, 256, (1, 64, 64, 1)).astype(np.float32)
        served, expected = run(film=x), serving(x, training=False)
        for name in ("logit", "cam", "features"):
            assert np.allclose(served[name], expected[name], rtol=1e-3, atol=1e-3)
    assert [p.name for p in tmp_path.iterdir()] == ["serving.tflite"]


def test_a_damaged_file_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"PK\x03\x04 not a network")
    with pytest.raises(ModelError, match=r"model\.keras"):
        classifier.load(path)
