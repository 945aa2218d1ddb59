"""Films of a plan: indexed, split, decoded once, kept on disk between jobs."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import dataset, registry
from cxr_core.dataset import FilmRecord, Index, Split
from cxr_core.errors import DataError
from cxr_core.features import decoded
from cxr_core.methods import DataChoice
from cxr_core.preprocess import Preprocessing

if TYPE_CHECKING:
    from cxr_core.jobs import Reporter


# Of decoded films and features, for all jobs together.
CACHE_BYTES = 8 * 10**9


@dataclass(frozen=True, eq=False)
class Material:
    """Readable films alone. targets: (n,) class numbers. data_sha256: of these films."""

    index: Index
    records: tuple[FilmRecord, ...]
    targets: NDArray[np.int8]
    data_sha256: str
    unreadable: tuple[tuple[str, str], ...]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.index.classes

    def split(self, choice: DataChoice) -> Split:
        return dataset.make_split(self._readable, choice.split, choice.validation, choice.seed)

    def folds(self, count: int, seed: int) -> tuple[Split, ...]:
        return dataset.folds(self._readable, count, seed)

    @property
    def _readable(self) -> Index:
        left_out = (*self.index.left_out, *self.unreadable)
        return Index(self.index.kind, self.index.root, self.classes, self.records, left_out)


def open_material(choice: DataChoice, report: Reporter) -> Material:
    """Index a source and hash its films. Raises DataError."""
    index = dataset.open_source(choice.source, choice.classes)
    n = len(index.records)
    report.log(f"{n} films ({index.kind}), classes {', '.join(index.classes)}")
    for what, why in index.left_out:
        report.log(f"left out: {what}: {why}")
    readable: list[FilmRecord] = []
    bad: list[tuple[str, str]] = []
    digests: list[str] = []
    for k, record in enumerate(index.records):
        try:
            found = dataset.content(record)
            raw = found.read_bytes() if isinstance(found, Path) else found
        except DataError as error:
            bad.append((record.film_id, str(error)))
        except OSError as error:
            bad.append((record.film_id, f"Expected a file that can be read ({error.strerror})."))
        else:
            readable.append(record)
            digests.append(f"{record.film_id}\t{hashlib.sha256(raw).hexdigest()}\n")
        if k % 128 == 0:
            report.progress(k, n, message="reading the films' bytes")
    sha256 = hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
    found_targets = dataset.targets(Index(index.kind, index.root, index.classes, tuple(readable)))
    return Material(index, tuple(readable), found_targets, sha256, tuple(bad))


def without(material: Material, positions: Sequence[int], why: dict[int, str]) -> Material:
    """The same without films that turned out not to be ones."""
    gone = set(positions)
    keep = [i for i in range(len(material.records)) if i not in gone]
    bad = tuple((material.records[i].film_id, why[i]) for i in sorted(gone))
    return Material(
        material.index,
        tuple(material.records[i] for i in keep),
        material.targets[keep],
        material.data_sha256,
        (*material.unreadable, *bad),
    )


def films(
    material: Material, how: Preprocessing, report: Reporter, workers: int
) -> tuple[Material, NDArray[np.uint8]]:
    """Every film as model input, (n, size, size, 1) uint8, and the material of the readable ones.

    Decoded once for all jobs: `$CXR_HOME/cache/films` keeps them by data hash and preprocessing.
    """
    key = digest({"data": material.data_sha256, "how": asdict(how)})
    folder = registry.home() / "cache" / "films"
    array, notes = folder / f"{key}.npy", folder / f"{key}.json"
    if array.exists() and notes.exists():
        bad = {int(k): v for k, v in json.loads(notes.read_text()).items()}
        inputs: NDArray[np.uint8] = np.load(array, mmap_mode="r")
        if len(inputs) == len(material.records):
            os.utime(array)
            report.log(f"{len(inputs)} films at {how.size} pixels from the cache")
            return _kept(material, inputs, bad)
    made: dict[int, str] = {}
    n = len(material.records)
    with writing(array, (n, how.size, how.size, 1), np.dtype(np.uint8)) as out:
        done = 0
        for block in decoded(material.records, how, made, batch=32, workers=workers):
            out[done : done + len(block)] = block
            done += len(block)
            report.progress(done, n, message=f"decoding films at {how.size} pixels")
        gone = [i for i in made if not material.records[i].path.exists()]
        if gone:
            raise DataError(
                f"Expected the files of {n} films; {len(gone)} disappeared while they were read. "
                "Bring the data back, then resume the job."
            )
    write_text(notes, json.dumps(made))
    trim(registry.home() / "cache", array)
    return _kept(material, np.load(array, mmap_mode="r"), made)


def _kept(
    material: Material, inputs: NDArray[np.uint8], bad: dict[int, str]
) -> tuple[Material, NDArray[np.uint8]]:
    if not bad:
        return material, inputs
    readable = without(material, list(bad), bad)
    keep = [i for i in range(len(inputs)) if i not in bad]
    if len(keep) < 2:
        raise DataError("Expected films that can be read; none can. Check the folder's files.")
    return readable, inputs[keep]


class writing:  # noqa: N801
    """An array on disk that appears whole or not at all."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._path, self._shape, self._dtype = path, shape, dtype

    def __enter__(self) -> NDArray[Any]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        need = int(np.prod(self._shape)) * self._dtype.itemsize
        check_space(self._path.parent, need)
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".part-", suffix=".npy")
        os.close(handle)
        self._part = Path(name)
        self._map = np.lib.format.open_memmap(
            self._part, mode="w+", dtype=self._dtype, shape=self._shape
        )
        # Reserved, not sparse: a full disk says so here and not as a bus error in the middle.
        if hasattr(os, "posix_fallocate"):
            with self._part.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, self._part.stat().st_size)
        return self._map

    def __exit__(self, kind: object, *rest: object) -> None:
        self._map.flush()
        del self._map
        if kind is None:
            os.replace(self._part, self._path)
        else:
            self._part.unlink(missing_ok=True)


def trim(cache: Path, newest: Path, most: int = CACHE_BYTES) -> None:
    """Delete what was not used for longest until the cache holds at most so many bytes.

    A job that reads an array goes on with it: its memory map outlives the name.
    """
    for part in cache.glob("*/.part-*"):
        # What a job that was killed left behind; a living one writes to its own.
        if time.time() - part.stat().st_mtime > 86_400:
            part.unlink(missing_ok=True)
    arrays = [p for p in cache.glob("*/*.npy") if not p.name.startswith(".")]
    arrays.sort(key=lambda p: p.stat().st_mtime)
    total = sum(p.stat().st_size for p in arrays)
    for path in arrays:
        if total <= most or path == newest:
            continue
        total -= path.stat().st_size
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)


def check_space(folder: Path, need: int) -> None:
    """Raises DataError where a disk has less room than `need` bytes and a little more."""
    import shutil

    free = shutil.disk_usage(folder).free
    if free < need + 64 * 2**20:
        raise DataError(
            f"Expected {need / 1e6 + 67:,.0f} MB of free disk space; found {free / 1e6:,.0f} MB. "
            "Free some, then resume the job."
        )


def digest(facts: object) -> str:
    """A short name for a set of facts."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def write_text(path: Path, text: str) -> None:
    """Whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    os.replace(part, path)
