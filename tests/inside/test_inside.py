"""Filters, maps, attention and guesses, on networks small enough to check by hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_core import inside
from cxr_core.errors import ConfigError
from cxr_core.inside import imagenet
from cxr_core.zoo.vit import vision_transformer


def two_filters() -> Any:
    import keras
    from keras import layers

    image = keras.Input((4, 4, 2))
    conv = layers.Conv2D(3, (1, 2), name="conv")
    depthwise = layers.DepthwiseConv2D(2, name="depthwise")
    x = depthwise(conv(image))
    network = keras.Model(image, layers.Flatten(name="flat")(x))
    conv.set_weights([np.arange(12.0).reshape(1, 2, 2, 3), np.zeros(3)])
    depthwise.set_weights([np.arange(12.0).reshape(2, 2, 3, 1), np.ones(3)])
    return network


def test_filters_are_summed_over_what_they_read() -> None:
    # kernel[0, x, channel, filter] = 6x + 3·channel + filter.
    expected = [[[3 + 2 * f, 15 + 2 * f]] for f in range(3)]
    assert inside.filters(two_filters(), "conv").tolist() == expected
    assert inside.filters(two_filters(), "conv", colour=True).shape == (3, 1, 2)
    depthwise = inside.filters(two_filters(), "depthwise")
    assert depthwise.shape == (3, 2, 2)
    assert depthwise[1].tolist() == [[1, 4], [7, 10]]


def test_a_layer_that_reads_colours_keeps_them_apart() -> None:
    import keras

    image = keras.Input((4, 4, 3))
    conv = keras.layers.Conv2D(2, (1, 2), name="conv")
    network = keras.Model(image, conv(image))
    weights = np.arange(12.0).reshape(1, 2, 3, 2)
    conv.set_weights([weights, np.zeros(2)])
    found = inside.filters(network, "conv", colour=True)
    assert found[1].tolist() == weights[..., 1].tolist()
    assert inside.filters(network, "conv")[1].tolist() == weights[..., 1].sum(-1).tolist()


def test_maps_are_what_the_layer_gives() -> None:
    network = two_filters()
    maps = inside.feature_maps(network, np.ones((4, 4, 2), np.uint8), "conv")
    assert maps.shape == (4, 3, 3)
    assert maps[0, 0].tolist() == [18, 22, 26]
    assert inside.feature_maps(network, np.ones((4, 4, 2)), "flat").shape == (1, 1, 18)


def test_only_convolutions_have_filters() -> None:
    with pytest.raises(ConfigError, match="Flatten"):
        inside.filters(two_filters(), "flat")


def tiny_transformer() -> Any:
    import keras

    keras.utils.set_random_seed(2)
    return vision_transformer(
        (16, 24, 1), 2, None, patch=8, width=8, depth=3, heads=2, mlp=16, name="tiny"
    )


def test_tokens_stand_where_their_patches_do() -> None:
    import keras

    network = vision_transformer(
        (16, 16, 1), 2, None, patch=8, width=8, depth=1, heads=2, mlp=16, name="tiny"
    )
    image = np.random.default_rng(0).uniform(0, 1, (16, 16, 1)).astype(np.float32)
    both = keras.Model(
        network.input,
        [network.get_layer("tokens").output, network.get_layer("encoder1_add2").output],
    )
    plain, coded = (np.asarray(x)[0] for x in both(image[None]))
    assert np.allclose(inside.feature_maps(network, image, "tokens")[1, 0], plain[2], atol=1e-6)
    # One class token in front of four patches is left out.
    assert np.allclose(
        inside.feature_maps(network, image, "encoder1_add2")[0, 1], coded[2], atol=1e-6
    )
    oblong = tiny_transformer()
    with pytest.raises(ConfigError, match="7×8"):
        inside.feature_maps(oblong, np.ones((16, 24, 1)), "encoder1_add2")


def test_attention_is_a_share_for_every_token_in_every_head() -> None:
    attended = inside.attention(tiny_transformer(), np.ones((16, 24, 1)))
    assert attended.shape == (3, 2, 7, 7)
    np.testing.assert_allclose(attended.sum(axis=-1), 1, rtol=1e-5)


def test_attention_of_the_first_layer_by_hand() -> None:
    network = tiny_transformer()
    image = np.random.default_rng(0).uniform(0, 1, (16, 24, 1)).astype(np.float32)
    import keras

    layer = network.get_layer("encoder1_attention")
    before = network.get_layer("encoder1_norm1").output
    tokens = np.asarray(keras.Model(network.input, before)(image[None]))[0]
    q, qb, k, kb = (np.asarray(w) for w in layer.get_weights()[:4])
    queries, keys = (
        np.einsum("td,dhe->hte", tokens, q) + qb[:, None],
        np.einsum("td,dhe->hte", tokens, k) + kb[:, None],
    )
    logits = queries @ keys.swapaxes(1, 2) / np.sqrt(queries.shape[-1])
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(inside.attention(network, image)[0], expected, rtol=1e-4, atol=1e-5)


def test_rollout_by_hand() -> None:
    # Two tokens, one head. Layer 1 swaps them, layer 2 looks at token 0 alone.
    swap, first = [[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]
    attended = np.array([[swap], [first]], np.float32)
    # (½first + ½I) · (½swap + ½I) = [[1, 0], [½, ½]] · [[½, ½], [½, ½]].
    assert inside.rollout(attended).tolist() == [[0.5, 0.5], [0.5, 0.5]]
    # The order matters: the last layer stands on the left.
    assert inside.rollout(attended[::-1]).tolist() == [[0.75, 0.25], [0.75, 0.25]]


def test_a_place_is_like_itself_and_no_more_like_others() -> None:
    import keras

    keras.utils.set_random_seed(0)
    network = vision_transformer(
        (16, 16, 1), 2, None, patch=8, width=8, depth=1, heads=2, mlp=16, name="square"
    )
    alike = inside.position_similarity(network)
    assert alike.shape == (2, 2, 2, 2)
    np.testing.assert_allclose([alike[i, j, i, j] for i in (0, 1) for j in (0, 1)], 1, rtol=1e-5)
    assert alike.max() <= 1 + 1e-5


def test_patches_put_together_again_are_the_film() -> None:
    film = np.arange(32 * 48).reshape(32, 48, 1)
    cut = inside.patches(film)
    assert cut.shape == (2, 3, 16, 16, 1)
    assert (cut[1, 2] == film[16:, 32:]).all()
    with pytest.raises(ConfigError, match="whole patches"):
        inside.patches(film[:20])


def test_a_network_without_attention_says_so() -> None:
    with pytest.raises(ConfigError, match="vit_b16"):
        inside.attention(two_filters(), np.ones((4, 4, 2)))


def test_names_are_imagenet_s_in_its_order() -> None:
    names = imagenet.names()
    assert len(names) == 1000
    assert (names[0], names[1], names[281], names[999]) == (
        "tench", "goldfish", "tabby", "toilet tissue",
    )  # fmt: skip


def test_a_wide_picture_gives_its_middle() -> None:
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 100:200] = 200
    assert (imagenet.square(picture) == 200).all()
    assert imagenet.square(np.zeros((50, 40, 1), np.uint8)).shape == (224, 224, 3)


@pytest.mark.slow
def test_the_network_as_it_came_knows_photographs(repository: Path) -> None:
    """A photograph that scikit-image brings: a cat, which ImageNet has five classes of."""
    stored = Path(os.environ.get("KERAS_HOME", repository.parent / "shared" / "keras_home"))
    if not list(stored.glob("models/mobilenet_v2*1.0_224.h5")):
        pytest.skip("no ImageNet weights: set KERAS_HOME to a folder that holds them")
    data = pytest.importorskip("skimage.data")
    photo = Path(data.__file__).parent / "chelsea.png"
    if not photo.exists():
        pytest.skip("this scikit-image brings no photograph")
    import keras

    base = keras.applications.MobileNetV2(
        weights=str(next(stored.glob("models/mobilenet_v2*1.0_224.h5"))),
        input_tensor=(picture := keras.Input((224, 224, 3))) * (1 / 127.5) - 1.0,
    )
    network = keras.Model(picture, base.output)
    guesses = inside.top5(network, np.asarray(Image.open(photo).convert("RGB")))
    assert len(guesses) == 5
    assert guesses[0].probability >= guesses[4].probability > 0
    assert {g.name for g in guesses} & {"tabby", "tiger cat", "Egyptian cat", "Persian cat", "lynx"}
