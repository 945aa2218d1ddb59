"""Backbones as data rows. Adding one adds a row; every parametrised test runs on it."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_core.errors import ConfigError


@dataclass(frozen=True)
class LastStride:
    """The layers that halve the map for the last time: what `classifier.without_last_stride` edits.

    convolution: the strided one. padding: the ZeroPadding2D before it, if any. after: every later
    convolution wider than 1×1.
    """

    convolution: str
    padding: str | None
    after: tuple[str, ...]


@dataclass(frozen=True)
class Backbone:
    """A network of `keras.applications`.

    scale, offset: what its own preprocessing does to 0..255, for all channels or for each; 1 and 0
    where the graph does it itself. cam_layer: the last activation before pooling. feature_layers:
    what the quality gate reads, early to late. last_stride: None where nobody worked it out.
    """

    name: str
    constructor: str
    scale: float | tuple[float, float, float]
    offset: float | tuple[float, float, float]
    cam_layer: str
    feature_layers: tuple[str, ...]
    last_stride: LastStride | None
    paper: str


# keras.applications.imagenet_utils, modes 'caffe' and 'torch'. A grey film has three equal
# channels, so that caffe's order of blue, green, red is the order of its means alone.
_CAFFE = (-103.939, -116.779, -123.68)
_TORCH_SCALE = (1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225))
_TORCH_OFFSET = (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225)


BACKBONES: tuple[Backbone, ...] = (
    Backbone(
        name="mobilenetv2",
        constructor="MobileNetV2",
        scale=1 / 127.5,
        offset=-1.0,
        cam_layer="out_relu",
        feature_layers=(
            "block_5_add",
            "block_9_add",
            "block_12_add",
            "block_15_add",
            "out_relu",
        ),
        last_stride=LastStride(
            convolution="block_13_depthwise",
            padding="block_13_pad",
            after=("block_14_depthwise", "block_15_depthwise", "block_16_depthwise"),
        ),
        paper="Sandler et al. 2018, arXiv 1801.04381",
    ),
    Backbone(
        name="vgg16",
        constructor="VGG16",
        scale=1.0,
        offset=_CAFFE,
        cam_layer="block5_pool",
        feature_layers=("block2_pool", "block3_pool", "block4_pool", "block5_conv2", "block5_pool"),
        last_stride=None,
        paper="Simonyan and Zisserman 2014, arXiv 1409.1556",
    ),
    Backbone(
        name="resnet50",
        constructor="ResNet50",
        scale=1.0,
        offset=_CAFFE,
        cam_layer="conv5_block3_out",
        feature_layers=(
            "conv2_block3_out",
            "conv3_block4_out",
            "conv4_block3_out",
            "conv4_block6_out",
            "conv5_block3_out",
        ),
        last_stride=None,
        paper="He et al. 2015, arXiv 1512.03385",
    ),
    Backbone(
        name="densenet121",
        constructor="DenseNet121",
        scale=_TORCH_SCALE,
        offset=_TORCH_OFFSET,
        cam_layer="relu",
        feature_layers=("pool2_pool", "pool3_pool", "pool4_pool", "conv5_block8_concat", "relu"),
        last_stride=None,
        paper="Huang et al. 2016, arXiv 1608.06993",
    ),
    Backbone(
        name="efficientnetb0",
        constructor="EfficientNetB0",
        scale=1.0,
        offset=0.0,
        cam_layer="top_activation",
        feature_layers=(
            "block3b_add",
            "block4c_add",
            "block5c_add",
            "block6d_add",
            "top_activation",
        ),
        last_stride=None,
        paper="Tan and Le 2019, arXiv 1905.11946",
    ),
)
# The course's own network from scratch; Keras has no constructor for it.
SMALL_CNN = Backbone(
    name="small-cnn",
    constructor="",
    scale=1 / 255,
    offset=0.0,
    cam_layer="pool_4",
    feature_layers=("pool_1", "pool_2", "pool_3", "conv_4", "pool_4"),
    last_stride=None,
    paper="Chollet 2017, Deep Learning with Python, section 5.2",
)


def backbone(name: str) -> Backbone:
    """The row of that name. Raises ConfigError where there is none."""
    for row in (*BACKBONES, SMALL_CNN):
        if row.name == name:
            return row
    known = ", ".join(b.name for b in (*BACKBONES, SMALL_CNN))
    raise ConfigError(f"Expected a backbone out of {known}; received {name!r}. Choose one.")
