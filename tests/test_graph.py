"""Networks made flat, and the score before the sigmoid, on networks small enough to check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cxr_core import graph, zoo
from cxr_core.errors import ConfigError


def nested() -> Any:
    """A Sequential around a network around a network, two layers of which share a name."""
    import keras
    from keras import layers

    inner_in = keras.Input((8, 8, 2))
    inner = keras.Model(inner_in, layers.Conv2D(3, 3, activation="relu", name="conv")(inner_in))
    middle_in = keras.Input((8, 8, 2))
    x = inner(layers.Conv2D(2, 1, name="conv")(middle_in))
    middle = keras.Model(middle_in, layers.BatchNormalization()(x))
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Rescaling(1 / 255),
            middle,
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_a_nested_network_opens_up_and_says_the_same() -> None:
    network = nested()
    copy = graph.flat(network)
    x = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 2)).astype(np.float32)
    np.testing.assert_allclose(copy(x, training=False), network(x, training=False), atol=1e-6)
    kinds = [type(layer).__name__ for layer in copy.layers]
    assert kinds.count("Conv2D") == 2
    assert "Functional" not in kinds
    assert copy.count_params() == network.count_params()


def test_a_copy_leaves_the_original_alone() -> None:
    network = nested()
    before = [w.copy() for w in network.get_weights()]
    copy = graph.flat(network)
    copy.set_weights([w + 1 for w in copy.get_weights()])
    assert all((a == b).all() for a, b in zip(before, network.get_weights(), strict=True))


@pytest.mark.parametrize("head", ["fused", "apart"])
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_the_score_is_the_logit(head: str, activation: str) -> None:
    import keras
    from keras import layers

    units = 1 if activation == "sigmoid" else 3
    image = keras.Input((4,))
    dense = layers.Dense(units, activation=activation if head == "fused" else None)
    x = dense(image)
    network = keras.Model(image, x if head == "fused" else layers.Activation(activation)(x))
    kernel, bias = np.arange(4 * units).reshape(4, units).astype(np.float32), np.ones(units)
    dense.set_weights([kernel, bias])
    x = np.array([[1, 2, 0, -1]], np.float32)
    expected = (x @ kernel + bias)[:, -1:]
    np.testing.assert_allclose(graph.score(network, units - 1)(x), expected)
    np.testing.assert_allclose(graph.score(network, units - 1, sign=-1)(x), -expected)


def test_a_class_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="class 3"):
        graph.score(nested(), 3)


def test_an_unknown_layer_is_refused_with_known_ones() -> None:
    with pytest.raises(ConfigError, match="conv1"):
        graph.layer(zoo.build("lenet"), "conv9")


def test_every_layer_names_what_it_reads() -> None:
    rows = {row.name: row for row in graph.layer_rows(zoo.block(zoo.architecture("resnet50")))}
    assert rows["bottleneck_add"].sources == ("input", "bottleneck_3_bn")
    assert rows["bottleneck_2_conv"].multiply_adds == 56 * 56 * 9 * 64 * 64


def test_a_net_for_films_is_flat_grey_and_ends_in_a_logit() -> None:
    network = zoo.for_films("resnet18", 32)
    assert network.input_shape == (None, 32, 32, 1)
    assert network.output_shape == (None, 1)
    assert network.layers[-1].name == zoo.LOGIT
    assert [type(layer).__name__ for layer in network.layers[:2]] == ["InputLayer", "Rescaling"]


@pytest.mark.parametrize("key", ["alexnet", "lenet"])
def test_a_net_for_films_learns_and_loads_again(key: str, tmp_path: Any) -> None:
    import keras

    keras.utils.set_random_seed(0)
    network = zoo.for_films(key, {"alexnet": 67, "lenet": 16}[key])
    side = network.input_shape[1]
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (8, side, side, 1)).astype(np.float32)
    network.compile(keras.optimizers.SGD(0.01), keras.losses.BinaryCrossentropy(from_logits=True))
    before = network.get_weights()[0].copy()
    network.train_on_batch(x, np.arange(8) % 2)
    assert (network.get_weights()[0] != before).any()
    network.save(tmp_path / "net.keras")
    again = zoo.load(tmp_path / "net.keras")
    np.testing.assert_allclose(again(x, training=False), network(x, training=False), atol=1e-5)
