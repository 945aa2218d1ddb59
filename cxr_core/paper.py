"""One page of A4 as PDF: the fonts, the styles and the few shapes that reports are made of."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

INK, GREY, FAINT = "#1f2937", "#6b7280", "#d1d5db"
MM = 72 / 25.4
WIDTH = 182 * MM


class Paper:
    """Fonts, styles and the few shapes that the page is made of."""

    def __init__(self) -> None:
        from reportlab.lib.colors import HexColor
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont

        # Shipped with reportlab; unlike the built-in fonts it has ≥, − and letters with accents.
        for name, file in (("Vera", "Vera"), ("Vera-Bold", "VeraBd")):
            if name not in pdfmetrics.getRegisteredFontNames():
                pdfmetrics.registerFont(TTFont(name, f"{file}.ttf"))
        pdfmetrics.registerFontFamily("Vera", normal="Vera", bold="Vera-Bold")
        self._known = pdfmetrics.getFont("Vera").face.charToGlyph
        self.colour = HexColor
        ink = HexColor(INK)

        def style(name: str, size: float, font: str = "Vera", **more: Any) -> ParagraphStyle:
            return ParagraphStyle(
                name, fontName=font, fontSize=size, leading=size * 1.35, textColor=ink, **more
            )

        self._styles = {
            "title": style("title", 15, "Vera-Bold"),
            "body": style("body", 8.2),
            "head": style("head", 7.6, "Vera-Bold"),
            "headright": style("headright", 7.6, "Vera-Bold", alignment=2),
            "cell": style("cell", 7.2),
            "number": style("number", 7.2, alignment=2),
            "small": style("small", 6.4),
            "warn": style(
                "warn", 8.2, backColor=HexColor("#fef3c7"), borderPadding=4, spaceBefore=5,
                spaceAfter=5,
            ),
        }  # fmt: skip

    def text(self, words: str, style: str = "body") -> Any:
        """words: with reportlab's mark-up; letters that the font lacks become '?'."""
        from reportlab.platypus import Paragraph

        known = "".join(c if ord(c) in self._known or c.isspace() else "?" for c in words)
        return Paragraph(known, self._styles[style])

    def table(self, rows: Sequence[Sequence[Any]], widths: Sequence[float]) -> Any:
        from reportlab.platypus import Table

        line = ("LINEBELOW", (0, 0), (-1, -1), 0.25, self.colour(FAINT))
        tight = [(f"{side}PADDING", (0, 0), (-1, -1), 1.6) for side in ("TOP", "BOTTOM")]
        return Table(rows, widths, style=[line, *tight, ("VALIGN", (0, 0), (-1, -1), "MIDDLE")])

    def beside(self, parts: Sequence[Any], widths: Sequence[float]) -> Any:
        from reportlab.platypus import Table

        sides = [(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT")]
        return Table([list(parts)], widths, style=[*sides, ("VALIGN", (0, 0), (-1, -1), "TOP")])

    def one_page(self, flow: Sequence[Any], title: str) -> bytes:
        """The PDF. What does not fit at full size is set smaller, never on a second page."""
        from reportlab.lib.pagesizes import A4
        from reportlab.platypus import BaseDocTemplate, Frame, KeepInFrame, PageTemplate

        height = A4[1] - 24 * MM
        buffer = io.BytesIO()
        document = BaseDocTemplate(
            buffer, pagesize=A4, title=title, author="", creator="CXR Workbench"
        )
        frame = Frame(14 * MM, 12 * MM, WIDTH, height, 0, 0, 0, 0)
        document.addPageTemplates([PageTemplate(frames=[frame])])
        document.build([KeepInFrame(WIDTH, height, list(flow), mode="shrink")])
        return buffer.getvalue()
