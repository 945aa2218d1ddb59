"""Figures of the compare page: what they are drawn from is what they show."""

from __future__ import annotations

import itertools
import math

import pytest

from cxr_core import comparison, figures
from cxr_core.figures import Bubble, Span

LETTER, LINE = 7.0, 16.0


def bubbles() -> list[Bubble]:
    """Every backbone, as the page draws them."""
    rows = [row for row in comparison.table(registered=False) if row.macs and row.top1]
    return [
        Bubble(
            row.title, (row.macs or 0) / 1e9, row.top1 or 0, row.params or 0,
            {"mobilenet": "chosen", "vgg16": "rival"}.get(row.id, "other"),
        )
        for row in rows
    ]  # fmt: skip


def test_discs_have_areas_in_the_ratio_of_their_parameters():
    figure = figures.field(
        [Bubble("a", 1, 70, 100), Bubble("b", 2, 71, 25)], [], x_title="x", y_title="y"
    )
    large, small = figure.data[0].marker.size
    assert (large / small) ** 2 == pytest.approx(4)


def test_the_front_is_a_staircase_that_reaches_the_edge():
    points = [Bubble("a", 1, 70, 1), Bubble("b", 10, 75, 1), Bubble("c", 5, 60, 1)]
    figure = figures.field(points, [(1, 70), (10, 75)], x_title="x", y_title="y")
    line = next(t for t in figure.data if t.mode == "lines")
    assert line.line.shape == "hv"
    assert list(line.x)[:2] == [1, 10]
    assert math.log10(line.x[-1]) == pytest.approx(figure.layout.xaxis.range[1])
    assert list(line.y) == [70, 75, 75]


def test_those_spoken_of_lie_on_top_and_in_bold():
    figure = figures.field(bubbles(), [], x_title="x", y_title="y")
    assert [t.name for t in figure.data] == ["other", "rival", "chosen"]
    bold = {n.text for n in figure.layout.annotations if n.text.startswith("<b>")}
    assert bold == {"<b>MobileNet</b>", "<b>VGG16</b>"}


@pytest.mark.parametrize(("width", "height"), [(694, 360), (794, 448), (1091, 628)])
def test_no_label_of_the_table_lies_on_another(width: int, height: int):
    """At the sizes of windows of 1280 × 800, 1440 × 900 and 1920 × 1080."""
    drawn = bubbles()
    costs, values = [b.x for b in drawn], [b.y for b in drawn]
    front = [(costs[i], values[i]) for i in comparison.pareto(costs, values)]
    figure = figures.field(drawn, front, x_title="x", y_title="y", width=width, height=height)
    (low, high), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    boxes = []
    for note in figure.layout.annotations:
        if note.name == "key":
            continue
        text = note.text.removeprefix("<b>").removesuffix("</b>")
        x = (note.x - low) / (high - low) * (width - 76) + note.ax
        y = (top - note.y) / (top - bottom) * (height - 86) + note.ay
        w, h = LETTER * len(text) * note.font.size / 14, LINE * note.font.size / 14
        boxes.append((text, x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    assert len(boxes) == len(drawn)
    over = [
        (a[0], b[0])
        for a, b in itertools.combinations(boxes, 2)
        if min(a[3], b[3]) - max(a[1], b[1]) > 3 and min(a[4], b[4]) - max(a[2], b[2]) > 3
    ]
    assert over == []


def test_a_field_without_networks_is_refused():
    with pytest.raises(ValueError, match="at least one network"):
        figures.field([], [], x_title="x", y_title="y")


def test_bars_of_layers_add_up_and_keep_their_colours():
    figure = figures.layer_shares(
        [("a", {"conv": 0.75, "dense": 0.25}), ("b", {"conv": 0.0, "dense": 1.0})]
    )
    assert [sum(bar.x[k] for bar in figure.data) for k in (0, 1)] == [100, 100]
    assert len({bar.marker.color for bar in figure.data}) == 2
    assert figure.data[0].text == ("75.00 %", "")


def test_a_kind_that_no_row_has_is_left_out_and_moves_no_colour():
    full = figures.layer_shares([("a", {"conv": 0.5, "none": 0.1, "dense": 0.4})])
    without = figures.layer_shares([("a", {"conv": 0.6, "none": 0.0, "dense": 0.4})])
    assert [bar.name for bar in without.data] == ["conv", "dense"]
    assert without.data[1].marker.color == full.data[2].marker.color


def test_cost_says_how_many_times_fewer():
    figure = figures.convolution_cost(900.0, 10.0, 90.0)
    assert sum(v for bar in figure.data for v in bar.x if v) == 1000
    assert any("9.0 × fewer" in note.text for note in figure.layout.annotations)


@pytest.mark.parametrize(
    ("count", "words"), [(462e6, "462 M"), (3.87e9, "3.87 G"), (999, "999"), (52.3e6, "52.3 M")]
)
def test_counts_in_words(count: float, words: str):
    assert figures.in_words(count) == words


@pytest.mark.parametrize("size", [7, 224])
@pytest.mark.parametrize("channels", [8, 1024])
def test_blocks_of_a_convolution_stay_inside_their_picture(channels: int, size: int):
    figure = figures.convolution_picture(7, channels, channels, size)
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    for shape in figure.layout.shapes:
        for corner in shape.path[2:-2].split(" L "):
            x, y = map(float, corner.split(","))
            assert left <= x <= right
            assert bottom <= y <= top
    texts = [note.text for note in figure.layout.annotations]
    assert f"{channels} filters of 7 × 7 × {channels}" in texts


def test_a_figure_from_a_busy_machine_is_hollow():
    items = [Span("a", "LiteRT", 1, 2, 3, 4), Span("b", "LiteRT", 2, 3, 4, 9, busy=True)]
    figure = figures.spans(items, "ms")
    middle = next(t for t in figure.data if t.name == "LiteRT")
    assert list(middle.marker.symbol) == ["circle", "circle-open"]
    assert "busy" in middle.hovertext[1]
    assert figure.layout.yaxis.ticktext == ("a", "b")


def test_letters_are_drawn_in_the_text_colour_of_the_theme_unless_they_have_their_own():
    figure = figures.field(bubbles(), [], x_title="x", y_title="y")
    dark = figures.legible(figure, dark=True)
    assert dark.layout.xaxis.tickfont.color == "#e6eaee"
    colours = {n.text: n.font.color for n in dark.layout.annotations}
    assert colours["ResNet50"] == "#e6eaee"
    assert colours["<b>MobileNet</b>"] == figures.TONES["chosen"]


def test_two_networks_alone_are_seen_whole_between_ticks():
    two = [Bubble("a", 0.15, 99.6, 2.3e6), Bubble("b", 0.3, 95.0, 3.5e6)]
    figure = figures.field(two, [], x_title="x", y_title="y", width=794, height=448)
    assert len(figure.layout.xaxis.tickvals) >= 3
    bottom, top = figure.layout.yaxis.range
    pixel = (top - bottom) / (448 - 86)
    above, below = (size / 2 * pixel for size in figure.data[0].marker.size)
    assert bottom <= 95.0 - below
    assert top >= 99.6 + above
