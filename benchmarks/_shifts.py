"""Held-out films shown once more, shifted as unseen films might be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_core.dataset import Split
from cxr_core.features import exchange_style, grey_ranks

Films = NDArray[np.uint8]


def shifted(inputs: Films, labels: NDArray[np.int8], split: Split) -> dict[str, Films]:
    """The validation films as they are and shifted; each (n, size, size, 1) uint8.

    swap    every film gets the grey levels of a training film of the other class
    aspect  pneumonias are widened and normals narrowed by 15 %, against the training folder's habit
    both    one after the other
    mixed   both, half as far, and every film framed 10 % closer: the shift under which networks
            with known figures on the withheld test folder fare as they did there (`proxies`)
    closer  the same, framed 15 % closer
    zoom    every film is cut to 72 to 90 % of its side somewhere, and enlarged
    """
    held, y = inputs[split.validation], labels[split.validation]
    rng = np.random.default_rng(1)
    ill = split.train[labels[split.train] == 1]
    well = split.train[labels[split.train] == 0]
    partners = np.where(y == 1, rng.choice(well, len(y)), rng.choice(ill, len(y)))
    own, other = grey_ranks(held), grey_ranks(inputs[partners])
    swap = exchange_style(held, own, other, np.ones(len(y)))
    half = exchange_style(held, own, other, np.full(len(y), 0.5))
    factors = np.where(y == 1, 1.15, 0.87)
    half = _each(half, factors**0.5)
    return {
        "val": held,
        "swap": swap,
        "aspect": _each(held, factors),
        "both": _each(swap, factors),
        "mixed": np.stack([_framed(x, 0.9) for x in half]),
        "closer": np.stack([_framed(x, 0.85) for x in half]),
        "zoom": np.stack([_cut(x, rng) for x in held]),
    }


def _each(films: Films, factors: NDArray[np.float64]) -> Films:
    return np.stack([_widened(x, f) for x, f in zip(films, factors, strict=True)])


def _widened(film: Films, factor: float) -> Films:
    """Width over height times `factor`, the middle kept: (size, size, 1) in and out."""
    size = film.shape[0]
    width, height = (round(size * factor), size) if factor > 1 else (size, round(size / factor))
    wider = Image.fromarray(film[..., 0]).resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - size) // 2, (height - size) // 2
    return np.asarray(wider.crop((left, top, left + size, top + size)))[..., None]


def _framed(film: Films, share: float) -> Films:
    """The middle `share` of each side, enlarged: (size, size, 1) in and out."""
    size = film.shape[0]
    edge = size * (1 - share) / 2
    box = (edge, edge, size - edge, size - edge)
    middle = Image.fromarray(film[..., 0]).transform(
        (size, size), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR
    )
    return np.asarray(middle)[..., None]


def _cut(film: Films, rng: np.random.Generator) -> Films:
    """72 to 90 % of the side, cut out anywhere and enlarged: (size, size, 1) in and out."""
    size = film.shape[0]
    side = int(size * rng.uniform(0.72, 0.9))
    left, top = rng.integers(0, size - side + 1), rng.integers(0, size - side + 1)
    cut = Image.fromarray(film[..., 0]).crop((left, top, left + side, top + side))
    return np.asarray(cut.resize((size, size), Image.Resampling.BILINEAR))[..., None]
