"""A folder of Parquet files that grows while films are read, and is gone on with after a cut.

`part-….parquet` appear whole or not at all; `_settings.json` says what read them, so that no other
model's results get among them. pandas, DuckDB and Spark read the folder as one table.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from cxr_core.archive._rows import Row
from cxr_core.batch import Source
from cxr_core.errors import DataError

SCHEMA = pa.schema(
    {
        "file": pa.string(),
        "status": pa.string(),
        "reasons": pa.list_(pa.string()),
        "probability": pa.float64(),
        "threshold": pa.float64(),
        "label": pa.string(),
        "refer": pa.bool_(),
        "model": pa.string(),
        "sha256": pa.string(),
        "elapsed_ms": pa.float64(),
        "finding": pa.string(),
        "source": pa.string(),
    }
)
SETTINGS = "_settings.json"
# Rows of a part, and seconds after which a part that has fewer is stored all the same.
ROWS, SECONDS = 5000, 20.0


class Results:
    """One run's results in `folder`, as a context: what is left to read, and where rows go.

    Leaving it stores what came. A source whose reading was interrupted, an archive say, is left
    out whole and read again by the next run; so is one that could not be read at all.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """settings: what the results follow from. Raises DataError where the folder's differ."""
        self._folder = folder
        with _room(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder)
            _same_settings(folder, settings)
            self._done = _kept(folder)
        self._rows: list[Row] = []
        self._since = time.monotonic()

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is not None and self._rows:
                last = self._rows[-1].source
                if sum(row.source == last for row in self._rows) > 1 or self._rows[-1].in_archive:
                    self._rows = [row for row in self._rows if row.source != last]
            # What ended the run is worth more to a person than that this did not succeed either.
            with suppress(DataError) if kind else _room(self._folder):
                self._store()
        finally:
            self._lock.close()

    @property
    def done(self) -> int:
        """How many files and archives earlier runs have read."""
        return len(self._done)

    def left(self, sources: Sequence[Source]) -> list[Source]:
        """Those that no earlier run has read, each once."""
        once = {source_key(source.name): source for source in sources}
        return [source for key, source in once.items() if key not in self._done]

    def add(self, row: Row) -> None:
        """Take one row; those of one source must come together. Raises DataError."""
        full = len(self._rows) >= ROWS or time.monotonic() - self._since > SECONDS
        if full and self._rows and self._rows[-1].source != row.source:
            self._store()
        self._rows.append(row)

    def _store(self) -> None:
        if self._rows:
            rows = [
                {k: _text(v) for k, v in {**row.values, "finding": row.finding}.items()}
                | {"source": source_key(row.source)}
                for row in self._rows
            ]
            part = self._folder / f"part-{int(time.time()):010d}-{uuid.uuid4().hex[:12]}.parquet"
            _write(pa.Table.from_pylist(rows, SCHEMA), part)
            self._rows = []
        self._since = time.monotonic()


def source_key(path: str) -> str:
    """An absolute path as text, whatever bytes it is made of."""
    return os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")


def _kept(folder: Path) -> set[str]:
    """Sources read by earlier runs. Rows of those that could not be read are taken out."""
    done: set[str] = set()
    for path in sorted(folder.glob("part-*.parquet")):
        try:
            table = pq.read_table(path, schema=SCHEMA)
        except (pa.ArrowInvalid, pa.ArrowTypeError, KeyError) as error:
            raise DataError(
                f"Expected results of this program in {path.name}; it cannot be read. Remove that "
                "file to have its films read again, or choose another folder."
            ) from error
        rows = table.select(["file", "status", "source"]).to_pylist()
        again = [Row(row, "", row["source"]).nothing_read for row in rows]
        done.update(row["source"] for row, no in zip(rows, again, strict=True) if not no)
        if any(again):
            _write(table.filter(pa.array([not no for no in again])), path)
    return done


def _same_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    path = folder / SETTINGS
    if not path.exists():
        if any(folder.glob("*.parquet")):
            raise DataError(
                f"Expected an empty folder or one that this program began; {folder.name} holds "
                "Parquet files of something else. Choose another folder."
            )
        part = path.with_name(f".{SETTINGS}.part")
        part.write_text(json.dumps(dict(settings), indent=2) + "\n")
        part.replace(path)
        return
    try:
        before = json.loads(path.read_text())
        assert isinstance(before, dict)
    except (ValueError, AssertionError):
        before = {}
    for key, now in settings.items():
        if before.get(key) != now:
            raise DataError(
                f"Expected to go on as {folder.name} was begun, with {key} {before.get(key)}; "
                f"received {now}. Choose another folder for these results."
            )


def _locked(folder: Path) -> BinaryIO:
    file = (folder / ".lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise DataError(
            f"Expected that nobody else writes to {folder.name}; another `predict` does. "
            "Wait for it, or choose another folder."
        ) from error
    return file


def _write(table: pa.Table, path: Path) -> None:
    part = path.with_name(f".{path.name}")
    with _room(path.parent):
        try:
            with part.open("wb") as file:
                pq.write_table(table, file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise


def _text(value: Any) -> Any:
    """A file's name may hold bytes that no text does."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return [_text(inner) for inner in value] if isinstance(value, list) else value


@contextmanager
def _room(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = "it is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
        raise DataError(
            f"Expected a folder that results can be written to; {folder.name}: {why}. What was "
            "stored is whole: make room or choose another folder, and run the command again."
        ) from error
