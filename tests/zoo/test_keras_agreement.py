"""The same random weights in ours and in Keras' own network: the same output at every layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cxr_core.zoo import densenet, efficientnet, mobilenet_v1, mobilenet_v2, resnet, vgg

SIDE, CLASSES = 64, 10


def weighted(network: Any) -> list[Any]:
    return [layer for layer in network.layers if layer.weights]


def randomise(layer: Any, rng: np.random.Generator) -> list[np.ndarray]:
    """Weights that keep a signal alive and let a wrong norm show."""
    drawn = []
    for w in layer.get_weights():
        if w.ndim > 1:
            fan_in = w.size / w.shape[-1] if w.shape[-1] > 1 else w.shape[0] * w.shape[1]
            drawn.append(rng.normal(0, np.sqrt(2 / fan_in), w.shape))
        else:
            drawn.append(rng.uniform(0.5, 1.5, w.shape))
    return [np.asarray(w, np.float32) for w in drawn]


CASES: dict[str, tuple[Callable[..., Any], str, dict[str, Any]]] = {
    "vgg16": (vgg.vgg16, "VGG16", {}),
    "resnet50": (lambda *a: resnet.resnet50(*a, bias=True), "ResNet50", {}),
    "densenet121": (densenet.densenet121, "DenseNet121", {}),
    "mobilenet": (mobilenet_v1.mobilenet, "MobileNet", {"dropout": 0.0}),
    "mobilenet_v2": (mobilenet_v2.mobilenet_v2, "MobileNetV2", {}),
    "efficientnet_b0": (efficientnet.efficientnet_b0, "EfficientNetB0", {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_layer_with_weights_gives_what_keras_own_gives(name: str) -> None:
    import keras

    builder, constructor, extra = CASES[name]
    shape = (SIDE, SIDE, 3)
    ours = builder(shape, CLASSES, "softmax")
    theirs = getattr(keras.applications, constructor)(
        weights=None, input_shape=shape, classes=CLASSES, **extra
    )
    rng = np.random.default_rng(0)
    mine = weighted(ours)
    other = [x for x in weighted(theirs) if not isinstance(x, keras.layers.Normalization)]
    assert [type(x) for x in mine[:-1]] == [type(x) for x in other[:-1]]
    for a, b in zip(mine, other, strict=True):
        drawn = randomise(b, rng)
        b.set_weights(drawn)
        a.set_weights([w.reshape(v.shape) for w, v in zip(drawn, a.get_weights(), strict=True)])
    image = rng.uniform(-1, 1, (2, *shape)).astype(np.float32)
    # EfficientNet of Keras scales its input itself: by 1/255, then by a norm that is still 0, 1.
    theirs_in = 255 * image if name.startswith("efficient") else image
    # Keras' MobileNet has its softmax in a layer of its own: the last is compared at the output.
    probes = [
        keras.Model(m.input, [*(x.output for x in ls[:-1]), m.output])
        for m, ls in ((ours, mine), (theirs, other))
    ]
    outputs = (probes[0](image, training=False), probes[1](theirs_in, training=False))
    for layer, a, b in zip(mine, *outputs, strict=True):
        a, b = np.asarray(a).ravel(), np.asarray(b).ravel()
        np.testing.assert_allclose(a, b, atol=1e-4 * max(1.0, np.abs(b).max()), err_msg=layer.name)
    assert np.ptp(np.asarray(outputs[0][-1])) > 0.01
