"""Where the figures and the weights of the rows come from, and the three kinds of input scaling."""

from __future__ import annotations

from cxr_core.backbones._row import Figures, InputScaling, WeightsFile

KERAS = "Keras Applications, keras.io/api/applications"
VISION = "torchvision.models, _ops of the same network"
COURSE = "the reference course's table"

# keras.applications.imagenet_utils.preprocess_input, by mode.
TF = InputScaling("tf", 1 / 127.5, -1.0)
TORCH = InputScaling(
    "torch",
    (1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)),
    (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225),
)
CAFFE = InputScaling("caffe", 1.0, (-103.939, -116.779, -123.68))
INSIDE = InputScaling("inside")

_STORE = "https://storage.googleapis.com/tensorflow/keras-applications/"


def keras(params: int, top1: float | None, top5: float | None) -> Figures:
    """Figures of Keras' own table; parameters to the last one, from its earlier edition."""
    return Figures(params, top1, top5, KERAS)


def course(params: int | None, top1: float, top5: float | None) -> Figures:
    return Figures(params, top1, top5, COURSE)


def weights(path: str, digest: str | None = None) -> WeightsFile:
    """path: below Keras' store of weights, or a whole address."""
    return WeightsFile(path if path.startswith("https://") else _STORE + path, digest)
