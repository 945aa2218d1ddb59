"""A finished review of one film → one page of A4: pictures, answer, doubts, the reader's decision.

What names a patient was left at the door, and the page has no field for it. Only the file's own
name stands on it, as it does in the list.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from cxr_core import __version__
from cxr_core.paper import FAINT, GREY, INK, MM, WIDTH, Paper
from cxr_core.schema import FilmFacts, Heatmap, Label, Prediction, Reading
from cxr_core.worklist import Item, agrees

if TYPE_CHECKING:
    from reportlab.graphics.shapes import Drawing

NOTICE = (
    "For research and teaching. Not a medical device: not for diagnosis, treatment or triage. The "
    "probability holds, if at all, for films like those that the network learnt from."
)
SAID = {"PNEUMONIA": "pneumonia", "NORMAL": "normal", "UNSURE": "unsure"}
# Share of the body: about twice a lung's. A map that reaches half its peak on more tells no side.
WIDE = 0.4
PICTURE_HEIGHT = 92 * MM
GAP = 4 * MM


@dataclass(frozen=True, eq=False)
class Picture:
    """What was on the screen. pixels: (h, w) or (h, w, 3) uint8; caption: a line under it."""

    pixels: NDArray[np.uint8]
    caption: str


def review_pdf(item: Item, pictures: Sequence[Picture], now: datetime | None = None) -> bytes:
    """One A4 page on a film that could be read. Raises ValueError where it could not.

    pictures: one or two, side by side. now: the time that it says it was made at, UTC.
    """
    if item.reading is None:
        raise ValueError("Expected a film that could be read; received none.")
    from reportlab.platypus import Spacer

    reading, paper = item.reading, Paper()
    made = now or datetime.now(UTC)
    flow: list[Any] = [
        paper.text("Review of a chest film", "title"),
        paper.text(f"{made:%Y-%m-%d %H:%M} UTC · CXR Workbench {__version__}", "small"),
        Spacer(1, 3),
        paper.text(NOTICE, "warn"),
        Spacer(1, 6),
        _side_by_side(paper, pictures),
        Spacer(1, 8),
        *_answer(paper, reading),
        Spacer(1, 8),
        paper.table(_rows(paper, item, reading), [34 * MM, WIDTH - 34 * MM]),
        Spacer(1, 28),
        paper.text("Read by " + "." * 70 + " Date " + "." * 30),
    ]
    return paper.one_page(flow, "Review of a chest film")


def _side_by_side(paper: Paper, pictures: Sequence[Picture]) -> Any:
    width = (WIDTH - GAP * (len(pictures) - 1)) / len(pictures)
    cells = [
        [_image(p.pixels, width - GAP), paper.text(escape(p.caption), "small")] for p in pictures
    ]
    return paper.beside(cells, [WIDTH / len(pictures)] * len(pictures))


def _image(pixels: NDArray[np.uint8], most: float) -> Any:
    from PIL import Image
    from reportlab.platypus import Image as Flowable

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=4)
    buffer.seek(0)
    rows, columns = pixels.shape[:2]
    scale = min(most / columns, PICTURE_HEIGHT / rows)
    return Flowable(buffer, columns * scale, rows * scale, hAlign="LEFT")


def _answer(paper: Paper, reading: Reading) -> list[Any]:
    p = reading.prediction
    if p is None:
        return [paper.text("<b>No probability was shown: this film was refused.</b>")]
    against = " <b>The film was refused</b>; the reader asked to see the answer all the same."
    words = {"PNEUMONIA": "suggests pneumonia", "NORMAL": "suggests a normal film"}[p.label]
    return [
        paper.text(
            f"<b>The network {'refers to a reader' if p.refer else words}.</b> Probability of "
            f"pneumonia <b>{p.probability:.3f}</b>, of a normal film {1 - p.probability:.3f}."
            + (against if reading.verdict.status == "refused" else "")
        ),
        _bar(p),
    ]


def _bar(prediction: Prediction) -> Drawing:
    """Probability from 0 to 1 with the operating point and the refer band on it."""
    from reportlab.graphics.shapes import Drawing, Line, Rect, String
    from reportlab.lib.colors import HexColor

    point, p = prediction.operating_point, prediction.probability
    drawing = Drawing(WIDTH, 34)

    def box(low: float, high: float, y: float, height: float, colour: str, alpha: float) -> None:
        drawing.add(
            Rect(low * WIDTH, y, max(high - low, 0.001) * WIDTH, height, strokeWidth=0,
                 strokeColor=None, fillColor=HexColor(colour), fillOpacity=alpha)
        )  # fmt: skip

    def word(x: float, y: float, text: str, anchor: str = "middle") -> None:
        drawing.add(
            String(x * WIDTH, y, text, fontName="Vera", fontSize=6.4, textAnchor=anchor,
                   fillColor=HexColor(GREY))
        )  # fmt: skip

    box(0, 1, 12, 9, FAINT, 1)
    box(0, p, 12, 9, "#D55E00", 1)
    box(point.refer_low, point.refer_high, 10, 13, "#E69F00", 0.45)
    at = point.threshold * WIDTH
    drawing.add(Line(at, 8, at, 25, strokeColor=HexColor(INK), strokeWidth=1.2))
    word(
        min(max(point.threshold, 0.1), 0.9), 27, f"operating point {point.threshold:.3f}", "middle"
    )
    middle = min(max((point.refer_low + point.refer_high) / 2, 0.2), 0.8)
    band = f"refer to a reader {point.refer_low:.3f} to {point.refer_high:.3f}"
    word(middle, 1, band)
    word(0, 1, "0", "start")
    word(1, 1, "1", "end")
    return drawing


def _rows(paper: Paper, item: Item, reading: Reading) -> list[list[Any]]:
    pairs = [
        ("Reader", _reader(item)),
        ("May it be judged?", _verdict(reading)),
        ("Heatmap", _heatmap(reading)),
        ("Film", f"{escape(item.name)}<br/>{escape(' · '.join(described(reading.facts)))}"),
        ("sha256", reading.sha256),
    ]
    if (p := reading.prediction) is not None:
        point = p.operating_point
        pairs.append(
            (
                "Model",
                f"{escape(p.model_name)} {escape(p.model_version)}; operating point "
                f"{point.threshold:.4f}, chosen by {escape(point.criterion)} on "
                f"{escape(point.data)} (n = {point.n}); {p.elapsed_ms:.0f} ms",
            )
        )
    return [[paper.text(name, "head"), paper.text(words)] for name, words in pairs]


def _reader(item: Item) -> str:
    decision = item.decision
    if decision is None:
        return "No decision was recorded."
    same = agrees(item)
    against = "" if same is None else (", as the network" if same else ", unlike the network")
    saw = f"beside the answer of {decision.saw}" if decision.saw else "without an answer in view"
    words = (
        f"<b>{SAID[decision.finding].capitalize()}</b>{against}; recorded {_time(decision.at)}, "
        f"{escape(saw)}."
    )
    note = escape(decision.note).replace("\n", "<br/>")
    return words + (f"<br/>{note}" if note else "")


def _verdict(reading: Reading) -> str:
    status, reasons = reading.verdict.status, reading.verdict.reasons
    if not reasons:
        return "<b>Ok.</b> The checks found no reason to distrust this film."
    return f"<b>{status.capitalize()}.</b> " + "<br/>".join(escape(r.text) for r in reasons)


def _heatmap(reading: Reading) -> str:
    if reading.heatmaps is None or reading.prediction is None:
        return "None was shown."
    called = next(h for h in reading.heatmaps if h.label == reading.prediction.label)
    return escape(placement(called)) + "."


def placement(heatmap: Heatmap) -> str:
    """Where a class's map lies, in words: how much of the body it covers at half its peak or more,
    and its shares outside the body and on markers."""
    word = _class(heatmap.label)
    if heatmap.flat:
        return f"none: no part of the film speaks for {word}"
    outside, markers = heatmap.outside_share or 0.0, heatmap.marker_share or 0.0
    covers = ""
    if heatmap.extent is not None:
        wide = " (names no place)" if heatmap.extent >= WIDE else ""
        covers = f"covers {heatmap.extent:.0%} of the body{wide}, "
    return f"for {word}: {covers}{outside:.0%} outside the body, {markers:.0%} on markers"


def described(facts: FilmFacts) -> list[str]:
    """The film's de-identified facts, each in a few words."""
    spacing = facts.spacing_mm
    found = (
        f"{facts.source_format}, {facts.columns} × {facts.rows}, {facts.bits} bit",
        facts.photometric,
        facts.modality and f"modality {facts.modality}",
        facts.body_part and f"body part {facts.body_part}",
        facts.view and f"view {facts.view}",
        None if facts.age_years is None else f"age {_age(facts.age_years)}",
        facts.sex and f"sex {facts.sex}",
        spacing and f"spacing {spacing[0]:.3g} × {spacing[1]:.3g} mm",
        f"frame {facts.frame + 1} of {facts.frames}" if facts.frames > 1 else None,
    )
    return [words for words in found if words]


def _class(label: Label) -> str:
    return "pneumonia" if label == "PNEUMONIA" else "a normal film"


def _age(years: float) -> str:
    return f"{years:.0f} years" if years >= 2 else f"{12 * years:.0f} months"


def _time(iso: str) -> str:
    return iso.replace("T", " ").replace("+00:00", " UTC")
