"""A tiny network in a whole model folder, for tests that need any model rather than a good one."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core import registry
from cxr_core.card import Calibration, ModelCard
from cxr_core.gate import GateModel
from cxr_core.gate._model import TURNED
from cxr_core.registry import ModelEntry
from cxr_core.schema import OperatingPoint

SIZE = 32
CHANNELS = 6
CAM_LAYER = "last_relu"


@functools.cache
def network() -> Any:
    """film (32, 32, 1) → 4×4×6 activations → mean pooling → logit, with fixed random weights."""
    import keras
    from keras import layers

    film = keras.Input((SIZE, SIZE, 1), name="film")
    x = layers.Rescaling(1 / 127.5, -1.0)(film)
    x = layers.Conv2D(CHANNELS, 8, strides=8, activation="relu", name=CAM_LAYER)(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(film, layers.Dense(1, name="logit")(x), name="tiny")
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    return model


@functools.cache
def serving_bytes() -> bytes:
    """The network as a serving file."""
    from cxr_core import classifier

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "serving.tflite"
        serving = classifier.serving_model(network(), CAM_LAYER, (CAM_LAYER,))
        classifier.export_serving(serving, path)
        return path.read_bytes()


def card(version: str = "1.0.0", **changes: Any) -> ModelCard:
    values: dict[str, Any] = {
        "name": "tiny",
        "version": version,
        "preprocessing": {"size": SIZE, "blur": 0.5, "low": 1.0, "high": 99.0},
        "calibration": Calibration("platt", 1.5, 0.25),
        "operating_point": OperatingPoint(0.4, 0.3, 0.6, "drawn", "none", 0),
        "cam_layer": CAM_LAYER,
    }
    return ModelCard(**(values | changes))


def gate() -> GateModel:
    """A gate to which every film is like the training films and upright."""
    turns = 1 + len(TURNED)
    zero = np.zeros(CHANNELS, np.float32)
    square = np.zeros(CHANNELS**2, np.float32)
    return GateModel(
        width=CHANNELS,
        edges=np.array([0, CHANNELS]),
        narrow_mean=zero,
        narrow_whiten=square,
        broad_mean=zero,
        broad_whiten=square,
        limits=np.array([1, 2], np.float32),
        turn_weights=np.zeros((CHANNELS, turns), np.float32),
        turn_bias=np.array([9] + [0] * (turns - 1), np.float32),
    )


SCORES = b"film,patient,cause,label,score\n"


def write(root: Path, version: str = "1.0.0", scores: bytes = SCORES, **changes: Any) -> ModelEntry:
    """Store it below `root` as training would."""
    with tempfile.TemporaryDirectory() as folder:
        gate().save(Path(folder) / registry.GATE)
        network().save(Path(folder) / registry.KERAS)
        files: dict[str, Path | bytes] = {
            registry.GATE: Path(folder) / registry.GATE,
            registry.KERAS: Path(folder) / registry.KERAS,
            registry.SERVING: serving_bytes(),
            registry.SCORES: scores,
        }
        return registry.write(card(version, **changes), files, root)
