"""Figures carry the numbers they were given; how they look is the browser test's matter."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core import figures
from cxr_core.figures import Viewport
from cxr_core.schema import Heatmap, OperatingPoint, Prediction

POINT = OperatingPoint(0.62, 0.5, 0.75, "sensitivity", "validation", 700)
IMAGE = "data:image/jpeg;base64,"


def heatmap(flat: bool = False) -> Heatmap:
    values = np.zeros((2, 4), np.float32)
    if not flat:
        values[1, 0] = 3.0
    return Heatmap("PNEUMONIA", values, flat)


def prediction(probability: float) -> Prediction:
    return Prediction(probability, "PNEUMONIA", False, POINT, "m", "1.0.0", "0" * 64, 12.0)


def test_film_spans_its_own_pixels_with_row_zero_on_top():
    figure = figures.film(IMAGE, (300, 400))
    assert list(figure.layout.xaxis.range) == [0, 400]
    assert list(figure.layout.yaxis.range) == [300, 0]
    picture = figure.layout.images[0]
    assert (picture.x, picture.y, picture.sizex, picture.sizey) == (0, 0, 400, 300)


def test_hottest_point_of_the_map_lies_over_its_cell_of_the_film():
    overlay = figures.film(IMAGE, (300, 400), heatmap(), top=3.0).data[0]
    row, column = np.unravel_index(np.argmax(overlay.z), np.shape(overlay.z))
    assert 150 < overlay.y[row] < 300
    assert 0 < overlay.x[column] < 100


def test_map_keeps_its_units_and_the_scale_it_was_given():
    overlay = figures.film(IMAGE, (300, 400), heatmap(), top=5.0).data[0]
    assert (overlay.zmin, overlay.zmax) == (0, 5.0)
    assert float(np.max(overlay.z)) == pytest.approx(3.0)
    assert figures.UNIT in overlay.colorbar.title.text


def test_opacity_slider_restyles_the_overlay_and_nothing_else():
    figure = figures.film(IMAGE, (300, 400), heatmap(), viewport=Viewport(opacity=80))
    slider = figure.layout.sliders[0]
    assert slider.steps[slider.active].label == "80 %"
    assert {step.method for step in slider.steps} == {"restyle"}
    assert [step.args[0]["opacity"] for step in slider.steps] == [k / 20 for k in range(21)]
    assert all(list(step.args[1]) == [0] for step in slider.steps)
    assert figure.data[0].type == "heatmap"


def test_flat_map_is_not_drawn_and_offers_no_opacity():
    figure = figures.film(IMAGE, (300, 400), heatmap(flat=True))
    assert [trace.type for trace in figure.data] == ["scatter"]
    assert not figure.layout.sliders


def test_side_by_side_shows_the_film_twice_and_zooms_both():
    figure = figures.film(IMAGE, (300, 400), heatmap(), view="Side by side")
    assert [image.xref for image in figure.layout.images] == ["x", "x2"]
    assert (figure.layout.xaxis2.matches, figure.layout.yaxis2.matches) == ("x", "y")
    assert figure.data[0].xaxis == "x2"


def test_view_is_drawn_where_the_reader_left_it():
    seen = Viewport(x=(10, 50), y=(90, 20), opacity=30)
    figure = figures.film(IMAGE, (300, 400), heatmap(), viewport=seen)
    assert list(figure.layout.xaxis.range) == [10, 50]
    lower, upper = figure.layout.yaxis.range
    assert lower > upper
    assert (lower + upper) / 2 == 55
    assert figure.data[0].opacity == pytest.approx(0.3)


def test_a_zoomed_view_can_go_back_to_the_whole_film():
    seen = Viewport(x=(10, 50), y=(90, 20))
    figure = figures.film(IMAGE, (300, 400), heatmap(), viewport=seen)
    x, y = (axis.autorangeoptions for axis in (figure.layout.xaxis, figure.layout.yaxis))
    assert (x.minallowed, x.maxallowed, y.minallowed, y.maxallowed) == (0, 400, 0, 300)
    assert figures.FILM_CONFIG["doubleClick"] == "autosize"


def test_view_beyond_all_edges_shows_the_whole_film():
    assert Viewport().shows_all(300, 400)
    assert Viewport(x=(-50, 450), y=(300, 0)).shows_all(300, 400)
    assert not Viewport(x=(10, 400), y=(300, 0)).shows_all(300, 400)
    assert not Viewport(x=(0, 400), y=(280, 0)).shows_all(300, 400)


@pytest.mark.parametrize("name", figures.COLOUR_MAPS)
def test_colour_maps_grow_lighter_all_along_and_let_the_film_show_at_zero(name: str):
    table = figures.colour_table(name).astype(float)
    lightness = table[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(lightness) > -1.5)
    assert lightness[-1] - lightness[0] > 100
    assert (table[0, 3], table[-1, 3]) == (0, 255)


def test_unknown_colour_map_is_named_in_the_error():
    with pytest.raises(ValueError, match=r"Inferno.*'jet'"):
        figures.colour_scale("jet")


def test_bar_carries_probability_operating_point_and_refer_band():
    figure = figures.probability_bar(prediction(0.9))
    assert [bar.x[0] for bar in figure.data] == [1, 0.9]
    band, line = figure.layout.shapes
    assert (band.x0, band.x1, line.x0) == (0.5, 0.75, 0.62)
    texts = [note.text for note in figure.layout.annotations]
    assert "operating point 0.62" in texts
    assert "refer to a reader 0.50–0.75" in texts


@pytest.mark.parametrize("at", [0.01, 0.5, 0.99])
def test_labels_of_the_bar_stay_inside_it(at: float):
    point = OperatingPoint(at, at / 2, min(1.0, at * 1.01), "", "", 1)
    found = figures.probability_bar(
        Prediction(0.5, "NORMAL", True, point, "m", "1.0.0", "0" * 64, 1.0)
    )
    middles = [n.x for n in found.layout.annotations if n.xanchor == "center"]
    assert all(0.2 <= x <= 0.8 for x in middles)
