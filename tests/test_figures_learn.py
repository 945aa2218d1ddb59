"""The diagram of a block: which box says what, and which reads which."""

from __future__ import annotations

import pytest

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
