"""The fitted gate, its file, and the comparison of one film: microseconds, NumPy alone."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ModelError

Floats = NDArray[np.float32]

# Ways of not being as it should be; class 0 of the classifier is a film that is.
TURNED = ("rotated_left", "rotated_right", "upside_down", "flipped", "negative")


@dataclass(frozen=True)
class Likeness:
    """How a film's features compare with those of the training films.

    unlike, far: distances relative to their thresholds, so that 1 and more is beyond them.
    turned: probability, 0 to 1, that the film is not upright or is a negative, and `turn` the
    likeliest of TURNED.
    """

    unlike: float
    far: float
    turned: float
    turn: str


@dataclass(frozen=True, eq=False)
class GateModel:
    """What `fit_gate` found, as plain float32 arrays.

    edges: (L + 1,) where each layer's features begin in the vector of F; the gate reads the first
    edges[-1] of `width` features. narrow_mean, broad_mean: (edges[-1],). narrow_whiten,
    broad_whiten: (sum of squares of the layers' widths,), each layer's (w, w) matrix in row order,
    scaled so that validation's 99th percentile is 1. limits: (2,), the averaged distances at
    which a film is unlike, and far. turn_mean, turn_scale: (edges[-1],). turn_weights:
    (edges[-1], 1 + len(TURNED)). turn_bias: (1 + len(TURNED),).
    """

    width: int
    edges: NDArray[np.int64]
    narrow_mean: Floats
    narrow_whiten: Floats
    broad_mean: Floats
    broad_whiten: Floats
    limits: Floats
    turn_weights: Floats
    turn_bias: Floats

    def __post_init__(self) -> None:
        total = int(self.edges[-1])
        squares = int((np.diff(self.edges) ** 2).sum())
        expected = {
            "narrow_mean": (total,),
            "broad_mean": (total,),
            "narrow_whiten": (squares,),
            "broad_whiten": (squares,),
            "limits": (2,),
            "turn_weights": (total, 1 + len(TURNED)),
            "turn_bias": (1 + len(TURNED),),
        }
        for name, shape in expected.items():
            array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise ModelError(
                    f"Expected {name} of the quality gate to be finite and of shape {shape}; "
                    f"received {array.shape}. Train the model again."
                )

    @classmethod
    def load(cls, path: Path) -> GateModel:
        """Read what `save` wrote. Raises ModelError where the file is missing or not of this kind.

        Never unpickles: the file is plain arrays.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays: dict[str, Any] = {f.name: archive[f.name] for f in fields(cls)}
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ModelError(
                f"Expected {path.name} with the arrays of a quality gate; received "
                f"{type(error).__name__}. Restore the model's folder or train the model again."
            ) from error
        arrays["width"] = int(arrays["width"])
        return cls(**arrays)

    def save(self, path: Path) -> None:
        """Write plain arrays to `path`, whole or not at all."""
        temporary = path.with_name(path.name + ".part")
        with temporary.open("wb") as stream:
            arrays: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
            np.savez_compressed(stream, **arrays)
        os.replace(temporary, path)

    def compare(self, features: Floats) -> Likeness:
        """Compare features (F,) float32 of one film with the training films.

        Raises ModelError for features of another width or that are not finite.
        """
        if features.shape != (self.width,):
            raise ModelError(
                f"Expected {self.width} features, as the quality gate was fitted on; received "
                f"{features.shape}. Use the gate that was saved with this network."
            )
        if not np.isfinite(features).all():
            raise ModelError(
                "Expected finite features; received NaN or infinity from the network. "
                "Verify the model's files and train it again if they are intact."
            )
        x = features[: int(self.edges[-1])]
        narrow = distances(x[None] - self.narrow_mean, self.narrow_whiten, self.edges)[0].mean()
        broad = distances(x[None] - self.broad_mean, self.broad_whiten, self.edges)[0].mean()
        scores = (x - self.narrow_mean) @ self.turn_weights + self.turn_bias
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        return Likeness(
            unlike=float(narrow / self.limits[0]),
            far=float(broad / self.limits[1]),
            turned=float(1 - shares[0]),
            turn=TURNED[int(shares[1:].argmax())],
        )


def distances(centred: NDArray[Any], whiten: NDArray[Any], edges: NDArray[Any]) -> NDArray[Any]:
    """(n, total) less the mean → (n, L): each layer's Mahalanobis distance."""
    out, start = [], 0
    for a, b in pairwise(edges):
        size = int(b - a)
        matrix = whiten[start : start + size * size].reshape(size, size)
        out.append(np.sqrt(((centred[:, a:b] @ matrix) ** 2).sum(axis=1)))
        start += size * size
    return np.stack(out, axis=1)
