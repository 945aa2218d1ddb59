"""Draws the two synthetic sample films: plain shapes, no patient, the same bytes-in on every run.

`python -m cxr_core.phantom FOLDER` writes them as they lie in `assets/samples/`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from cxr_core.preprocess import gaussian

WIDTH, HEIGHT = 1400, 1120
MIDLINE = 700.0
# Half-width of the rib cage at these heights.
WALL_Y = (230.0, 300.0, 390.0, 560.0, 720.0, 850.0, 1000.0)
WALL_X = (205.0, 335.0, 415.0, 492.0, 530.0, 540.0, 520.0)
NAMES = {False: "SYNTHETIC-clear-lungs.jpg", True: "SYNTHETIC-opacity.jpg"}

Field = NDArray[np.float32]
Points = Sequence[tuple[float, float]]


def draw(opacity: bool, seed: int = 7) -> NDArray[np.uint8]:
    """A frontal chest drawn from shapes, (1120, 1400) uint8, bone white.

    opacity: whether the lower zone of the right lung (left in the picture) is filled.
    """
    rng = np.random.default_rng(seed)
    depth = _body() - 0.45 * _lungs() * _body()
    depth += _mediastinum() + _diaphragm()
    depth += _vessels(rng)
    if opacity:
        depth += _consolidation(rng) * _lungs()
    depth += _bones()
    depth = gaussian(depth, 1.6)
    # The film's response to dose: steep in the middle, flat at both ends.
    film = 1 / (1 + np.exp(-3.1 * (depth - 0.66)))
    film = (film - film.min()) / (film.max() - film.min())
    grain = gaussian(rng.normal(0, 1, film.shape).astype(np.float32), 1.1)
    film = film * 0.86 + grain * 0.022 * (0.4 + film)
    return _label(np.rint(np.clip(film, 0, 1) * 255).astype(np.uint8))


def write(folder: Path) -> list[Path]:
    """Write both films as JPEG into `folder`; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for opacity, name in NAMES.items():
        path = folder / name
        Image.fromarray(draw(opacity)).save(path, quality=88)
        paths.append(path)
    return paths


def _fill(points: Points, blur: float) -> Field:
    picture = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(picture).polygon([(x, y) for x, y in points], fill=255)
    soft = picture.filter(ImageFilter.GaussianBlur(blur))
    return np.asarray(soft, dtype=np.float32) / np.float32(255)


def _strokes(lines: Sequence[tuple[Points, float]], blur: float) -> Field:
    picture = Image.new("L", (WIDTH, HEIGHT))
    pen = ImageDraw.Draw(picture)
    for points, width in lines:
        pen.line([(x, y) for x, y in points], fill=255, width=max(1, round(width)), joint="curve")
    soft = picture.filter(ImageFilter.GaussianBlur(blur))
    return np.asarray(soft, dtype=np.float32) / np.float32(255)


def _curve(points: Points, steps: int = 24) -> Points:
    """A closed smooth outline through `points` (Catmull-Rom)."""
    p = np.array(points, dtype=np.float64)
    before, after, beyond = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    spline = 0.5 * (
        2 * p
        + (after - before) * t
        + (2 * before - 5 * p + 4 * after - beyond) * t**2
        + (3 * p - before - 3 * after + beyond) * t**3
    )
    return [(float(x), float(y)) for x, y in spline.transpose(1, 0, 2).reshape(-1, 2)]


def _mirror(points: Points) -> Points:
    return [(2 * MIDLINE - x, y) for x, y in points]


def _body() -> Field:
    trunk = _fill(
        _curve(
            [
                (150, 1300),
                (128, 900),
                (150, 640),
                (165, 470),
                (60, 330),
                (60, 140),
                (330, 95),
                (520, 60),
                (600, -120),
                (800, -120),
                (880, 60),
                (1070, 95),
                (1340, 140),
                (1340, 330),
                (1235, 470),
                (1250, 640),
                (1272, 900),
                (1250, 1300),
            ]
        ),
        14,
    )
    _, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    # A chest is a cylinder: the ray's path is longest in the middle.
    across = np.sqrt(np.clip(1 - ((x - MIDLINE) / 640) ** 2, 0, 1))
    shaped: Field = (trunk * (0.45 + 0.5 * across)).astype(np.float32)
    return shaped


def _lungs() -> Field:
    right = [
        (512, 232),
        (400, 262),
        (300, 390),
        (222, 560),
        (182, 720),
        (176, 842),
        (260, 786),
        (380, 752),
        (500, 762),
        (572, 800),
        (566, 640),
        (572, 500),
        (600, 380),
        (580, 270),
    ]
    left = [
        (888, 232),
        (1000, 262),
        (1100, 390),
        (1178, 560),
        (1218, 720),
        (1226, 862),
        (1150, 812),
        (1080, 782),
        (1010, 790),
        (980, 730),
        (930, 600),
        (850, 480),
        (806, 390),
        (822, 270),
    ]
    return np.maximum(_fill(_curve(right), 7), _fill(_curve(left), 7))


def _mediastinum() -> Field:
    heart = _fill(
        _curve(
            [
                (640, 460),
                (600, 560),
                (568, 680),
                (580, 780),
                (660, 850),
                (800, 870),
                (930, 850),
                (1000, 790),
                (985, 690),
                (920, 580),
                (830, 480),
                (740, 440),
            ]
        ),
        10,
    )
    vessels = _fill(_curve([(628, 210), (772, 210), (800, 380), (790, 520), (620, 520)]), 14)
    windpipe = _fill([(682, -20), (718, -20), (716, 400), (684, 400)], 6)
    parts: Field = 0.24 * heart + 0.22 * vessels - 0.16 * windpipe
    return parts


def _diaphragm() -> Field:
    domes = [
        (120, 1200),
        (150, 905),
        (182, 850),
        (270, 790),
        (390, 756),
        (505, 768),
        (610, 830),
        (790, 850),
        (980, 800),
        (1080, 788),
        (1150, 818),
        (1222, 872),
        (1260, 1200),
    ]
    return 0.3 * _fill(domes, 6)


def _bones() -> Field:
    bones = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    for k in range(9):
        top = 196 + 74 * k
        fall = 60.0 + 9 * k
        reach = float(np.interp(top + fall, WALL_Y, WALL_X))
        for side in (-1, 1):
            bones += 0.17 * _rib(top, reach, side, rise=-38.0 - 4 * k, fall=fall, width=19)
            if 0 < k < 7:
                bones += 0.1 * _front_rib(top + fall, reach, side)
    for k in range(13):
        y = 90 + 82 * k
        bones += 0.11 * _fill(_curve([(648, y), (752, y), (746, y + 62), (654, y + 62)], 8), 4)
        rims = [([(652, y + 4), (748, y + 4)], 5.0), ([(652, y + 60), (748, y + 60)], 5.0)]
        bones += 0.06 * _strokes(rims, 2)
    clavicle = [(640, 205), (540, 196), (440, 150), (330, 112), (260, 110)]
    blade = [(250, 120), (330, 250), (262, 420), (205, 330)]
    arm = [(240, 120), (140, 60), (60, -40)]
    for points, width, weight in ((clavicle, 26.0, 0.2), (arm, 74.0, 0.16)):
        both = [(points, width), (_mirror(points), width)]
        bones += weight * _strokes(both, 4)
    for outline in (blade, _mirror(blade)):
        bones += 0.1 * _fill(_curve(outline), 5)
    return bones


def _rib(top: float, reach: float, side: int, *, rise: float, fall: float, width: float) -> Field:
    t = np.linspace(0, 1, 40)
    x = MIDLINE + side * (46 + (reach - 46) * np.sin(t * np.pi / 2) ** 0.9)
    y = top + rise * np.sin(np.pi * t) * 0.9 + fall * t**2.6
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    # Cortex shows at both edges of a rib, the marrow between them less.
    outer, inner = _strokes([(points, width)], 2), _strokes([(points, width - 8)], 2)
    return outer - 0.45 * inner


def _front_rib(start: float, reach: float, side: int) -> Field:
    t = np.linspace(0, 1, 30)
    x = MIDLINE + side * (reach - (reach - 230) * t)
    y = start + 84 * t**1.1 + 30 * np.sin(np.pi * t)
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    return _strokes([(points, 21)], 3)


def _vessels(rng: np.random.Generator) -> Field:
    lines: list[tuple[Points, float]] = []
    for hilum_x, side in ((590.0, -1), (835.0, 1)):
        for angle in np.linspace(-1.25, 1.25, 15):
            _branch(rng, lines, (hilum_x, 520.0), side, float(angle), 9.0)
    return 0.12 * _strokes(lines, 3) * _lungs()


def _branch(
    rng: np.random.Generator,
    lines: list[tuple[Points, float]],
    start: tuple[float, float],
    side: int,
    angle: float,
    width: float,
) -> None:
    points = [start]
    for _ in range(5):
        angle += float(rng.normal(0, 0.13))
        x, y = points[-1]
        points.append((x + side * 27 * float(np.cos(angle)), y + 27 * float(np.sin(angle))))
    lines.append((points, width))
    if width > 2.4:
        for turn in (-0.32, 0.32):
            _branch(rng, lines, points[-1], side, angle + turn, width * 0.58)


def _consolidation(rng: np.random.Generator) -> Field:
    y, x = np.mgrid[0:HEIGHT:8, 0:WIDTH:8].astype(np.float32)
    cloud = np.zeros_like(x)
    for _ in range(60):
        cx, cy = rng.normal((400, 640), (100, 90))
        size = rng.uniform(20, 58)
        cloud += np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * size**2)).astype(np.float32)
    full = Image.fromarray(cloud).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return np.asarray(0.75 * np.tanh(np.asarray(full) / 4.5), dtype=np.float32)


def _label(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture = Image.fromarray(film)
    pen = ImageDraw.Draw(picture)
    pen.text((1376, 1096), "SYNTHETIC", fill=235, font=ImageFont.load_default(44), anchor="rs")
    pen.text((30, 300), "R", fill=225, font=ImageFont.load_default(54))
    return np.asarray(picture)


if __name__ == "__main__":
    for written in write(Path(sys.argv[1] if len(sys.argv) > 1 else "assets/samples")):
        print(written)
