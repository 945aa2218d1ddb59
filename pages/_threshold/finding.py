"""Films of a score set in a folder that a person names: by path, by file name or by content."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePosixPath

from cxr_core import operating as op
from cxr_core.operating import ScoreSet
from pages._threshold.session import Bench

MOST_FILES, MOST_HASHED = 50_000, 3_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


def find(state: Bench, scores: ScoreSet, i: int) -> Path | None:
    """The file of film i below the set's folder, or None; a name that two files have finds none."""
    path = op.locate(scores, i)
    if path is not None or scores.folder is None:
        return path
    folder, name = scores.folder, str(scores.films[i])
    if _SHA256.fullmatch(name.lower()):
        known = state.once("folder by content", str(folder), lambda: _by_content(folder))
        return known.get(name.lower())
    known = state.once("folder by name", str(folder), lambda: _by_name(folder))
    return known.get(_stem(name))


def _by_name(folder: Path) -> Mapping[str, Path]:
    found: dict[str, Path] = {}
    twice = set()
    for path in islice(_files(folder), MOST_FILES):
        stem = _stem(path.name)
        if stem in found:
            twice.add(stem)
        found[stem] = path
    return {stem: path for stem, path in found.items() if stem not in twice}


def _by_content(folder: Path) -> Mapping[str, Path]:
    found = {}
    for path in islice(_files(folder), MOST_HASHED):
        try:
            with path.open("rb") as file:
                found[hashlib.file_digest(file, "sha256").hexdigest()] = path
        except OSError:
            continue
    return found


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root) / name
            if not name.startswith(".") and not path.is_symlink():
                yield path


def _stem(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).stem.lower()
