"""What augmentation may do to a film, one row each, with whether it can happen to a real one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Film = NDArray[np.float32]
Happens = Literal["happens", "rare", "never"]
Verdict = Literal["happens", "rare", "never", "nothing", "too much"]


@dataclass(frozen=True)
class Transformation:
    """apply: (film (H, W) 0..1, strength) → film. low, high, step: the slider; start: where it
    begins; calm: the strength that changes nothing. real: the strengths that films in use have, by
    our judgement and not measured.
    """

    key: str
    title: str
    unit: str
    low: float
    high: float
    step: float
    start: float
    calm: float
    real: tuple[float, float]
    happens: Happens
    sentence: str
    apply: Callable[[Film, float], Film]

    def verdict(self, strength: float) -> Verdict:
        """Whether this much of it can happen to a real film."""
        if strength == self.calm:
            return "nothing"
        if self.happens == "happens" and not self.real[0] <= strength <= self.real[1]:
            return "too much"
        return self.happens


def _warp(film: Film, matrix: NDArray[np.float64], shift: tuple[float, float] = (0, 0)) -> Film:
    """Every pixel taken from matrix · (place - centre) + centre - shift; black outside."""
    from scipy.ndimage import affine_transform

    centre = (np.array(film.shape) - 1) / 2
    offset = centre - matrix @ centre - np.array(shift)
    moved: Film = affine_transform(film, matrix, offset, order=1, mode="constant", cval=0.0)
    return moved


def rotate(film: Film, degrees: float) -> Film:
    """Anticlockwise as seen."""
    a = np.deg2rad(degrees)
    return _warp(film, np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]))


def shift(film: Film, percent: float) -> Film:
    """To the right, in percent of the width."""
    return _warp(film, np.eye(2), (0, percent / 100 * film.shape[1]))


def zoom(film: Film, percent: float) -> Film:
    """Larger by so many percent; smaller where negative."""
    return _warp(film, np.eye(2) / (1 + percent / 100))


def stretch(film: Film, percent: float) -> Film:
    """Wider by so many percent, the height kept."""
    return _warp(film, np.diag([1.0, 1 / (1 + percent / 100)]))


def shear(film: Film, degrees: float) -> Film:
    """Rows pushed sideways in proportion to their height."""
    return _warp(film, np.array([[1.0, 0.0], [np.tan(np.deg2rad(degrees)), 1.0]]))


def flip_sides(film: Film, on: float) -> Film:
    """Left for right."""
    return np.ascontiguousarray(film[:, ::-1]) if on else film


def flip_upside_down(film: Film, on: float) -> Film:
    """Top for bottom."""
    return np.ascontiguousarray(film[::-1]) if on else film


def _clipped(film: NDArray[np.generic]) -> Film:
    within: Film = np.clip(film, 0, 1).astype(np.float32)
    return within


def brightness(film: Film, percent: float) -> Film:
    """Lighter by so many percent of the range."""
    return _clipped(film + percent / 100)


def contrast(film: Film, percent: float) -> Film:
    """Greys pulled away from their mean by so many percent."""
    mean = film.mean()
    return _clipped(mean + (film - mean) * (1 + percent / 100))


def gamma(film: Film, exponent: float) -> Film:
    """film to the power of `exponent`: above 1 darker, with more in the bright parts."""
    return _clipped(np.power(np.clip(film, 0, 1), exponent))


def noise(film: Film, levels: float) -> Film:
    """Gaussian, standard deviation in grey levels of 255, the same each time."""
    drawn = np.random.default_rng(0).normal(0, levels / 255, film.shape)
    return _clipped(film + drawn)


def blur(film: Film, percent: float) -> Film:
    """Gaussian of a standard deviation of so many thousandths of the width."""
    from cxr_core.preprocess import gaussian

    return _clipped(gaussian(film, percent / 1000 * film.shape[1]))


def erase(film: Film, percent: float) -> Film:
    """A grey square in the middle of the left half, its side so many percent of the width."""
    out = film.copy()
    side = round(percent / 100 * film.shape[1])
    top, left = (film.shape[0] - side) // 2, max(0, film.shape[1] // 3 - side // 2)
    out[top : top + side, left : left + side] = film.mean()
    return out


TRANSFORMATIONS: tuple[Transformation, ...] = (
    Transformation(
        "rotate", "Rotation", "°", -45, 45, 1, 10, 0, (-15, 15), "happens",
        "A child lies a little crooked on most films: up to 10° is everyday, 30° would be taken "
        "again.", rotate,
    ),
    Transformation(
        "shift", "Shift", "% of the width", -40, 40, 1, 8, 0, (-10, 10), "happens",
        "Nobody centres a film to the pixel; beyond a tenth of the width lung is cut off, and the "
        "film with it.", shift,
    ),
    Transformation(
        "zoom", "Zoom", "%", -40, 60, 1, 15, 0, (-20, 25), "happens",
        "Distance and collimation differ between rooms, and children grow. Enlarged until the "
        "costophrenic angles are gone, a film has lost its evidence.", zoom,
    ),
    Transformation(
        "stretch", "Stretch", "% wider", -40, 40, 1, 15, 0, (-25, 25), "happens",
        "Not to the child, but to its film: squeezed to a square for the network, a wide film is "
        "stretched by as much as it was wide.", stretch,
    ),
    Transformation(
        "shear", "Shear", "°", -25, 25, 1, 8, 0, (-5, 5), "rare",
        "A tube that is not at right angles to the detector does this, by a few degrees.", shear,
    ),
    Transformation(
        "brightness", "Brightness", "% of the range", -50, 50, 1, 15, 0, (-20, 20), "happens",
        "Exposure, detector and export all move it; per-film stretching undoes most of it.",
        brightness,
    ),
    Transformation(
        "contrast", "Contrast", "%", -80, 100, 1, 30, 0, (-40, 50), "happens",
        "Every manufacturer's processing has its own; a network that never saw another's fails in "
        "the next hospital.", contrast,
    ),
    Transformation(
        "gamma", "Gamma", "exponent", 0.3, 3.0, 0.05, 1.6, 1, (0.6, 1.8), "happens",
        "The response curve of film, detector and screen: the commonest difference between two "
        "hospitals.", gamma,
    ),
    Transformation(
        "noise", "Noise", "grey levels of 255", 0, 60, 1, 12, 0, (0, 15), "happens",
        "A low dose looks like this, and children get low doses.", noise,
    ),
    Transformation(
        "blur", "Blur", "‰ of the width", 0, 30, 1, 6, 0, (0, 8), "happens",
        "Breathing, crying and small JPEGs; too much of it hides exactly what pneumonia is read "
        "from.", blur,
    ),
    Transformation(
        "erase", "Erased square", "% of the width", 0, 60, 1, 22, 0, (0, 20), "rare",
        "No film has it, though electrodes and markers cover as much; it teaches not to rely on "
        "one place.", erase,
    ),
    Transformation(
        "flip_sides", "Mirrored left to right", "", 0, 1, 1, 1, 0, (0, 0), "never",
        "Anatomy has a side: mirrored, the heart points right and the stomach's air lies under "
        "the wrong dome. One child in ten thousand is built so; the network would learn that it "
        "is normal.", flip_sides,
    ),
    Transformation(
        "flip_upside_down", "Turned upside down", "", 0, 1, 1, 1, 0, (0, 0), "never",
        "No film hangs so: the diaphragm is below the lungs. Training on it spends the network's "
        "capacity on a chest that nobody has.", flip_upside_down,
    ),
)  # fmt: skip
