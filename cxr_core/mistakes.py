"""Mistakes made on purpose: what each is, and what it really cost, from measured scores.

`rehearsal` makes each run of a pair; `assets/mistakes.json` holds those that are shipped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import operating
from cxr_core.errors import ConfigError, DataError
from cxr_core.operating import Comparison, ScoreSet

SHIPPED = Path(__file__).resolve().parent.parent / "assets" / "mistakes.json"
CRITERION = "youden"


@dataclass(frozen=True)
class Mistake:
    """wrong, right: names of runs. wrong_code, right_code: the lines that differ. tuned_on_test:
    the wrong one is no other run but a threshold chosen on the test films.
    """

    key: str
    title: str
    happens: str
    lesson: str
    wrong_code: str
    right_code: str
    wrong: str
    right: str = "right"
    tuned_on_test: bool = False

    @property
    def sides(self) -> tuple[str, ...]:
        """The jobs of a pair; one where both sides read the same scores."""
        return ("right",) if self.tuned_on_test else ("wrong", "right")


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "double_rescaling", "Rescaling twice",
        "The network scales its input itself, and the pipeline has divided by 255 already: every "
        "film arrives almost black.",
        "It runs, and nothing complains. Look at one batch before training: smallest, largest, "
        "mean.",
        "films = films / 255          # and again:\nx = Rescaling(1 / 127.5, -1)(films)",
        "x = Rescaling(1 / 127.5, -1)(films)",
        "double_rescaling",
    ),
    Mistake(
        "patients_shared", "A patient on both sides",
        "Films are split at random, so other films of the test patients stand in the training set.",
        "A network may know the test patients again, and the test then promises more than the next "
        "patient will get: split by patient, not by film.",
        "train, test = train_test_split(films)",
        "train, test = split_by_patient(films)",
        "patients_shared",
    ),
    Mistake(
        "norms_learn", "Batch norm unfrozen",
        "Batch normalisation learns along, from batches of eight films, and forgets the statistics "
        "of a million photographs.",
        "Keep it in inference mode when fine-tuning: its statistics were learnt from more data "
        "than you have.",
        "for layer in network.layers:\n    layer.trainable = True",
        "for layer in network.layers:\n    layer.trainable = not isinstance(\n"
        "        layer, BatchNormalization)",
        "norms_learn", "norms_frozen",
    ),
    Mistake(
        "rate_too_high", "A rate too high",
        "Adam at 0.1 throws the pretrained weights away in its first steps.",
        "Fine-tuning wants a hundredth to a thousandth of the rate that training from scratch "
        "does. A loss that jumps up at once says so.",
        "optimizer = Adam(0.1)", "optimizer = Adam(0.0001)", "rate_too_high",
    ),
    Mistake(
        "not_recompiled", "Not compiled again",
        "Layers are unfrozen for the second phase, but the network is not compiled again.",
        "`trainable` is read when the network is compiled. Count trainable weights after "
        "unfreezing, and check that one of them moves.",
        "base.trainable = True\nnetwork.fit(films)",
        "base.trainable = True\nnetwork.compile(Adam(0.0001), loss)\nnetwork.fit(films)",
        "not_recompiled", "two_phases",
    ),
    Mistake(
        "threshold", "A threshold tuned on the test set",
        "The operating point is chosen where the test films like it best, and reported on them.",
        "Choose on validation films, lock, report once. The gain is bought from the very films "
        "that were to tell the truth.",
        "threshold = best(test_scores)\nreport(test_scores, threshold)",
        "threshold = best(validation_scores)\nreport(test_scores, threshold)",
        "right", "right", tuned_on_test=True,
    ),
    Mistake(
        "upside_down", "Turned upside down",
        "Half of the training films are flipped top to bottom, because an example did it with "
        "flowers.",
        "Augment with what can happen to a film. The network spends itself on chests that nobody "
        "has.",
        'RandomFlip("vertical")', "# no flips: anatomy has a side and an end", "upside_down",
    ),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pair:
    """A mistake with what it cost: `comparison` is wrong (a) against right (b), on the same films.

    histories: rows of epoch, loss and val_loss. base_moved: largest change of a weight of the
    unfrozen base, wrong and right.
    """

    mistake: Mistake
    comparison: Comparison
    histories: tuple[list[dict[str, float]], list[dict[str, float]]]
    base_moved: tuple[float, float]


def mistake(key: str) -> Mistake:
    """The row of that key. Raises ConfigError where there is none."""
    for row in MISTAKES:
        if row.key == key:
            return row
    known = ", ".join(row.key for row in MISTAKES)
    raise ConfigError(f"Expected a mistake out of {known}; received {key!r}. Choose one.")


def facts(path: Path = SHIPPED) -> dict[str, Any]:
    """What the runs were made from: data, films, network, size, seed, versions, date."""
    found: dict[str, Any] = _stored(path)["facts"]
    return found


def pair(key: str, paths: Sequence[Path] = (SHIPPED,)) -> Pair:
    """A mistake with its measured cost. paths: files that hold both runs between them.

    Raises DataError where a file is not one of these, or where the runs saw different films.
    """
    row = mistake(key)
    stored = _together(tuple(paths))
    runs = stored["runs"]
    if missing := {row.wrong, row.right} - set(runs):
        raise DataError(
            f"Expected both runs of a pair; received none of {', '.join(sorted(missing))}. "
            "Queue the pair again."
        )
    wrong, right = _scores(stored, row.wrong), _scores(stored, row.right)
    thresholds = [_threshold(stored, name) for name in (row.wrong, row.right)]
    if row.tuned_on_test:
        thresholds[0] = operating.choose(operating.Sorted(wrong), CRITERION).threshold
    return Pair(
        row,
        operating.compare(wrong, right, thresholds[0], thresholds[1]),
        (runs[row.wrong]["history"], runs[row.right]["history"]),
        (runs[row.wrong]["base_moved"], runs[row.right]["base_moved"]),
    )


def _together(paths: tuple[Path, ...]) -> dict[str, Any]:
    """Files of single runs as one."""
    found = [_stored(path) for path in paths]
    first = found[0]
    for other in found[1:]:
        same = [(f["labels"], f["facts"].get("split"), f["facts"]["seed"]) for f in (first, other)]
        if same[0] != same[1]:
            raise DataError(
                "Expected both runs of a pair on the same films; received runs on different ones: "
                "the folder changed between them. Queue the pair again."
            )
    return first | {"runs": {name: run for f in found for name, run in f["runs"].items()}}


@cache
def _stored(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        _ = found["facts"], found["labels"]["test"], found["runs"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"Expected measured runs in {path.name}; received {type(error).__name__}. "
            "Make them with `python -m benchmarks.mistakes FILMS`."
        ) from error
    return found


def _scores(stored: dict[str, Any], run: str, side: str = "test") -> ScoreSet:
    # The runs store logits; the sigmoid keeps their order.
    return operating.from_arrays(
        stored["labels"][side], _sigmoid(np.array(stored["runs"][run][side])), name=run,
        role="reporting" if side == "test" else "tuning",
    )  # fmt: skip


def _threshold(stored: dict[str, Any], run: str) -> float:
    films = operating.Sorted(_scores(stored, run, "validation"))
    return operating.choose(films, CRITERION).threshold


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    shares: NDArray[np.float64] = expit(logits)
    return shares
