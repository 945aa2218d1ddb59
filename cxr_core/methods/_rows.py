"""The methods the course teaches, one row each. Adding a method adds a row."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cxr_core.architectures import of_backbone
from cxr_core.augmentation import GEOMETRY, Augmentation
from cxr_core.backbones import SMALL_CNN, backbone
from cxr_core.errors import ConfigError
from cxr_core.methods._settings import Settings


@dataclass(frozen=True)
class Method:
    """A way to make a model. what: what it does; when: when it is the right one.

    shown: the settings worth showing first; the rest can be folded away.
    """

    key: str
    title: str
    what: str
    when: str
    defaults: Settings
    shown: tuple[str, ...]


# Where a second phase starts, by backbone: its last stage, as block5_conv1 is VGG16's.
UNFREEZE_FROM: dict[str, str] = {
    "mobilenetv2": "block_13",
    "vgg16": "block5_conv1",
    "resnet50": "conv5_block1",
    "densenet121": "conv5_block1",
    "efficientnetb0": "block6a",
}

# Where a base ends whose late layers know too much of photographs. Others end in the middle one of
# the layers that the quality gate reads.
EARLIER: dict[str, str] = {"mobilenetv2": "block_13_expand_relu"}

_SMALL = Settings(
    backbone=SMALL_CNN.name, pretrained=False, size=150, pooling="flatten", dense=512,
    unfreeze_from="", optimiser="rmsprop", rate=1e-4, epochs=30, patience=6,
)  # fmt: skip
_FEATURES = Settings(
    features=True, dense=256, dense_dropout=0.5, optimiser="rmsprop", rate=2e-5, batch=20,
    epochs=30, patience=5,
)  # fmt: skip
_FROM_THE_BASE = Settings(dense=256, dense_dropout=0.5, augmentation=GEOMETRY)
_TRAINING = ("epochs", "rate", "batch")

METHODS: tuple[Method, ...] = (
    Method(
        "small-cnn",
        "Small CNN from scratch",
        "Four convolution blocks and a dense layer from random weights: the baseline.",
        "To see what the films alone can teach a small network; it overfits within a few epochs.",
        _SMALL,
        _TRAINING,
    ),
    Method(
        "small-cnn-augmented",
        "Small CNN, augmented",
        "The same with films turned, shifted, zoomed and re-exposed a little, anew each epoch.",
        "To see overfitting recede without another film.",
        replace(_SMALL, augmentation=GEOMETRY),
        (*_TRAINING, "augmentation"),
    ),
    Method(
        "small-cnn-dropout",
        "Small CNN, augmented, with dropout",
        "The same with half of the flattened features dropped at random at each step.",
        "To see what regularisation adds to augmentation.",
        replace(_SMALL, augmentation=GEOMETRY, dropout=0.5),
        (*_TRAINING, "dropout", "augmentation"),
    ),
    Method(
        "imagenet",
        "ImageNet network as it is",
        "The pretrained network with its own 1,000 classes, nothing trained: its top five names.",
        "To see that it names photographs well and has no word for a chest film.",
        Settings(head="imagenet", balance="none"),
        ("backbone",),
    ),
    Method(
        "features-dense",
        "Features + dense head",
        "Runs the frozen base once over the films, keeps the features and trains a head on them.",
        "Small and similar data, or little time: the second head takes seconds. No augmentation.",
        _FEATURES,
        ("backbone", "dense", "dense_dropout", *_TRAINING),
    ),
    Method(
        "features-svm",
        "Features + linear SVM",
        "A linear support-vector machine on the same features.",
        "Small and similar data: nothing to tune but C, and no epochs.",
        Settings(features=True, head="svm"),
        ("backbone", "svm_c"),
    ),
    Method(
        "features-earlier",
        "Linear SVM on earlier features",
        "A linear support-vector machine on features from the middle of the base, where it still "
        "sees edges and texture.",
        "Small data unlike photographs: late layers know things that films have not.",
        Settings(features=True, head="svm", base_until=EARLIER["mobilenetv2"]),
        ("backbone", "base_until", "svm_c"),
    ),
    Method(
        "frozen",
        "Frozen base with augmentation",
        "The base inside the model, frozen; each epoch shows it new renderings of the films.",
        "When features + head overfits and there is time for a full pass each epoch.",
        replace(_FROM_THE_BASE, optimiser="rmsprop", rate=2e-4, epochs=15, patience=4),
        ("backbone", "dense", *_TRAINING, "augmentation"),
    ),
    Method(
        "two-phase",
        "Fine-tuning in two phases",
        "First the head with the base frozen, then the base from a named layer on, at a rate that "
        "changes it slowly. Batch normalisation stays in inference mode.",
        "Large and similar data: the usual choice.",
        replace(
            _FROM_THE_BASE,
            unfreeze_from=UNFREEZE_FROM["mobilenetv2"],
            head_epochs=3,
            head_rate=1e-3,
            optimiser="rmsprop",
            rate=1e-5,
            epochs=10,
        ),
        ("backbone", "unfreeze_from", "head_epochs", *_TRAINING),
    ),
    Method(
        "reference",
        "The reference recipe",
        "MobileNetV2, all but its last two layers frozen, a dense layer of 128, class weights, "
        "Adam with a rate of 0.01 · 0.1^(epoch/20), the best epoch kept.",
        "To repeat what the course prints.",
        Settings(
            dense=128,
            unfreeze_from="Conv_1_bn",
            norms_learn=True,
            rate=0.01,
            schedule="exponential",
            decay=0.1,
            decay_every=20,
            epochs=10,
            patience=3,
        ),
        _TRAINING,
    ),
    Method(
        "everything",
        "Everything, from pretrained weights",
        "Every layer learns from the start, from ImageNet's weights.",
        "Large data, also if different: usually better than from scratch. Slow without a GPU.",
        Settings(
            unfreeze_from="",
            dropout=0.3,
            size=160,
            augmentation=Augmentation(),
            optimiser="adamw",
            rate=3e-4,
            weight_decay=0.02,
            schedule="cosine",
            warm_up=0.1,
            label_smoothing=0.05,
            epochs=6,
            patience=0,
        ),
        ("backbone", "size", *_TRAINING, "augmentation"),
    ),
    Method(
        "scratch",
        "Everything, from scratch",
        "The same network from random weights, batch normalisation learning as well.",
        "Large and different data; here, to see what ImageNet's weights are worth.",
        Settings(
            pretrained=False,
            unfreeze_from="",
            norms_learn=True,
            dropout=0.3,
            size=128,
            augmentation=GEOMETRY,
            rate=1e-3,
            schedule="cosine",
            warm_up=0.1,
            epochs=20,
            patience=0,
        ),
        ("backbone", "size", *_TRAINING),
    ),
    Method(
        "k-fold",
        "k-fold cross-validation",
        "Trains features + dense head once for each fold, patients apart, and says how much the "
        "figures vary. The first fold's model is the one that is stored.",
        "Small data, where one split's figures are luck.",
        replace(_FEATURES, folds=5),
        ("backbone", "folds", *_TRAINING),
    ),
    Method(
        "ensemble",
        "Ensemble of three",
        "Three different backbones, each with its own head on features; their logits are averaged.",
        "When cost does not matter: three networks run for every film.",
        replace(_FEATURES, members=("mobilenetv2", "densenet121", "efficientnetb0")),
        ("members", *_TRAINING),
    ),
)


def method(key: str) -> Method:
    """The row of that key. Raises ConfigError where there is none."""
    for row in METHODS:
        if row.key == key:
            return row
    known = ", ".join(m.key for m in METHODS)
    raise ConfigError(f"Expected a method out of {known}; received {key!r}. Choose one.")


def with_backbone(settings: Settings, name: str) -> Settings:
    """The same settings for another backbone; layers to unfreeze from or to end in become its own.

    Raises ConfigError where there is no such backbone. A backbone without a layer in UNFREEZE_FROM
    unfreezes everything; an architecture of `architectures` brings its own head.
    """
    if of_backbone(name):
        own = replace(settings, dense=0, dropout=0.0, dense_dropout=0.0, pooling="mean")
        layer = None if settings.unfreeze_from is None else ""
        return replace(own, backbone=name, unfreeze_from=layer)
    row = backbone(name)
    changed = replace(settings, backbone=name)
    if settings.base_until:
        middle = row.feature_layers[len(row.feature_layers) // 2]
        changed = replace(changed, base_until=EARLIER.get(name, middle))
    if not settings.unfreeze_from:
        return changed
    return replace(changed, unfreeze_from=UNFREEZE_FROM.get(name, ""))
