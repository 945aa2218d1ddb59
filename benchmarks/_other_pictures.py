"""Pictures that are no frontal chest film: bundled with installed libraries, or drawn here.

None of them was used to fit the quality gate. Each comes as a grey plane without any tag, which is
the harder case: colour and tags alone would give most of them away.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.float32]

TEXT = {"page", "text", "logo", "chessboard_GRAY", "chessboard_RGB"}
SCIENCE = {"cell", "ihc", "retina", "microaneurysms", "hubble_deep_field", "moon", "color"}
DICOM = {
    "CT_small": "CT", "693_J2KI": "CT", "J2K_pixelrep_mismatch": "CT",
    "JPEGLSNearLossless_16": "CT", "MR_small": "MR", "examples_overlay": "MR",
    "examples_rgb_color": "ultrasound", "examples_palette": "ultrasound",
    "examples_jpeg2k": "ultrasound", "examples_ybr_color": "ultrasound",
    "ExplVR_BigEnd": "ultrasound", "GDCMJ2K_TextGBR": "ultrasound",
    "JPEG2000": "nuclear medicine", "JPGExtended": "nuclear medicine",
}  # fmt: skip
WINDOWS = {"soft tissue": (40, 400), "lung": (-500, 1500), "bone": (400, 1800)}


class Picture(NamedTuple):
    """A picture that is no chest film. plane: (H, W) float32, 0 black to 1 white."""

    kind: str
    name: str
    plane: Plane


def all_pictures() -> Iterator[Picture]:
    """Every picture, with cut-outs and negatives of the real ones."""
    for picture in (*_bundled(), *_medical()):
        yield picture
        yield from _variants(picture)
    yield from drawn()


def _variants(picture: Picture) -> Iterator[Picture]:
    rng = np.random.default_rng(zlib.crc32(picture.name.encode()))
    height, width = picture.plane.shape
    if min(height, width) < 120 or picture.kind == "text":
        return
    for i in range(3):
        size = rng.uniform(0.5, 0.9)
        top, left = (int(rng.uniform(0, 1 - size) * n) for n in (height, width))
        cut = picture.plane[top : top + int(size * height), left : left + int(size * width)]
        if np.ptp(cut) > 0.05:
            yield Picture(picture.kind, f"{picture.name} cut {i}", cut)
    yield Picture(f"{picture.kind}, negative", picture.name, 1 - picture.plane)


def _bundled() -> Iterator[Picture]:
    import skimage
    from sklearn.datasets import load_sample_images

    folder = Path(skimage.__file__).parent / "data"
    for path in sorted([*folder.glob("*.png"), *folder.glob("*.jpg")]):
        if path.stem == "phantom":
            kind = "CT"
        elif path.stem in TEXT:
            kind = "text"
        else:
            kind = "science" if path.stem in SCIENCE else "photograph"
        yield Picture(kind, path.name, _grey(Image.open(path).convert("RGB")))
    for name, image in zip(("china", "flower"), load_sample_images().images, strict=True):
        yield Picture("photograph", name, _grey(Image.fromarray(image)))
    faces = np.load(folder / "lfw_subset.npy").astype(np.float32)
    for i in range(0, 100, 10):
        plane = cv2.resize(faces[i], (256, 256), interpolation=cv2.INTER_CUBIC)
        yield Picture("photograph", f"face {i}", np.clip(plane, 0, 1))


def _medical() -> Iterator[Picture]:
    import pydicom
    from pydicom.pixels import apply_color_lut

    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    for name, kind in DICOM.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = pydicom.dcmread(folder / f"{name}.dcm", force=True)
            pixels: NDArray[Any] = data.pixel_array
        if data.PhotometricInterpretation == "PALETTE COLOR":
            pixels = (apply_color_lut(pixels, data) >> 8).astype(np.uint8)
        if pixels.ndim == 4 or (pixels.ndim == 3 and pixels.shape[-1] != 3):
            pixels = pixels[0]
        if pixels.ndim == 3:
            yield Picture(kind, name, _grey(Image.fromarray(pixels.astype(np.uint8))))
            continue
        yield Picture(kind, name, _stretched(pixels, 0, 100))
        if kind == "CT" and "RescaleIntercept" in data:
            units = pixels.astype(np.float32) * float(data.get("RescaleSlope", 1))
            units += float(data.RescaleIntercept)
            for window, (centre, width) in WINDOWS.items():
                plane = np.clip((units - centre) / width + 0.5, 0, 1)
                if np.ptp(plane) > 0.05:
                    yield Picture(kind, f"{name} {window}", plane.astype(np.float32))
        else:
            yield Picture(kind, f"{name} stretched", _stretched(pixels, 1, 99))


def drawn(each: int = 12, seed: int = 0) -> Iterator[Picture]:
    """`each` of every drawn kind."""
    rng = np.random.default_rng(seed)
    kinds = {
        "drawn noise": _noise, "drawn gradient": _gradient, "drawn text": _page,
        "drawn screenshot": _screenshot, "drawn ultrasound": _fan, "drawn CT": _slice,
        "drawn head CT": _head, "drawn leg": _leg, "drawn hand": _hand, "drawn skull": _skull,
        "drawn pelvis": _pelvis,
    }  # fmt: skip
    for i in range(each):
        for kind, draw in kinds.items():
            yield Picture(kind, f"{kind} {i}", np.clip(draw(rng), 0, 1).astype(np.float32))


def _grey(image: Image.Image) -> Plane:
    return _stretched(np.asarray(image.convert("L")), 0, 100)


def _stretched(pixels: NDArray[Any], low: float, high: float) -> Plane:
    bottom, top = np.percentile(pixels, [low, high])
    scaled = (pixels.astype(np.float32) - bottom) / max(top - bottom, 1e-6)
    return np.clip(scaled, 0, 1).astype(np.float32)


def _speckle(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> NDArray[Any]:
    return cv2.GaussianBlur(rng.normal(size=shape), (0, 0), sigma)


def _soften(plane: NDArray[Any], sigma: float) -> NDArray[Any]:
    return cv2.GaussianBlur(plane.astype(np.float64), (0, 0), sigma)


def write(plane: NDArray[Any], text: str, at: tuple[int, int], size: float, grey: float) -> None:
    mask = np.zeros(plane.shape, np.uint8)
    cv2.putText(mask, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)
    plane += (grey - plane) * (mask / 255)


def _noise(rng: np.random.Generator) -> NDArray[Any]:
    if rng.random() < 0.5:
        return rng.random((256, 256))
    return _stretched(_speckle(rng, (256, 256), rng.uniform(2, 30)), 0, 100)


def _gradient(rng: np.random.Generator) -> NDArray[Any]:
    y, x = np.mgrid[:256, :256] / 256
    angle = rng.uniform(0, 2 * np.pi)
    return _stretched(np.cos(angle) * x + np.sin(angle) * y, 0, 100)


def _page(rng: np.random.Generator) -> NDArray[Any]:
    paper = float(rng.random() < 0.6)
    plane = np.full((512, 512), paper)
    letters = list("abcdefghijklmnoprstu 0123456789")
    for y in range(30, 490, int(rng.integers(18, 40))):
        text = "".join(rng.choice(letters, int(rng.integers(10, 45))))
        write(plane, text, (20, y), rng.uniform(0.35, 0.8), 1 - paper)
    return plane


def _screenshot(rng: np.random.Generator) -> NDArray[Any]:
    plane = np.full((512, 712), rng.uniform(0.6, 1))
    for _ in range(12):
        y, x = rng.integers(0, 400), rng.integers(0, 600)
        plane[y : y + rng.integers(10, 150), x : x + rng.integers(40, 300)] = rng.random()
    for _ in range(15):
        at = (int(rng.integers(0, 512)), int(rng.integers(10, 512)))
        write(plane, "File Edit View 123", at, 0.5, float(rng.random() < 0.5))
    return plane


def _fan(rng: np.random.Generator) -> NDArray[Any]:
    y, x = np.mgrid[:480, :640]
    y, x = y + rng.integers(-20, 70), x - 320 - rng.integers(-20, 20)
    reach, angle = np.hypot(x, y), np.abs(np.arctan2(x, y))
    inside = (angle < rng.uniform(0.5, 0.8)) & (reach > rng.uniform(40, 100))
    inside &= reach < rng.uniform(400, 480)
    if rng.random() < 0.3:
        inside = (np.abs(x) < 200) & (y > 60) & (y < 440)
    tissue = _stretched(_speckle(rng, (480, 640), 30), 0, 100)
    echo = np.abs(_speckle(rng, (480, 640), rng.uniform(1, 2))) * tissue
    plane = 2.2 * _stretched(echo * np.exp(-reach / rng.uniform(300, 900)), 0, 100) * inside
    for _ in range(6):
        at = (int(rng.integers(0, 80)), int(rng.integers(20, 460)))
        write(plane, "MI 1.2 12cm", at, 0.4, 1)
    return plane


def _slice(rng: np.random.Generator) -> NDArray[Any]:
    plane = np.zeros((512, 512), np.float32)
    a, b = int(rng.integers(180, 235)), int(rng.integers(130, 180))
    tissue = float(rng.uniform(0.5, 0.7))

    def ellipse(y: float, x: float, ry: float, rx: float, grey: float, turn: float = 0) -> None:
        cv2.ellipse(plane, (int(x), int(y)), (int(rx), int(ry)), turn, 0, 360, grey, -1)

    ellipse(256, 256, b, a, tissue * 0.7)
    ellipse(256, 256, b - 20, a - 22, tissue)
    if rng.random() < 0.7:
        for side in (-1, 1):
            ellipse(240, 256 + side * a * 0.45, b * 0.62, a * 0.3, rng.uniform(0, 0.1), side * 10)
    else:
        ellipse(240, 200, 80, 90, tissue * 1.15, 20)
        ellipse(250, 330, 40, 40, tissue * 1.3)
    ellipse(256 + b * 0.55, 256, 28, 32, 1)
    ellipse(256 + b * 0.6, 256, 10, 10, tissue)
    for turn in np.linspace(0, 2 * np.pi, int(rng.integers(10, 16))):
        y, x = 256 + np.sin(turn) * (b - 32), 256 + np.cos(turn) * (a - 36)
        ellipse(y, x, 6, 14, 0.95, np.degrees(turn) + 90)
    return _soften(plane, 1.2) + rng.normal(0, 0.03, plane.shape)


def _head(rng: np.random.Generator) -> NDArray[Any]:
    plane = np.zeros((512, 512), np.float32)
    cv2.ellipse(plane, (256, 256), (150, 190), 0, 0, 360, 1.0, -1)
    cv2.ellipse(plane, (256, 256), (136, 176), 0, 0, 360, 0.45, -1)
    for side in (-1, 1):
        cv2.ellipse(plane, (256 + side * 20, 250), (12, 60), -side * 10, 0, 360, 0.25, -1)
    return _soften(plane, 1.5) + 1.5 * _speckle(rng, (512, 512), 3) * (plane > 0.1)


def _leg(rng: np.random.Generator) -> NDArray[Any]:
    y, x = np.mgrid[:640, :480]
    x = x - 240 - rng.uniform(-0.15, 0.15) * (y - 320)
    plane = 0.45 * np.sqrt(np.clip(1 - (x / rng.uniform(90, 150)) ** 2, 0, None))
    for offset, width in ((-25, 22), (30, 14)) if rng.random() < 0.5 else ((0, 34),):
        q = (x - offset) / (width * (1 + 0.8 * np.abs((y - 320) / 320) ** 3))
        plane += 0.35 * np.sqrt(np.clip(1 - q**2, 0, None))
        plane -= 0.2 * np.sqrt(np.clip(1 - (1.8 * q) ** 2, 0, None))
    return _soften(plane, 1.5) + rng.normal(0, 0.01, plane.shape)


def _hand(rng: np.random.Generator) -> NDArray[Any]:
    bone, soft = np.zeros((640, 480), np.float32), np.zeros((640, 480), np.float32)
    for base, x, y in (
        (150, 70, 160),
        (195, 160, 70),
        (235, 235, 40),
        (275, 310, 75),
        (310, 400, 260),
    ):
        points = np.linspace([base, 420], [x, y], 5)
        for a, b in pairwise(points):
            cv2.line(soft, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), 0.35, 46)
            a, b = a + (b - a) * 0.06, a + (b - a) * 0.9
            cv2.line(bone, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), 0.4, 16)
    cv2.ellipse(soft, (230, 470), (110, 110), 0, 0, 360, 0.4, -1)
    cv2.rectangle(soft, (170, 520), (290, 640), 0.4, -1)
    for i in range(8):
        cv2.circle(bone, (180 + i % 4 * 32, 450 + i // 4 * 34), 15, 0.35, -1)
    cv2.line(bone, (205, 510), (205, 640), 0.4, 26)
    cv2.line(bone, (255, 515), (255, 640), 0.35, 20)
    turned = cv2.getRotationMatrix2D((240, 320), rng.uniform(-20, 20), rng.uniform(0.8, 1.1))
    plane = _soften(soft + bone, 3) + rng.normal(0, 0.01, soft.shape)
    return cv2.warpAffine(plane, turned, (480, 640))


def _skull(rng: np.random.Generator) -> NDArray[Any]:
    plane = np.zeros((560, 480), np.float32)
    cv2.ellipse(plane, (240, 230), (180, 200), 0, 0, 360, 0.5, -1)
    cv2.ellipse(plane, (240, 230), (180, 200), 0, 0, 360, 0.9, 14)
    cv2.rectangle(plane, (190, 380), (300, 560), 0.45, -1)
    cv2.ellipse(plane, (330, 330), (50, 40), 0, 0, 360, 0.25, -1)
    cv2.ellipse(plane, (230, 350), (60, 30), 0, 0, 360, 0.9, -1)
    return _soften(plane, rng.uniform(3, 8)) + _speckle(rng, plane.shape, 5)


def _pelvis(rng: np.random.Generator) -> NDArray[Any]:
    plane = np.full((480, 560), 0.15, np.float32)
    cv2.ellipse(plane, (280, 260), (270, 230), 0, 0, 360, 0.4, -1)
    for side in (-1, 1):
        cv2.ellipse(plane, (280 + side * 120, 150), (80, 100), side * 30, 0, 360, 0.75, -1)
        cv2.ellipse(plane, (280 + side * 70, 330), (50, 40), 0, 0, 360, 0.8, 14)
        cv2.circle(plane, (280 + side * 150, 270), 38, 0.85, -1)
        cv2.line(plane, (280 + side * 155, 280), (280 + side * 180, 480), 0.8, 46)
    cv2.rectangle(plane, (250, 0), (310, 170), 0.75, -1)
    return _soften(plane, rng.uniform(4, 10)) + 0.6 * _speckle(rng, plane.shape, 4)
