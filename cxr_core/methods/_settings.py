"""Everything that may be set for one fine-tuning run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cxr_core.augmentation import NO_AUGMENTATION, Augmentation
from cxr_core.preprocess import DEFAULT, Preprocessing

Balance = Literal["balanced", "custom", "none", "oversample"]
Optimiser = Literal["adam", "adamw", "rmsprop", "sgd"]
Schedule = Literal["constant", "exponential", "staircase", "cosine", "plateau"]


@dataclass(frozen=True)
class Settings:
    """One run.

    backbone: a name of `backbones`, or 'zoo-' and a key of `architectures`, which brings its own
    head and is trained from random weights. pretrained: start from ImageNet's weights, else random
    ones. size: input pixels a side. pooling: 'flatten' keeps where a feature lies, at many
    parameters.
    dense: width of the head's ReLU layer, 0 for none; dropout before it, dense_dropout after it.
    features: run the frozen base once, keep what it says, train the head on that. base_until: the
    layer that the base ends in, '' for all of it. head: a dense
    head, a linear SVM on the features, or ImageNet's own classes, nothing trained. svm_c: its C.
    unfreeze_from: the first layer of the base that learns (a prefix is enough); None: the head
    alone, '': everything. norms_learn: batch normalisation in those layers learns too.
    head_epochs: epochs with the base frozen before that, at head_rate.
    balance: weights of n / (k · n_c), your own class_weights in the order of the classes, none, or
    films of the rarer classes drawn more often. rate: the highest learning rate, see `rate_at`.
    decay, decay_every: exponential: rate · decay^(epoch / decay_every); staircase: the same by
    steps, rounded down; plateau: rate · decay after decay_every epochs without a better validation
    loss. warm_up: share of the steps that a cosine rises over. weight_decay: AdamW's.
    patience: epochs without a better validation loss before it stops, 0 for never; the best
    epoch's weights are kept either way. folds: of a cross-validation, 0 for one split. members:
    backbones of an ensemble, its logits averaged. gate_films: training films that the quality gate
    is fitted on.
    """

    backbone: str = "mobilenetv2"
    pretrained: bool = True
    size: int = 224
    pooling: Literal["mean", "flatten"] = "mean"
    dense: int = 0
    dropout: float = 0.0
    dense_dropout: float = 0.0
    features: bool = False
    base_until: str = ""
    head: Literal["dense", "svm", "imagenet"] = "dense"
    svm_c: float = 0.001
    unfreeze_from: str | None = None
    norms_learn: bool = False
    head_epochs: int = 0
    head_rate: float = 1e-3
    balance: Balance = "balanced"
    class_weights: tuple[float, ...] = ()
    augmentation: Augmentation = NO_AUGMENTATION
    optimiser: Optimiser = "adam"
    rate: float = 1e-3
    schedule: Schedule = "constant"
    decay: float = 0.1
    decay_every: float = 20.0
    warm_up: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    batch: int = 32
    epochs: int = 10
    patience: int = 3
    seed: int = 0
    mixed_precision: bool = False
    folds: int = 0
    members: tuple[str, ...] = ()
    gate_films: int = 400


def preprocessing(settings: Settings) -> Preprocessing:
    """The product's one preprocessing at this input size; its blur shrinks with the film."""
    return Preprocessing(
        size=settings.size, blur=round(DEFAULT.blur * settings.size / DEFAULT.size, 3)
    )
