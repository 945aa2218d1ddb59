"""What augmentation does to a film, on films of a few pixels."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core import advice, methods
from cxr_core.transformations import TRANSFORMATIONS, Transformation

ROWS = {row.key: row for row in TRANSFORMATIONS}


def ramp() -> np.ndarray:
    """(41, 41): grey rises to the right, with a bright spot right of and above the middle."""
    film = np.tile(np.linspace(0.2, 0.6, 41, dtype=np.float32), (41, 1))
    film[10, 30] = 1.0
    return film


def spot(film: np.ndarray) -> tuple[int, int]:
    row, column = np.unravel_index(np.argmax(film), film.shape)
    return int(row), int(column)


@pytest.mark.parametrize("row", TRANSFORMATIONS, ids=lambda row: row.key)
def test_calm_changes_nothing_and_the_start_does(row: Transformation) -> None:
    film = ramp()
    np.testing.assert_allclose(row.apply(film, row.calm), film, atol=1e-6)
    changed = row.apply(film, row.start)
    assert changed.shape == film.shape
    assert np.abs(changed - film).max() > 1e-4
    assert row.low <= row.start <= row.high
    for strength in (row.low, row.high):
        assert np.isfinite(row.apply(film, strength)).all()


def test_where_the_spot_goes() -> None:
    film = ramp()
    # Rows grow downwards: a quarter turn anticlockwise takes right-above to left-above.
    assert spot(ROWS["rotate"].apply(film, 90)) == (10, 10)
    assert spot(ROWS["shift"].apply(film, 100 * 5 / 41)) == (10, 35)
    assert spot(ROWS["flip_sides"].apply(film, 1)) == (10, 10)
    assert spot(ROWS["flip_upside_down"].apply(film, 1)) == (30, 30)
    # Half as large: half as far from the middle.
    assert spot(ROWS["zoom"].apply(film, -50)) == (15, 25)
    assert spot(ROWS["stretch"].apply(film, -50)) == (10, 25)


def test_greys_by_hand() -> None:
    film = np.array([[0.2, 0.6]], np.float32)
    np.testing.assert_allclose(ROWS["brightness"].apply(film, 10), [[0.3, 0.7]], atol=1e-6)
    np.testing.assert_allclose(ROWS["contrast"].apply(film, 50), [[0.1, 0.7]], atol=1e-6)
    np.testing.assert_allclose(ROWS["gamma"].apply(film, 2), [[0.04, 0.36]], atol=1e-6)


def test_flips_never_happen() -> None:
    never = {row.key for row in TRANSFORMATIONS if row.happens == "never"}
    assert never == {"flip_sides", "flip_upside_down"}


@pytest.mark.parametrize("row", TRANSFORMATIONS, ids=lambda row: row.key)
def test_what_can_happen_depends_on_how_much_of_it(row: Transformation) -> None:
    assert row.verdict(row.calm) == "nothing"
    assert row.verdict(row.start) == row.happens
    if row.happens == "happens":
        low, high = row.real
        assert row.low <= low < high < row.high
        assert (row.verdict(high), row.verdict(row.high)) == ("happens", "too much")


@pytest.mark.parametrize("likeness", ["similar", "different"])
@pytest.mark.parametrize("examples", [100, advice.LARGE_FROM - 1, advice.LARGE_FROM, 10**6])
def test_every_piece_of_advice_names_methods_that_can_be_run(examples: int, likeness: str) -> None:
    found = advice.advise(examples, likeness)  # type: ignore[arg-type]
    assert methods.method(found.method)
    assert found.instead is None or methods.method(found.instead)
    assert found == advice.advise(100 if examples < advice.LARGE_FROM else 10**6, likeness)  # type: ignore[arg-type]
