"""The list puts first what cannot wait, and the results say what was shown against advice."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from cxr_core import worklist
from cxr_core.schema import (
    Decision,
    FilmFacts,
    OperatingPoint,
    Prediction,
    ReaderFinding,
    Reading,
    Reason,
    Status,
    Verdict,
)
from cxr_core.worklist import Item

POINT = OperatingPoint(0.6, 0.5, 0.7, "", "", 1)
FACTS = FilmFacts("PNG", 10, 10, 8)


def item(
    name: str, p: float | None, status: Status = "ok", *, refer: bool = False, at: str | None = None
) -> Item:
    reasons = () if status == "ok" else (Reason("r", "caution", f"why {name}"),)
    label = "PNEUMONIA" if p is not None and p >= 0.6 else "NORMAL"
    made = None if p is None else Prediction(p, label, refer, POINT, "m", "1.0.0", "ab" * 32, 12.34)
    reading = Reading(name, Verdict(status, reasons), FACTS, "ab" * 32, made, None)
    return Item(name, reading, shown_anyway_at=at)


LIST = [
    item("normal", 0.1),
    item("doubted normal", 0.05, "caution"),
    Item("broken", error="Expected a film; received text. Export it again."),
    item("refused", None, "refused"),
    item("shown", 0.99, "refused", at="2026-11-21T10:00:00+00:00"),
    item("close", 0.62, refer=True),
    item("likely", 0.8),
    item("sure", 0.97, "caution"),
]


def test_most_urgent_first_and_what_nobody_judged_before_the_normal():
    names = [i.name for i in worklist.by_urgency(LIST)]
    assert names == [
        "sure", "likely", "close", "refused", "shown", "broken", "doubted normal", "normal",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sure", "pneumonia ⚠"),
        ("close", "refer"),
        ("refused", "refused"),
        ("shown", "refused, shown"),
        ("broken", "unreadable"),
        ("normal", "normal"),
    ],
)
def test_finding_is_said_in_a_word_or_two(name: str, words: str):
    assert worklist.finding(next(i for i in LIST if i.name == name)) == words


def test_results_record_a_refusal_that_was_overruled_and_when():
    rows = {row["file"]: row for row in json.loads(worklist.to_json(LIST))}
    assert rows["shown"]["status"] == "refused"
    assert rows["shown"]["shown_anyway"] is True
    assert rows["shown"]["shown_anyway_at"] == "2026-11-21T10:00:00+00:00"
    assert rows["shown"]["probability"] == 0.99
    assert rows["refused"]["shown_anyway"] is False
    assert rows["refused"]["probability"] is None


def test_unreadable_file_is_a_row_with_its_sentence():
    rows = {row["file"]: row for row in json.loads(worklist.to_json(LIST))}
    assert rows["broken"]["status"] == "error"
    assert rows["broken"]["reasons"] == ["Expected a film; received text. Export it again."]


def test_csv_and_json_say_the_same():
    from_json = json.loads(worklist.to_json(LIST))
    from_csv = list(csv.DictReader(io.StringIO(worklist.to_csv(LIST))))
    assert [r["file"] for r in from_csv] == [r["file"] for r in from_json]
    for a, b in zip(from_csv, from_json, strict=True):
        assert a["probability"] == ("" if b["probability"] is None else str(b["probability"]))
        assert a["shown_anyway"] == str(b["shown_anyway"]).lower()
        assert a["reasons"] == " | ".join(b["reasons"])


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_csv_holds_no_cell_that_a_spreadsheet_would_run(start: str):
    text = worklist.to_csv([Item(f"{start}cmd|' /C calc'!A0.png", error="x")])
    assert next(csv.DictReader(io.StringIO(text)))["file"].startswith("'" + start)


@pytest.mark.parametrize(
    ("name", "finding", "same"),
    [
        ("sure", "PNEUMONIA", True),
        ("sure", "NORMAL", False),
        ("normal", "NORMAL", True),
        ("sure", "UNSURE", None),
        ("close", "PNEUMONIA", None),
        ("shown", "PNEUMONIA", None),
        ("broken", "NORMAL", None),
    ],
)
def test_reader_and_network_are_compared_where_both_decide(
    name: str, finding: ReaderFinding, same: bool | None
):
    decision = Decision(finding, "2026-11-25T10:00:00+00:00", "a, note", "m 1.0.0")
    found = replace(next(i for i in LIST if i.name == name), decision=decision)
    row = worklist.record(found)
    assert (row["reader"], row["reader_agrees"]) == (finding, same)
    assert row["reader_note"] == "a, note"
    as_csv = next(csv.DictReader(io.StringIO(worklist.to_csv([found]))))
    assert as_csv["reader_agrees"] == ("" if same is None else str(same).lower())
    assert (as_csv["reader_note"], as_csv["reader_saw"]) == ("a, note", "m 1.0.0")
