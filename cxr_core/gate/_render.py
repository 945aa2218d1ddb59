"""Training films drawn in other ways: the gate learns what does not matter, and what does."""

from __future__ import annotations

import zlib

import numpy as np

from cxr_core.errors import DataError
from cxr_core.gate._model import TURNED, Floats

# The film as it is stored and as it might have been saved.
NARROW = ("stored", "soft", "recompressed", "gamma")
# The film as another machine, child or radiographer might have made it.
BROAD = ("stored", "varied", "varied_again")
# A film mirrored left to right counts as upright.
UPRIGHT = (*NARROW, "varied", "mirrored")
RENDERINGS = (*NARROW, *BROAD[1:], "mirrored", *TURNED)


def render(name: str, shown: Floats) -> Floats:
    """Draw a film (H, W) float32, 0 to 1, in one of RENDERINGS; same shape but for the rotations.

    Deterministic: what varies at random is drawn from the film's own pixels.
    """
    match name:
        case "stored":
            return shown
        case "soft" | "recompressed" | "gamma" | "varied" | "varied_again":
            return _redrawn(name, shown)
        case "mirrored":
            turned = shown[:, ::-1]
        case "rotated_left":
            turned = np.rot90(shown)
        case "rotated_right":
            turned = np.rot90(shown, 3)
        case "upside_down":
            turned = shown[::-1, ::-1]
        case "flipped":
            turned = shown[::-1]
        case "negative":
            turned = 1 - shown
        case _:
            raise DataError(
                f"Expected a rendering out of {', '.join(RENDERINGS)}; received {name!r}. "
                "Choose one of them."
            )
    return np.ascontiguousarray(turned)


def _redrawn(name: str, shown: Floats) -> Floats:
    import cv2

    rng = np.random.default_rng([zlib.crc32(shown.tobytes()), len(name)])
    height, width = shown.shape
    if name == "soft":
        return np.asarray(cv2.GaussianBlur(shown, (0, 0), 0.7 * max(height, width) / 224))
    if name == "recompressed":
        square = cv2.resize(shown, (224, 224), interpolation=cv2.INTER_AREA)
        grey = np.rint(np.clip(square, 0, 1) * 255).astype(np.uint8)
        coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
        small = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.float32) / 255
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
    if name == "gamma":
        return np.asarray(np.clip(shown, 0, 1) ** rng.choice([0.75, 1.3]), np.float32)
    # Another exposure, body and position: what other machines, ages and radiographers do.
    angle, zoom = rng.uniform(-10, 10), rng.uniform(0.72, 1.2)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
    matrix[0, :2] *= rng.uniform(0.85, 1.2)
    centre = matrix @ np.array([width / 2, height / 2, 1])
    shift = np.array([width, height]) * (0.5 + rng.uniform(-0.08, 0.08, 2))
    matrix[:, 2] += shift - centre
    border = cv2.BORDER_CONSTANT if rng.random() < 0.5 else cv2.BORDER_REPLICATE
    film = np.clip(cv2.warpAffine(shown, matrix, (width, height), borderMode=border), 0, 1)
    film = film ** np.float32(np.exp(rng.uniform(np.log(0.45), np.log(1.7))))
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    film = film + (rng.uniform(-0.15, 0.15) * across + rng.uniform(-0.1, 0.3) * down) * film
    if rng.random() < 0.5:
        local = cv2.GaussianBlur(film, (0, 0), max(height, width) / 12)
        film = local + (film - local) * rng.uniform(0.5, 1.8)
    return np.asarray(film, np.float32)
