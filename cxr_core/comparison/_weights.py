"""ImageNet weights: whether they are on this machine, whole, and where they come from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

from cxr_core.backbones import Backbone
from cxr_core.comparison._counts import counts

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
    problem = damage(path, row)
    sentence = problem or f"On this machine ({megabytes:.1f} MB), from {file.url}."
    return WeightsState(path, file.url, megabytes, problem, sentence)


def damage(path: Path, row: Backbone) -> str | None:
    """Why a file is not a row's weights, in a sentence; None where nothing speaks against it.

    By Keras' checksum; where Keras states none, by how many numbers the file holds.
    """
    facts = path.stat()
    digest = row.weights.digest if row.weights else None
    numbers = counts()[row.name].params_without_top if digest is None else None
    found = _examined(path, facts.st_size, facts.st_mtime_ns, digest, numbers)
    return found and (
        f"Expected ImageNet weights of {row.constructor} in {path.name}; received {found}. "
        "Delete the file and download it again."
    )


def numbers_in(content: Path | BytesIO) -> int:
    """Numbers that an HDF5 file holds, without an optimiser's. Raises OSError for a damaged one."""
    import h5py

    total = 0

    def add(name: str, item: Any) -> None:
        nonlocal total
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            total += int(item.size)

    with h5py.File(content, "r") as file:
        file.visititems(add)
    return total


@lru_cache(maxsize=256)
def _examined(
    path: Path, size: int, changed: int, digest: str | None, numbers: int | None
) -> str | None:
    """size, changed: so that a file is read again once it has been replaced."""
    try:
        with path.open("rb") as content:
            if content.read(len(_HDF5)) != _HDF5:
                return "a file that is not HDF5: it is damaged, or something else"
            content.seek(0)
            if digest is not None:
                return _other_digest(content, digest)
    except OSError as error:
        return f"a file that cannot be read ({error.strerror})"
    try:
        held = numbers_in(path)
    except (OSError, RuntimeError, KeyError):
        return "a file that ends too early, or is damaged"
    if held == numbers:
        return None
    return f"{held:,} numbers instead of {numbers:,}: another network's"


def _other_digest(content: BufferedReader, digest: str) -> str | None:
    algorithm = "md5" if len(digest) == 32 else "sha256"
    received = hashlib.file_digest(content, algorithm).hexdigest()
    if received == digest:
        return None
    return f"{algorithm} {received[:12]}… instead of {digest[:12]}…: damaged, or another network's"
