"""The picture to take away: what was in view, and who said what, in its own pixels."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cxr_core import snapshot


def open_png(data: bytes) -> np.ndarray:
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "PNG"
    return np.asarray(picture.convert("RGB"))


def quarters() -> np.ndarray:
    film = np.zeros((100, 200), np.uint8)
    film[50:, 100:] = 250
    return film


def test_whole_film_fills_the_width_above_the_caption():
    shown = open_png(snapshot.png([quarters()], (100, 200), None, None, ["one", "two"]))
    assert shown.shape[1] == snapshot.LONG_SIDE
    assert shown[600, 1300].tolist() == [250, 250, 250]
    assert shown[100, 100].tolist() == [0, 0, 0]
    assert shown[700:].max() > 150


def test_zoomed_view_shows_that_part_alone():
    shown = open_png(snapshot.png([quarters()], (100, 200), (120, 180), (90, 60), []))
    assert shown[:600, :, 0].min() == 250


def test_beyond_the_edges_of_the_film_is_black():
    white = np.full((100, 100), 255, np.uint8)
    shown = open_png(snapshot.png([white], (100, 100), (-100, 200), (200, -100), []))
    assert shown[100, 100].tolist() == [0, 0, 0]
    assert shown[700, 700].tolist() == [255, 255, 255]


def test_side_by_side_has_both_panels():
    black, white = np.zeros((100, 100), np.uint8), np.full((100, 100), 255, np.uint8)
    shown = open_png(snapshot.png([black, white], (100, 100), None, None, []))
    assert shown[300, 300].tolist() == [0, 0, 0]
    assert shown[300, 1000].tolist() == [255, 255, 255]
