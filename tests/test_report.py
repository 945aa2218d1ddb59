"""The page that a reader takes away: what it says, and that it is one page."""

from __future__ import annotations

import base64
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from cxr_core import report
from cxr_core.report import WIDE, Picture, described, placement, review_pdf
from cxr_core.schema import (
    Decision,
    FilmFacts,
    Heatmap,
    OperatingPoint,
    Prediction,
    Reading,
    Reason,
    Verdict,
)
from cxr_core.worklist import Item

POINT = OperatingPoint(0.62, 0.5, 0.75, "sensitivity", "validation films", 700)
FACTS = FilmFacts("DICOM", 300, 400, 12, "MONOCHROME2", "DX", "CHEST", "PA", (0.2, 0.2), 0.5, "F")
MAP = Heatmap("PNEUMONIA", np.ones((2, 2), np.float32), False, 0.126, 0.04, 0.337)
EMPTY = Heatmap("NORMAL", np.zeros((2, 2), np.float32), True)
MADE = Prediction(0.913, "PNEUMONIA", False, POINT, "net", "1.2.0", "ab" * 32, 12.3)
OK = Reading("film.dcm", Verdict("ok"), FACTS, "ab" * 32, MADE, (EMPTY, MAP))
GREY = np.zeros((300, 400), np.uint8)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All words as they are set, without their mark-up."""
    heard: list[str] = []
    plain = report.Paper.text

    def text(self: report.Paper, words: str, style: str = "body") -> object:
        heard.append(re.sub(r"<[^>]+>", " ", words))
        return plain(self, words, style)

    monkeypatch.setattr(report.Paper, "text", text)
    return heard


def pages(pdf: bytes) -> int:
    assert pdf.startswith(b"%PDF")
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


def test_page_says_answer_doubts_decision_film_and_model(said: list[str]):
    reasons = (Reason("blurred", "caution", "Blurred & dim."),)
    decision = Decision("NORMAL", "2026-11-25T11:58:00+00:00", "Old scar <left>.", "net 1.2.0")
    item = Item("film.dcm", replace(OK, verdict=Verdict("caution", reasons)), decision=decision)
    assert pages(review_pdf(item, [Picture(GREY, "film")], NOW)) == 1
    words = " ".join(" ".join(said).split())
    for expected in (
        "2026-11-25 12:00 UTC", "suggests pneumonia", "0.913", "0.087", "Blurred &amp; dim.",
        "Normal , unlike the network; recorded 2026-11-25 11:58:00 UTC, beside the answer of net",
        "Old scar &lt;left&gt;.", "covers 34% of the body, 13% outside the body, 4% on markers",
        "ab" * 32,
        "net 1.2.0; operating point 0.6200", "n = 700", "Not a medical device",
    ):  # fmt: skip
        assert expected in words


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (
            Item("f", replace(OK, prediction=None, heatmaps=None, verdict=Verdict("refused"))),
            "refused",
        ),
        (Item("f", replace(OK, prediction=replace(MADE, refer=True))), "refers to a reader"),
        (Item("f", replace(OK, verdict=Verdict("refused"))), "asked to see the answer"),
        (Item("f", OK), "No decision was recorded"),
    ],
)
def test_what_was_not_judged_or_not_decided_is_said(said: list[str], item: Item, words: str):
    assert pages(review_pdf(item, [Picture(GREY, ""), Picture(GREY, "")], NOW)) == 1
    assert words in " ".join(said)


def test_long_words_are_set_smaller_and_stay_on_the_page():
    reasons = tuple(Reason(f"r{k}", "caution", "Why it may be wrong. " * 12) for k in range(12))
    item = Item("n" * 200 + ".dcm", replace(OK, verdict=Verdict("caution", reasons)))
    item = replace(item, decision=Decision("UNSURE", NOW.isoformat(), "word " * 100))
    tall = np.zeros((2000, 300, 3), np.uint8)
    assert pages(review_pdf(item, [Picture(tall, "film"), Picture(tall, "map")], NOW)) == 1


def test_pictures_are_in_the_file_as_they_were_shown():
    shown = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
    pdf = review_pdf(Item("f", OK), [Picture(shown, "")], NOW)
    streams = re.findall(rb"/Subtype /Image.*?stream\r?\n(.*?)~>", pdf, re.DOTALL)
    assert [zlib.decompress(base64.a85decode(s)) for s in streams] == [shown.tobytes()]


def test_facts_are_named_with_their_units():
    words = described(FACTS)
    assert words[0] == "DICOM, 400 × 300, 12 bit"
    assert "age 6 months" in words
    assert "spacing 0.2 × 0.2 mm" in words


@pytest.mark.parametrize(("extent", "said"), [(WIDE, True), (WIDE - 0.01, False), (None, False)])
def test_map_wider_than_a_lung_is_said_to_name_no_place(extent: float | None, said: bool):
    assert ("names no place" in placement(replace(MAP, extent=extent))) is said


def test_empty_map_is_said_to_be_empty():
    assert "no part of the film speaks for a normal film" in placement(EMPTY)


def test_unreadable_film_has_no_report():
    with pytest.raises(ValueError, match="could be read"):
        review_pdf(Item("f", error="Expected a film."), [])
