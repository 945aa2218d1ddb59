"""DICOM header → FilmFacts by allow-list: known terms and numbers only, never a person's text.

A technician may type a name into any free-text tag, so even allowed tags pass only as one of the
standard's own terms.
"""

from __future__ import annotations

import math
import re
from typing import Any

from cxr_core.image._terms import (
    BODY_CODES,
    BODY_PARTS,
    BODY_WORDS,
    MODALITIES,
    PHOTOMETRIC,
    VIEW_CODES,
    VIEW_WORDS,
    VIEWS,
)
from cxr_core.schema import FilmFacts

# The only tags that are read from a film beside those that say how its pixels are to be shown.
KEYWORDS = (
    "Modality",
    "BodyPartExamined",
    "AnatomicRegionSequence",
    "ViewPosition",
    "ViewCodeSequence",
    "PhotometricInterpretation",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "PatientAge",
    "PatientSex",
)

_AGE = re.compile(r"^(\d{1,3})([DWMY])$")
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_LONGEST_LIFE = 125.0
# Pixels of films, in mm, with room on both sides.
_SPACING_RANGE = (0.005, 10.0)


def facts(
    header: Any, *, rows: int, columns: int, bits: int, frame: int, frames: int, share: float
) -> FilmFacts:
    """What is kept of a DICOM header. header: a data set, read with `value`."""
    return FilmFacts(
        source_format="DICOM",
        rows=rows,
        columns=columns,
        bits=bits,
        photometric=photometric(header),
        modality=_exact(header, "Modality", MODALITIES),
        body_part=_term(header, "BodyPartExamined", BODY_PARTS, BODY_WORDS)
        or _coded(header, "AnatomicRegionSequence", BODY_CODES),
        view=_term(header, "ViewPosition", VIEWS, VIEW_WORDS)
        or _coded(header, "ViewCodeSequence", VIEW_CODES),
        spacing_mm=_spacing(header, "PixelSpacing") or _spacing(header, "ImagerPixelSpacing"),
        age_years=_age(text(header, "PatientAge")),
        sex=_exact(header, "PatientSex", frozenset("MFO")),
        frame=frame,
        frames=frames,
        colour_share=share,
    )


def value(header: Any, keyword: str) -> Any:
    """An element's value, or None where it is absent or not what its type allows."""
    try:
        found = header.get(keyword)
    except Exception:
        # pydicom converts on access and raises all sorts of errors on values that do not fit.
        return None
    return None if found is None or found == "" else found


def first(found: Any) -> Any:
    """The first of several values, or the only one."""
    if isinstance(found, (str, bytes)) or not hasattr(found, "__getitem__"):
        return found
    return found[0] if len(found) else None


def text(header: Any, keyword: str) -> str:
    """The first value in capitals without spaces around it; '' where there is none."""
    found = first(value(header, keyword))
    return found.strip(" \0").upper() if isinstance(found, str) else ""


def numbers(found: Any) -> list[float]:
    """Finite numbers of a value that may be one, several or none; [] where any is not a number."""
    if found is None:
        return []
    several = hasattr(found, "__iter__") and not isinstance(found, (str, bytes))
    try:
        values = [float(v) for v in (found if several else [found])]
    except (TypeError, ValueError, OverflowError):
        return []
    return values if all(math.isfinite(v) for v in values) else []


def item(header: Any, keyword: str) -> Any:
    """The first item of a sequence, or None."""
    found = value(header, keyword)
    if found is None or isinstance(found, (str, bytes)) or not hasattr(found, "__len__"):
        return None
    return found[0] if len(found) and hasattr(found[0], "get") else None


def photometric(header: Any) -> str | None:
    """The photometric interpretation where it is one of the standard's."""
    return _exact(header, "PhotometricInterpretation", PHOTOMETRIC)


def _exact(header: Any, keyword: str, known: frozenset[str]) -> str | None:
    found = text(header, keyword)
    return found if found in known else None


def _term(header: Any, keyword: str, known: frozenset[str], synonyms: dict[str, str]) -> str | None:
    """A known term that the text is, or the only known term among its words."""
    found = text(header, keyword)
    joined = re.sub(r"[^A-Z]", "", found)
    if joined in known:
        return joined
    words = (synonyms.get(word, word) for word in re.findall(r"[A-Z]+", found))
    terms = {word for word in words if word in known}
    return terms.pop() if len(terms) == 1 else None


def _coded(header: Any, keyword: str, codes: dict[str, str]) -> str | None:
    code = item(header, keyword)
    return codes.get(text(code, "CodeValue")) if code is not None else None


def _spacing(header: Any, keyword: str) -> tuple[float, float] | None:
    found = numbers(value(header, keyword))
    low, high = _SPACING_RANGE
    if len(found) != 2 or not all(low <= v <= high for v in found):
        return None
    return found[0], found[1]


def _age(found: str) -> float | None:
    """PS3.5 6.2, Age String: three digits and D, W, M or Y."""
    match = _AGE.match(found)
    if match is None:
        return None
    years = int(match[1]) * _YEARS[match[2]]
    return years if years <= _LONGEST_LIFE else None
