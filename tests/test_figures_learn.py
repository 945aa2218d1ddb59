"""The diagram of a block: which box says what, and which reads which."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from cxr_core import figures
from cxr_core.architectures import ARCHITECTURES, block_plan, plan
from cxr_core.figures import _blocks


def boxes(key: str) -> dict[str, _blocks.Node]:
    return {node.name: node for node in _blocks.nodes(block_plan(key))}


def test_norms_and_activations_ride_with_their_convolution() -> None:
    found = boxes("resnet50")
    assert found["bottleneck_2_conv"].lines == ("<b>3×3 conv<br>64</b>", "batch norm", "ReLU")
    # 36,864 weights and four numbers for each of 64 channels.
    assert found["bottleneck_2_conv"].parameters == 36_864 + 4 * 64
    assert found["bottleneck_add"].sources == ("input", "bottleneck_3_conv")


def test_norms_before_a_convolution_ride_in_front_of_it() -> None:
    found = boxes("densenet121")
    first = found["dense_block1_1_conv"]
    assert first.lines == ("<i>batch norm</i>", "<i>ReLU</i>", "<b>1×1 conv<br>128</b>")
    assert first.sources == ("input",)
    assert found["dense_block1_concat"].sources == ("input", "dense_block1_2_conv")


def test_inception_has_four_lanes_that_join() -> None:
    found = boxes("googlenet")
    assert len({node.lane for node in found.values()}) == 4
    assert len(found["3a_output"].sources) == 4


@pytest.mark.parametrize("row", ARCHITECTURES, ids=lambda row: row.key)
def test_every_block_is_drawn_with_all_its_parameters(row: object) -> None:
    key = row.key  # type: ignore[attr-defined]
    rows = block_plan(key)
    found = _blocks.nodes(rows)
    assert sum(node.parameters for node in found) == sum(r.parameters for r in rows)
    places = [(node.column, node.lane) for node in found]
    assert len(set(places)) == len(places)
    at = {node.name: node for node in found}
    assert all(at[s].column < node.column for node in found for s in node.sources)
    drawn = figures.block_diagram(rows)
    said = "".join(note.text for note in drawn.layout.annotations)
    assert all(line in said for node in found for line in node.lines)


def test_a_profile_shows_every_layer_but_the_input() -> None:
    rows = plan("vgg16")
    activations, parameters = figures.layer_profile(rows).data
    assert list(parameters.y) == [r.parameters for r in rows[1:]]
    assert activations.y[0] == 224 * 224 * 64


def uri_pixels(source: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))


def test_a_map_colours_the_film_where_it_is_strong_and_only_there() -> None:
    film = np.full((28, 28, 1), 100, np.uint8)
    values = np.zeros((2, 2), np.float32)
    values[0, 0] = 5
    plain = uri_pixels(figures.picture(film).layout.images[0].source)
    assert plain.shape == (28, 28)
    over = uri_pixels(figures.picture(film, overlay=values).layout.images[0].source)
    assert np.ptp(over[10, 10].astype(int)) > 50
    assert (over[-10, -10] == 100).all()


def test_against_is_blue_and_for_is_orange() -> None:
    film = np.full((28, 28, 1), 100, np.uint8)
    values = np.array([[1, -1]], np.float32)
    over = uri_pixels(figures.picture(film, overlay=values, signed=True).layout.images[0].source)
    left, right = over[over.shape[0] // 2, 5], over[over.shape[0] // 2, -5]
    assert left[0] > left[2]
    assert right[2] > right[0]


def test_tiles_are_stretched_each_to_its_own_range() -> None:
    maps = np.stack([np.eye(4, dtype=np.float32), 100 * np.eye(4, dtype=np.float32)])
    drawn = figures.tiles(maps, ["7", "3"], columns=2)
    sheet = uri_pixels(drawn.layout.images[0].source)
    shown = sheet[..., 0][sheet[..., 3] == 255]
    assert set(np.unique(shown)) == {0, 255}
    assert [note.text for note in drawn.layout.annotations] == ["7", "3"]


def test_the_box_of_a_unit_is_drawn_in_the_film_s_pixels() -> None:
    drawn = figures.picture(np.zeros((30, 40)), box=(2, 12, 5, 25)).layout.shapes[0]
    assert (drawn.y0, drawn.y1, drawn.x0, drawn.x1) == (2, 12, 5, 25)


def test_a_deletion_curve_shows_the_map_against_the_middle_of_the_others() -> None:
    at_random = np.array([[1.0, 3.0], [1.0, 5.0], [1.0, 10.0]])
    found = figures.deletion_curve(np.array([0, 0.1]), np.array([1.0, 0.0]), at_random)
    traces = {trace.name: trace for trace in found.data}
    assert list(traces["elsewhere, median"].y) == [1, 5]
    assert list(traces["where the map points"].x) == [0, 10]


def test_a_kernel_is_drawn_with_its_numbers() -> None:
    drawn = figures.kernel(np.array([[0.5, -0.25], [0, 1]], np.float32)).data[0]
    assert [list(row) for row in drawn.text] == [["0.5", "-0.25"], ["0", "1"]]
    assert (drawn.zmin, drawn.zmax) == (-1, 1)
    assert figures.kernel(np.ones((11, 11), np.float32)).data[0].text is None


def test_a_vector_has_a_bar_for_each_unit() -> None:
    bars = figures.vector(np.array([1.5, -2], np.float32)).data[0]
    assert tuple(bars.y) == (1.5, -2)
    assert bars.marker.color[0] != bars.marker.color[1]


def test_colours_of_filters_stay_colours() -> None:
    red = np.zeros((1, 1, 1, 3), np.float32)
    red[..., 0] = 1
    source = figures.tiles(red, ["0"], signed=True).layout.images[0].source
    pixel = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))[0, 0]
    assert pixel.tolist() == [255, 128, 128, 255]
