"""What two sides of a split share: patients, identical films, near-identical films."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_core import image
from cxr_core.dataset._content import content
from cxr_core.dataset._records import FilmRecord
from cxr_core.dataset._splits import Split
from cxr_core.errors import DataError, ImageError
from cxr_core.preprocess import presentation

# Of 256 bits. Measured on the training films: docs/decisions/0010.
NEAR = 20
HASH_SIDE = 16


@dataclass(frozen=True)
class Twins:
    """Two films on different sides that are one. distance: bits of 256; 0 and identical: bytes."""

    first: str
    second: str
    sides: tuple[str, str]
    distance: int
    identical: bool


@dataclass(frozen=True)
class LeakReport:
    """shared_patients: (patient, sides). unreadable: (film, sentence). near: bits that count."""

    compared: int
    shared_patients: tuple[tuple[str, tuple[str, ...]], ...]
    twins: tuple[Twins, ...]
    unreadable: tuple[tuple[str, str], ...]
    near: int = NEAR

    @property
    def clean(self) -> bool:
        return not self.shared_patients and not self.twins


def leaks(
    records: Sequence[FilmRecord],
    split: Split,
    *,
    near: int = NEAR,
    workers: int = 2,
    on_progress: Callable[[int, int], None] | None = None,
) -> LeakReport:
    """Compare every two sides by patient, by sha256 of the pixels and by perceptual hash.

    The hash is imagehash's phash (a 16 by 16 corner of the cosine transform) of the film as shown,
    so that another format, size or grey range does not hide a copy.
    """
    sides = {
        name: positions
        for name, positions in (
            ("train", split.train), ("validation", split.validation), ("test", split.test),
        )
        if len(positions)
    }  # fmt: skip
    chosen = np.concatenate(list(sides.values()))
    hashes: dict[int, NDArray[np.uint8]] = {}
    digests: dict[int, bytes] = {}
    unreadable: list[tuple[str, str]] = []
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(lambda i: _fingerprint(records[i]), chosen)
        for done, (i, print_) in enumerate(zip(chosen.tolist(), found, strict=True), start=1):
            if isinstance(print_, str):
                unreadable.append((records[i].film_id, print_))
            else:
                digests[i], hashes[i] = print_
            if on_progress and done % 64 == 0:
                on_progress(done, len(chosen))
    readable = {k: [i for i in v.tolist() if i in hashes] for k, v in sides.items()}
    twins = [
        Twins(records[i].film_id, records[j].film_id, (a, b), bits, digests[i] == digests[j])
        for a, b in _pairs(tuple(readable))
        for i, j, bits in _close(readable[a], readable[b], hashes, near)
    ]
    twins.sort(key=lambda t: (not t.identical, t.distance, t.first))
    return LeakReport(len(hashes), _shared(records, sides), tuple(twins), tuple(unreadable), near)


def _fingerprint(record: FilmRecord) -> tuple[bytes, NDArray[np.uint8]] | str:
    import imagehash

    try:
        found = content(record)
        film = image.read(found) if isinstance(found, Path) else image.decode(found)
    except (ImageError, DataError) as error:
        return str(error)
    except OSError:
        return "Expected a file that can be read; received none. Index the folder again."
    shown = Image.fromarray(np.rint(presentation(film) * 255).astype(np.uint8))
    bits = imagehash.phash(shown, hash_size=HASH_SIDE).hash
    return hashlib.sha256(np.ascontiguousarray(film.pixels).data).digest(), np.packbits(bits)


def _pairs(names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            yield first, second


def _close(
    first: list[int], second: list[int], hashes: dict[int, NDArray[np.uint8]], near: int
) -> Iterator[tuple[int, int, int]]:
    """Pairs whose hashes differ in at most `near` bits, by comparing all with all."""
    if not first or not second:
        return
    others = np.stack([hashes[j] for j in second])
    for i in first:
        bits = np.bitwise_count(others ^ hashes[i]).sum(axis=1, dtype=np.int64)
        for k in np.flatnonzero(bits <= near).tolist():
            yield i, second[k], int(bits[k])


def _shared(
    records: Sequence[FilmRecord], sides: dict[str, NDArray[np.intp]]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    where: dict[str, list[str]] = {}
    for name, positions in sides.items():
        for patient in sorted({records[int(i)].patient for i in positions}):
            where.setdefault(patient, []).append(name)
    return tuple((p, tuple(s)) for p, s in sorted(where.items()) if len(s) > 1)
