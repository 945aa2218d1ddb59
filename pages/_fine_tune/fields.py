"""Every setting as a row: its name, what it means, how it is asked for, when it matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from cxr_core.augmentation import MOST, NO_FLIPS
from cxr_core.methods import Settings
from cxr_core.methods._settings import Balance, Optimiser, Schedule

How = Literal[
    "whole", "share", "number", "rate", "rate0", "choice", "switch", "text", "list", "layer", "name"
]


def _always(_: Settings) -> bool:
    return True


@dataclass(frozen=True)
class Field:
    """One widget. name: of Settings, or 'augmentation.rotate'. how: the kind of widget.

    matters: whether it changes anything with the other settings as they are. Where it does not, it
    is shown only while its value is not `neutral`, so that a contradiction can be taken back.
    """

    name: str
    label: str
    group: str
    how: How
    help: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    options: tuple[str, ...] = ()
    matters: Callable[[Settings], bool] = _always
    neutral: Any = None


NETWORK, HEAD, TRAINING, BALANCE, AUGMENTATION = (
    "Network", "Head", "Training", "Class balance", "Augmentation",
)  # fmt: skip
GROUPS = (NETWORK, HEAD, TRAINING, BALANCE, AUGMENTATION)

SCHEDULE_WORDS = {
    "constant": "Constant",
    "exponential": "Exponential by epoch (course)",
    "staircase": "Staircase by steps (course)",
    "cosine": "Cosine, with warm-up",
    "plateau": "Reduce on plateau",
}
BALANCE_WORDS = {
    "balanced": "Class weights n / (k · n_c)",
    "custom": "Class weights of my own",
    "none": "None",
    "oversample": "Draw rarer classes more often",
}
OPTIMISER_WORDS = {"adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "sgd": "SGD"}
OTHER_WORDS = {
    "mean": "Global average", "flatten": "Flatten", "dense": "Dense", "svm": "Linear SVM",
    "imagenet": "ImageNet's 1,000 classes",
}  # fmt: skip
WORDS = SCHEDULE_WORDS | BALANCE_WORDS | OPTIMISER_WORDS | OTHER_WORDS


def _trained(s: Settings) -> bool:
    return s.head == "dense"


def _learns(s: Settings) -> bool:
    return s.unfreeze_from is not None


FIELDS: tuple[Field, ...] = (
    Field(
        "size", "Input size", NETWORK, "whole",
        "Pixels a side. Twice the side costs four times the time and activation memory.",
        32, 640, 16,
    ),
    Field(
        "pretrained", "ImageNet weights", NETWORK, "switch",
        "Start from weights that were learned on photographs; off: from random ones.",
    ),
    Field(
        "unfreeze_from", "Learns from layer", NETWORK, "layer",
        "The first layer of the base that learns; the beginning of its name is enough. "
        "'head' trains the head alone, 'all' every layer.",
        matters=lambda s: not s.features,
    ),
    Field(
        "norms_learn", "Batch normalisation learns", NETWORK, "switch",
        "Off, its statistics stay ImageNet's, as a small batch's would be noise.",
        matters=_learns, neutral=False,
    ),
    Field(
        "features", "Compute features once", NETWORK, "switch",
        "Run the frozen base once over every film and train the head on what it says: fast, and "
        "without augmentation.",
    ),
    Field(
        "base_until", "Base ends in layer", NETWORK, "name",
        "The layer whose maps are the features; empty for the last one.",
        matters=lambda s: s.features, neutral="",
    ),
    Field(
        "pooling", "Pooling", NETWORK, "choice",
        "Flatten keeps where a feature lies, at many parameters.", options=("mean", "flatten"),
        matters=_trained,
    ),
    Field(
        "mixed_precision", "Mixed precision", NETWORK, "switch",
        "16-bit activations: faster on recent GPUs, slower on most processors.",
        matters=lambda s: not s.features, neutral=False,
    ),
    Field("head", "Head", HEAD, "choice", "What stands on the base.",
          options=("dense", "svm", "imagenet")),
    Field(
        "dense", "Dense width", HEAD, "whole",
        "Units of the head's hidden layer; 0 leaves it out.", 0, 8192, 64,
        matters=_trained, neutral=0,
    ),
    Field(
        "dropout", "Dropout before it", HEAD, "share",
        "Share of the base's features that are dropped at random at each step.", 0, 0.95, 0.05,
        matters=_trained,
    ),
    Field(
        "dense_dropout", "Dropout after it", HEAD, "share",
        "The same behind the dense layer.", 0, 0.95, 0.05,
        matters=lambda s: _trained(s) and s.dense > 0,
    ),
    Field(
        "svm_c", "SVM's C", HEAD, "rate", "Smaller regularises more.", 1e-6, 1000.0,
        matters=lambda s: s.head == "svm",
    ),
    Field(
        "label_smoothing", "Label smoothing", HEAD, "share",
        "Targets of 0.95 instead of 1 keep a network from being too sure.", 0, 0.45, 0.05,
        matters=_trained,
    ),
    Field("epochs", "Epochs", TRAINING, "whole", "Passes over the training films, at most.",
          1, 1000, 1, matters=_trained),
    Field(
        "patience", "Early stopping after", TRAINING, "whole",
        "Epochs without a better validation loss before it stops; 0: never. The best epoch's "
        "weights are kept either way.", 0, 1000, 1, matters=_trained,
    ),
    Field("batch", "Batch", TRAINING, "whole", "Films a step.", 2, 1024, 4, matters=_trained),
    Field(
        "rate", "Learning rate", TRAINING, "rate",
        "The highest one; the schedule lowers it.", 1e-8, 1.0, matters=_trained,
    ),
    Field("optimiser", "Optimiser", TRAINING, "choice", "How a step follows from the gradient.",
          options=get_args(Optimiser), matters=_trained),
    Field(
        "schedule", "Schedule", TRAINING, "choice",
        "How the rate falls. The course: 0.01 · 0.1^(epoch/20), or a staircase of "
        "0.96 every 100,000 steps.", options=get_args(Schedule), matters=_trained,
    ),
    Field(
        "decay", "Decay factor", TRAINING, "share", "What the rate is multiplied by.",
        0.01, 1.0, 0.05,
        matters=lambda s: s.schedule in ("exponential", "staircase", "plateau"),
    ),
    Field(
        "decay_every", "Decay every", TRAINING, "number",
        "Epochs (exponential, plateau) or steps (staircase).", 1, 1e6, 1,
        matters=lambda s: s.schedule in ("exponential", "staircase", "plateau"),
    ),
    Field(
        "warm_up", "Warm-up", TRAINING, "share", "Share of the steps over which the rate rises.",
        0, 0.95, 0.05, matters=lambda s: s.schedule == "cosine", neutral=0.0,
    ),
    Field(
        "weight_decay", "Weight decay", TRAINING, "rate0", "AdamW's pull of weights towards 0.",
        0.0, 0.99, matters=lambda s: s.optimiser == "adamw", neutral=0.0,
    ),
    Field(
        "head_epochs", "Epochs of the head alone", TRAINING, "whole",
        "A first phase with the base frozen; 0 for one phase.", 0, 1000, 1,
        matters=lambda s: _learns(s) and not s.features, neutral=0,
    ),
    Field("head_rate", "Rate of the head alone", TRAINING, "rate", "In that first phase.",
          1e-8, 1.0, matters=lambda s: s.head_epochs > 0),
    Field("seed", "Seed", TRAINING, "whole", "The same seed draws the same films in the same "
          "order.", 0, 2**31 - 1, 1),
    Field("folds", "Folds", TRAINING, "whole", "Of a cross-validation; 0 for one split.", 0, 20, 1,
          neutral=0),
    Field("members", "Members", NETWORK, "list", "Backbones whose logits are averaged; none for "
          "a single network.", matters=lambda s: bool(s.members), neutral=()),
    Field(
        "balance", "Balance", BALANCE, "choice",
        "Kermany's set holds three pneumonia films for each normal one. The course answers with "
        "class weights rather than oversampling, which shows the same films again.",
        options=get_args(Balance), matters=_trained,
    ),
    Field("class_weights", "Weight of each class", BALANCE, "text",
          "In the order of the classes, with commas between: 1.5, 0.7",
          matters=lambda s: s.balance == "custom", neutral=()),
)  # fmt: skip

_AUGMENTATIONS = (
    ("rotate", "Rotation, degrees", "Films are taken up to so much askew.", 1.0),
    ("shift", "Shift", "Share of the side.", 0.01),
    ("zoom", "Zoom", "Share of the side.", 0.01),
    ("stretch", "Stretch", "Share of the side, one axis against the other.", 0.01),
    ("brightness", "Brightness", "Share of the grey range: exposure.", 0.05),
    ("contrast", "Contrast", "Share of the grey range: tube voltage, processing.", 0.05),
    ("gamma", "Gamma", "Up to 1 + this, and down to its inverse: the film's response.", 0.1),
    ("shading", "Shading", "A slow brightness slope across the film.", 0.05),
    ("sharpness", "Sharpness", "From blurred to sharpened.", 0.1),
    ("noise", "Noise", "Standard deviation in grey levels of 255.", 1.0),
    ("erase", "Erased square", "Largest side, as a share.", 0.05),
    ("style", "Another film's greys", "How far a film takes on another one's histogram.", 0.1),
    ("flip", "Left-right flips", NO_FLIPS, 0.1),
    ("easing", "Easing", "0: evenly within the limits. 1: often near the film as it is.", 0.1),
    ("margins", "Black or mirrored margins", "Share of batches; else the edge is drawn out.", 0.1),
)
FIELDS += tuple(
    Field(f"augmentation.{name}", label, AUGMENTATION, "number", words, 0.0, MOST[name], step)
    for name, label, words, step in _AUGMENTATIONS
)


def field(name: str) -> Field:
    return next(f for f in FIELDS if f.name == name)


def value_of(settings: Settings, name: str) -> Any:
    """A setting by its field's name."""
    group, _, inner = name.rpartition(".")
    return getattr(settings.augmentation, inner) if group else getattr(settings, name)


def is_shown(row: Field, settings: Settings) -> bool:
    if row.group == AUGMENTATION:
        return not settings.features or value_of(settings, row.name) > 0
    if row.matters(settings):
        return True
    return row.neutral is not None and value_of(settings, row.name) != row.neutral
