"""The bytes of a table → its text, its separator and the line that names its columns.

UTF-8, UTF-16, UTF-32 or Windows-1252; commas, semicolons, tabs or bars; Excel's `sep=;`, titles,
comments and blank lines above the header, or no header at all.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from cxr_core.errors import DataError
from cxr_core.operating import _words

MAX_COLUMNS = 200
MOST_LETTERS = 300
SEPARATORS = ",;\t|"
# So many lines are looked at for a header, and for how many cells a row has.
LOOKED_AT = 30

_MARKS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_FORMATS = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a compressed file"),
    (b"%PDF", "a PDF"),
)


@dataclass(frozen=True)
class Layout:
    """text: from the header on, or from the first row where `header` is False.

    names: of the columns, 'column 1', … where nothing names them. above: lines before `text`.
    """

    text: str
    separator: str
    names: tuple[str, ...]
    header: bool
    above: int

    @property
    def first_line(self) -> int:
        """The line that the first row stands on, as a text editor counts."""
        return self.above + 1 + int(self.header)


def layout(content: bytes) -> Layout:
    """Raises DataError for what is no text and for what is no table."""
    text = _decoded(content)
    if not text.strip():
        raise DataError("Expected a CSV of labels and scores; received an empty file. Choose one.")
    lines = text[: 2**20].split("\n")[:LOOKED_AT]
    told = re.fullmatch(r'"?sep=(.)"?', lines[0].strip()) if len(lines[0]) < 12 else None
    separators = told[1] if told else SEPARATORS
    found = _recognised(lines, separators)
    named = found is not None
    above, separator = found or _likeliest(lines, separators, int(told is not None))
    for _ in range(above):
        text = text[text.find("\n") + 1 :]
    try:
        cells = [c.strip() for c in next(csv.reader(io.StringIO(text), delimiter=separator))]
    except csv.Error as error:
        raise DataError(
            f"Expected a header of column names; line {above + 1} cannot be read ({error}). "
            "Check its quotation marks."
        ) from error
    long = max(map(len, cells))
    if long > MOST_LETTERS:
        raise DataError(
            f"Expected column names in line {above + 1}; received one of {long:,} letters. "
            "Give each column a short name."
        )
    header = named or not any(map(_is_number, cells)) or _names_any(cells)
    # A row name without a title is what pandas writes for its index.
    names = [(c if header else "") or f"column {i + 1}" for i, c in enumerate(cells)]
    if len(names) < 2 or len(names) > MAX_COLUMNS or len(set(names)) < len(names):
        received = "names that stand twice" if len(set(names)) < len(names) else f"{len(names)}"
        raise DataError(
            f"Expected a header of 2 to {MAX_COLUMNS} different column names, one for labels and "
            f"one for scores; received {received}. Give each column a name in the first line."
        )
    return Layout(text, separator, tuple(names), header, above)


def _decoded(content: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if encoding is None and b"\0" in content[:4096]:
        encoding = _wide(content[:4096])
    text = _utf8(content) if encoding is None else content.decode(encoding, errors="replace")
    what = next((name for mark, name in _FORMATS if content.startswith(mark)), None)
    if what is not None or "\0" in text[:4096]:
        raise DataError(
            f"Expected a CSV file of labels and scores; received {what or 'a file'} that is no "
            "text. Save the table as CSV first."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _wide(start: bytes) -> str | None:
    """UTF-16 without its mark, as every other byte of plain letters is 0."""
    zeros = [start[side::2].count(0) / max(1, len(start[side::2])) for side in (0, 1)]
    if max(zeros) < 0.8 or min(zeros) > 0.05:
        return None
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def _utf8(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _recognised(lines: list[str], separators: str) -> tuple[int, str] | None:
    """The first line that names both labels and scores, with the separator that shows it."""
    for k, line in enumerate(lines):
        for separator in separators:
            cells = _cells(line, separator)
            if all(_words.recognised(role, cells) for role in ("label", "score")):
                return k, separator
    return None


def _likeliest(lines: list[str], separators: str, start: int) -> tuple[int, str]:
    """The first line that holds anything, and the separator that cuts most lines as it cuts that.

    Spaces are taken for separators only where nothing else can be one.
    """
    top = next(
        (k for k, line in enumerate(lines) if k >= start and line.strip() and line[0] != "#"), start
    )
    rows = [line for line in lines[top : top + LOOKED_AT - 1] if line.strip()]

    def fit(separator: str) -> tuple[bool, float, int]:
        widths = [len(_cells(line, separator)) for line in rows]
        alike = widths.count(widths[0]) / len(widths) if widths else 0.0
        return bool(widths) and widths[0] > 1, alike, widths[0] if widths else 0

    best = max(separators, key=fit)
    if not fit(best)[0] and len(rows) > 1 and fit(" ")[:2] == (True, 1.0):
        best = " "
    return top, best


def _names_any(cells: list[str]) -> bool:
    return any(_words.recognised(role, cells) for role in ("label", "score"))


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ".").removesuffix("%"))
    except ValueError:
        return False
    return True
