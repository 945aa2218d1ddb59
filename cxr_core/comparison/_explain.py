"""Why a depthwise separable convolution is cheaper, and EfficientNet's three ways of scaling."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cxr_core.backbones import SCALED, STAGES
from cxr_core.comparison._counts import counts
from cxr_core.errors import ConfigError

B0_SIZE = 224
_CLASSES = 1000


@dataclass(frozen=True)
class ConvolutionCost:
    """A standard convolution against a depthwise separable one over the same map, no biases.

    ratio: separable over standard multiply-adds; the parameters have the same ratio. formula:
    1/N + 1/k², Howard et al. 2017, section 3.1.
    """

    kernel: int
    channels_in: int
    channels_out: int
    size: int
    standard_macs: int
    depthwise_macs: int
    pointwise_macs: int
    standard_params: int
    depthwise_params: int
    pointwise_params: int

    @property
    def separable_macs(self) -> int:
        return self.depthwise_macs + self.pointwise_macs

    @property
    def separable_params(self) -> int:
        return self.depthwise_params + self.pointwise_params

    @property
    def ratio(self) -> float:
        return self.separable_macs / self.standard_macs

    @property
    def formula(self) -> float:
        return 1 / self.channels_out + 1 / self.kernel**2


def convolution_cost(
    kernel: int, channels_in: int, channels_out: int, size: int
) -> ConvolutionCost:
    """size: rows and columns of the map, kept by the convolution. Raises ConfigError below 1."""
    if min(kernel, channels_in, channels_out, size) < 1:
        raise ConfigError(
            "Expected a kernel, channels and a size of at least 1; received "
            f"{kernel}, {channels_in}, {channels_out}, {size}. Raise them."
        )
    standard = kernel**2 * channels_in * channels_out
    depthwise, pointwise = kernel**2 * channels_in, channels_in * channels_out
    return ConvolutionCost(
        kernel, channels_in, channels_out, size,
        standard * size**2, depthwise * size**2, pointwise * size**2,
        standard, depthwise, pointwise,
    )  # fmt: skip


@dataclass(frozen=True)
class Scaling:
    """One of EfficientNet B0 to B7. params, macs: counted; top1: Keras; course_top1: the course."""

    name: str
    width: float
    depth: float
    size: int
    params: int
    macs: int
    top1: float
    course_top1: float


@dataclass(frozen=True)
class Scaled:
    """EfficientNet B0 scaled by three factors; params and macs in closed form."""

    width: float
    depth: float
    resolution: float
    size: int
    params: int
    macs: int


@dataclass(frozen=True)
class Way:
    """One way of scaling B0 to four times its operations. Tan and Le 2019, table 7."""

    name: str
    width: float
    depth: float
    resolution: float
    gmacs: float
    top1: float


WAYS: tuple[Way, ...] = (
    Way("B0, unscaled", 1.0, 1.0, 1.0, 0.4, 77.3),
    Way("deeper only", 1.0, 4.0, 1.0, 1.8, 79.0),
    Way("wider only", 2.0, 1.0, 1.0, 1.8, 78.9),
    Way("larger images only", 1.0, 1.0, 2.0, 1.9, 79.1),
    Way("all three together", 1.2, 1.4, 1.3, 1.8, 81.1),
)


def efficientnets() -> tuple[Scaling, ...]:
    """B0 to B7 with what their graphs count."""
    counted = {s.letter: counts()[f"efficientnetb{s.letter}"] for s in SCALED}
    return tuple(
        Scaling(
            f"EfficientNetB{s.letter}", s.width, s.depth, s.size,
            counted[s.letter].params, counted[s.letter].macs, s.top1, s.course,
        )
        for s in SCALED
    )  # fmt: skip


def scaled(width: float, depth: float, resolution: float) -> Scaled:
    """EfficientNet B0 with its channels, blocks and sides multiplied, each at least 0.25.

    Raises ConfigError outside 0.25 to 8.
    """
    if not all(0.25 <= factor <= 8 for factor in (width, depth, resolution)):
        raise ConfigError(
            "Expected factors from 0.25 to 8; received "
            f"{width:g}, {depth:g}, {resolution:g}. Bring them closer to 1."
        )
    size = round(B0_SIZE * resolution)
    side = math.ceil(size / 2)
    channels = _width(32, width)
    total = _Total(params=3)
    total.convolution(3, 3, channels, side)
    for stage in STAGES:
        for i in range(math.ceil(depth * stage.repeats)):
            stride = stage.stride if i == 0 else 1
            out = _width(stage.channels, width)
            side = total.block(channels, out, stage.expand, stage.kernel, stride, side)
            channels = out
    top = _width(1280, width)
    total.convolution(1, channels, top, side)
    total.params += top * _CLASSES + _CLASSES
    total.macs += top * _CLASSES
    # Normalisation of the input: a mean and a variance a channel, and a counter.
    return Scaled(width, depth, resolution, size, total.params + 4, total.macs)


@dataclass
class _Total:
    params: int = 0
    macs: int = 0

    def convolution(self, kernel: int, into: int, out: int, side: int, groups: int = 1) -> None:
        """Without bias, and with batch normalisation's four numbers a channel."""
        weights = kernel**2 * into * out // groups
        self.params += weights + 4 * out
        self.macs += weights * side**2

    def block(self, into: int, out: int, expand: int, kernel: int, stride: int, side: int) -> int:
        """An inverted residual block with squeeze-and-excitation; returns its output's side."""
        inner = into * expand
        if expand != 1:
            self.convolution(1, into, inner, side)
        side = math.ceil(side / stride)
        self.convolution(kernel, inner, inner, side, groups=inner)
        squeezed = max(1, into // 4)
        self.params += 2 * inner * squeezed + inner + squeezed
        self.macs += 2 * inner * squeezed
        self.convolution(1, inner, out, side)
        return side


def _width(channels: int, factor: float) -> int:
    """Scaled to a multiple of 8, never down by more than a tenth. keras.applications."""
    wanted = channels * factor
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded
