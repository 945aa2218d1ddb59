"""From stored values to what a reader sees and a network reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import films
from cxr_core import dataset, features, image
from cxr_core.errors import ImageError
from cxr_core.preprocess import (
    DEFAULT,
    Preprocessing,
    apply_window,
    gaussian,
    model_input,
    percentiles,
    presentation,
    stretch,
)
from cxr_core.schema import Film, FilmFacts, VoiTable, Window


def film(
    pixels: np.ndarray, *, inverted: bool = False, voi: Window | VoiTable | None = None
) -> Film:
    facts = FilmFacts("PNG", *pixels.shape, bits=pixels.dtype.itemsize * 8)
    return Film(pixels, inverted, voi, facts, "0" * 64)


def test_eight_bit_films_keep_their_range() -> None:
    shown = presentation(film(np.array([[0, 51], [102, 204]], np.uint8)))
    assert np.allclose(shown, [[0, 0.2], [0.4, 0.8]], atol=1e-6)


def test_deeper_films_are_shown_from_lowest_to_highest() -> None:
    shown = presentation(film(np.array([[1000, 2000], [3000, 5000]], np.uint16)))
    assert np.allclose(shown, [[0, 0.25], [0.5, 1]], atol=1e-6)


def test_inversion_comes_after_the_window() -> None:
    pixels = np.array([[0, 100, 200]], np.uint16)
    shown = presentation(film(pixels, inverted=True, voi=Window(100, 100, "LINEAR_EXACT")))
    assert np.allclose(shown, [[1, 0.5, 0]], atol=1e-6)


def test_linear_window_follows_the_standards_formula() -> None:
    # PS3.3 C.11.2.1.2.1 with c = 2048, w = 4096 and output 0..1.
    x = np.array([[0.0, 1024.0, 2047.5, 4095.0]])
    expected = (x - 2047.5) / 4095 + 0.5
    assert np.allclose(apply_window(x, Window(2048, 4096)), expected, atol=1e-6)


def test_window_clips_outside_and_a_width_of_one_is_a_step() -> None:
    x = np.array([[9.0, 10.0, 11.0]])
    assert np.array_equal(apply_window(x, Window(10.5, 1)), [[0, 0, 1]])
    assert np.array_equal(apply_window(x, Window(10, 2)), [[0, 1, 1]])


def test_sigmoid_window_follows_the_standards_formula() -> None:
    x = np.array([[900.0, 1000.0, 1200.0]])
    expected = 1 / (1 + np.exp(-4 * (x - 1000) / 400))
    assert np.allclose(apply_window(x, Window(1000, 400, "SIGMOID")), expected, atol=1e-6)


def test_a_voi_table_holds_its_ends() -> None:
    table = VoiTable(10, np.array([0, 13107, 65535], np.uint16))
    shown = presentation(film(np.array([[0, 10, 11, 12, 99]], np.uint16), voi=table))
    assert np.allclose(shown, [[0, 0, 0.2, 1, 1]])


def test_gaussian_agrees_with_scipys() -> None:
    x = np.random.default_rng(0).random((40, 31), dtype=np.float32)
    for sigma in (0.857, 1.2, 2.5):
        expected = gaussian_filter(x, sigma, mode="nearest", radius=max(1, round(3 * sigma)))
        assert np.allclose(gaussian(x, sigma), expected, atol=1e-5)
    assert gaussian(x, 0) is x


@pytest.mark.parametrize("size", [(1, 9), (8, 8), (37, 53), (160, 160)])
def test_percentiles_are_numpys_to_the_last_digit(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(size))
    for _ in range(20):
        x = rng.normal(0, 1, size).astype(np.float32)
        assert percentiles(x, 0, 1, 50, 99, 100) == np.percentile(x, [0, 1, 50, 99, 100]).tolist()


def test_stretch_maps_its_percentiles_to_black_and_white() -> None:
    x = np.arange(101, dtype=np.float32).reshape(1, -1)
    levels = stretch(x, 10, 90)
    assert levels[0, 10] == 0
    assert levels[0, 90] == 255
    assert levels[0, 50] == 128
    assert levels.dtype == np.uint8


@pytest.mark.parametrize("shape", [(300, 200), (200, 300), (64, 64)])
def test_model_input_is_square_and_uint8(shape: tuple[int, int]) -> None:
    x = model_input(film(films.chest(*shape)), Preprocessing(size=96))
    assert (x.shape, x.dtype) == ((96, 96, 1), np.uint8)
    assert (x.min(), x.max()) == (0, 255)


def test_depth_and_exposure_do_not_change_the_input() -> None:
    drawn = films.chest(256, 256).astype(np.uint16)
    eight = model_input(film(drawn.astype(np.uint8)))
    deep = model_input(film((drawn * 7 + 900).astype(np.uint16)))
    assert np.abs(eight.astype(int) - deep).max() <= 1


def test_a_negative_gives_the_input_of_its_positive() -> None:
    drawn = films.chest(256, 256)
    negative = model_input(film(255 - drawn, inverted=True))
    assert np.abs(model_input(film(drawn)).astype(int) - negative).max() <= 1


def test_no_contrast_and_no_size_are_refused_in_words() -> None:
    with pytest.raises(ImageError, match="single grey level"):
        model_input(film(np.full((64, 64), 7, np.uint8)))
    with pytest.raises(ImageError, match="at least 8 pixels"):
        model_input(film(films.chest(256, 256)[:5]))


def test_training_and_serving_read_the_same_bytes(tmp_path: Path) -> None:
    for label, opacity in (("NORMAL", False), ("PNEUMONIA", True)):
        (tmp_path / label).mkdir()
        content = films.jpeg(films.chest(300, 260, opacity=opacity))
        (tmp_path / label / "film.jpeg").write_bytes(content)
    records = dataset.index_folder(tmp_path)
    trained = features.load_films(records, DEFAULT).inputs
    for record, x in zip(records, trained, strict=True):
        served = model_input(image.decode(record.path.read_bytes()), DEFAULT)
        assert served.tobytes() == x.tobytes()


def test_a_film_and_its_small_copy_look_alike(real_films: Path) -> None:
    twins = [
        (p, real_films / "chest_xray_224" / "train" / p.parent.name / p.name)
        for p in sorted((real_films / "chest_xray_fullres").rglob("*.jpeg"))
    ]
    gaps = [
        np.abs(model_input(image.read(a)).astype(float) - model_input(image.read(b))).mean()
        for a, b in twins
        if b.exists()
    ]
    assert len(gaps) >= 30
    assert np.median(gaps) < 3
