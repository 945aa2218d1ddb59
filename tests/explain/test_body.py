from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_core.explain.body import GRID, body_mask, marker_mask
from tests import films


def shown(pixels: np.ndarray) -> np.ndarray:
    return (pixels / 255).astype(np.float32)


def share(mask: np.ndarray, box: tuple[slice, slice]) -> float:
    return float(mask[box].mean())


MIDDLE = (slice(70, 190), slice(60, 196))


def test_air_beside_a_drawn_chest_is_outside_and_its_lungs_are_not() -> None:
    body = body_mask(shown(films.chest()))
    assert body.shape == (GRID, GRID)
    assert share(body, MIDDLE) == 1
    assert share(body, (slice(0, 40), slice(0, 40))) == 0
    assert share(body, (slice(0, 40), slice(-40, None))) == 0


@pytest.mark.parametrize(("height", "width"), [(224, 224), (900, 1400), (1500, 700)])
def test_size_and_proportions_hardly_matter(height: int, width: int) -> None:
    reference = body_mask(shown(films.chest()))
    other = body_mask(shown(films.chest(height, width)))
    assert (reference != other).mean() < 0.04


def test_a_film_that_the_body_fills_is_body_everywhere() -> None:
    pixels = films.chest(800, 800)[200:600, 130:670]
    assert body_mask(shown(pixels)).all()


def test_collimated_borders_are_outside() -> None:
    pixels = np.maximum(films.chest(800, 800)[200:700, 130:670], 60)
    pixels[:, :50] = pixels[:, -50:] = pixels[:40] = 0
    body = body_mask(shown(pixels))
    assert share(body, (slice(None), slice(0, 18))) == 0
    assert share(body, (slice(0, 15), slice(None))) == 0
    assert share(body, MIDDLE) == 1


def test_a_white_unexposed_strip_is_outside() -> None:
    pixels = films.chest()
    pixels[:, -40:] = 250
    assert share(body_mask(shown(pixels)), (slice(None), slice(-18, None))) == 0


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_blank_film_has_no_marker_and_a_mask(value: float) -> None:
    blank = np.full((300, 300), value, np.float32)
    assert not marker_mask(blank).any()
    assert body_mask(blank).shape == (GRID, GRID)


def test_a_letter_is_found_where_it_stands_and_nothing_else() -> None:
    pixels = films.chest(1024, 1024)
    assert not marker_mask(shown(pixels)).any()
    for box in ((100, 180, 900, 915), (165, 180, 900, 950)):
        pixels[box[0] : box[1], box[2] : box[3]] = 255
    mask = marker_mask(shown(pixels))
    rows, columns = np.nonzero(mask)
    assert rows.min() == pytest.approx(25, abs=2)
    assert rows.max() == pytest.approx(45, abs=2)
    assert columns.min() == pytest.approx(225, abs=2)
    assert columns.max() == pytest.approx(238, abs=2)


def test_a_bright_line_across_the_chest_is_no_marker() -> None:
    pixels = films.chest(1024, 1024)
    pixels[500:508, :] = 255
    assert not marker_mask(shown(pixels)).any()


def _films(folder: Path, count: int) -> list[np.ndarray]:
    paths = sorted(folder.glob("*/*"))
    step = max(1, len(paths) // count)
    return [np.asarray(Image.open(p).convert("L")) for p in paths[::step]]


@pytest.mark.parametrize(
    "folder", ["chest_xray_224/train", "chest_xray_fullres", "adult_films_384"]
)
def test_the_middle_of_real_films_is_body(real_films: Path, folder: str) -> None:
    found = [share(body_mask(shown(f)), MIDDLE) for f in _films(real_films / folder, 60)]
    assert min(found) > 0.98


def test_most_real_films_have_air_beside_the_body_and_a_marker(real_films: Path) -> None:
    drawn = [shown(f) for f in _films(real_films / "chest_xray_fullres", 40)]
    assert np.mean([not body_mask(f).all() for f in drawn]) > 0.9
    assert np.mean([marker_mask(f).any() for f in drawn]) > 0.85
