"""Paths, folders, globs and archives → readings in the same order, several at work at once.

Decoding runs on worker threads while the network runs on another: Pillow's and LiteRT's code
holds no interpreter lock. Only a few films are in memory at any time, however many there are.
"""

from __future__ import annotations

import glob
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from cxr_core import image
from cxr_core.errors import ImageError
from cxr_core.reading import read_film
from cxr_core.schema import Film, Reading
from cxr_core.serve import Model
from cxr_core.worklist import Item

_Input = TypeVar("_Input")
_Output = TypeVar("_Output")


@dataclass(frozen=True)
class Source:
    """A file that may hold films. name: as it was given or found. error: why it cannot be read."""

    name: str
    error: str | None = None


@dataclass(frozen=True, eq=False)
class Piece:
    """One film's worth of input: a file on disk, or an archive member's bytes, or an error.

    source: the name of the Source that it came from.
    """

    name: str
    source: str
    path: Path | None = None
    data: bytes | None = None
    error: str | None = None


_SWITCH_SECONDS = 0.0002
# Restored by whichever of several readers ends last, in whatever order they began.
_PYTHONS_OWN = sys.getswitchinterval()


def workers() -> int:
    """As many threads as this process may use processors, and never fewer than two."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:
        count = os.cpu_count() or 1
    return max(2, count)


def find(paths: Iterable[str]) -> list[Source]:
    """The files behind `paths`, in the order given; folders in the order of their names.

    A path that names a file is that file, whatever its ending. A folder gives its films and ZIPs
    at any depth: hidden files and those that neither end nor begin as a film does are left out. A
    path with *, ? or [ that names nothing is a pattern, ** for any depth. What leads nowhere is one
    Source with an error, so that nothing asked for goes missing in silence.
    """
    found: list[Source] = []
    for path in paths:
        if os.path.lexists(path) or not glob.has_magic(path):
            found.extend(_at(path))
            continue
        matches = sorted(glob.glob(path, recursive=True))
        if not matches:
            found.append(
                Source(path, f"Expected files that match {path}; found none. Check the pattern.")
            )
        for match in matches:
            found.extend(_at(match))
    return found


def pieces(sources: Iterable[Source]) -> Iterator[Piece]:
    """The films of `sources`, archives opened; one member at a time is in memory."""
    for source in sources:
        path = Path(source.name)
        if source.error is not None:
            yield Piece(source.name, source.name, error=source.error)
        elif not _is_archive(path):
            yield Piece(source.name, source.name, path=path)
        else:
            try:
                for member in image.members(path, ""):
                    error = None if member.error is None else str(member.error)
                    name = f"{source.name}/{member.name}"
                    yield Piece(name, source.name, data=member.data, error=error)
            except (ImageError, OSError) as error:
                yield Piece(source.name, source.name, error=_sentence(error))


def read_all(
    sources: Iterable[Source],
    model: Model,
    *,
    jobs: int | None = None,
    frame: int = 0,
    show_anyway: bool = False,
    also: Callable[[str, Film, Reading], None] | None = None,
) -> Iterator[Item]:
    """One Item per film, in order; what cannot be read carries its sentence and the rest go on.

    jobs: threads (`workers()` unless given). also(name, film, reading) runs on the thread that
    read the film, while its pixels are still at hand. elapsed_ms counts from opening the file.
    """

    def read(piece: Piece) -> Item:
        if piece.error is not None:
            return Item(piece.name, error=piece.error, source=piece.source)
        started = time.perf_counter()
        try:
            if piece.path is not None:
                film = image.read(piece.path, frame=frame)
            else:
                film = image.decode(piece.data or b"", Path(piece.name).name, frame=frame)
            reading = read_film(film, piece.name, model, show_anyway=show_anyway)
        except (ImageError, OSError) as error:
            return Item(piece.name, error=_sentence(error), source=piece.source)
        if reading.prediction is not None:
            elapsed = 1000 * (time.perf_counter() - started)
            reading = replace(reading, prediction=replace(reading.prediction, elapsed_ms=elapsed))
        if also is not None:
            also(piece.name, film, reading)
        return Item(piece.name, reading, source=piece.source)

    _one_thread_each()
    return in_order(read, pieces(sources), workers() if jobs is None else jobs)


def in_order(
    work: Callable[[_Input], _Output], inputs: Iterable[_Input], jobs: int
) -> Iterator[_Output]:
    """`map` on `jobs` threads that takes inputs only as results are taken: never 2 · jobs ahead.

    Where the consumer stops or is interrupted, what has not begun is never begun.
    """
    if jobs <= 1:
        yield from map(work, inputs)
        return
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="film")
    waiting: deque[Future[_Output]] = deque()
    # A thread that comes back from the network would wait up to 5 ms for another's Python.
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        for item in inputs:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        sys.setswitchinterval(_PYTHONS_OWN)
        pool.shutdown(wait=True, cancel_futures=True)


def _one_thread_each() -> None:
    """Keep OpenCV from splitting a film's small steps over processors that read other films."""
    import cv2

    cv2.setNumThreads(1)


def _at(path: str) -> Sequence[Source]:
    if os.path.isfile(path):
        return [Source(path)]
    if not os.path.isdir(path):
        what = "something that is not a file" if os.path.lexists(path) else "nothing"
        return [
            Source(path, f"Expected a film, folder or ZIP at {path}; found {what}. Check the path.")
        ]
    found = list(_below(path))
    if not found:
        return [
            Source(
                path,
                f"Expected films in the folder {path}; found none. Name a file to have it read "
                "whatever its ending.",
            )
        ]
    return found


def _below(folder: str) -> Iterator[Source]:
    failures: list[OSError] = []
    for where, folders, files in os.walk(folder, onerror=failures.append):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(files):
            path = os.path.join(where, name)
            archive = name.lower().endswith(".zip") and not name.startswith(".")
            if archive or image.may_be_film(Path(path)):
                yield from _at(path)
    for failure in failures:
        yield Source(str(failure.filename), _sentence(failure))


def _is_archive(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return image.is_archive(file.read(64))
    except OSError:
        return False


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return (
            f"Expected a file that can be read; received '{error.strerror or error}'. "
            "Check the path and its permissions."
        )
    return str(error)
