"""Small charts drawn as vectors for a printed page: a ROC curve, calibration, net benefit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.operating._curves import CalibrationCurve, Curve, DecisionCurve
from cxr_core.paper import GREY, INK

if TYPE_CHECKING:
    from reportlab.graphics.shapes import Drawing

FONT = "Vera"
BLUE, RED, GREEN = "#1d4ed8", "#b91c1c", "#047857"
MARGIN = 30.0


class Chart:
    """A square of `size` points with axes from `low` to `high`; reportlab's y runs upwards."""

    def __init__(
        self, title: str, x: str, y: str, size: float, y_range: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        from reportlab.graphics import shapes

        self._shapes = shapes
        self._inner = size - MARGIN
        self._low, self._high = y_range
        self.drawing: Drawing = shapes.Drawing(size + 6, size + 14)
        self._line([(0, self._low), (1, self._low)], INK, 0.6)
        self._line([(0, self._low), (0, self._high)], INK, 0.6)
        for tick in (0.0, 0.5, 1.0):
            self._word(f"{tick:g}", *self._at(tick, self._low), 0, -9, "middle")
        for tick in self._ticks():
            self._word(f"{tick:.2g}", *self._at(0, tick), -4, -2.5, "end")
        self._word(title, MARGIN, size + 4, 0, 0, "start", 7.5, INK)
        self._word(x, MARGIN + self._inner / 2, 3, 0, 0, "middle")
        self._word(y, 0, size - 5, 0, 0, "start")

    def _ticks(self) -> Sequence[float]:
        if (self._low, self._high) == (0.0, 1.0):
            return (0.0, 0.5, 1.0)
        return (0.0, _round_below(self._high))

    def line(
        self, x: NDArray[np.float64], y: NDArray[np.float64], colour: str, width: float = 1.0
    ) -> None:
        """A line through (k,) points; what lies outside the axes is cut off."""
        inside = (y >= self._low) & (y <= self._high)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(int), [0]])))
        for a, b in edges.reshape(-1, 2):
            if b - a > 1:
                self._line(list(zip(x[a:b], y[a:b], strict=True)), colour, width)

    def dashed(self, points: Sequence[tuple[float, float]], colour: str = GREY) -> None:
        self._line(points, colour, 0.6, [2, 2])

    def dot(self, x: float, y: float, colour: str = RED, radius: float = 2.6) -> None:
        cx, cy = self._at(x, min(max(y, self._low), self._high))
        fill = self._colour(colour)
        self.drawing.add(self._shapes.Circle(cx, cy, radius, fillColor=fill, strokeColor=None))

    def bar(self, x: float, low: float, high: float, colour: str) -> None:
        """An upright interval."""
        self._line([(x, low), (x, high)], colour, 0.7)

    def key(self, words: Sequence[tuple[str, str]], share: float = 0.0) -> None:
        """Words in their lines' colours, at the right, `share` of the height above the axis."""
        x, y = self._at(1, self._low + share * (self._high - self._low))
        for i, (text, colour) in enumerate(words):
            self._word(text, x, y, -2, 5 + 8 * (len(words) - 1 - i), "end", 6.2, colour)

    def row(self, words: Sequence[tuple[str, str]]) -> None:
        """Words in their lines' colours, one beside the other along the upper edge."""
        for i, (text, colour) in enumerate(words):
            x, y = self._at((i + 0.5) / len(words), self._high)
            self._word(text, x, y, 0, -6, "middle", 6.2, colour)

    def _at(self, x: float, y: float) -> tuple[float, float]:
        share = (y - self._low) / (self._high - self._low)
        return MARGIN + float(x) * self._inner, MARGIN - 8 + float(share) * (self._inner - 4)

    def _line(
        self,
        points: Sequence[tuple[float, float]],
        colour: str,
        width: float,
        dash: list[int] | None = None,
    ) -> None:
        flat = [coordinate for x, y in points for coordinate in self._at(x, y)]
        self.drawing.add(
            self._shapes.PolyLine(
                flat,
                strokeColor=self._colour(colour),
                strokeWidth=width,
                strokeDashArray=dash,
                strokeLineJoin=1,
            )
        )

    def _word(
        self,
        text: str,
        x: float,
        y: float,
        dx: float,
        dy: float,
        anchor: str,
        size: float = 6.2,
        colour: str = GREY,
    ) -> None:
        self.drawing.add(
            self._shapes.String(
                x + dx,
                y + dy,
                text,
                fontName=FONT,
                fontSize=size,
                fillColor=self._colour(colour),
                textAnchor=anchor,
            )
        )

    def _colour(self, value: str) -> Any:
        from reportlab.lib.colors import HexColor

        return HexColor(value)


def _round_below(value: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above `value`."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(k * power for k in (1, 2, 5) if k * power <= value * (1 + 1e-9)))


def roc(curves: Sequence[tuple[str, Curve, tuple[float, float]]], size: float) -> Drawing:
    """Up to two curves: films in words, the line, (1 − specificity, sensitivity) of the point."""
    chart = Chart("ROC curve", "1 − specificity", "sensitivity", size)
    chart.dashed([(0, 0), (1, 1)])
    words = []
    for (name, curve, (x, y)), colour in zip(curves, (BLUE, GREEN), strict=False):
        chart.line(curve.x, curve.y, colour)
        chart.dot(x, y, colour)
        words.append((f"{name}: AUC {curve.area:.3f}", colour))
    chart.key(words)
    return chart.drawing


def calibration(curve: CalibrationCurve, size: float) -> Drawing:
    chart = Chart("Calibration", "mean score", "share with pneumonia", size)
    chart.dashed([(0, 0), (1, 1)])
    for x, share in zip(curve.mean, curve.observed, strict=True):
        chart.bar(float(x), share.low, share.high, BLUE)
        chart.dot(float(x), share.value, BLUE, 1.8)
    chart.key([(f"ECE {curve.ece:.3f}", BLUE), (f"Brier {curve.brier.value:.3f}", BLUE)])
    return chart.drawing


def decision(curve: DecisionCurve, threshold: float, benefit: float, size: float) -> Drawing:
    top = max(float(curve.net_benefit.max()), curve.prevalence, 0.01) * 1.05
    bottom = -0.15 * top
    # The words stand in a row of their own above all curves.
    room = top + 0.1 * (top - bottom)
    chart = Chart("Decision curve", "threshold", "net benefit a patient", size, (bottom, room))
    chart.dashed([(0, 0), (1, 0)])
    chart.line(curve.thresholds, curve.treat_all, GREY, 0.7)
    chart.line(curve.thresholds, curve.net_benefit, BLUE)
    chart.dashed([(threshold, bottom), (threshold, top)], RED)
    chart.dot(threshold, benefit, RED)
    chart.row([("this model", BLUE), ("treating all", GREY), ("this threshold", RED)])
    return chart.drawing
