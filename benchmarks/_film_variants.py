"""Chest films as they may come: framed, marked, cropped, re-exposed, in part, photographed.

The quality gate was fitted on none of these but small turns, zooms and exposures (`gate.render`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks._other_pictures import write

Plane = NDArray[np.float32]
_LONG_SIDE = 800


def variants(film: Plane) -> Iterator[tuple[str, Plane]]:
    """(what was done, the picture) for a film (H, W) of 0 to 1; at most 800 pixels a side."""
    shrink = min(1.0, _LONG_SIDE / max(film.shape))
    film = cv2.resize(film, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    rng = np.random.default_rng(zlib.crc32(film.tobytes()))
    yield from _still_the_film(film, rng)
    yield from _parts(film)
    yield from _photographed(film, rng)


def _still_the_film(film: Plane, rng: np.random.Generator) -> Iterator[tuple[str, Plane]]:
    height, width = film.shape
    for name, share, grey in (("black", 0.08, 0.0), ("white", 0.04, 1.0)):
        down, across = int(share * height), int(share * width)
        edges = (down, down, across, across)
        yield (
            f"{name} border of {share:.0%} a side",
            cv2.copyMakeBorder(film, *edges, cv2.BORDER_CONSTANT, value=grey),
        )
    marked = film.copy()
    write(marked, "L AP PORTABLE", (width // 30, height // 12), height / 600, 1.0)
    yield "with a marker", marked
    for share in (0.05, 0.10):
        down, across = int(share * height), int(share * width)
        yield f"cropped by {share:.0%} a side", film[down:-down, across:-across]
    for angle in (3, 7):
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle * rng.choice((-1, 1)), 1)
        yield f"turned by {angle}°", cv2.warpAffine(film, turn, (width, height))
    yield "at a quarter of the contrast", film / 4 + np.float32(0.35)
    yield "gamma 0.7", film ** np.float32(0.7)
    yield "gamma 1.4", film ** np.float32(1.4)
    local = cv2.createCLAHE(2, (8, 8)).apply(np.rint(film * 255).astype(np.uint8))
    yield "local contrast equalised", local.astype(np.float32) / 255


def _parts(film: Plane) -> Iterator[tuple[str, Plane]]:
    height, width = film.shape
    yield "one side alone", film[:, : width // 2]
    yield "upper half alone", film[: height // 2]
    yield "lower half alone", film[height // 2 :]
    yield "middle alone", film[height // 4 : -height // 4, width // 4 : -width // 4]
    yield "twice, side by side", np.hstack([film, film])


def _photographed(film: Plane, rng: np.random.Generator) -> Iterator[tuple[str, Plane]]:
    """Askew, dimmed and a little blurred, with what is around it."""
    height, width = film.shape
    for name, grey, margin in (
        ("on a lightbox", 0.92, 0.12),
        ("in a dark room", 0.10, 0.12),
        ("small on a wall", 0.60, 0.35),
    ):
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        inset = np.array([width, height]) * (margin + rng.uniform(-0.03, 0.03, (4, 2)))
        signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
        askew = cv2.getPerspectiveTransform(corners, (corners + signs * inset).astype(np.float32))
        picture = (grey + rng.normal(0, 0.012, film.shape)).astype(np.float32)
        cv2.warpPerspective(
            film * np.float32(0.8) + np.float32(0.08), askew, (width, height), dst=picture,
            borderMode=cv2.BORDER_TRANSPARENT,
        )  # fmt: skip
        yield f"photographed {name}", cv2.GaussianBlur(picture, (0, 0), 0.8)
