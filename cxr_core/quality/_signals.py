"""What the pixels say by themselves: measured on a reduced copy, in under a millisecond or two.

Limits stand beside the range that was measured on 5,216 children's films at 224 pixels, 40 of them
at full resolution, and 96 films of adults.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cxr_core.preprocess import presentation
from cxr_core.schema import Film, Reason

TRAINED_SIDE = 224

# Share of visibly coloured pixels: 0 in every film; a coloured arrow or stamp is well below 0.05.
COLOURED, COLOUR_NOTE = 0.05, 0.002
# Pixels on the shorter side. The network learnt from films of 224; from fewer it would read what
# resizing made up, and below 96 no more than a fifth of what it reads was there.
SMALL, TOO_SMALL = TRAINED_SIDE, 96
# Longer over shorter side; films are squeezed to a square. Films: up to 1.8.
LONG = 3.0
# 1st to 99th percentile as shown, of 0 to 1. Films: 0.33 to 1.
BLANK, FAINT = 0.02, 0.15
# Share of the middle 60 % × 60 % that is fully white or fully black. Films: up to 0.024.
CLIPPED, ALL_CLIPPED = 0.10, 0.50
# Grey levels of 256 in use, and the share of all pixels in the 8 fullest. Films: from 86, to 0.36.
FEW_LEVELS = 32
FLAT_AREAS = 0.80
# Detail at 2 pixels over detail at 4, at 224 a side. Films: 0.47 to 0.92, 99 in 100 above 0.53; the
# same films blurred by a Gaussian of 2 pixels 0.38 to 0.55, of 3 0.33 to 0.48, of 4 0.31 to 0.42.
BLURRED, TOO_BLURRED = 0.46, 0.37
# Grey levels of 256 within which a row or column is plain (JPEG blurs its end), and the share of
# the picture that plain strips on both of two opposite sides take.
PLAIN, BORDERED = 6, 0.05


@dataclass(frozen=True)
class Signals:
    """What was measured in a film's pixels.

    rows, columns: pixels. colour_share, clipped_white, clipped_black, flat_areas: shares, 0 to 1.
    contrast: 1st to 99th percentile as shown, 0 to 1. levels: grey levels of 256 in use between
    them. sharpness: see BLURRED; None for films too small to tell. border: share of the picture
    that a plain border takes, 0 to 1.
    """

    rows: int
    columns: int
    colour_share: float
    contrast: float
    clipped_white: float
    clipped_black: float
    levels: int
    flat_areas: float
    sharpness: float | None
    border: float


def measure(film: Film) -> Signals:
    """Measure a film's pixels, on every n-th row and column where there are plenty."""
    rows, columns = film.pixels.shape
    step = max(1, min(rows, columns) // (2 * TRAINED_SIDE))
    shown = presentation(replace(film, pixels=film.pixels[::step, ::step]))
    grey = (shown * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    counts = np.bincount(grey.ravel(), minlength=256) / grey.size
    total = np.cumsum(counts)
    low, high = int(np.searchsorted(total, 0.01)), int(np.searchsorted(total, 0.99))
    inset, beside = grey.shape[0] // 5, grey.shape[1] // 5
    middle = grey[inset : grey.shape[0] - inset, beside : grey.shape[1] - beside]
    return Signals(
        rows=rows,
        columns=columns,
        colour_share=film.facts.colour_share,
        contrast=(high - low) / 255,
        clipped_white=float(np.count_nonzero(middle >= 254) / middle.size),
        clipped_black=float(np.count_nonzero(middle <= 1) / middle.size),
        levels=int(np.count_nonzero(counts[low : high + 1]))
        if film.pixels.dtype == np.uint8 and film.voi is None
        else _levels(shown, low / 255, high / 255),
        flat_areas=float(np.sort(counts)[-8:].sum()),
        sharpness=_sharpness(shown) if min(rows, columns) >= SMALL else None,
        border=_border(grey),
    )


def pixel_reasons(found: Signals) -> list[Reason]:
    """Reasons from the measured signals."""
    if found.contrast < BLANK:
        return [*_size(found), *_blank()]
    return [
        *_colour(found),
        *_size(found),
        *_contrast(found),
        *_drawing(found),
        *_blur(found),
    ]


def border_reasons(found: Signals) -> list[Reason]:
    """Why a film may be unlike those of training without its body being so."""
    if found.border < BORDERED:
        return []
    text = (
        f"A plain border takes {found.border:.0%} of the picture, and the network sees the chest "
        "smaller or narrower for it. Crop the border off and upload the film again."
    )
    return [Reason("border", "caution", text)]


def _border(grey: NDArray[np.uint8]) -> float:
    """Share of the picture in plain strips along both of two opposite sides."""
    kept = 1.0
    for axis in (0, 1):
        plain = grey.max(axis=axis) - grey.min(axis=axis) <= PLAIN
        if plain.all():
            return 1.0
        before, after = int(np.argmin(plain)), int(np.argmin(plain[::-1]))
        if before and after:
            kept *= 1 - (before + after) / plain.size
    return 1 - kept


def _levels(shown: NDArray[np.float32], low: float, high: float) -> int:
    """Of 256 levels between `low` and `high`, those in use: a faint film is not a drawing."""
    scaled = (shown - np.float32(low)) * np.float32(255 / max(high - low, 1 / 255))
    inside = np.clip(scaled, 0, 255).astype(np.uint8)
    return int(np.count_nonzero(np.bincount(inside.ravel(), minlength=256)))


def _sharpness(shown: NDArray[np.float32]) -> float | None:
    import cv2

    small = cv2.resize(shown, (TRAINED_SIDE, TRAINED_SIDE), interpolation=cv2.INTER_AREA)
    # Gaussians of 1.2, 2.4 and 4.8, each from the one before, the last at half the size: quicker.
    fine = cv2.GaussianBlur(small, (0, 0), 1.2)
    middle = cv2.GaussianBlur(fine, (0, 0), 2.08)
    half = cv2.resize(middle, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(half, (0, 0), 2.08)
    coarse_detail = cv2.meanStdDev(half - coarse)[1].item()
    return cv2.meanStdDev(fine - middle)[1].item() / coarse_detail if coarse_detail > 1e-6 else None


def _colour(found: Signals) -> list[Reason]:
    if found.colour_share >= COLOURED:
        text = (
            f"An X-ray is grey, and {found.colour_share:.0%} of this picture is coloured: it is a "
            "photograph, a screenshot or a coloured copy. Upload the original film."
        )
        return [Reason("colour", "refuse", text)]
    if found.colour_share >= COLOUR_NOTE:
        text = "The picture has coloured marks on it. The network may take them for findings."
        return [Reason("colour", "caution", text)]
    return []


def _size(found: Signals) -> list[Reason]:
    reasons = []
    size = f"{found.columns}×{found.rows} pixels"
    if min(found.rows, found.columns) < SMALL:
        refused = min(found.rows, found.columns) < TOO_SMALL
        text = (
            f"The film has {size}; those the network was trained on have "
            f"{TRAINED_SIDE}×{TRAINED_SIDE}. Upload it at its full size."
        )
        reasons.append(Reason("too-small", "refuse" if refused else "caution", text))
    if max(found.rows, found.columns) > LONG * min(found.rows, found.columns):
        text = f"The film has unusual proportions ({size}): it may be a strip or a cut-out."
        reasons.append(Reason("proportions", "caution", text))
    return reasons


def _blank() -> list[Reason]:
    text = "The picture is blank, or all but blank: there is nothing to read on it."
    return [Reason("blank", "refuse", text)]


def _contrast(found: Signals) -> list[Reason]:
    reasons = []
    if found.contrast < FAINT:
        text = (
            "The film has very little contrast. Check its exposure, or its window and level, "
            "and export it again."
        )
        reasons.append(Reason("low-contrast", "caution", text))
    worst = max(found.clipped_white, found.clipped_black)
    if worst >= CLIPPED:
        white = found.clipped_white >= found.clipped_black
        text = (
            f"The film is saturated: {worst:.0%} of its middle is pure "
            f"{'white' if white else 'black'} ({'under' if white else 'over'}exposed, or exported "
            "with a narrow window). Findings may be hidden there."
        )
        reasons.append(Reason("saturated", "refuse" if worst >= ALL_CLIPPED else "caution", text))
    return reasons


def _drawing(found: Signals) -> list[Reason]:
    tiny = min(found.rows, found.columns) < TOO_SMALL
    if tiny or (found.levels >= FEW_LEVELS and found.flat_areas < FLAT_AREAS):
        return []
    text = (
        "The picture is made of few grey levels or of flat areas, as drawings, pages of text and "
        "screenshots are. Upload the original film."
    )
    return [Reason("drawing", "refuse", text)]


def _blur(found: Signals) -> list[Reason]:
    if found.sharpness is None or found.sharpness >= BLURRED:
        return []
    text = (
        "The film is blurred: the fine markings of the lung are lost. Look for movement, focus or "
        "an enlarged thumbnail, and upload the original."
    )
    refused = found.sharpness < TOO_BLURRED
    return [Reason("blurred", "refuse" if refused else "caution", text)]
