"""Heatmaps as PNG files: what speaks for pneumonia, laid over the film."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_core import display, image, snapshot
from cxr_core.cli import _options
from cxr_core.errors import ConfigError
from cxr_core.schema import Film, Heatmap, Reading

# Inferno (matplotlib, CC0), every 1/9 of its length.
_INFERNO = (
    (0, 0, 4), (27, 12, 65), (74, 12, 107), (120, 28, 109), (165, 44, 96), (207, 68, 70),
    (237, 105, 37), (251, 155, 6), (247, 209, 61), (252, 255, 164),
)  # fmt: skip
OPACITY = 0.6


class Writer:
    """Writes one PNG per judged film into a folder, whole or not at all; safe on threads."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        """names: of all files that will be read, which say whose picture needs more than its name.

        Raises ConfigError where `folder` cannot be made, or nothing be written into it.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise ConfigError(
                f"Expected a folder to write heatmaps into; {folder} cannot be one "
                f"({error.strerror}). Name another."
            ) from error
        self._folder = folder
        self._named = frozenset(names)
        self._called = Counter(_stem(name).casefold() for name in names)

    def __call__(self, name: str, film: Film, reading: Reading) -> None:
        """Refused films have no map, and get no file."""
        if reading.heatmaps is None or reading.prediction is None:
            return
        heatmap = next(h for h in reading.heatmaps if h.label == "PNEUMONIA")
        prediction = reading.prediction
        captions = [
            f"Pneumonia {prediction.probability:.1%}, threshold "
            f"{prediction.operating_point.threshold:.1%}: {prediction.label}"
            + (", refer to a reader" if prediction.refer else ""),
            "Nothing in this film speaks for pneumonia: there is no map."
            if heatmap.flat
            else "Colour: what speaks for pneumonia (Grad-CAM).",
            f"{prediction.model_name} {prediction.model_version}",
        ]
        _options.write_whole(
            self._path(name, reading.sha256),
            draw(film, heatmap, captions, display.scale_top(reading.heatmaps)),
        )

    def _path(self, name: str, sha256: str) -> Path:
        """NAME.png; NAME-SHA.png where several files, or members of an archive, may be called so.

        Threads finish in any order, and yet a film always gets the same name.
        """
        stem = _stem(name)
        alone = name in self._named and self._called[stem.casefold()] == 1
        return self._folder / (f"{stem}.png" if alone else f"{stem}-{sha256[:8]}.png")


def _stem(name: str) -> str:
    """At most 200 bytes, as file systems allow 255 with all that is added."""
    stem = _options.printable(image.without_suffix(Path(name).name))
    return stem.encode()[:200].decode(errors="ignore") or "film"


def draw(film: Film, heatmap: Heatmap, captions: list[str], top: float) -> bytes:
    """PNG bytes: the film, the map over it unless it is flat, and the captions under it.

    top: contribution that the colour scale ends at, the same as on the page.
    """
    panel = display.panel(film)
    shown = display.render(panel)
    size = (panel.rows, panel.columns)
    if heatmap.flat:
        return snapshot.png([shown], size, None, None, captions)
    table = colours()
    laid = display.overlay_on(shown, heatmap, table, top, OPACITY)
    return snapshot.png([laid], size, None, None, captions, table, top)


def colours() -> NDArray[np.uint8]:
    """(256, 4) RGBA: clear where nothing contributes, at full strength from 40 % on."""
    at = np.linspace(0, 1, 256)
    anchors = np.array(_INFERNO, dtype=np.float64)
    grid = np.linspace(0, 1, len(anchors))
    rgb = np.stack([np.interp(at, grid, anchors[:, c]) for c in range(3)], axis=1)
    alpha = 255 * np.clip(at / 0.4, 0, 1)
    return np.rint(np.column_stack([rgb, alpha])).astype(np.uint8)
