"""How far a training film may be moved away from itself: settings only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Augmentation:
    """How far a training film may be moved away from itself; each is drawn uniformly per film.

    rotate: degrees. shift, zoom, stretch: shares of the side. brightness, contrast: shares of the
    grey range. gamma: exponent up to 1 + gamma and down to its inverse. shading: depth of a slow
    brightness slope across the film. sharpness: from blurred (-) to sharpened (+).
    noise: standard deviation, grey levels of 255. erase: largest side of a greyed-out square.
    style: how far a film's grey levels move to those of another film, of either class, so that
    exposure and processing tell the network nothing about the class.
    flip: share of films mirrored left to right; 0 unless asked for, see NO_FLIPS.
    easing: at 0 films lie evenly within these limits; at 1 each film first draws how much of all
    of them it takes, evenly from none to all, so that films nearly as they are stay as frequent
    as films far from themselves. Style and erase draw theirs apart.
    margins: share of batches where what a moved film leaves bare is its mirror image or black, as
    collimation leaves it; in the others it is the edge drawn out, which no real film has.
    """

    rotate: float = 10.0
    shift: float = 0.12
    zoom: float = 0.35
    stretch: float = 0.25
    brightness: float = 0.15
    contrast: float = 0.35
    gamma: float = 0.5
    shading: float = 0.2
    sharpness: float = 0.8
    noise: float = 4.0
    erase: float = 0.0
    style: float = 1.0
    flip: float = 0.0
    easing: float = 1.0
    margins: float = 0.67


NO_AUGMENTATION = Augmentation(*(0.0,) * 15)
# What the course augments with, less its flips.
GEOMETRY = Augmentation(
    rotate=10.0, shift=0.1, zoom=0.1, stretch=0.0, brightness=0.1, contrast=0.1, gamma=0.0,
    shading=0.0, sharpness=0.0, noise=0.0, style=0.0, easing=0.0, margins=0.0,
)  # fmt: skip
NO_FLIPS = (
    "Off: anatomy has a side. A mirrored film shows the heart on the right and the stomach's air "
    "under the wrong dome, which the network would learn to take for normal."
)
# The largest that still leaves a frontal chest film, by field.
MOST: dict[str, float] = {
    "rotate": 30.0, "shift": 0.3, "zoom": 0.5, "stretch": 0.5, "brightness": 0.5, "contrast": 0.8,
    "gamma": 2.0, "shading": 0.5, "sharpness": 2.0, "noise": 30.0, "erase": 0.5, "style": 1.0,
    "flip": 1.0, "easing": 1.0, "margins": 1.0,
}  # fmt: skip
