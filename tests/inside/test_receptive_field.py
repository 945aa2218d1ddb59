"""What a unit can see, against what its gradient really reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cxr_core import graph, zoo
from cxr_core.inside import receptive_field, seen_by


def seen(network: Any, layer: str, row: int, column: int) -> tuple[int, ...] | None:
    """The box that the gradient of one unit reaches, every weight made positive."""
    import keras
    import tensorflow as tf

    for w in network.weights:
        w.assign(np.ones(w.shape) / w.shape[0] if len(w.shape) > 1 else np.ones(w.shape))
    part = keras.Model(network.input, network.get_layer(layer).output)
    image = tf.constant(
        np.random.default_rng(0).uniform(0.5, 1, (1, *network.input_shape[1:])), tf.float32
    )
    with tf.GradientTape() as tape:
        tape.watch(image)
        unit = tf.reduce_sum(part(image, training=False)[0, row, column])
    reached = np.abs(tape.gradient(unit, image).numpy()[0]).max(axis=-1) > 0
    if not reached.any():
        return None
    rows, columns = np.flatnonzero(reached.any(1)), np.flatnonzero(reached.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def branches() -> Any:
    """Strides, paddings, dilation and two branches of different reach; sums instead of maxima."""
    import keras
    from keras import layers

    image = keras.Input((41, 37, 1))
    x = layers.ZeroPadding2D(((1, 2), (3, 0)))(image)
    x = layers.Conv2D(2, 3, strides=2, name="first")(x)
    near = layers.Conv2D(2, 1, name="near")(x)
    far = layers.DepthwiseConv2D(3, padding="same", dilation_rate=2, name="far")(x)
    x = layers.Add(name="joined")([near, far])
    x = layers.AveragePooling2D((3, 2), strides=2, padding="same", name="pooled")(x)
    x = layers.Conv2D(1, (1, 3), padding="same", name="last")(layers.ReLU()(x))
    return keras.Model(image, x)


@pytest.mark.parametrize("layer", ["first", "near", "far", "joined", "pooled", "last"])
@pytest.mark.parametrize("at", [(0, 0), (4, 5), (-1, -1)])
def test_the_box_is_where_the_gradient_goes(layer: str, at: tuple[int, int]) -> None:
    network = branches()
    shape = network.get_layer(layer).output.shape
    row, column = at[0] % shape[1], at[1] % shape[2]
    assert seen_by(network, layer, row, column) == seen(network, layer, row, column)


def test_two_threes_see_five_and_three_see_seven() -> None:
    network = zoo.build("vgg16", (32, 32, 3), 2)
    assert receptive_field(network, "block1_conv1").size == (3, 3)
    assert receptive_field(network, "block1_conv2").size == (5, 5)
    # 6 after the first pool, which steps by 2, then twice 2·2 more.
    assert receptive_field(network, "block2_conv2").size == (14, 14)
    assert receptive_field(network, "block5_conv3").size == (196, 196)


def test_after_pooling_everything_is_seen() -> None:
    network = zoo.build("resnet18", (64, 64, 3), 2)
    field = receptive_field(network, "avg_pool")
    assert field.whole
    assert field.size == (64, 64)
    assert seen_by(network, "avg_pool", 0, 0) == (0, 64, 0, 64)


def test_squeeze_and_excitation_lets_every_unit_see_the_whole_film() -> None:
    network = zoo.build("efficientnet_b0", (64, 64, 3), 2)
    assert not receptive_field(network, "stem").whole
    assert receptive_field(network, "block0_se_excite").whole


def test_flat_copies_keep_their_fields() -> None:
    network = branches()
    copy = graph.flat(network)
    assert receptive_field(copy, "last") == receptive_field(network, "last")
