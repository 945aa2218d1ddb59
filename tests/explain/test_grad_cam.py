from __future__ import annotations

import numpy as np
import pytest

from cxr_core.errors import ConfigError, ModelError
from cxr_core.explain import explain, from_cam, heatmap, placed, upsample
from cxr_core.explain.body import GRID, Regions
from cxr_core.explain.grad_cam import Cells, cells_of, per_cell
from cxr_core.schema import Film, FilmFacts, ForwardPass
from tests import films

# Activations A (2×2×2) and head weights w = (3, -1): y = b + Σ_k w_k mean(A^k), so α = w / 4 and
# the map is (3·A⁰ - A¹) / 4.
ACTIVATIONS = np.array([[[1, 0], [0, 2]], [[2, 6], [0, 0]]], np.float32)
BY_HAND = np.array([[0.75, -0.5], [0.0, 0.0]], np.float32)


def forward(cam: np.ndarray) -> ForwardPass:
    return ForwardPass(float(cam.sum()), cam.astype(np.float32), np.zeros(3, np.float32))


def film(pixels: np.ndarray) -> Film:
    facts = FilmFacts("PNG", *pixels.shape, 8)
    return Film(pixels, False, None, facts, "0" * 64)


def test_a_two_by_two_map_worked_by_hand() -> None:
    cam = (ACTIVATIONS @ np.array([3, -1], np.float32)) / 4
    np.testing.assert_array_equal(cam, BY_HAND)
    assert heatmap(forward(cam), "PNEUMONIA").values.tolist() == [[0.75, 0.0], [0.0, 0.0]]
    assert heatmap(forward(cam), "NORMAL").values.tolist() == [[0.0, 0.5], [0.0, 0.0]]


def test_the_two_classes_never_claim_the_same_cell() -> None:
    cam = np.random.default_rng(0).normal(size=(7, 7))
    for_, against = (heatmap(forward(cam), c).values for c in ("PNEUMONIA", "NORMAL"))
    assert (for_ * against == 0).all()
    np.testing.assert_allclose(for_ - against, cam, rtol=1e-6)


@pytest.mark.parametrize(
    ("cam", "scale", "flat"),
    [
        (np.zeros((7, 7)), 1.0, True),
        (-np.ones((7, 7)), 1.0, True),
        # The same everywhere points nowhere, however strong it is.
        (np.full((7, 7), 0.5), 1.0, True),
        (np.pad([[0.039]], 3), 1.0, True),
        (np.pad([[0.041]], 3), 1.0, False),
        (np.pad([[0.039]], 3), 3.0, False),
        (np.pad([[0.1]], 3), 0.3, True),
    ],
)
def test_a_map_without_evidence_says_so(cam: np.ndarray, scale: float, flat: bool) -> None:
    assert from_cam(cam, "PNEUMONIA", scale=scale).flat is flat


def test_a_flat_map_is_not_stretched_and_has_no_shares() -> None:
    faint = np.full((7, 7), 0.0001)
    faint[3, 3] = 0.0002
    found = heatmap(forward(faint), "PNEUMONIA", film(films.chest()))
    assert found.flat
    assert found.values.max() == np.float32(0.0002)
    assert (found.outside_share, found.marker_share, found.extent) == (None, None, None)


def test_a_map_of_another_shape_is_refused() -> None:
    with pytest.raises(ModelError, match=r"shape \(h, w\)"):
        heatmap(forward(np.zeros((7, 7, 1))), "NORMAL")


def halves(rows: int, columns: int) -> Cells:
    """Body on the right half; a marker in the lower left quarter."""
    body = np.zeros((GRID, GRID), bool)
    body[:, GRID // 2 :] = True
    markers = np.zeros((GRID, GRID), bool)
    markers[200:215, 10:30] = True
    return cells_of(Regions(body, markers), (rows, columns))


def test_the_shares_of_a_two_by_two_map_by_hand() -> None:
    found = placed(from_cam(np.array([[1.0, 2.0], [3.0, 4.0]]), "PNEUMONIA"), halves(2, 2))
    assert found.outside_share == pytest.approx((1 + 3) / 10)
    assert found.marker_share == pytest.approx(3 / 10)
    # Of the two cells that are body, 2 and 4, both reach half of the peak.
    assert found.extent == pytest.approx(1.0)


def test_extent_is_the_share_of_the_body_at_half_the_peak_or_more() -> None:
    cam = np.array([[9.0, 5.0], [9.0, 4.4]])
    assert placed(from_cam(cam, "PNEUMONIA"), halves(2, 2)).extent == pytest.approx(0.5)


def test_a_cell_that_is_half_body_counts_half() -> None:
    found = placed(from_cam(np.array([[0.0, 1.0, 0.0]]), "PNEUMONIA"), halves(1, 3))
    assert found.outside_share == pytest.approx(0.5)


def test_cells_that_do_not_fall_on_whole_pixels_are_weighed_exactly() -> None:
    mask = np.random.default_rng(2).random((256, 256)) < 0.3
    # Every pixel seven times in each direction makes the cells whole.
    whole = np.kron(mask, np.ones((7, 7))).reshape(7, 256, 7, 256).mean((1, 3))
    np.testing.assert_allclose(per_cell(mask, (7, 7)), whole, atol=1e-6)


def test_a_map_beside_the_body_is_told_from_one_on_the_lung() -> None:
    drawn = film(films.chest())
    beside, lung = np.zeros((7, 7)), np.zeros((7, 7))
    beside[0, 0] = lung[3, 2] = 1.0
    assert (heatmap(forward(beside), "PNEUMONIA", drawn).outside_share or 0) > 0.8
    assert heatmap(forward(lung), "PNEUMONIA", drawn).outside_share == 0.0


def test_a_map_on_a_side_letter_is_told() -> None:
    pixels = films.chest()
    pixels[60:90, 30:36] = pixels[60:66, 30:48] = pixels[72:78, 30:48] = 250
    pixels[60:78, 42:48] = 250
    letter, lung = np.zeros((7, 7)), np.zeros((7, 7))
    letter[0:2, 0] = lung[3, 2] = 1.0
    assert heatmap(forward(letter), "PNEUMONIA", film(pixels)).marker_share == pytest.approx(1.0)
    assert heatmap(forward(lung), "PNEUMONIA", film(pixels)).marker_share == 0.0


def test_upsampling_keeps_units_place_and_range() -> None:
    cam = np.zeros((7, 7), np.float32)
    cam[2, 5] = 1.5
    large = upsample(from_cam(cam, "PNEUMONIA"), (140, 210))
    assert (large.shape, large.dtype) == ((140, 210), np.float32)
    assert large.max() == pytest.approx(1.5, rel=0.06)
    assert large.min() == 0
    row, column = np.unravel_index(large.argmax(), large.shape)
    assert (row // 20, column // 30) == (2, 5)


def test_upsampling_a_constant_gives_that_constant() -> None:
    np.testing.assert_allclose(upsample(np.full((7, 7), 0.3, np.float32), (50, 33)), 0.3, rtol=1e-6)


def test_an_unknown_method_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="out of grad_cam; received 'lime'"):
        explain("lime", forward(BY_HAND), "NORMAL")


def test_the_method_by_name_is_the_function() -> None:
    found = explain("grad_cam", forward(BY_HAND), "PNEUMONIA")
    assert found.values.tolist() == [[0.75, 0.0], [0.0, 0.0]]
