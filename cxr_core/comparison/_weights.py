"""ImageNet weights: whether they are on this machine, whole, and where they come from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cxr_core.backbones import Backbone, WeightsFile

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class WeightsState:
    """problem: why a file that is there cannot be used. present: there, and no problem seen."""

    path: Path
    url: str
    megabytes: float | None
    problem: str | None
    sentence: str

    @property
    def present(self) -> bool:
        return self.megabytes is not None and self.problem is None


def weights(row: Backbone) -> WeightsState | None:
    """State of a row's ImageNet weights; None for a network that has none anywhere."""
    if row.weights is None:
        return None
    file = row.weights
    path = file.path
    try:
        facts = path.stat()
    except OSError:
        return WeightsState(
            path, file.url, None, None,
            f"Not on this machine. Keras downloads them from {file.url}.",
        )  # fmt: skip
    megabytes = facts.st_size / 1e6
    problem = damage(path, file)
    sentence = problem or f"On this machine ({megabytes:.1f} MB), from {file.url}."
    return WeightsState(path, file.url, megabytes, problem, sentence)


def damage(path: Path, file: WeightsFile) -> str | None:
    """Why a file is not Keras' weights, in a sentence; None where nothing speaks against it."""
    facts = path.stat()
    found = _examined(path, facts.st_size, facts.st_mtime_ns, file.digest)
    return found and (
        f"Expected ImageNet weights in {path.name}; received {found}. "
        "Delete the file and download it again."
    )


@lru_cache(maxsize=256)
def _examined(path: Path, size: int, changed: int, digest: str | None) -> str | None:
    """size, changed: so that a file is read again once it has been replaced."""
    try:
        with path.open("rb") as content:
            if content.read(len(_HDF5)) != _HDF5:
                return "a file that is not HDF5: it is damaged, or something else"
            content.seek(0)
            if digest is None:
                return None
            algorithm = "md5" if len(digest) == 32 else "sha256"
            received = hashlib.file_digest(content, algorithm).hexdigest()
    except OSError as error:
        return f"a file that cannot be read ({error.strerror})"
    if received == digest:
        return None
    return f"{algorithm} {received[:12]}… instead of {digest[:12]}…: damaged, or another network's"
