"""The graph: flat, counted, frozen as said; its heatmap adds up to its logit; its file agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr_core import classifier
from cxr_core.backbones import BACKBONES, Backbone, backbone
from cxr_core.errors import ConfigError, ModelError

keras = pytest.importorskip("keras")


@pytest.fixture(scope="module", params=BACKBONES, ids=lambda row: row.name)
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


def test_freezing_leaves_the_head_or_what_follows_the_named_layer(built: tuple) -> None:
    _, model = built
    classifier.freeze(model, None)
    assert [v.path for v in model.trainable_variables] == ["logit/kernel", "logit/bias"]
    classifier.freeze(model, "block_15")
    names = {v.path.split("/")[0] for v in model.trainable_variables}
    assert {"block_15_expand", "block_16_project", "Conv_1", "logit"} <= names
    assert not any(n.startswith("block_14") or n.endswith("_BN") for n in names)


def test_batch_norm_stays_in_inference_mode(built: tuple) -> None:
    _, model = built
    classifier.freeze(model, "")
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert norms
    assert not any(layer.trainable for layer in norms)


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
    assert np.allclose(out["cam"].sum(axis=(1, 2, 3)) + bias, out["logit"][:, 0], atol=1e-4)
    widths = [model.get_layer(n).output.shape[-1] for n in row.feature_layers]
    assert out["features"].shape == (2, sum(widths))
    pooled = model.get_layer("pool").output
    expected = np.asarray(keras.Model(model.input, pooled)(x, training=False))
    assert np.allclose(out["features"][:, -widths[-1] :], expected, atol=1e-5)


def test_without_its_last_stride_every_second_cell_of_the_map_is_what_it_was(built: tuple) -> None:
    row, model = built
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
            assert np.allclose(served[name], expected[name], atol=1e-3)
    assert [p.name for p in tmp_path.iterdir()] == ["serving.tflite"]


def test_a_damaged_file_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"PK\x03\x04 not a network")
    with pytest.raises(ModelError, match=r"model\.keras"):
        classifier.load(path)
