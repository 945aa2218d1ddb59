"""The cells of a CSV as text, with the numbers in them and the lines they stand on."""

from __future__ import annotations

import contextlib
import csv
import io
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError
from cxr_core.operating import _words
from cxr_core.operating._layout import layout

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 500 * 2**20
# A sentence may stand in a cell; a whole file in one is an open quotation mark.
csv.field_size_limit(MAX_BYTES)

_DECIMAL_COMMA = r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?"


class Table:
    """columns: names as in the header, 'column 1', … without one (then `header` is False).

    frame: their cells as text, a row a film, blank lines too. Where every cell of the column of
    scores (`score`, or the one recognised) holds a number, the frame has them as numbers. broken:
    row → why it cannot be used. Raises DataError for what is no table.
    """

    def __init__(self, content: bytes | Path, score: str | None = None) -> None:
        self._layout = layout(_bounded(content))
        self.header = self._layout.header
        self.columns = self._layout.names
        self.first_line = self._layout.first_line
        self.broken: dict[int, str] = {}
        self.frame = self._read(score or _words.recognised("score", self.columns))

    def column(self, name: str | None) -> str | None:
        """A column that was asked for. Raises DataError where the file has none of that name."""
        if name is not None and name not in self.columns:
            raise DataError(
                f"Expected a column of {', '.join(self.columns[:12])}; received {name[:60]!r}. "
                "Choose one of those."
            )
        return name

    def text(self, column: str) -> NDArray[np.object_]:
        """(n,) str, '' where a cell is empty."""
        cells = self.frame[column]
        if cells.dtype.kind == "f":
            cells = cells.astype("str").where(cells.notna(), "")
        return np.asarray(cells.to_numpy(dtype=object, na_value=""), dtype=object)

    def cell(self, column: str, row: int) -> str:
        """One cell as text, without spaces around it."""
        value = self.frame[column].iloc[row]
        return "" if value != value else str(value).strip()

    def blank(self) -> NDArray[np.bool_]:
        """(n,) rows without anything in them."""
        return np.asarray(self.frame.isna().to_numpy().all(axis=1), dtype=bool)

    def numbers(self, column: str) -> NDArray[np.float64]:
        """(n,) float64, nan where a cell holds no number."""

        cells = self.frame[column]
        if cells.dtype.kind == "f":
            return np.array(cells.to_numpy(), dtype=np.float64)
        try:
            found = cells.astype("float64")
        except ValueError:
            found = _as_numbers(cells)
        return np.asarray(found.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)

    def lines(self, rows: Iterable[int]) -> dict[int, int]:
        """Row → line of the file, exact where quoted cells hold line breaks too."""
        wanted, first = set(rows), self.first_line
        if not wanted or '"' not in self._layout.text:
            return {row: row + first for row in wanted}
        reader = csv.reader(io.StringIO(self._layout.text), delimiter=self._layout.separator)
        found, start = {}, self._layout.above + 1
        for row, _ in enumerate(reader, -int(self.header)):
            if row in wanted:
                found[row] = start
            start = self._layout.above + reader.line_num + 1
        return found

    def _read(self, score: str | None) -> pd.DataFrame:
        import pandas as pd

        names, separator = self.columns, self._layout.separator
        try:
            if score in names and separator != ";":
                # A million numbers are read in half the time where none of them is text first.
                with contextlib.suppress(ValueError):
                    return self._parsed(dict.fromkeys(names, str) | {str(score): float})
            return self._parsed(dict.fromkeys(names, str))
        except (pd.errors.ParserError, pd.errors.ParserWarning):
            rows = self._forgiving(len(names))
            return pd.DataFrame(rows, columns=pd.Index(names), dtype=str).replace("", None)

    def _parsed(self, types: dict[str, type]) -> pd.DataFrame:
        import pandas as pd

        with warnings.catch_warnings():
            # Pandas drops cells beyond the header's with no more than a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO(self._layout.text), sep=self._layout.separator, dtype=types,
                names=list(self.columns), header=0 if self.header else None, index_col=False,
                skip_blank_lines=False, keep_default_na=False, na_values=[""],
            )  # fmt: skip

    def _forgiving(self, width: int) -> list[list[str]]:
        """Row by row, where some have too many cells. Raises DataError for an open quotation."""
        rows: list[list[str]] = []
        reader = csv.reader(io.StringIO(self._layout.text), delimiter=self._layout.separator)
        if self.header:
            next(reader)
        before = reader.line_num
        for i, cells in enumerate(reader):
            if reader.line_num > before + 1 and _open(cells, self._layout.text):
                raise DataError(
                    "Expected each quotation mark closed by another; received one in line "
                    f"{self._layout.above + before + 1} that is not, so that all lines after it "
                    "would be one cell. Close it, or leave it out."
                )
            before = reader.line_num
            # A separator at the end of each row means nothing.
            if any(map(str.strip, cells[width:])):
                self.broken[i] = f"{len(cells)} cells where the header has {width}"
            rows.append((cells + [""] * width)[:width])
        return rows


def _open(cells: list[str], text: str) -> bool:
    """Whether the last cell of a row runs to the end of the file, and no quotation mark ends it."""
    return bool(cells) and "\n" in cells[-1] and text.endswith(cells[-1])


def _as_numbers(cells: pd.Series) -> pd.Series:
    """Numbers with decimal commas, percent signs (divided by 100) and typographic minus signs."""
    import pandas as pd

    cells = cells.str.strip().str.replace("−", "-", regex=False)
    percent = cells.str.endswith("%").fillna(False).astype(bool)
    cells = cells.str.removesuffix("%").str.rstrip()
    comma = cells.str.fullmatch(_DECIMAL_COMMA).fillna(False).astype(bool)
    cells = cells.where(~comma, cells.str.replace(",", ".", regex=False))
    found = pd.to_numeric(cells, errors="coerce")
    return found.where(~percent, found / 100)


def _bounded(content: bytes | Path) -> bytes:
    try:
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
    except OSError as error:
        raise _unreadable(error) from error
    if size > MAX_BYTES:
        raise DataError(
            f"Expected a CSV of up to {MAX_BYTES // 2**20} MB; received {size / 2**20:.0f} MB. "
            "Keep the columns of labels and scores alone, or fewer rows."
        )
    try:
        return content if isinstance(content, bytes) else content.read_bytes()
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> DataError:
    return DataError(
        f"Expected a CSV that can be read; received '{error.strerror or error}'. Check its rights."
    )
