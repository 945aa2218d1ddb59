"""The network as it came: MobileNetV2's five best guesses out of ImageNet's 1,000 classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_core.errors import ModelError

if TYPE_CHECKING:
    import keras

SIZE = 224
# WordNet's number and first word for each class, in ImageNet's order.
_CLASSES = Path(__file__).resolve().parents[2] / "assets" / "imagenet" / "classes.txt"


@dataclass(frozen=True)
class Guess:
    """One class with the probability that the network gives it."""

    name: str
    probability: float


def load() -> keras.Model:
    """(SIZE, SIZE, 3) of 0..255 → probabilities of 1,000 classes, as Google trained it.

    Raises ModelError where its weights are neither stored nor to be had.
    """
    import keras
    from keras import layers

    picture = keras.Input((SIZE, SIZE, 3), name="picture")
    scaled = layers.Rescaling(1 / 127.5, -1.0, name="scale")(picture)
    try:
        base = keras.applications.MobileNetV2(weights="imagenet", input_tensor=scaled)
    except Exception as error:
        raise ModelError(
            "Expected MobileNetV2's ImageNet weights, stored or downloadable; received "
            f"{type(error).__name__}. Connect to the internet once, or set KERAS_HOME to a folder "
            "that holds them."
        ) from error
    return keras.Model(picture, base.output, name="mobilenetv2_imagenet")


def square(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle square of (H, W), (H, W, 1) or (H, W, 3) uint8 as (SIZE, SIZE, 3)."""
    grey = picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture
    image = Image.fromarray(grey).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    cut = image.crop((left, top, left + side, top + side))
    return np.asarray(cut.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def top5(network: keras.Model, picture: NDArray[np.uint8]) -> tuple[Guess, ...]:
    """The five best guesses for a picture of any size, best first."""
    given = square(picture).astype(np.float32)[None]
    scores: Any = np.asarray(network(given, training=False))[0]
    best = np.argsort(-scores)[:5]
    return tuple(Guess(names()[i], float(scores[i])) for i in best)


@cache
def names() -> tuple[str, ...]:
    """ImageNet's 1,000 classes in their order."""
    lines = _CLASSES.read_text().splitlines()
    return tuple(line.split("\t")[1] for line in lines)
