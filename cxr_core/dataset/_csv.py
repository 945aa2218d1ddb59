"""A CSV with columns path and label, and optionally patient, age, sex, view and split."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from cxr_core.dataset._folders import SIDES
from cxr_core.dataset._records import CLASSES, FilmRecord, parse_name, stem
from cxr_core.errors import DataError

COLUMNS = ("path", "label", "patient", "age", "sex", "view", "split")


def read_csv(path: Path) -> tuple[list[FilmRecord], list[tuple[str, str]]]:
    """Films that the rows name, paths taken from the CSV's folder on; and the rows left out.

    Backslashes separate folders too, as spreadsheets from Windows have them.

    Raises DataError where the file is no CSV or lacks a column path or label.
    """
    try:
        # utf-8-sig: spreadsheets write a byte-order mark.
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Expected a CSV file in UTF-8; {path.name} is not ({type(error).__name__}). "
            "Save it as CSV again."
        ) from error
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:4096], ",;\t")
    except csv.Error:
        dialect = csv.excel
    reader = csv.DictReader(text.splitlines(), dialect=dialect)
    names = {name: name.strip().lower() for name in reader.fieldnames or ()}
    missing = [c for c in ("path", "label") if c not in names.values()]
    if missing:
        raise DataError(
            f"Expected columns path and label in {path.name}; received "
            f"{', '.join(names) or 'none'}. Add {' and '.join(missing)}."
        )
    records: list[FilmRecord] = []
    left_out: list[tuple[str, str]] = []
    # A film that is named twice could come to lie on two sides.
    seen: dict[Path, int] = {}
    for number, row in enumerate(reader, start=2):
        values = {names[k]: (v or "").strip() for k, v in row.items() if k in names}
        film = path.parent / values.get("path", "").replace("\\", "/")
        why = _why_not(film, values)
        if not why and film in seen:
            why = f"the film of row {seen[film]} again"
        if why:
            left_out.append((f"row {number}", why))
        else:
            seen[film] = number
            records.append(_record(film, values))
    return records, left_out


def _why_not(film: Path, values: Mapping[str, str]) -> str:
    if not values.get("path") or not values.get("label"):
        return "no path or no label"
    if (side := values.get("split", "")) and side.lower() not in SIDES:
        return f"its split is none of train, val and test but {side[:20]!r}"
    return "" if film.is_file() else "its path holds no file"


def _record(film: Path, values: Mapping[str, str]) -> FilmRecord:
    label = values["label"]
    label = label.upper() if label.upper() in CLASSES else label
    patient, cause = parse_name(stem(film), label)
    given = Path(values["path"].replace("\\", "/"))
    return FilmRecord(
        film,
        (given.parent / stem(given)).as_posix(),
        label,
        values.get("patient") or patient,
        cause,
        SIDES.get(values.get("split", "").lower()),
        age=_years(values.get("age", "")),
        sex=values.get("sex") or None,
        view=values.get("view") or None,
    )


def _years(text: str) -> float | None:
    """'4', '4.5' or DICOM's '048M' (PS3.5, AS)."""
    units = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
    unit = units.get(text[-1:].upper())
    try:
        years = float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        return None
    return years if math.isfinite(years) and 0 <= years < 130 else None
