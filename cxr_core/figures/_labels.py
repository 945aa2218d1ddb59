"""Where labels of discs stand, so that none lies on another; plotly has no such thing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_LETTER, _LINE = 7.6, 19  # pixels of a letter of 14 points, and of its line
_AIR = 7  # between lines of labels
_ROUNDS = 5
_APART = 12  # what a pixel of distance harms, in hidden square pixels

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Disc:
    """A disc in pixels, y downwards, and its label. first: lower is placed earlier."""

    x: float
    y: float
    r: float
    text: str
    size: int
    first: float


@dataclass(frozen=True)
class Frame:
    """A field with a logarithmic x axis. low, high: decades; width, height: pixels."""

    low: float
    high: float
    bottom: float
    top: float
    width: float
    height: float

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - self.low) / (self.high - self.low) * self.width
        return across, (self.top - y) / (self.top - self.bottom) * self.height

    def steps(self, front: Sequence[tuple[float, float]]) -> list[Box]:
        """The front's line as thin boxes that labels keep off."""
        corners = [self.pixel(x, y) for x, y in front]
        if not corners:
            return []
        edges = [x for x, _ in corners[1:]] + [self.width]
        flat = [(x, y - 3, edge, y + 3) for (x, y), edge in zip(corners, edges, strict=True)]
        return flat + [
            (x - 3, y, x + 3, before)
            for (x, y), (_, before) in zip(corners[1:], corners, strict=False)
        ]


@dataclass(frozen=True)
class _Place:
    """A box for a label, how far it is from its own disc, and the line that leads there."""

    box: Box
    away: float

    def line(self, disc: Disc) -> list[tuple[float, float]]:
        """Points along the line from the disc's edge to the middle of the box."""
        x, y = (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2
        long = math.hypot(x - disc.x, y - disc.y)
        steps = max(int(long // 6), 1)
        along = [disc.r / long + (1 - disc.r / long) * k / steps for k in range(steps)]
        points = [(disc.x + t * (x - disc.x), disc.y + t * (y - disc.y)) for t in along]
        return [p for p in points if not _inside(p, self.box)]


def place(
    discs: Sequence[Disc], lines: Sequence[Box], frame: Frame
) -> list[tuple[float, float, float, float, bool]]:
    """Of each label: left, top, right, bottom in pixels, and whether it needs a line to its disc.

    Each is put where it harms least, large ones first; then each again, now that all others stand,
    until none moves.
    """
    places = [_places(disc) for disc in discs]
    order = sorted(range(len(discs)), key=lambda i: (-discs[i].size, discs[i].first))
    chosen: dict[int, _Place] = {}
    for _ in range(_ROUNDS):
        before = dict(chosen)
        for i in order:
            chosen.pop(i, None)
            least = math.inf
            for candidate in places[i]:
                # What is left is farther away still.
                if least <= _APART * candidate.away:
                    break
                harm = _harm(candidate, i, discs, chosen, lines, frame)
                if harm < least:
                    least, best = harm, candidate
            chosen[i] = best
        if chosen == before:
            break
    return [(*chosen[i].box, chosen[i].away > 0) for i in range(len(discs))]


def _places(disc: Disc) -> list[_Place]:
    """Beside, above, below and aslant; then away from the disc, in four distances."""
    w, h = len(disc.text) * _LETTER * disc.size / 14, _LINE * disc.size / 14
    near, slant = disc.r + 5, 0.71 * (disc.r + 5)
    close = [
        (near + w / 2, 0.0), (-near - w / 2, 0.0), (0.0, -near - h / 2), (0.0, near + h / 2),
        *((sx * (slant + w / 2), sy * (slant + h / 2)) for sx in (1, -1) for sy in (-1, 1)),
        *((sx * (near + w / 2), sy * h * 0.45) for sx in (1, -1) for sy in (-1, 1)),
        *((sx * w * 0.3, sy * (near + h / 2)) for sx in (1, -1) for sy in (-1, 1)),
    ]  # fmt: skip
    apart = [
        (d, (sx * (d * 0.7 + disc.r + w / 2), sy * (d + disc.r + h / 2)))
        for d in (10.0, 20.0, 34.0, 54.0)
        for sx, sy in ((1, 1), (-1, -1), (1, -1), (-1, 1), (0, 1), (0, -1), (1, 0.4), (-1, 0.4))
    ]
    return [
        _Place((disc.x + x - w / 2, disc.y + y - h / 2, disc.x + x + w / 2, disc.y + y + h / 2), d)
        for d, (x, y) in [*((0.0, at) for at in close), *apart]
    ]


def _harm(
    candidate: _Place,
    own: int,
    discs: Sequence[Disc],
    chosen: dict[int, _Place],
    lines: Sequence[Box],
    frame: Frame,
) -> float:
    """Square pixels of what it hides, and more for a line that has to be drawn or crosses."""
    left, top, right, bottom = candidate.box
    harm = _APART * candidate.away
    line = candidate.line(discs[own]) if candidate.away else []
    for k, other in chosen.items():
        harm += 6 * _overlap((left, top - _AIR, right, bottom + _AIR), other.box)
        harm += 60 * sum(_inside(point, other.box) for point in line)
        if other.away:
            harm += 60 * sum(_inside(point, candidate.box) for point in other.line(discs[k]))
    harm += sum(4 * _overlap(candidate.box, step) for step in lines)
    for k, disc in enumerate(discs):
        if k != own:
            x, y, r = disc.x, disc.y, disc.r
            hidden = _overlap(candidate.box, (x - r, y - r, x + r, y + r))
            harm += hidden * (3 if r < 12 else 1)
            harm += 30 * sum(math.hypot(px - x, py - y) < r for px, py in line)
    outside = max(0, -left) + max(0, right - frame.width)
    return harm + 200 * (outside + max(0, -top) + max(0, bottom - frame.height))


def _inside(point: tuple[float, float], box: Box) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _overlap(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
