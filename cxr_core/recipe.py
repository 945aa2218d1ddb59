"""How the shipped model is made: settings only."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_core.preprocess import Preprocessing
from cxr_core.train import TrainConfig


@dataclass(frozen=True)
class Recipe:
    """How a model is made.

    stages: runs in a row, each from the weights of the one before. members: how many networks
    the last stage is run for, each from its own seed, before their weights are averaged; the
    stages before it are run once, so that the members lie close enough to average.
    fine_map: undo the backbone's last stride in the result (`classifier.without_last_stride`).
    hardened: augmented copies of each validation film that calibration and refer band are fitted
    on beside the film itself, so that neither trusts films of one kind.
    sensitivity, miss_share, alarm_share: see `threshold.operating_point`.
    """

    stages: tuple[TrainConfig, ...]
    members: int = 1
    fine_map: bool = True
    hardened: int = 4
    sensitivity: float = 0.975
    miss_share: float = 0.01
    alarm_share: float = 0.01
    folds: int = 7
    split_seed: int = 0


# What 224 pixels a side would add, the blur takes away again: at 160 two runs fit into the time
# of one, and nothing was lost on shifted films (docs/decisions/0007).
SMALLER = Preprocessing(size=160, blur=0.857)

# The first stage learns to tell the classes; the second, on films joined of two, to tell them
# cell by cell and by nothing beside the body.
SHIPPED_RECIPE = Recipe(
    stages=(
        TrainConfig(epochs=8, preprocessing=SMALLER),
        TrainConfig(
            epochs=5, learning_rate=6e-4, unfreeze_from="block_13", head_steps=0,
            preprocessing=SMALLER, cutmix=1.0, beside_body=0.02, finer=True,
        ),
    )
)  # fmt: skip
