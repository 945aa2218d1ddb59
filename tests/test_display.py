"""Films on the screen: windowed at full depth, reduced by averaging, never altered."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from cxr_core import display
from cxr_core.preprocess import presentation
from cxr_core.schema import Film, FilmFacts, Heatmap, Label, VoiTable, Window


def film(
    pixels: np.ndarray, *, inverted: bool = False, voi: Window | VoiTable | None = None
) -> Film:
    rows, columns = pixels.shape
    facts = FilmFacts("PNG", rows, columns, 8 * pixels.dtype.itemsize)
    return Film(pixels, inverted, voi, facts, "0" * 64)


def ramp(top: int = 65535, dtype: type = np.uint16) -> np.ndarray:
    return np.tile(np.linspace(0, top, 256), (64, 1)).astype(dtype)


def test_large_films_are_averaged_down_and_small_ones_left_alone():
    large = display.panel(film(np.zeros((3000, 1500), np.uint8)))
    assert large.values.shape == (1024, 512)
    assert (large.rows, large.columns) == (3000, 1500)
    assert display.panel(film(np.zeros((50, 40), np.uint8))).values.shape == (50, 40)


def test_reduction_keeps_the_mean_of_what_it_joins():
    pixels = np.zeros((2048, 2048), np.uint8)
    pixels[:, ::2] = 200
    assert np.allclose(display.panel(film(pixels)).values, 100, atol=0.5)


@pytest.mark.parametrize("inverted", [False, True])
def test_without_a_window_the_film_is_shown_as_the_file_asks(inverted: bool):
    shown = film(ramp(), inverted=inverted, voi=Window(20000, 8000))
    expected = np.rint(presentation(shown) * 255)
    assert np.array_equal(display.render(display.panel(shown)), expected)


def test_own_window_tells_apart_depths_that_eight_bits_would_join():
    # Values 1000 and 1100 of 65535 fall in one 8-bit step; a window of 200 parts them.
    pixels = np.full((4, 4), 1000, np.uint16)
    pixels[:, 2:] = 1100
    pixels[0, 0], pixels[0, 3] = 0, 65535
    panel = display.panel(film(pixels))
    assert np.ptp(display.render(panel)[1]) <= 1
    row = display.render(panel, Window(1050, 200, "LINEAR_EXACT"))[1]
    assert row.tolist() == [64, 64, 191, 191]


def test_own_window_obeys_the_photometric_inversion_and_invert_turns_it_again():
    window = Window(128, 256, "LINEAR_EXACT")
    plain = display.render(display.panel(film(ramp(255, np.uint8))), window)
    inverse = display.render(display.panel(film(ramp(255, np.uint8), inverted=True)), window)
    assert np.allclose(plain.astype(int) + inverse, 255, atol=1)
    panel = display.panel(film(ramp(255, np.uint8)))
    assert np.array_equal(display.render(panel, window, invert=True), 255 - plain)


def test_readers_window_starts_from_the_file_or_the_whole_range():
    asked = Window(300, 50)
    assert display.panel(film(ramp(), voi=asked)).window == asked
    eight = display.panel(film(ramp(255, np.uint8))).window
    assert (eight.centre, eight.width) == (127.5, 255)
    deep = display.panel(film(ramp(4000))).window
    assert (deep.centre, deep.width) == (2000, 4000)


def test_film_itself_is_left_as_it_was():
    pixels = ramp()
    before = pixels.copy()
    display.render(display.panel(film(pixels)), Window(10, 10), invert=True)
    assert np.array_equal(pixels, before)


def test_a_full_panel_stays_near_a_tenth_of_a_megabyte():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:1024, 0:1024]
    grey = 128 + 90 * np.sin(x / 90) * np.cos(y / 70) + rng.normal(0, 3, x.shape)
    uri = display.data_uri(np.clip(grey, 0, 255).astype(np.uint8))
    assert len(uri) < 250_000
    decoded = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))
    assert (decoded.mode, decoded.size) == ("L", (1024, 1024))


def test_overlay_leaves_the_film_where_nothing_contributes():
    grey = np.full((40, 40), 90, np.uint8)
    values = np.zeros((2, 2), np.float32)
    values[0, 0] = 4.0
    colours = np.zeros((256, 4), np.uint8)
    colours[:, 0], colours[:, 3] = 255, np.arange(256)
    laid = display.overlay_on(grey, Heatmap("PNEUMONIA", values, False), colours, 4.0, 1.0)
    assert laid[0, 0].tolist() == [255, 0, 0]
    assert laid[-1, -1].tolist() == [90, 90, 90]
    gone = display.overlay_on(grey, Heatmap("PNEUMONIA", values, False), colours, 4.0, 0.0)
    assert np.all(gone == 90)


def test_colour_scale_is_that_of_both_classes_and_never_stretches_a_weak_map():
    def heatmap(label: Label, most: float) -> Heatmap:
        return Heatmap(label, np.full((2, 2), most, np.float32), False)

    weak, strong = heatmap("NORMAL", 0.004), heatmap("PNEUMONIA", 0.5)
    assert display.scale_top((weak,)) == display.LEAST_TOP
    assert display.scale_top((weak, strong)) == pytest.approx(0.5)
