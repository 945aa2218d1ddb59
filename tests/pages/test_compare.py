"""The compare page as a script: what it says and draws, without a browser."""

from __future__ import annotations

import json
from pathlib import Path

import imagenet_weights
import pytest
from streamlit.testing.v1 import AppTest

from cxr_core import comparison
from cxr_core.comparison import Circumstances, Latency, ProbeResult, Problem, machine
from cxr_core.schema import Interval

ROOT = Path(__file__).resolve().parents[2]
VIEWS = (
    "Why MobileNet", "All networks", "Convolutions", "Scaling", "Measure here", "On your films",
    "Which one?",
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder in which nothing was measured yet."""
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("CXR_DATABASE_URL", raising=False)
    return tmp_path


@pytest.fixture
def page(home: Path) -> AppTest:
    """The page as a newcomer meets it."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    return app.switch_page("pages/compare.py").run()


def view(page: AppTest, name: str) -> AppTest:
    page.segmented_control(key="view").set_value(name).run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    shown = [*page.markdown, *page.caption, *page.error, *page.warning, *page.info, *page.success]
    return "\n".join(str(element.value) for element in shown)


def figure(page: AppTest, key: str) -> dict[str, object]:
    for chart in page.get("plotly_chart"):
        if chart.proto.id.endswith(key) or key in chart.proto.id:
            return json.loads(chart.proto.spec)
    raise AssertionError(f"no chart {key}")


def circumstances(load: float = 0.0) -> Circumstances:
    here = machine()
    return Circumstances(
        "2026-11-21T08:00:00+00:00", here.processor, here.cores, here.system, 1,
        {"tensorflow": "2.21.0"}, load,
    )  # fmt: skip


def latency(row: str, median: float, load: float = 0.0) -> Latency:
    return Latency(
        row, "litert", 1, 50, median, 1.3 * median, 0.9 * median, 1.1 * median, 74.0, 14.0,
        "random", 224, circumstances(load),
    )  # fmt: skip


def test_first_screen_says_in_one_sentence_why_mobilenet_exists(page: AppTest):
    assert not page.exception
    said = words(page)
    counts = comparison.counts()
    fewer = counts["vgg16"].macs / counts["mobilenet"].macs
    assert f"{fewer:.0f} × fewer operations" in said
    assert "0.9 points behind" in said
    assert "MobileNet and VGG16 not measured" in said


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_opens_where_nothing_was_measured(page: AppTest, name: str):
    view(page, name)
    assert not page.error


def test_another_pair_gives_another_sentence(page: AppTest):
    page.selectbox(key="compare_a").set_value("efficientnetb0").run()
    page.selectbox(key="compare_b").set_value("resnet50").run()
    said = words(page)
    assert "**EfficientNetB0** is 2.2 points ahead of **ResNet50**" in said
    assert "× fewer operations" in said


def test_latency_that_was_not_measured_is_never_drawn(page: AppTest):
    page.segmented_control(key="compare_across").set_value("latency").run()
    assert "No network was measured on this machine yet" in words(page)
    assert not any("compare_field" in c.proto.id for c in page.get("plotly_chart"))


def test_measured_latency_is_drawn_told_and_said_to_be_busy(page: AppTest):
    comparison.keep(latency("mobilenet", 4.0))
    comparison.keep(latency("vgg16", 150.0, load=0.6))
    page.segmented_control(key="compare_across").set_value("latency").run()
    said = words(page)
    assert "4 ms against 150 ms a film, **38 times faster**" in said
    assert "The machine was busy." in said
    drawn = figure(page, "compare_field")["data"]
    assert isinstance(drawn, list)
    points = {t["name"]: t for t in drawn if t.get("mode") == "markers"}
    assert set(points) == {"chosen", "rival"}
    assert "Not measured here, so not drawn: MobileNetV2" in said


def test_the_table_holds_every_backbone_and_registered_model(page: AppTest, model_entry: object):
    view(page, "All networks")
    table = page.dataframe[0].value
    names = list(table["Network"])
    assert {"MobileNet", "EfficientNetB7", "VGG19", "ConvNeXtTiny", "NASNetMobile"} <= set(names)
    assert len(names) >= 21 + 1
    assert table["LiteRT float32"].isna().all()
    course = dict(zip(names, table["The course says"], strict=True))
    assert course["MobileNet"] == "2.3 M, 71 / 90.5"
    assert page.dataframe[0].proto.placeholder == "not measured"


def test_a_measured_latency_stands_in_the_table_with_date_and_processor(page: AppTest):
    comparison.keep(latency("mobilenetv2", 3.3))
    view(page, "All networks")
    table = page.dataframe[0].value.set_index("Network")
    assert table.loc["MobileNetV2", "LiteRT float32"] == pytest.approx(3.3)
    said = words(page)
    assert "2026-11-21 08:00 UTC" in said
    assert machine().processor in said
    assert "1 thread" in said


def test_what_could_not_be_measured_is_told_and_the_rest_stands(page: AppTest):
    comparison.keep(
        Problem("vgg19", "latency", "Expected 900 MB; 200 MB are free. Close programs.", "2026")
    )
    comparison.keep(latency("mobilenetv2", 3.3))
    view(page, "All networks")
    assert "**VGG19** Expected 900 MB" in words(page)
    assert page.dataframe[0].value["LiteRT float32"].notna().sum() == 1


def test_a_damaged_line_of_measurements_is_counted_and_left_out(page: AppTest, home: Path):
    comparison.keep(latency("mobilenetv2", 3.3))
    with comparison.path().open("a") as file:
        file.write("{half a li\n")
    page.run()
    assert not page.exception
    assert "1 lines of kept measurements" in words(page)


@pytest.mark.parametrize(("kernel", "leaving"), [(3, 512), (5, 64), (7, 8)])
def test_sliders_give_the_cost_ratio_of_howard(page: AppTest, kernel: int, leaving: int):
    view(page, "Convolutions")
    page.select_slider(key="compare_kernel").set_value(kernel).run()
    page.select_slider(key="compare_out").set_value(leaving).run()
    assert page.metric[0].value == f"{1 / leaving + 1 / kernel**2:.3f}"


def test_bars_of_mobilenet_reproduce_the_published_shares(page: AppTest):
    view(page, "Convolutions")
    bars = figure(page, "compare_kinds")["data"]
    assert isinstance(bars, list)
    pointwise = next(bar for bar in bars if bar["name"] == "convolution 1×1")
    assert pointwise["text"][:2] == ["94.86 %", "74.59 %"]


def test_each_way_of_scaling_spends_about_the_same(page: AppTest):
    view(page, "Scaling")
    page.select_slider(key="compare_budget").set_value(3).run()
    assert not page.exception
    notes = figure(page, "compare_ways")["layout"]["annotations"]  # type: ignore[index]
    spent = [float(n["text"].split("× ")[1][:3]) for n in notes if "operations ×" in n["text"]]
    assert len(spent) == 4
    assert all(2.6 <= times <= 3.4 for times in spent)


def test_measurements_are_listed_with_spread_load_and_circumstances(page: AppTest):
    comparison.keep(latency("mobilenetv2", 3.3, load=0.4))
    view(page, "Measure here")
    line = page.dataframe[0].value.iloc[0]
    assert line["Median"] == pytest.approx(3.3)
    assert line["Quartiles apart"] == pytest.approx(0.66)
    assert line["Machine"] == "busy: 40 % by others"
    assert machine().processor in line["Measured with"]


def test_measuring_nothing_is_refused_in_words(page: AppTest):
    view(page, "Measure here")
    page.multiselect(key="compare_measure_rows").set_value([])
    page.button(key="compare_measure_start").click().run()
    assert page.error[0].value.startswith("Expected at least one network")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "the whole path of a data set on this machine; received nothing"),
        ("films/NORMAL", "received a part of one"),
        ("/no/such/folder", "received a path where nothing lies"),
        ("'~'", "Expected"),
    ],
)
def test_a_data_set_that_is_none_is_refused_in_words(
    page: AppTest, given: str, words: str, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(home / "keras"))
    imagenet_weights.write("mobilenetv2")
    view(page, "On your films")
    page.text_input(key="compare_probe_data").set_value(given)
    page.button(key="compare_probe_start").click().run()
    assert not page.exception
    assert words in page.error[0].value
    assert "/no/such" not in page.error[0].value


def test_networks_without_weights_say_where_they_come_from(page: AppTest):
    view(page, "On your films")
    assert "https://storage.googleapis.com" in words(page)
    assert page.button(key="compare_download_resnet50").label == "Download"


def test_a_probe_is_shown_with_its_interval_and_its_seconds(page: AppTest):
    found = ProbeResult(
        "mobilenetv2", "films", 800, 200, 500, 120, Interval(0.97, 0.95, 0.99), 12.5, 0.4,
        1280, 224, False, "imagenet", 0, circumstances(),
    )  # fmt: skip
    comparison.keep(found)
    view(page, "On your films")
    line = page.dataframe[0].value.iloc[0]
    assert line["AUC"] == "0.970 (0.950 to 0.990)"
    assert line["Features, s"] == 12.5
    assert line["Films"] == "800 + 200"


def test_constraints_leave_the_admissible_ones_with_their_reasons(page: AppTest):
    comparison.keep(latency("mobilenetv2", 3.3))
    comparison.keep(latency("vgg16", 150.0))
    view(page, "Which one?")
    page.number_input(key="compare_max_latency").set_value(20.0).run()
    said = words(page)
    assert "### MobileNetV2" in said
    assert "150.0 ms here (LiteRT float32, batch 1), above 20" in said
    assert "not measured on this machine" in said
    assert "The course's guide" in said


def test_constraints_that_nothing_keeps_are_told(page: AppTest):
    view(page, "Which one?")
    page.number_input(key="compare_min_top1").set_value(99.0).run()
    assert "No network keeps to all of these" in words(page)
