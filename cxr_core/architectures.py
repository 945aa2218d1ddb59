"""Architectures as data rows: what each solved, who wrote it down, what it must add up to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cxr_core.errors import ConfigError
from cxr_core.graph import LayerRow

# Written by `python -m cxr_core.zoo`; a test holds it against the networks themselves.
PLANS = Path(__file__).resolve().parent.parent / "assets" / "architectures.json"


@dataclass(frozen=True)
class Published:
    """A figure that the row must reproduce. value: as its source prints it."""

    what: str
    value: str
    source: str


@dataclass(frozen=True)
class Architecture:
    """One network of `zoo`.

    builder, block: 'module:function'. parameters: all that Keras counts, moving averages of norms
    included; trainable: those that training moves, which is what papers count.
    """

    key: str
    name: str
    year: int
    paper: str
    link: str
    problem: str
    idea: str
    builder: str
    block: str | None
    input_shape: tuple[int, int, int]
    classes: int
    parameters: int
    trainable: int
    published: tuple[Published, ...]

    @property
    def source(self) -> str:
        """The file that its builder stands in, below the repository's root."""
        return self.builder.split(":")[0].replace(".", "/") + ".py"


_RESNET = "He et al. 2015, Deep residual learning for image recognition"
_RESNET_LINK = "https://arxiv.org/abs/1512.03385"
_HALVES = "ResNeXt paper, figure 1 and table 1 (arXiv 1611.05431)"
_MOBILENET = "Howard et al. 2017, MobileNets"
_MOBILENET_LINK = "https://arxiv.org/abs/1704.04861"
_COURSE = "the reference course"
_KERAS = "keras.io/api/applications"

ARCHITECTURES: tuple[Architecture, ...] = (
    Architecture(
        "lenet", "LeNet-style net", 1998,
        "LeCun et al. 1998, Gradient-based learning applied to document recognition",
        "https://doi.org/10.1109/5.726791",
        "A dense layer on pixels needs a weight for every pixel, and sees a digit moved by two "
        "pixels as a new picture.",
        "Small filters slide over the picture, so a stroke is found wherever it lies; pooling "
        "forgives where exactly it was.",
        "cxr_core.zoo.lenet:lenet", None, (28, 28, 1), 10, 28_938, 28_938,
        (Published("parameters", "28,938 (416 / 12,832 / 15,690)", _COURSE),),
    ),
    Architecture(
        "small_cnn", "Small CNN", 2016, "The course's baseline from scratch",
        "https://keras.io/examples/vision/image_classification_from_scratch/",
        "Before borrowing a network: what does one reach that has seen nothing but these films?",
        "Four times convolution and pooling, then one wide dense layer, which holds 93 % of the "
        "weights and is where it learns by heart.",
        "cxr_core.zoo.small_cnn:small_cnn", None, (150, 150, 3), 1, 3_453_121, 3_453_121,
        (Published("parameters", "3,453,121", _COURSE),),
    ),
    Architecture(
        "small_cnn_dropout", "Small CNN with dropout", 2016,
        "Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting",
        "https://jmlr.org/papers/v15/srivastava14a.html",
        "Three million weights and a few thousand films: the small CNN learns them by heart.",
        "Silence half of the flattened map at random at each step; no unit can rely on another.",
        "cxr_core.zoo.small_cnn:small_cnn_dropout", None, (150, 150, 3), 1, 3_453_121, 3_453_121,
        (Published("parameters", "3,453,121", _COURSE),),
    ),
    Architecture(
        "alexnet", "AlexNet", 2012,
        "Krizhevsky et al. 2012, ImageNet classification with deep convolutional neural networks",
        "https://doi.org/10.1145/3065386",
        "Hand-made features had stalled at 26 % top-5 error on a million photographs.",
        "Make LeNet large, train it on graphics cards, with ReLU, dropout and augmentation.",
        "cxr_core.zoo.alexnet:alexnet", None, (227, 227, 3), 1000, 62_378_344, 62_378_344,
        (Published("parameters", "about 62 M", _COURSE),
         Published("top-5 error", "15.3 %", "the paper")),
    ),
    Architecture(
        "vgg16", "VGG16", 2014,
        "Simonyan and Zisserman 2014, Very deep convolutional networks",
        "https://arxiv.org/abs/1409.1556",
        "Nobody knew which filter sizes to choose, nor whether depth by itself helps.",
        "Only 3×3: two of them see 5×5 and three see 7×7, with fewer weights and more ReLUs.",
        "cxr_core.zoo.vgg:vgg16", "cxr_core.zoo.blocks:vgg", (224, 224, 3), 1000,
        138_357_544, 138_357_544,
        (Published("parameters", "138.4 M", _KERAS),
         Published("top-1 / top-5", "71.3 % / 90.1 %", _KERAS)),
    ),
    Architecture(
        "googlenet", "Inception, GoogLeNet", 2014,
        "Szegedy et al. 2014, Going deeper with convolutions",
        "https://arxiv.org/abs/1409.4842",
        "What matters in a picture is large in one and small in the next: which filter size?",
        "All of them side by side, each behind a 1×1 that thins the map first, and joined.",
        "cxr_core.zoo.inception:googlenet", "cxr_core.zoo.blocks:inception_3a",
        (224, 224, 3), 1000, 6_998_552, 6_998_552,
        (Published("layers with weights, in depth", "22", "the paper, table 1"),
         Published("top-5 error", "6.67 %", "the paper")),
    ),
    Architecture(
        "resnet18", "ResNet-18", 2015, _RESNET, _RESNET_LINK,
        "Deeper nets were worse, on the training set too: they could not even learn to do nothing.",
        "Add the input to the output of each block: doing nothing is now the starting point.",
        "cxr_core.zoo.resnet:resnet18", "cxr_core.zoo.blocks:resnet_basic",
        (224, 224, 3), 1000, 11_699_112, 11_689_512,
        (Published("weights of the basic block 64-64", "73,728", _COURSE),),
    ),
    Architecture(
        "resnet34", "ResNet-34", 2015, _RESNET, _RESNET_LINK,
        "Does depth help at last? 34 layers against the same 34 without shortcuts.",
        "The blocks of ResNet-18, more of them; nothing else changes.",
        "cxr_core.zoo.resnet:resnet34", "cxr_core.zoo.blocks:resnet_basic",
        (224, 224, 3), 1000, 21_814_696, 21_797_672,
        (Published("weights of the basic block 64-64", "73,728", _COURSE),),
    ),
    Architecture(
        "resnet50", "ResNet-50", 2015, _RESNET, _RESNET_LINK,
        "Wide 3×3 convolutions are what makes a deep net dear.",
        "Bottleneck: 1×1 down to a quarter of the width, 3×3 there, 1×1 up again.",
        "cxr_core.zoo.resnet:resnet50", "cxr_core.zoo.blocks:resnet_bottleneck",
        (224, 224, 3), 1000, 25_610_152, 25_557_032,
        (Published("parameters", "25.5 M", _HALVES),
         Published("multiply-adds, strides in the 3×3 / the 1×1", "4.1 / 3.8 billion",
                   "ResNeXt paper, table 1 / He et al., table 1"),
         Published("weights of the bottleneck 256-64-64-256", "69,632", "counted; ≈ 70 k there")),
    ),
    Architecture(
        "resnext50", "ResNeXt-50 (32×4d)", 2016,
        "Xie et al. 2016, Aggregated residual transformations for deep neural networks",
        "https://arxiv.org/abs/1611.05431",
        "Inception's branches work but each was tuned by hand.",
        "32 equal branches of width 4, written as one grouped convolution: more paths, no more "
        "weights.",
        "cxr_core.zoo.resnet:resnext50", "cxr_core.zoo.blocks:resnext",
        (224, 224, 3), 1000, 25_097_128, 25_028_904,
        (Published("parameters", "25.0 M", _HALVES),
         Published("multiply-adds", "4.2 billion", _HALVES),
         Published("weights of the block, 32 paths of width 4", "70,144",
                   "32·(256·4 + 3·3·4·4 + 4·256), section 3.3")),
    ),
    Architecture(
        "densenet121", "DenseNet-121", 2016,
        "Huang et al. 2016, Densely connected convolutional networks",
        "https://arxiv.org/abs/1608.06993",
        "A ResNet adds up what it learns, so later layers cannot tell early features apart, and "
        "learn them again.",
        "Keep every map: each layer reads all before it and adds 32 channels of its own.",
        "cxr_core.zoo.densenet:densenet121", "cxr_core.zoo.blocks:dense",
        (224, 224, 3), 1000, 8_062_504, 7_978_856,
        (Published("parameters", "8.1 M", _KERAS),
         Published("top-1 / top-5", "75.0 % / 92.3 %", _KERAS),
         Published("layers of the dense blocks", "6-12-24-16", "the paper, table 1")),
    ),
    Architecture(
        "mobilenet", "MobileNet v1", 2017, _MOBILENET, _MOBILENET_LINK,
        "ResNets do not run on a telephone.",
        "Split the convolution: 3×3 on each channel alone, then 1×1 across channels. The cost "
        "falls to 1/N + 1/9 of it.",
        "cxr_core.zoo.mobilenet_v1:mobilenet", "cxr_core.zoo.blocks:separable",
        (224, 224, 3), 1000, 4_253_864, 4_231_976,
        (Published("parameters", "4.3 M", _KERAS),
         Published("share of 1×1 in multiply-adds / parameters", "94.86 % / 74.59 %",
                   "the paper, table 2"),
         Published("share of 3×3 depthwise", "3.06 % / 1.06 %", "the paper, table 2")),
    ),
    Architecture(
        "mobilenet_course", "MobileNet v1, as the course builds it", 2017, _MOBILENET,
        _MOBILENET_LINK,
        "The same network from the lecture's own lines: can you find what is wrong with it?",
        "It keeps biases that the norms cancel, and its pooling window slides over columns and "
        "channels instead of rows and columns: seven answers of 1,000 classes for one picture.",
        "cxr_core.zoo.mobilenet_v1:mobilenet_course", "cxr_core.zoo.blocks:separable_course",
        (224, 224, 3), 1000, 4_258_808, 4_236_920,
        (Published("parameters", "4,258,808", _COURSE),
         Published("trainable / frozen", "4,236,920 / 21,888", _COURSE),
         Published("shape of the output", "7×1×1000", _COURSE)),
    ),
    Architecture(
        "mobilenet_v2", "MobileNetV2", 2018,
        "Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks",
        "https://arxiv.org/abs/1801.04381",
        "A ReLU on a thin map throws away what it cannot hold, and depthwise filters on thin maps "
        "learn little.",
        "Widen six times, filter there, narrow again without a ReLU; the shortcut joins the thin "
        "ends.",
        "cxr_core.zoo.mobilenet_v2:mobilenet_v2", "cxr_core.zoo.blocks:inverted_residual",
        (224, 224, 3), 1000, 3_538_984, 3_504_872,
        (Published("parameters", "3.5 M", _KERAS),
         Published("top-1 / top-5", "71.3 % / 90.1 %", _KERAS)),
    ),
    Architecture(
        "efficientnet_b0", "EfficientNet-B0", 2019,
        "Tan and Le 2019, EfficientNet: rethinking model scaling",
        "https://arxiv.org/abs/1905.11946",
        "Given twice the computing power: a wider net, a deeper one, or larger pictures?",
        "All three together, in fixed proportion; and squeeze-and-excitation turns channels up or "
        "down for each picture.",
        "cxr_core.zoo.efficientnet:efficientnet_b0", "cxr_core.zoo.blocks:mbconv",
        (224, 224, 3), 1000, 5_330_564, 5_288_548,
        (Published("parameters", "5.3 M", _KERAS),
         Published("top-1 / top-5", "77.1 % / 93.3 %", _KERAS)),
    ),
    Architecture(
        "vit_b16", "ViT-B/16", 2020,
        "Dosovitskiy et al. 2020, An image is worth 16x16 words",
        "https://arxiv.org/abs/2010.11929",
        "A convolution sees its neighbourhood; to relate both lung bases takes many layers.",
        "Cut the picture into 196 words and let every word look at every other from the first "
        "layer on. Nothing tells it that neighbours belong together, so it needs far more data.",
        "cxr_core.zoo.vit:vit_b16", "cxr_core.zoo.blocks:encoder",
        (224, 224, 3), 1000, 86_567_656, 86_567_656,
        (Published("patches / tokens / heads", "196 / 197 / 12", "the paper, table 1"),
         Published("parameters", "86 M", "the paper, table 1")),
    ),
)  # fmt: skip


def architecture(key: str) -> Architecture:
    """The row of that key. Raises ConfigError where there is none."""
    for row in ARCHITECTURES:
        if row.key == key:
            return row
    known = ", ".join(row.key for row in ARCHITECTURES)
    raise ConfigError(f"Expected an architecture out of {known}; received {key!r}. Choose one.")


# Before a key, where a backbone is named: Keras' ResNet50 and this one share a name.
PREFIX = "zoo-"
# A network of these ends in several answers for one film, which no label belongs to.
NOT_TRAINED = ("mobilenet_course",)


def backbone_name(row: Architecture) -> str:
    """What a fine-tuning run calls it."""
    return PREFIX + row.key


def of_backbone(name: str) -> Architecture | None:
    """The row that a run's backbone names; None for one of `backbones`.

    Raises ConfigError where the name begins as one of these and is none.
    """
    return architecture(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None


def unserved(row: Architecture) -> str | None:
    """Why Review cannot have a trained one, in words; None where it can."""
    if row.key == "vit_b16":
        return "it has no map of rows and columns before its answer for Grad-CAM to weigh"
    return None


def sizes(row: Architecture) -> tuple[int, int]:
    """(smallest input in pixels, step between sizes that it can take)."""
    smallest = {"alexnet": 67, "small_cnn": 46, "small_cnn_dropout": 46}
    return (32, 16) if row.key == "vit_b16" else (smallest.get(row.key, 32), 1)


def plan(key: str) -> tuple[LayerRow, ...]:
    """Every layer of an architecture, without building it."""
    return _rows(_plans()[architecture(key).key]["layers"])


def block_plan(key: str) -> tuple[LayerRow, ...]:
    """Every layer of the block that it is known for, or of the whole where it has none."""
    return _rows(_plans()[architecture(key).key]["block"])


def _rows(stored: list[list[Any]]) -> tuple[LayerRow, ...]:
    return tuple(
        LayerRow(n, k, text, tuple(shape), params, trainable, work, tuple(sources))
        for n, k, text, shape, params, trainable, work, sources in stored
    )


@cache
def _plans() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(PLANS.read_text())
    return stored
