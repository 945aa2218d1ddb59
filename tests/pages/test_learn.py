"""The lecture page as a script: every view, what it says, and that Keras stays outside the app."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cxr_core import advice, jobs, methods, mistakes
from cxr_core.architectures import ARCHITECTURES
from cxr_core.explain.gallery import METHODS
from cxr_core.jobs._process import identity
from cxr_core.mistakes import MISTAKES
from cxr_core.registry import ModelEntry
from cxr_core.transformations import TRANSFORMATIONS
from cxr_core.workroom import Answer, Workroom
from pages._learn import queue, room

ROOT = Path(__file__).resolve().parents[2]


class Recorded:
    """Stands for the process: known answers at once, questions kept."""

    warm = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def ask(self, task: str, *, arrays: Any = None, **values: Any) -> Answer:
        self.asked.append((task, values))
        image = np.full((32, 32, 1), 90, np.uint8)
        layers = [
            {"name": "conv", "label": "3×3 conv 4", "shape": [16, 16, 4], "parameters": 40,
             "kind": "Conv2D", "filters": True, "maps": True, "output": True},
            {"name": "pool", "label": "2×2 max pool", "shape": [8, 8, 4], "parameters": 0,
             "kind": "MaxPooling2D", "filters": False, "maps": True, "output": True},
            {"name": "mean", "label": "mean over the map", "shape": [4], "parameters": 0,
             "kind": "GlobalAveragePooling2D", "filters": False, "maps": False, "output": True},
        ]  # fmt: skip
        at = values.get("layer")
        ramp = np.arange(64, dtype=np.float32).reshape(8, 8)
        answers: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
            "layers": ({"layers": layers, "side": 32, "channels": 1, "last_map": "pool",
                        "classes": ["NORMAL", "PNEUMONIA"]}, {}),
            "maps": ({"count": 4, "silent": 1},
                     {"maps": np.stack([ramp[:1, :1] if at == "mean" else ramp] * 4),
                      "numbers": np.arange(4), "image": image}),
            "filters": ({"count": 4}, {"filters": np.ones((4, 3, 3), np.float32)}),
            "field": ({"box": [0, 10, 2, 12], "size": [10, 10], "whole": False, "units": [8, 8],
                       "row": 4, "column": 4, "jump": 2}, {"image": image}),
            "attention": ({}, {"image": image, "patches": np.zeros((14, 14, 16, 16), np.uint8),
                               "class_token": np.full((12, 12, 14, 14), 1 / 197, np.float32),
                               "rollout": np.full((14, 14), 1 / 197, np.float32),
                               "positions": np.zeros((14, 14, 14, 14), np.float32)}),
            "top5": ({"guesses": [["tabby", 0.5], ["tiger cat", 0.2], ["lynx", 0.1],
                                  ["quill", 0.05], ["web site", 0.02]]}, {}),
            "explain": ({"elapsed_ms": 12.0, "first_ms": 850.0, "answer": "PNEUMONIA",
                         "flat": values.get("method") == "smoothgrad",
                         "layer": values.get("layer"), "score": 1.5},
                        {"values": ramp, "image": image}),
            "check": ({"p": 0.05 if values.get("method") == "grad_cam" else 0.6,
                       "moved": values.get("method") == "grad_cam",
                       "correlations": [0.1, 0.2, 0.3], "changed": True},
                      {"fractions": np.array([0, 0.1]), "by_map": np.array([1.5, 1.0]),
                       "at_random": np.ones((19, 2))}),
        }  # fmt: skip
        return Answer(*answers[task])


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    made = Recorded()
    monkeypatch.setattr(room, "workroom", lambda: made)
    return made


@pytest.fixture
def page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.switch_page("pages/learn.py").run()
    assert not app.exception
    return app


def view(page: AppTest, name: str, part: tuple[str, str] | None = None) -> AppTest:
    page.segmented_control(key="learn_view").set_value(name).run()
    if part:
        page.segmented_control(key=part[0]).set_value(part[1]).run()
    assert not page.exception, page.exception
    return page


def words(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.warning, page.info, page.success, page.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def charts(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def test_each_architecture_says_what_it_solved_and_adds_up(page: AppTest) -> None:
    for row in ARCHITECTURES:
        page.selectbox(key="learn_architecture").set_value(row.key).run()
        assert not page.exception
        said = words(page)
        assert row.problem in said
        assert row.idea in said
        assert row.link in said
        assert all(p.value in said for p in row.published)
        assert page.metric[0].value == f"{row.parameters:,}"
        assert charts(page)[0]["layout"]["annotations"]


def test_layers_and_code_are_shown(page: AppTest) -> None:
    view(page, "Architectures", ("learn_architecture_part", "Layers"))
    table = page.dataframe[0].value
    assert table["Parameters"].sum() == 25_610_152
    view(page, "Architectures", ("learn_architecture_part", "Code"))
    assert "def bottleneck(" in page.code[0].value


def test_each_transformation_says_whether_it_happens(page: AppTest) -> None:
    view(page, "Augmentation")
    for row in TRANSFORMATIONS:
        page.button_group(key="learn_transformation").set_value(row.key).run()
        assert not page.exception
        assert row.sentence in words(page)
        before, after = charts(page)
        images = [c["layout"]["images"][0]["source"] for c in (before, after)]
        assert images[0] != images[1]


def test_which_method_follows_the_two_questions(page: AppTest) -> None:
    view(page, "Which method?")
    assert "earlier layer" in words(page)
    page.segmented_control(key="learn_likeness").set_value("similar").run()
    assert "linear classifier on the features" in words(page)
    page.select_slider(key="learn_examples").set_value(100_000).run()
    assert "Fine-tune" in words(page)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("Feature maps", "4 maps of 8×8, 1 of them silent"),
        ("Filters", "4 filters of 3×3"),
        ("What a unit sees", "sees 10×10 pixels"),
        ("Vision transformer", "weights are random"),
    ],
)
def test_inside_a_film(page: AppTest, recorded: Recorded, part: str, said: str) -> None:
    view(page, "Inside a film", ("learn_inside_part", part))
    assert said in words(page)
    assert charts(page)


def test_a_layer_without_rows_and_columns_shows_its_numbers(
    page: AppTest, recorded: Recorded
) -> None:
    view(page, "Inside a film")
    source = page.session_state["learn_source"]
    page.selectbox(key=f"learn_layer_inside_output_{source}").set_value("mean").run()
    assert not page.exception
    assert "4 numbers, without rows and columns; 1 of them 0" in words(page)
    assert charts(page)[0]["data"][0]["type"] == "bar"


def test_a_random_network_says_that_it_has_learnt_nothing(
    page: AppTest, recorded: Recorded
) -> None:
    view(page, "Inside a film")
    page.selectbox(key="learn_source_inside").set_value("zoo:resnet18").run()
    assert "learnt nothing" in words(page)


def test_maps_are_drawn_and_those_that_fail_are_labelled(
    page: AppTest, recorded: Recorded, model_entry: ModelEntry
) -> None:
    view(page, "Why?")
    assert not [task for task, _ in recorded.asked if task == "explain"]
    page.button(key="learn_ask").click().run()
    assert not page.exception
    assert len(charts(page)) == len(METHODS)
    assert words(page).count("12 ms, the first time 850") == len(METHODS)
    assert words(page).count("Not tested") == len(METHODS) - 1
    page.toggle(key="learn_checks").set_value(True).run()
    assert not page.exception
    said = words(page)
    assert said.count("Masking: passed, none of 19 masks elsewhere did as much (p = 0.05)") == 1
    assert "11 of 19 masks elsewhere" in said
    assert said.count("Masking: failed") == len(METHODS) - 2
    assert said.count("Fails: flat") == 1
    table = page.table[0].value
    assert list(table.index) == [row.title for row in METHODS]
    assert set(table["By"]) == {"tf-explain", "tf-explain, corrected", "own"}
    # Asked once each: the rerun found the answers.
    assert [v["method"] for t, v in recorded.asked if t == "explain"] == [m.key for m in METHODS]
    layers = {v["method"]: v["layer"] for t, v in recorded.asked if t == "explain"}
    assert layers["grad_cam"] == "pool"
    assert layers["occlusion"] is None


def test_an_own_film_is_looked_at_and_stays_in_the_session(
    page: AppTest, recorded: Recorded
) -> None:
    view(page, "Why?")
    page.selectbox(key="learn_film_why").set_value("A film of my own…").run()
    assert "Choose or drop a film" in words(page)
    buffer = io.BytesIO()
    Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (200, 1))).save(buffer, "PNG")
    page.file_uploader(key="learn_upload_why").set_value(("x.png", buffer.getvalue(), "image/png"))
    page.run()
    assert page.session_state["learn_own_film"].pixels.shape == (200, 256)
    page.file_uploader(key="learn_upload_why").set_value(("x.png", b"no film", "image/png"))
    page.run()
    assert "Expected" in page.error[0].value


def test_guesses_for_a_photograph_and_for_a_film(page: AppTest, recorded: Recorded) -> None:
    view(page, "As it came")
    drawn = [c for c in charts(page) if c["data"][0]["type"] == "bar"]
    assert len(drawn) == 2
    assert drawn[0]["data"][0]["y"][0] == "tabby"


@pytest.mark.parametrize("kind", ["no picture", "cut off", "too large"])
def test_a_file_that_is_no_photograph_is_refused_in_a_sentence(
    page: AppTest, recorded: Recorded, kind: str
) -> None:
    buffer = io.BytesIO()
    size = (20_000, 6_000) if kind == "too large" else (64, 64)
    Image.new("L", size).save(buffer, "PNG")
    data = {"no picture": b"%PDF", "cut off": buffer.getvalue()[:60]}.get(kind, buffer.getvalue())
    view(page, "As it came")
    page.file_uploader(key="learn_photograph").set_value(("x.png", data, "image/png")).run()
    assert not page.exception
    assert "Choose another picture" in page.error[0].value


@pytest.fixture(scope="module")
def real() -> Iterator[Workroom]:
    made = Workroom()
    yield made
    made.close()


@pytest.mark.slow
def test_the_shipped_model_answers_with_a_real_process(
    page: AppTest, real: Workroom, monkeypatch: pytest.MonkeyPatch, model_entry: ModelEntry
) -> None:
    monkeypatch.setattr(room, "workroom", lambda: real)
    page.session_state["learn_source"] = f"model:{model_entry.name}:{model_entry.version}"
    view(page, "Why?")
    page.button_group(key="learn_methods").set_value(["grad_cam", "vanilla_gradients"]).run(
        timeout=120
    )
    page.button(key="learn_ask").click().run(timeout=120)
    assert not page.exception
    assert len(charts(page)) == 2
    view(page, "Inside a film")
    assert "maps of" in words(page)


def test_the_page_loads_no_keras() -> None:
    code = (
        "from streamlit.testing.v1 import AppTest; import sys;"
        "app = AppTest.from_file('app.py', default_timeout=60).run();"
        "app.switch_page('pages/learn.py').run();"
        "print([m for m in ('keras', 'tensorflow', 'tf_explain') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip().endswith("[]"), run.stderr[-500:]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with no jobs."""
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    monkeypatch.delenv("CXR_DATABASE_URL", raising=False)
    monkeypatch.setattr(queue.jobs.executor(jobs.open_table()).__class__, "tick", lambda self: None)
    return tmp_path


def test_each_mistake_says_what_it_cost(home: Path, page: AppTest) -> None:
    view(page, "Mistakes")
    for row in MISTAKES:
        page.button_group(key="learn_mistake").set_value(row.key).run()
        assert not page.exception
        said = words(page)
        assert row.happens in said
        assert row.lesson in said
        assert "McNemar" in said
        assert [code.value for code in page.code] == [row.wrong_code, row.right_code]
        assert len(page.metric) == 4
        found = mistakes.pair(row.key).comparison
        sure = found.all.p <= 0.05 or (found.auc_p or 1) <= 0.05
        assert ("chance alone" in said) != sure


def test_both_runs_of_a_mistake_are_queued_and_shown_once_they_are_done(
    home: Path, page: AppTest
) -> None:
    view(page, "Mistakes")
    page.text_input(key="learn_rehearse_source").set_value("")
    page.button[-1].click().run()
    assert "Expected a folder" in page.error[0].value
    page.text_input(key="learn_rehearse_source").set_value(str(home))
    page.button[-1].click().run()
    assert not page.exception
    assert not page.error, page.error[0].value
    right, wrong = table_of(home)
    assert (right.title, wrong.title) == ("Rescaling twice · right", "Rescaling twice · wrong")
    assert {**wrong.config, "side": "right"} == dict(right.config)
    assert wrong.config["mistake"] == "double_rescaling"
    # Both ended: what they measured takes the place of what is shipped.
    stored = json.loads(mistakes.SHIPPED.read_text())
    for job in (wrong, right):
        run = {"wrong": "double_rescaling", "right": "right"}[str(job.config["side"])]
        one = stored | {"runs": {run: stored["runs"][run]}}
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / "runs.json").write_text(json.dumps(one))
        claimed = jobs.open_table().claim(job.id, identity())
        assert claimed is not None
        jobs.open_table().finish(claimed, jobs.State.DONE, result={})
    page.run()
    assert "Made here" in words(page)
    page.button_group[-1].set_value("shipped").run()
    assert "Made here" not in words(page)


def test_a_threshold_of_the_test_set_needs_one_run(home: Path, page: AppTest) -> None:
    view(page, "Mistakes")
    page.button_group(key="learn_mistake").set_value("threshold").run()
    page.text_input(key="learn_rehearse_source").set_value(str(home))
    page.button[-1].click().run()
    assert not page.exception
    (job,) = table_of(home)
    assert job.config["side"] == "right"


def table_of(home: Path) -> tuple[jobs.Job, ...]:
    return jobs.open_table().list(kind="rehearsal")


def test_the_recommended_method_is_queued(home: Path, page: AppTest) -> None:
    view(page, "Which method?")
    page.text_input(key="learn_which_source").set_value(str(home))
    page.button[-1].click().run()
    assert not page.exception
    assert not page.error, page.error[0].value
    (job,) = jobs.open_table().list(kind="train")
    plan = methods.from_config(job.config)
    assert plan.method == advice.advise(3000, "different").method
    assert plan.data.source == str(home)


def test_an_architecture_is_queued_from_scratch(home: Path, page: AppTest) -> None:
    view(page, "Architectures")
    page.selectbox(key="learn_architecture").set_value("lenet").run()
    page.text_input(key="learn_architecture_source").set_value(str(home))
    page.button[-1].click().run()
    assert not page.exception
    assert not page.error, page.error[0].value
    (job,) = jobs.open_table().list(kind="train")
    plan = methods.from_config(job.config)
    assert (plan.settings.backbone, plan.settings.pretrained) == ("zoo-lenet", False)
