"""Architectures of the lecture as backbones: what is refused, and runs from films to a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxr_core import classifier, export, fine_tuning, image, methods, registry, zoo
from cxr_core.architectures import (
    ARCHITECTURES,
    NOT_TRAINED,
    Architecture,
    architecture,
    backbone_name,
    sizes,
    unserved,
)
from cxr_core.errors import ConfigError
from cxr_core.fine_tuning import _scratch
from cxr_core.methods import NO_AUGMENTATION, check
from cxr_core.preprocess import model_input
from cxr_core.serve import Model
from tests.fine_tuning.drawn import Told, config

SCRATCH = methods.method("scratch").defaults
TRAINED = tuple(row for row in ARCHITECTURES if row.key not in NOT_TRAINED)


@pytest.mark.parametrize("row", TRAINED, ids=lambda row: row.key)
def test_an_architecture_is_taken_from_scratch_and_refused_otherwise(row: Architecture) -> None:
    name = backbone_name(row)
    good = methods.with_backbone(SCRATCH, name)
    check(good)
    smallest, step = sizes(row)
    check(replace(good, size=smallest))
    refused = [
        (replace(good, pretrained=True), "random weights"),
        (replace(good, unfreeze_from=None), "every layer"),
        (replace(good, unfreeze_from="conv2"), "every layer"),
        (replace(good, head_epochs=2), "one phase"),
        (replace(good, dense=64), "own head"),
        (replace(good, dropout=0.3), "own head"),
        (replace(good, size=smallest - 1), f"size from {smallest}"),
        (methods.with_backbone(methods.method("features-dense").defaults, name), "as a whole"),
        (replace(SCRATCH, members=(name, "mobilenetv2")), "ensemble"),
    ]
    if row.trainable < row.parameters:
        refused.append((replace(good, norms_learn=False), "normalisation that learns"))
    if step > 1:
        refused.append((replace(good, size=smallest + step // 2), f"steps of {step}"))
    for settings, why in refused:
        with pytest.raises(ConfigError, match=f"Expected.*{why}"):
            check(settings)


def test_a_network_with_seven_answers_and_an_unknown_one_are_refused() -> None:
    for name, why in (("zoo-mobilenet_course", "one answer a film"), ("zoo-x", "architecture out")):
        with pytest.raises(ConfigError, match=why):
            check(methods.with_backbone(SCRATCH, name))


@pytest.mark.parametrize("key", ["lenet", "vgg16", "resnet18"])
def test_the_map_is_grad_cam_by_the_tape(key: str) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    network = zoo.for_films(key, 64)
    found = _scratch.maps(network, architecture(key))
    out = classifier.serving_model(network, found[-1], found)
    x = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 1)).astype(np.float32)
    both = keras.Model(network.input, [network.get_layer(found[-1]).output, network.output])
    # The map is read after the tape has watched it: the rest of the graph runs from it.
    names = [layer.name for layer in network.layers]
    rest = keras.Sequential(network.layers[names.index(found[-1]) + 1 :])
    activation, logit = both(x, training=False)
    with tf.GradientTape() as tape:
        tape.watch(activation)
        again = rest(activation, training=False)
    weights = tf.reduce_mean(tape.gradient(again, activation), axis=(1, 2), keepdims=True)
    expected = tf.reduce_sum(weights * activation, axis=-1, keepdims=True).numpy()
    assert expected.std() > 0
    served = out(x, training=False)
    np.testing.assert_allclose(served["logit"], logit, rtol=1e-3, atol=1e-9)
    # Of untrained networks the maps are small: what counts is their own scale.
    near = 1e-4 * float(np.abs(expected).max())
    np.testing.assert_allclose(served["cam"], expected, rtol=1e-3, atol=near)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["googlenet", "mobilenet"])
def test_a_run_ends_in_a_model_that_review_serves(key: str, drawn: Path, home: Path) -> None:
    _, result = _run(key, drawn, home, 48)
    assert result["model"] == {"name": "drawn", "version": "0.1.0"}
    entry = registry.find("drawn", among=[home / "models"])
    assert registry.verify(entry) == ()
    assert entry.card.backbone == f"zoo-{key}"
    model = Model.load(entry)
    film = image.read(sorted(drawn.rglob("*.png"))[0])
    x = model_input(film, model.preprocessing)
    out = model.forward(x)
    network = classifier.load(entry.path(registry.KERAS))
    logit = network(np.asarray(x, np.float32).reshape(1, 48, 48, 1), training=False)
    assert out.logit == pytest.approx(float(logit[0, 0]), abs=1e-3)
    assert out.cam.ndim == 2
    assert np.isfinite(out.cam).all()
    assert result["parameters"]["learnt"] <= result["parameters"]["all"]
    export.export(entry, home / "int8.tflite", "int8")
    small = Model((home / "int8.tflite").read_bytes(), entry.card, None).forward(x)
    assert small.cam.shape == out.cam.shape


@pytest.mark.slow
def test_a_vision_transformer_is_kept_with_its_job_and_says_why(
    drawn: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two encoders in place of twelve, a twelfth as wide."""
    from cxr_core.zoo import vit

    def small(shape: vit.Shape, classes: int, activation: str | None) -> object:
        return vit.vision_transformer(
            shape, classes, activation, patch=16, width=64, depth=2, heads=4, mlp=128, name="vit"
        )

    monkeypatch.setattr(vit, "vit_b16", small)
    told, result = _run("vit_b16", drawn, home, 48)
    assert "model" not in result
    assert str(unserved(architecture("vit_b16"))) in result["not_registered"]
    assert result["validation"]["figures"]
    kept = zoo.load(told.folder / "model.keras")
    assert kept.output_shape == (None, 1)


def _run(key: str, drawn: Path, home: Path, size: int) -> tuple[Told, dict]:
    own = methods.with_backbone(SCRATCH, f"zoo-{key}")
    settings = replace(
        own, size=size, batch=16, epochs=1, gate_films=40, augmentation=NO_AUGMENTATION
    )
    told = Told(home.parent / "job")
    return told, dict(fine_tuning.run(config(drawn, settings, method="scratch"), told))
