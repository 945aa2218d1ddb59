"""One block of each architecture alone, at the size at which its paper draws it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cxr_core.zoo import densenet, efficientnet, inception, mobilenet_v1, mobilenet_v2, resnet
from cxr_core.zoo import vgg as vgg_net
from cxr_core.zoo import vit as vit_net

if TYPE_CHECKING:
    import keras


def _alone(shape: tuple[int, ...], body: Callable[[Any], Any], name: str) -> keras.Model:
    import keras

    x = keras.Input(shape, name="input")
    return keras.Model(x, body(x), name=name)


def vgg() -> keras.Model:
    """VGG16's third block: three 3×3 convolutions see 7×7."""
    return _alone((56, 56, 128), lambda x: vgg_net.block(x, 3, 256, "block3"), "vgg_block")


def inception_3a() -> keras.Model:
    """163,696 parameters; the paper says 159 thousand."""
    widths = inception.BLOCKS["3a"]
    return _alone((28, 28, 192), lambda x: inception.block(x, widths, "3a"), "inception_3a")


def resnet_basic() -> keras.Model:
    """73,728 weights in its two convolutions."""
    return _alone(
        (56, 56, 64), lambda x: resnet.basic(x, 64, 1, False, "basic"), "resnet_basic_block"
    )


def resnet_bottleneck() -> keras.Model:
    """69,632 weights in its three convolutions, four times the width of the basic block."""
    return _alone(
        (56, 56, 256), lambda x: resnet.bottleneck(x, 64, 1, False, "bottleneck"),
        "resnet_bottleneck_block",
    )  # fmt: skip


def resnext() -> keras.Model:
    """70,144 weights in its three convolutions: 32 paths of width 4."""
    return _alone(
        (56, 56, 256), lambda x: resnet.grouped(x, 64, 1, False, "resnext"), "resnext_block"
    )


def dense() -> keras.Model:
    """Two dense layers and the transition after them."""
    return _alone(
        (56, 56, 64),
        lambda x: densenet.transition(densenet.dense_block(x, 2, "dense"), "transition"),
        "densenet_block",
    )


def separable(bias: bool = False) -> keras.Model:
    """MobileNet's first: 32 to 64 channels."""
    return _alone(
        (112, 112, 32), lambda x: mobilenet_v1.separable(x, 64, 1, bias, "block1"),
        "separable_block",
    )  # fmt: skip


def separable_course() -> keras.Model:
    """The same with the biases that the course keeps: 96 numbers that the norms cancel."""
    return separable(bias=True)


def inverted_residual() -> keras.Model:
    """24 channels widened to 144 and narrowed again."""
    return _alone(
        (56, 56, 24), lambda x: mobilenet_v2.inverted_residual(x, 24, 1, 6, "block2"),
        "inverted_residual_block",
    )  # fmt: skip


def encoder() -> keras.Model:
    """One of ViT-B's twelve: 7,087,872 parameters."""
    return _alone((197, 768), lambda x: vit_net.encoder(x, 12, 3072, "encoder1"), "encoder_block")


def mbconv() -> keras.Model:
    """EfficientNet-B0's third."""
    return _alone(
        (56, 56, 24), lambda x: efficientnet.mbconv(x, 24, 3, 1, 6, 0.0, "block2"), "mbconv_block"
    )
