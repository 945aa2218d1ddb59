"""Training films drawn in other ways: the gate learns what does not matter, and what does."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from cxr_core.errors import DataError
from cxr_core.gate._model import TURNED, Floats

# The film as it is stored, as it might have been saved, and as the next child on the same machine.
NARROW = ("stored", "soft", "recompressed", "gamma", "nearby", "nearby_again", "nearby_once_more")
# The film as another machine, child or radiographer might have made it.
BROAD = ("stored", "varied", "varied_again")
# A film mirrored left to right counts as upright.
UPRIGHT = (*NARROW, "varied", "mirrored")
RENDERINGS = (*NARROW, *BROAD[1:], "mirrored", *TURNED)


@dataclass(frozen=True)
class _Ranges:
    """Between what a film is redrawn; pairs are (lowest, highest), single numbers go both ways.

    angle: degrees. zoom, wide: factors of size and of width. shift: share of a side. gamma:
    exponent. across, down: depth of a slow slope of exposure. local: local contrast, of half of
    the films.
    """

    angle: float
    zoom: tuple[float, float]
    wide: tuple[float, float]
    shift: float
    gamma: tuple[float, float]
    across: float
    down: tuple[float, float]
    local: tuple[float, float]


_NEARBY = _Ranges(4, (0.97, 1.18), (0.92, 1.09), 0.03, (0.7, 1.4), 0.05, (-0.05, 0.1), (0.8, 1.25))
_VARIED = _Ranges(10, (0.72, 1.2), (0.85, 1.2), 0.08, (0.45, 1.7), 0.15, (-0.1, 0.3), (0.5, 1.8))


def render(name: str, shown: Floats) -> Floats:
    """Draw a film (H, W) float32, 0 to 1, in one of RENDERINGS; same shape but for the rotations.

    Deterministic: what varies at random is drawn from the film's own pixels.
    """
    match name:
        case "stored":
            return shown
        case "soft" | "recompressed" | "gamma":
            return _saved(name, shown)
        case "nearby" | "nearby_again" | "nearby_once_more":
            return _moved(shown, _NEARBY, _own_draws(name, shown))
        case "varied" | "varied_again":
            return _moved(shown, _VARIED, _own_draws(name, shown))
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


def _own_draws(name: str, shown: Floats) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(shown.tobytes()), len(name)])


def _saved(name: str, shown: Floats) -> Floats:
    """Softened, stored small and hard, or with another tone curve."""
    import cv2

    height, width = shown.shape
    if name == "soft":
        return np.asarray(cv2.GaussianBlur(shown, (0, 0), 0.7 * max(height, width) / 224))
    if name == "gamma":
        exponent = _own_draws(name, shown).choice([0.75, 1.3])
        return np.asarray(np.clip(shown, 0, 1) ** exponent, np.float32)
    square = cv2.resize(shown, (224, 224), interpolation=cv2.INTER_AREA)
    grey = np.rint(np.clip(square, 0, 1) * 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
    small = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.float32) / 255
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _moved(shown: Floats, how: _Ranges, rng: np.random.Generator) -> Floats:
    """Another exposure, body and position: what other children, ages and radiographers do."""
    import cv2

    height, width = shown.shape
    angle, zoom = rng.uniform(-how.angle, how.angle), rng.uniform(*how.zoom)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
    matrix[0, :2] *= rng.uniform(*how.wide)
    centre = matrix @ np.array([width / 2, height / 2, 1])
    shift = np.array([width, height]) * (0.5 + rng.uniform(-how.shift, how.shift, 2))
    matrix[:, 2] += shift - centre
    border = cv2.BORDER_CONSTANT if rng.random() < 0.5 else cv2.BORDER_REPLICATE
    film = np.clip(cv2.warpAffine(shown, matrix, (width, height), borderMode=border), 0, 1)
    film = film ** np.float32(np.exp(rng.uniform(*np.log(how.gamma))))
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    slope = rng.uniform(-how.across, how.across) * across + rng.uniform(*how.down) * down
    film = film + slope * film
    if rng.random() < 0.5:
        local = cv2.GaussianBlur(film, (0, 0), max(height, width) / 12)
        film = local + (film - local) * rng.uniform(*how.local)
    return np.asarray(film, np.float32)
