"""What a job of kind 'weights' runs: Keras' own files of ImageNet weights, to where Keras looks."""

from __future__ import annotations

import os
import tempfile
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.error import HTTPError, URLError

from cxr_core import comparison
from cxr_core.backbones import Backbone, WeightsFile
from cxr_core.comparison import Problem
from cxr_core.errors import ConfigError, CxrError, DataError

if TYPE_CHECKING:
    from cxr_core.jobs import Reporter

Json: TypeAlias = Any

_CHUNK = 2**18
_PATIENCE = 30.0  # seconds without a byte


def run(config: Mapping[str, Json], report: Reporter) -> Mapping[str, Json]:
    """Download each row's weights; what fails becomes a sentence, and the rest goes on."""
    names = [str(n) for n in config.get("rows") or ()]
    if not names:
        raise ConfigError("Expected at least one row; received none. Choose a backbone.")
    rows = [comparison.row(name) for name in names]
    problems: list[Problem] = []
    done = 0
    for i, row in enumerate(rows):
        say = _teller(report, i, len(rows), row.title)
        try:
            if row.backbone is None or row.model or row.backbone.weights is None:
                raise ConfigError(f"Expected a backbone; received {row.id}. Choose one.")
            if row.weights and row.weights.present:
                report.log(f"{row.title}: already there")
                continue
            fetch(row.backbone, say)
        except CxrError as error:
            problems.append(Problem(row.id, "weights", str(error), comparison.now()))
            comparison.keep(problems[-1])
            report.log(f"{row.title}: {error}")
            continue
        done += 1
        report.log(f"{row.title}: downloaded")
    report.progress(len(rows), len(rows), message=f"{done} downloaded")
    return {
        "downloaded": done,
        "problems": [{"row": p.row, "sentence": p.sentence} for p in problems],
    }


def fetch(row: Backbone, on_bytes: Callable[[int, int], None]) -> Path:
    """Download one row's weights, compare them with Keras' checksum, and put them in their place.

    Nothing is left behind where that fails. Raises DataError.
    """
    file = row.weights
    assert file is not None
    target = file.path
    folder = target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
    except OSError as error:
        raise DataError(
            f"Expected to write to {folder}; it cannot be written ({error.strerror}). "
            "Set KERAS_HOME to a folder of yours."
        ) from error
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            _stream(file, out.write, on_bytes)
        if damaged := comparison.damage(part, row):
            raise DataError(damaged.replace(part.name, file.filename))
        part.chmod(0o644)
        os.replace(part, target)
    except OSError as error:
        raise _failed(file, error) from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _stream(
    file: WeightsFile, write: Callable[[bytes], int], on_bytes: Callable[[int, int], None]
) -> None:
    with urllib.request.urlopen(file.url, timeout=_PATIENCE) as response:
        whole = int(response.headers.get("Content-Length") or 0)
        got = 0
        while chunk := response.read(_CHUNK):
            write(chunk)
            got += len(chunk)
            on_bytes(got, whole)
    if got < whole:
        raise DataError(
            f"Expected {whole:,} bytes of {file.filename}; the connection ended after {got:,}. "
            "Try again."
        )


def _failed(file: WeightsFile, error: OSError) -> DataError:
    if isinstance(error, HTTPError):
        why = f"the server answered {error.code}"
    elif isinstance(error, (URLError, TimeoutError)):
        why = "there is no connection to it"
    else:
        why = error.strerror or type(error).__name__
    return DataError(
        f"Expected {file.filename} from {file.url}; {why}. Connect to the internet and try again, "
        f"or copy the file to {file.path.parent} from another machine."
    )


def _teller(report: Reporter, step: int, steps: int, title: str) -> Callable[[int, int], None]:
    def say(got: int, whole: int) -> None:
        of = f" of {whole / 1e6:.1f}" if whole else ""
        report.progress(
            step, steps, epoch=got // 1024, epochs=whole // 1024,
            message=f"{title}: {got / 1e6:.1f}{of} MB",
        )  # fmt: skip

    return say
