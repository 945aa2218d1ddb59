"""Every method against a map worked by hand on a network of two filters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cxr_core.errors import ConfigError
from cxr_core.explain.gallery import METHODS, Explainer

# Two filters of one pixel: A⁰ = ReLU(x), A¹ = ReLU(2 - x); score = 3·mean(A⁰) - mean(A¹) + 5.
X = np.array([[1, 0], [3, 2]], np.float32)[..., None]


def network() -> Any:
    import keras
    from keras import layers

    image = keras.Input((2, 2, 1))
    conv = layers.Conv2D(2, 1, activation="relu", name="maps")
    dense = layers.Dense(1, activation="sigmoid", name="probability")
    model = keras.Model(image, dense(layers.GlobalAveragePooling2D()(conv(image))))
    conv.set_weights([np.array([[[[1.0, -1.0]]]]), np.array([0.0, 2.0])])
    dense.set_weights([np.array([[3.0], [-1.0]]), np.array([5.0])])
    return model


@pytest.fixture(scope="module")
def explainer() -> Explainer:
    return Explainer(network())


BY_HAND = {
    # α = (3, -1) / 4.
    "grad_cam": [[0.5, 0], [2.25, 1.5]],
    # g = 3/4: α = 1 / (2 + 6·3/4), four places; the second filter's gradient is negative.
    "grad_cam_plus_plus": [[3 / 6.5, 0], [9 / 6.5, 6 / 6.5]],
    # The second filter passes nothing back: its gradient is negative.
    "guided_backpropagation": [[0.75, 0], [0.75, 0.75]],
    "guided_grad_cam": [[0.375, 0], [1.6875, 1.125]],
    "vanilla_gradients": [[1, 0.25], [0.75, 0.75]],
    "activations": [[1, 1], [1.5, 1]],
}


@pytest.mark.parametrize("key", BY_HAND)
def test_a_map_worked_by_hand(explainer: Explainer, key: str) -> None:
    found = explainer.explain(key, X)
    np.testing.assert_allclose(found.values, np.array(BY_HAND[key]), rtol=1e-5)
    assert found.layer == ("maps" if found.method.layer else None)
    assert not found.flat
    assert found.elapsed_ms > 0


def test_the_first_time_is_told_apart_from_later_ones() -> None:
    asked = Explainer(network())
    first, second = (asked.explain("vanilla_gradients", X) for _ in range(2))
    assert first.first_ms is not None
    assert first.first_ms > first.elapsed_ms
    assert second.first_ms is None


def test_integrated_gradients_step_by_step(explainer: Explainer) -> None:
    # Five films from black to x: the gradient of a pixel p is 3/4 where p > 0 plus 1/4 where p < 2.
    found = explainer.explain("integrated_gradients", X, steps=5)
    np.testing.assert_allclose(found.values, [[0.85, 0], [2.25, 1.6]], rtol=1e-5)


def test_integrated_gradients_add_up_to_what_the_film_is_worth(explainer: Explainer) -> None:
    shares = explainer.explain("integrated_gradients", X, steps=2000).values
    worth = np.diff(explainer.scores(np.stack([0 * X, X])))[0]
    assert worth == pytest.approx(8.75 - 3)
    assert shares.sum() == pytest.approx(worth, rel=1e-3)


def test_occlusion_is_the_fall_of_the_score(explainer: Explainer) -> None:
    # A covered pixel is 127.5: A⁰ becomes 127.5 there and A¹ nothing; the score rises.
    fall = [[(3 * (1 - 127.5) - 1) / 4, (3 * (0 - 127.5) - 2) / 4],
            [3 * (3 - 127.5) / 4, 3 * (2 - 127.5) / 4]]  # fmt: skip
    found = explainer.explain("occlusion", X, patch=1)
    np.testing.assert_allclose(found.values, fall, rtol=1e-5)


def linear() -> Explainer:
    """score = Σ w·x over 3 × 3 pixels of two channels; w counts from -9 up."""
    import keras
    from keras import layers

    image = keras.Input((3, 3, 2))
    dense = layers.Dense(1)
    model = keras.Model(image, dense(layers.Flatten()(image)))
    dense.set_weights([np.arange(-9.0, 9.0)[:, None], np.zeros(1)])
    return Explainer(model)


@pytest.mark.parametrize("key", ["smoothgrad", "vanilla_gradients"])
def test_noise_changes_nothing_where_the_network_is_linear(key: str) -> None:
    image = np.arange(18, dtype=np.float32).reshape(3, 3, 2)
    w = np.arange(-9.0, 9.0).reshape(3, 3, 2)
    np.testing.assert_allclose(linear().explain(key, image).values, np.abs(w).max(-1), rtol=1e-5)


def test_smoothgrad_is_the_mean_of_gradients_over_its_noise() -> None:
    """x < 2 adds 1/4: with much noise about half of the copies of the pixel 2 lie below it."""
    found = Explainer(network()).explain("smoothgrad", X, copies=4000, noise=0.05)
    assert found.values[1, 1] == pytest.approx(0.75 + 0.25 / 2, abs=0.02)


def test_smoothgrad_leaves_the_global_random_numbers_alone(explainer: Explainer) -> None:
    np.random.seed(3)
    first = np.random.random()
    np.random.seed(3)
    explainer.explain("smoothgrad", X)
    assert np.random.random() == first


def test_why_tf_explain_is_corrected() -> None:
    """When one of these fails, a newer tf-explain has mended it: use its own."""
    from tf_explain.core.integrated_gradients import IntegratedGradients
    from tf_explain.core.smoothgrad import SmoothGrad

    score = Explainer(network()).network
    smooth = SmoothGrad.get_averaged_gradients(X[None].repeat(2, 0), score, 0, 2)
    assert float(np.abs(smooth).max()) == 0
    way = IntegratedGradients.generate_interpolations(X[None], 50).astype(np.float32)
    mean = IntegratedGradients.get_integrated_gradients(way, score, 0, 50).numpy()
    assert mean.sum() != pytest.approx(5.75, rel=0.1)


def test_the_negated_score_explains_the_other_class() -> None:
    other = Explainer(network(), sign=-1).explain("grad_cam", X)
    np.testing.assert_allclose(other.values, [[0, 0.5], [0, 0]], rtol=1e-5)


@pytest.mark.parametrize("row", METHODS, ids=lambda row: row.key)
def test_every_method_works_on_a_nested_network_with_relu6(row: Any) -> None:
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    base_in = keras.Input((16, 16, 3))
    x = layers.DepthwiseConv2D(3, padding="same")(layers.Conv2D(4, 3, padding="same")(base_in))
    base = keras.Model(base_in, layers.ReLU(6.0, name="last")(layers.BatchNormalization()(x)))
    whole = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Rescaling(1 / 255), base,
         layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax")]
    )  # fmt: skip
    image = np.random.default_rng(0).uniform(0, 255, (16, 16, 3)).astype(np.uint8)
    found = Explainer(whole, output=1).explain(row.key, image)
    assert found.values.shape == (16, 16)
    assert np.isfinite(found.values).all()
    assert found.layer == ("last" if row.layer else None)


def test_a_network_without_relu_cannot_be_guided() -> None:
    with pytest.raises(ConfigError, match="ReLU"):
        linear().explain("guided_backpropagation", np.zeros((3, 3, 2)))


def test_a_layer_without_a_map_is_refused(explainer: Explainer) -> None:
    with pytest.raises(ConfigError, match="rows and columns"):
        explainer.explain("grad_cam", X, layer="global_average_pooling2d")
    with pytest.raises(ConfigError, match="no such layer"):
        explainer.explain("grad_cam", X, layer="no such layer")


def test_an_unknown_method_is_refused(explainer: Explainer) -> None:
    with pytest.raises(ConfigError, match="grad_cam_plus_plus"):
        explainer.explain("tea_leaves", X)
