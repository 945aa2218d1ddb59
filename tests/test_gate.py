"""The gate on made-up features whose geometry is known, and on drawn films."""

from __future__ import annotations

import numpy as np
import pytest

import films
from cxr_core.errors import DataError, ModelError
from cxr_core.gate import RENDERINGS, GateModel, fit_gate, render

# Four layers for the distances and one more. Each way of being turned moves them its own way.
LAYERS = [("early", 6), ("middle", 8), ("third", 4), ("fourth", 4), ("last", 10)]
WIDTH = 32
TURNS = dict(
    zip(
        ("rotated_left", "rotated_right", "upside_down", "flipped", "negative"),
        np.random.default_rng(1).choice([-4.0, 4.0], (5, 22)),
        strict=True,
    )
)


def features(n: int, seed: int, name: str = "stored") -> np.ndarray:
    """(n, 32): normal features, two of them correlated; those of turned films are shifted."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, WIDTH))
    x[:, 3] = 10 + 0.1 * x[:, 3] + 0.5 * x[:, 2]
    x[:, :22] += TURNS.get(name, 0)
    return x.astype(np.float32)


@pytest.fixture(scope="module")
def gate() -> GateModel:
    train = {name: features(200, i, name) for i, name in enumerate(RENDERINGS)}
    return fit_gate(train, features(500, 99), LAYERS)


def test_two_in_a_hundred_films_like_those_of_training_are_unlike(gate: GateModel) -> None:
    share = np.mean([gate.compare(x).unlike >= 1 for x in features(1000, 7)])
    assert 0.005 < share < 0.045


def test_no_film_like_those_of_training_is_far(gate: GateModel) -> None:
    assert max(gate.compare(x).far for x in features(1000, 8)) < 1


def test_a_film_far_out_in_any_direction_is_far(gate: GateModel) -> None:
    for direction in range(22):
        x = features(1, direction)[0]
        x[direction] += 30
        assert gate.compare(x).far > 1, direction


def test_distance_follows_the_spread_of_each_direction(gate: GateModel) -> None:
    # Against the correlation of features 2 and 3 a small step is far; along it, near.
    centre = np.zeros(WIDTH, np.float32)
    centre[3] = 10
    along, against = centre.copy(), centre.copy()
    along[2], along[3] = 2, 11
    against[2], against[3] = 2, 9
    assert gate.compare(against).unlike > 2 * gate.compare(along).unlike


def test_distance_is_the_mean_of_the_layers_mahalanobis_distances(gate: GateModel) -> None:
    # An independent whitening: with one layer's features changed, only its distance moves, and
    # twice as far from the mean is twice the distance.
    step = np.zeros(WIDTH, np.float32)
    step[:22] = gate.narrow_mean
    ones = step.copy()
    ones[18:22] += 1
    twos = step.copy()
    twos[18:22] += 2
    assert gate.compare(step).unlike == pytest.approx(0, abs=1e-4)
    assert gate.compare(twos).unlike == pytest.approx(2 * gate.compare(ones).unlike, rel=1e-4)


def test_the_layer_that_feeds_the_classifier_does_not_count(gate: GateModel) -> None:
    x = features(1, 3)[0]
    changed = x.copy()
    changed[22:] += 100
    assert gate.compare(changed) == gate.compare(x)


@pytest.mark.parametrize("turn", TURNS)
def test_turned_films_are_recognised_and_named(gate: GateModel, turn: str) -> None:
    found = [gate.compare(x) for x in features(100, 50, turn)]
    assert np.mean([f.turned > 0.9 for f in found]) > 0.95
    assert np.mean([f.turn == turn for f in found]) > 0.95


def test_upright_and_mirrored_films_are_not_turned(gate: GateModel) -> None:
    for name in ("stored", "mirrored"):
        assert max(gate.compare(x).turned for x in features(300, 60, name)) < 0.5


def test_the_file_gives_the_same_gate_back(gate: GateModel, tmp_path) -> None:
    path = tmp_path / "gate.npz"
    gate.save(path)
    again = GateModel.load(path)
    x = features(1, 5)[0]
    assert again.compare(x) == gate.compare(x)
    assert [p.name for p in tmp_path.iterdir()] == ["gate.npz"]


def test_a_gate_of_the_shipped_size_is_below_two_megabytes(tmp_path) -> None:
    layers = [("a", 32), ("b", 64), ("c", 96), ("d", 160), ("last", 64)]
    rng = np.random.default_rng(0)
    train = {name: rng.normal(size=(60, 416)).astype(np.float32) for name in RENDERINGS}
    fit_gate(train, train["stored"], layers).save(tmp_path / "gate.npz")
    assert (tmp_path / "gate.npz").stat().st_size < 2_000_000


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 not really", b"\x80\x04K\x01.", b"\x93NUMPY junk"],
    ids=["empty", "cut zip", "pickle", "one array"],
)
def test_a_file_that_is_no_gate_is_refused(tmp_path, content: bytes) -> None:
    path = tmp_path / "gate.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"Expected gate\.npz"):
        GateModel.load(path)


def test_a_pickled_array_is_never_loaded(gate: GateModel, tmp_path) -> None:
    path = tmp_path / "gate.npz"
    gate.save(path)
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["limits"] = np.array([print, 1], dtype=object)
    np.savez(path, **arrays)
    with pytest.raises(ModelError, match="received ValueError"):
        GateModel.load(path)


def test_arrays_that_do_not_fit_each_other_are_refused(gate: GateModel, tmp_path) -> None:
    path = tmp_path / "gate.npz"
    gate.save(path)
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["narrow_mean"] = arrays["narrow_mean"][:-1]
    np.savez(path, **arrays)
    with pytest.raises(ModelError, match="narrow_mean"):
        GateModel.load(path)


def test_features_of_another_network_are_refused(gate: GateModel) -> None:
    with pytest.raises(ModelError, match="32 features"):
        gate.compare(np.zeros(31, np.float32))
    with pytest.raises(ModelError, match="finite"):
        gate.compare(np.full(32, np.nan, np.float32))


def test_fitting_says_what_is_missing() -> None:
    train = {name: features(30, 0) for name in RENDERINGS}
    few = {**train, "stored": features(3, 0)}
    with pytest.raises(DataError, match="at least 20"):
        fit_gate(few, features(30, 1), LAYERS)
    del train["soft"], train["negative"]
    with pytest.raises(DataError, match="soft, negative"):
        fit_gate(train, features(30, 1), LAYERS)


@pytest.mark.parametrize("name", RENDERINGS)
def test_renderings_are_deterministic_and_leave_the_film_alone(name: str) -> None:
    film = films.chest(160, 200).astype(np.float32) / 255
    before = film.copy()
    drawn = render(name, film)
    np.testing.assert_array_equal(film, before)
    np.testing.assert_array_equal(drawn, render(name, film))
    assert drawn.dtype == np.float32
    assert drawn.shape == ((200, 160) if name.startswith("rotated") else (160, 200))
    assert np.isfinite(drawn).all()


def test_turns_are_what_their_names_say() -> None:
    film = np.array([[1, 2], [3, 4]], np.float32)
    expected = {
        "stored": [[1, 2], [3, 4]],
        "mirrored": [[2, 1], [4, 3]],
        "rotated_left": [[2, 4], [1, 3]],
        "rotated_right": [[3, 1], [4, 2]],
        "upside_down": [[4, 3], [2, 1]],
        "flipped": [[3, 4], [1, 2]],
        "negative": [[0, -1], [-2, -3]],
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(render(name, film), np.array(values, np.float32))


def test_an_unknown_rendering_is_refused() -> None:
    with pytest.raises(DataError, match="solarised"):
        render("solarised", np.zeros((4, 4), np.float32))


def test_a_nearby_film_stays_closer_to_the_film_than_a_varied_one() -> None:
    def farthest(name: str) -> tuple[float, float]:
        """Over 40 films the largest move of a bright spot, in pixels, and the largest change of
        its grey: one spot per film, its own grey in each so that each draws anew."""
        moves, changes = [], []
        for i in range(40):
            film = np.full((101, 101), 0.3, np.float32)
            film[20:31, 20:31] = 0.6 + i * 0.002
            drawn = render(name, film)
            rows, columns = np.nonzero(drawn > (drawn.max() + np.median(drawn)) / 2)
            moves.append(float(np.hypot(rows.mean() - 25, columns.mean() - 25)))
            changes.append(float(abs(np.median(drawn) - 0.3)))
        return max(moves), max(changes)

    near, far = farthest("nearby"), farthest("varied")
    # By hand: 4° and a factor of 1.18 · 1.09 on 25 pixels a side, and 3 of shift, a side.
    assert 2 < near[0] < 16 < far[0]
    assert 0.02 < near[1] < far[1]
