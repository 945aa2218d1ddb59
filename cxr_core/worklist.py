"""Several readings → a list sorted by urgency, and the rows of a results file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxr_core.schema import Decision, Reading

URGENCY_IN_WORDS = (
    "Sorted by urgency: suggests pneumonia (highest probability first), refer to a reader, "
    "not judged (refused or unreadable), then suggests normal with and without cautions (⚠)."
)
COLUMNS = (
    "file", "status", "reasons", "probability", "threshold", "label", "refer", "model", "sha256",
    "elapsed_ms", "shown_anyway", "shown_anyway_at", "reader", "reader_agrees", "reader_note",
    "reader_at", "reader_saw",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Item:
    """One file of a session: a reading, or the sentence that says why there is none.

    shown_anyway_at: UTC time, ISO 8601, at which a reader asked to see a refused film's result.
    source: the file or archive that it came from, where it came from a disk.
    decision: what the reader made of the film.
    """

    name: str
    reading: Reading | None = None
    error: str | None = None
    shown_anyway_at: str | None = None
    source: str | None = None
    decision: Decision | None = None


def urgency(item: Item) -> tuple[int, float]:
    """Smaller is more urgent; films that only a person can judge come before normal ones."""
    reading = item.reading
    if reading is None:
        return 3, 0.0
    prediction = reading.prediction
    if reading.verdict.status == "refused" or prediction is None:
        return 2, 0.0
    if prediction.refer:
        return 1, -prediction.probability
    if prediction.label == "PNEUMONIA":
        return 0, -prediction.probability
    return (4 if reading.verdict.status == "caution" else 5), -prediction.probability


def by_urgency(items: Iterable[Item]) -> list[Item]:
    """Most urgent first; equals keep the order in which they came."""
    return sorted(items, key=urgency)


def finding(item: Item) -> str:
    """What the list says of one film, in a few words."""
    if item.reading is None:
        return "unreadable"
    prediction = item.reading.prediction
    if item.reading.verdict.status == "refused":
        return "refused, shown" if item.shown_anyway_at else "refused"
    if prediction is None:
        return "not judged"
    if prediction.refer:
        words = "refer"
    else:
        words = "pneumonia" if prediction.label == "PNEUMONIA" else "normal"
    return f"{words} ⚠" if item.reading.verdict.status == "caution" else words


def agrees(item: Item) -> bool | None:
    """Whether reader and network say the same; None where either of them says neither."""
    if item.decision is None or item.decision.finding == "UNSURE" or item.reading is None:
        return None
    prediction = item.reading.prediction
    if prediction is None or prediction.refer or item.reading.verdict.status == "refused":
        return None
    return item.decision.finding == prediction.label


def record(item: Item) -> dict[str, object]:
    """One row of the results: the terminal's keys, a refusal overruled, the reader's decision."""
    row: dict[str, object] = dict.fromkeys(COLUMNS)
    row |= {"file": item.name, "status": "error", "reasons": [item.error] if item.error else []}
    row |= {
        "shown_anyway": item.shown_anyway_at is not None,
        "shown_anyway_at": item.shown_anyway_at,
    }
    if (decision := item.decision) is not None:
        row |= {
            "reader": decision.finding,
            "reader_agrees": agrees(item),
            "reader_note": decision.note or None,
            "reader_at": decision.at,
            "reader_saw": decision.saw,
        }
    if item.reading is None:
        return row
    verdict, prediction = item.reading.verdict, item.reading.prediction
    row |= {
        "status": verdict.status,
        "reasons": [r.text for r in verdict.reasons],
        "sha256": item.reading.sha256,
    }
    if prediction is not None:
        row |= {
            "probability": round(prediction.probability, 6),
            "threshold": prediction.operating_point.threshold,
            "label": prediction.label,
            "refer": prediction.refer,
            "model": f"{prediction.model_name} {prediction.model_version}",
            "elapsed_ms": round(prediction.elapsed_ms, 1),
        }
    return row


def to_json(items: Sequence[Item]) -> str:
    """A JSON array of records, in the order given."""
    return json.dumps([record(item) for item in items], indent=2, ensure_ascii=False) + "\n"


def to_csv(items: Sequence[Item]) -> str:
    """The same records as CSV (RFC 4180), reasons joined by ' | '."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS)
    writer.writeheader()
    for item in items:
        row = record(item)
        reasons = row["reasons"]
        assert isinstance(reasons, list)
        row["reasons"] = " | ".join(reasons)
        writer.writerow({key: _cell(value) for key, value in row.items()})
    return buffer.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    # A spreadsheet runs a cell that starts so as a formula; file names are not ours.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
