"""Checkpoints of a fit: weights, optimiser, counters and history, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError

STATE, BEST, DONE = "state.npz", "best.npz", "done.npz"


@dataclass(frozen=True)
class EpochFigures:
    """One line of a history. precision, recall and accuracy at even odds, before calibration.

    part: fold or member, from 1; 0 where there is one. phase: 1 while the base is frozen before
    fine-tuning, else 2. rate: at the epoch's end. per_second: training films. None: not defined.
    """

    part: int
    phase: int
    epoch: int
    step: int
    seconds: float
    rate: float
    per_second: float
    loss: float
    accuracy: float | None
    precision: float | None
    recall: float | None
    auc: float | None
    val_loss: float
    val_accuracy: float | None
    val_precision: float | None
    val_recall: float | None
    val_auc: float | None


@dataclass(frozen=True)
class Counters:
    """Where a fit stands after a whole epoch."""

    epoch: int = 0
    best_loss: float = float("inf")
    best_epoch: int = 0
    waited: int = 0
    drops: int = 0
    since_drop: int = 0
    stopped: bool = False


@dataclass(frozen=True, eq=False)
class State:
    """What a resumed fit begins with."""

    counters: Counters
    history: tuple[EpochFigures, ...]
    weights: tuple[NDArray[Any], ...]
    optimiser: tuple[NDArray[Any], ...]


def save_state(folder: Path, state: State) -> None:
    """Replace the folder's checkpoint. Raises DataError where the disk is full."""
    facts = json.dumps(
        {"counters": asdict(state.counters), "history": list(map(asdict, state.history))}
    )
    arrays = {
        "facts": np.frombuffer(facts.encode(), np.uint8),
        **{f"w{i}": w for i, w in enumerate(state.weights)},
        **{f"o{i}": o for i, o in enumerate(state.optimiser)},
    }
    _save(folder / STATE, arrays)


def load_state(folder: Path) -> State | None:
    """The folder's checkpoint, or None where there is none that is whole."""
    path = folder / STATE
    try:
        with np.load(path, allow_pickle=False) as file:
            facts = json.loads(file["facts"].tobytes())
            return State(
                Counters(**facts["counters"]),
                tuple(EpochFigures(**row) for row in facts["history"]),
                tuple(_numbered(file, "w")),
                tuple(_numbered(file, "o")),
            )
    except FileNotFoundError:
        return None
    except Exception:
        # Renames are atomic, so this is a disk's fault: a fit from the start is still right.
        return None


def save_weights(path: Path, weights: Sequence[NDArray[Any]]) -> None:
    _save(path, {f"w{i}": w for i, w in enumerate(weights)})


def load_weights(path: Path) -> list[NDArray[Any]]:
    """Raises DataError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return list(_numbered(file, "w"))
    except Exception as error:
        raise DataError(
            f"Expected the weights of {path.name}; they cannot be read ({type(error).__name__}). "
            "Run the job again from the start."
        ) from error


@contextmanager
def room() -> Iterator[None]:
    """A full disk in words. Raises DataError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        raise DataError(
            "Expected room on the disk for a checkpoint; it is full or read-only. Free some, then "
            "resume the job: its last checkpoint is whole."
        ) from error


def _numbered(file: Any, letter: str) -> Iterator[NDArray[Any]]:
    i = 0
    while f"{letter}{i}" in file.files:
        yield file[f"{letter}{i}"]
        i += 1


def _save(path: Path, arrays: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with room():
        try:
            with part.open("wb") as file:
                np.savez(file, **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
