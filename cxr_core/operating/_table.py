"""The cells of a CSV as text, with the numbers in them and the lines they stand on.

Commas, semicolons or tabs; decimal commas beside semicolons; UTF-8, UTF-16 or Windows-1252.
"""

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

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 500 * 2**20
MAX_COLUMNS = 200


class Table:
    """columns: names as in the header. frame: their cells as text, a row a film, blank lines too.

    Where every cell of the column of scores (`score`, or the one recognised) holds a number, the
    frame has them as numbers. broken: row → why it cannot be used. Raises DataError for what is no
    CSV with a header.
    """

    def __init__(self, content: bytes | Path, score: str | None = None) -> None:
        self._text = _decoded(_bounded(content))
        self._separator = _separator(self._text)
        self.broken: dict[int, str] = {}
        names = _header(self._text, self._separator)
        self.frame = self._read(names, score or _words.recognised("score", names))
        self.columns = tuple(names)

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
        import pandas as pd

        cells = self.frame[column]
        if cells.dtype.kind == "f":
            return np.array(cells.to_numpy(), dtype=np.float64)
        try:
            found = cells.astype("float64")
        except ValueError:
            cells = cells.str.strip()
            if self._separator == ";":
                cells = cells.str.replace(",", ".", regex=False)
            cells = cells.str.removesuffix("%").str.rstrip()
            found = pd.to_numeric(cells, errors="coerce")
        return np.asarray(found.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)

    def lines(self, rows: Iterable[int]) -> dict[int, int]:
        """Row → line of the file, exact where quoted cells hold line breaks too."""
        wanted = set(rows)
        if not wanted or '"' not in self._text:
            return {row: row + 2 for row in wanted}
        reader = csv.reader(io.StringIO(self._text), delimiter=self._separator)
        found, start = {}, 1
        for row, _ in enumerate(reader, -1):
            if row in wanted:
                found[row] = start
            start = reader.line_num + 1
        return found

    def _read(self, names: list[str], score: str | None) -> pd.DataFrame:
        import pandas as pd

        try:
            if score in names and self._separator != ";":
                # A million numbers are read in half the time where none of them is text first.
                with contextlib.suppress(ValueError):
                    return self._parsed(names, dict.fromkeys(names, str) | {score: float})
            return self._parsed(names, dict.fromkeys(names, str))
        except (pd.errors.ParserError, pd.errors.ParserWarning):
            rows = self._forgiving(len(names))
            return pd.DataFrame(rows, columns=pd.Index(names), dtype=str).replace("", None)

    def _parsed(self, names: list[str], types: dict[str, type]) -> pd.DataFrame:
        import pandas as pd

        with warnings.catch_warnings():
            # Pandas drops cells beyond the header's with no more than a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO(self._text), sep=self._separator, dtype=types, names=names, header=0,
                index_col=False, skip_blank_lines=False, keep_default_na=False, na_values=[""],
            )  # fmt: skip

    def _forgiving(self, width: int) -> list[list[str]]:
        """Row by row, where some have too many cells."""
        rows = []
        reader = csv.reader(io.StringIO(self._text), delimiter=self._separator)
        next(reader)
        for i, cells in enumerate(reader):
            if len(cells) > width:
                self.broken[i] = f"{len(cells)} cells where the header has {width}"
            rows.append((cells + [""] * width)[:width])
        return rows


def _bounded(content: bytes | Path) -> bytes:
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    if size > MAX_BYTES:
        raise DataError(
            f"Expected a CSV of up to {MAX_BYTES // 2**20} MB; received {size / 2**20:.0f} MB. "
            "Keep the columns of labels and scores alone, or fewer rows."
        )
    return content if isinstance(content, bytes) else content.read_bytes()


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:4096]:
        raise DataError(
            "Expected a CSV file of labels and scores; received something that is no text. "
            "Save the table as CSV first."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _separator(text: str) -> str:
    first = text[: text.find("\n")] if "\n" in text else text
    return max(",;\t", key=first.count)


def _header(text: str, separator: str) -> list[str]:
    if not text.strip():
        raise DataError("Expected a CSV of labels and scores; received an empty file. Choose one.")
    names = [h.strip() for h in next(csv.reader(io.StringIO(text), delimiter=separator))]
    # A row name without a title is what pandas writes for its index.
    names = [name or f"column {i + 1}" for i, name in enumerate(names)]
    if len(names) < 2 or len(names) > MAX_COLUMNS or len(set(names)) < len(names):
        received = "names that stand twice" if len(set(names)) < len(names) else f"{len(names)}"
        raise DataError(
            f"Expected a header of 2 to {MAX_COLUMNS} different column names, one for labels and "
            f"one for scores; received {received}. Give each column a name in the first line."
        )
    if all(_is_number(name) for name in names):
        raise DataError(
            f"Expected column names in the first line; received numbers ({', '.join(names[:4])}). "
            "Put a header above them, such as label,score."
        )
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
