"""Options and words that several commands share."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cxr_core import registry
from cxr_core.registry import ModelEntry

if TYPE_CHECKING:
    from cxr_core.serve import Model

_T = TypeVar("_T")


def whole_number(least: int) -> Callable[[str], int]:
    """An argparse type for whole numbers from `least` on."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {least} on; received {text!r}"
            )
        return value

    return convert


def add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--model",
        metavar="NAME[@VERSION]",
        help="the model to use (default: the shipped one; `models list` shows all)",
    )


def add_jobs(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--jobs",
        type=whole_number(1),
        metavar="N",
        help="threads that read films (default: one per processor)",
    )


def entry(text: str | None) -> ModelEntry:
    """The model behind NAME[@VERSION]. Raises ModelError."""
    return registry.find() if text is None else registry.named(text)


def load(text: str | None) -> Model:
    """The model behind NAME[@VERSION], ready to run."""
    from cxr_core import points
    from cxr_core.serve import Model

    model = Model.load(entry(text))
    if problem := model.card.other.get(points.PROBLEM):
        print(f"warning: {problem}", file=sys.stderr)
    return model


def progress(items: Iterable[_T], total: int | None, wanted: bool = True) -> Iterator[_T]:
    """Items with a bar on stderr where a person watches it and there is something to wait for."""
    if not wanted or not sys.stderr.isatty() or (total is not None and total < 8):
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, total=total, unit=" films", leave=False, dynamic_ncols=True)


def printable(text: str) -> str:
    """A file's name as one line that cannot steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def write_whole(path: Path, content: bytes) -> None:
    """The whole file or none, whenever it is interrupted. Raises OSError."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
