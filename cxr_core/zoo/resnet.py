"""ResNet: learn what to add to the input, not the output. He et al. 2015, arXiv 1512.03385.

ResNeXt splits a block's 3×3 into 32 groups, side by side. Xie et al. 2016, arXiv 1611.05431.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]


class Block(Protocol):
    """x, filters, strides, bias, name → the block's output."""

    def __call__(self, x: Any, filters: int, strides: int, bias: bool, name: str) -> Any: ...


def _conv(
    x: Any, filters: int, size: int, name: str, *, strides: int = 1, groups: int = 1,
    bias: bool = False, relu: bool = True,
) -> Any:  # fmt: skip
    """Convolution → batch norm → ReLU. The norm subtracts the mean, so a bias would do nothing."""
    from keras import layers

    x = layers.Conv2D(
        filters, size, strides, padding="same", groups=groups, use_bias=bias, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _join(shortcut: Any, residual: Any, name: str) -> Any:
    from keras import layers

    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([shortcut, residual]))


def _shortcut(x: Any, filters: int, strides: int, bias: bool, name: str) -> Any:
    """x itself, or a 1×1 projection where the shape changes (option B of the paper)."""
    if strides == 1 and x.shape[-1] == filters:
        return x
    return _conv(x, filters, 1, f"{name}_0", strides=strides, bias=bias, relu=False)


def basic(x: Any, filters: int, strides: int, bias: bool, name: str) -> Any:
    """3×3 → 3×3, plus the input: ResNet-18 and -34."""
    shortcut = _shortcut(x, filters, strides, bias, name)
    x = _conv(x, filters, 3, f"{name}_1", strides=strides, bias=bias)
    x = _conv(x, filters, 3, f"{name}_2", bias=bias, relu=False)
    return _join(shortcut, x, name)


def bottleneck(
    x: Any, filters: int, strides: int, bias: bool, name: str, *, late: bool = False
) -> Any:
    """1×1 down → 3×3 → 1×1 up to four times the width, plus the input: ResNet-50 and deeper.

    late: halve the map in the 3×3, which drops no pixel unread, where the paper does it in the 1×1.
    """
    shortcut = _shortcut(x, 4 * filters, strides, bias, name)
    x = _conv(x, filters, 1, f"{name}_1", strides=1 if late else strides, bias=bias)
    x = _conv(x, filters, 3, f"{name}_2", strides=strides if late else 1, bias=bias)
    x = _conv(x, 4 * filters, 1, f"{name}_3", bias=bias, relu=False)
    return _join(shortcut, x, name)


def grouped(
    x: Any, filters: int, strides: int, bias: bool, name: str, *, cardinality: int = 32
) -> Any:
    """The bottleneck twice as wide, its 3×3 in groups: as many weights, more paths."""
    shortcut = _shortcut(x, 4 * filters, strides, bias, name)
    x = _conv(x, 2 * filters, 1, f"{name}_1", bias=bias)
    x = _conv(x, 2 * filters, 3, f"{name}_2", strides=strides, groups=cardinality, bias=bias)
    x = _conv(x, 4 * filters, 1, f"{name}_3", bias=bias, relu=False)
    return _join(shortcut, x, name)


def residual_net(
    block: Block, depths: Sequence[int], input_shape: Shape, classes: int,
    activation: str | None, bias: bool, name: str,
) -> keras.Model:  # fmt: skip
    """Stem → four stages of blocks, each half the size and twice the width → mean → classes."""
    import keras
    from keras import layers

    image = keras.Input(input_shape)
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = layers.Conv2D(64, 7, 2, use_bias=bias, name="conv1_conv")(x)
    x = layers.BatchNormalization(epsilon=1.001e-5, name="conv1_bn")(x)
    x = layers.ReLU(name="conv1_relu")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1_pool")(x)
    for stage, depth in enumerate(depths):
        for i in range(depth):
            strides = 2 if stage > 0 and i == 0 else 1
            x = block(x, 64 * 2**stage, strides, bias, f"conv{stage + 2}_block{i + 1}")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    scores = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, scores, name=name)


def resnet18(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, activation: str | None = "softmax"
) -> keras.Model:
    """11,689,512 trainable parameters."""
    return residual_net(basic, (2, 2, 2, 2), input_shape, classes, activation, False, "resnet18")


def resnet34(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, activation: str | None = "softmax"
) -> keras.Model:
    """21,797,672 trainable parameters: 18 and 34 differ in nothing but how many blocks."""
    return residual_net(basic, (3, 4, 6, 3), input_shape, classes, activation, False, "resnet34")


def resnet50(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    activation: str | None = "softmax",
    *,
    bias: bool = False,
    late: bool = False,
) -> keras.Model:
    """25,557,032 trainable parameters; 3.9 billion multiply-adds, 4.1 with late strides.

    bias: keep those that the norms cancel, as Keras' own does.
    """
    block = partial(bottleneck, late=late)
    return residual_net(block, (3, 4, 6, 3), input_shape, classes, activation, bias, "resnet50")


def resnext50(
    input_shape: Shape = (224, 224, 3), classes: int = 1000, activation: str | None = "softmax"
) -> keras.Model:
    """ResNeXt-50 (32×4d): 25,028,904 trainable parameters."""
    block = partial(grouped, cardinality=32)
    return residual_net(block, (3, 4, 6, 3), input_shape, classes, activation, False, "resnext50")
