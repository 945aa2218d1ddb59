"""Which method when: how much data there is, and how like ImageNet's, decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Amount = Literal["small", "large"]
Likeness = Literal["similar", "different"]
# A few thousand labelled films fit a head; to move millions of weights takes several times that.
LARGE_FROM = 5000


@dataclass(frozen=True)
class Advice:
    """method: a key of `methods.METHODS`. instead: another that is worth its time, or None."""

    title: str
    reason: str
    method: str
    instead: str | None


_ADVICE: dict[tuple[Amount, Likeness], Advice] = {
    ("small", "similar"): Advice(
        "A linear classifier on the features",
        "Few examples cannot move millions of weights without learning them by heart, and the "
        "features fit as they are.",
        "features-svm", "features-dense",
    ),
    ("large", "similar"): Advice(
        "Fine-tune, through the full network if it can be afforded",
        "There are enough examples to move the weights and the features are a good start: first "
        "the head, then the base at a rate that changes it slowly.",
        "two-phase", "everything",
    ),
    ("small", "different"): Advice(
        "A linear classifier on features from an earlier layer",
        "Late layers know photographs' things; earlier ones know edges and textures, which films "
        "have too. There is too little data to learn new late layers.",
        "features-earlier", "frozen",
    ),
    ("large", "different"): Advice(
        "All of it, from pretrained weights",
        "There is enough to train from scratch, and starting from pretrained weights is usually "
        "still better: early layers need not be learnt again.",
        "everything", "scratch",
    ),
}  # fmt: skip


def amount(examples: int) -> Amount:
    """'small' below LARGE_FROM labelled examples."""
    return "large" if examples >= LARGE_FROM else "small"


def advise(examples: int, likeness: Likeness) -> Advice:
    """What to do with so many labelled examples of that likeness to ImageNet's photographs."""
    return _ADVICE[amount(examples), likeness]


BACKBONES: tuple[tuple[str, str], ...] = (
    ("Simplicity", "VGG16"),
    ("A telephone, or an answer at once", "MobileNet"),
    ("Neither size nor speed binds", "EfficientNet"),
    ("The tried and true", "ResNet-50"),
    ("Cost does not matter", "an ensemble of three"),
)
