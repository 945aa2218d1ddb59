"""The fine-tuning page as a script: form, refusals, queue, live run, outcome, without a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import films
from cxr_core import jobs
from cxr_core.jobs import Job, JobTable, Kind, State
from cxr_core.jobs._history import append
from cxr_core.jobs._kinds import KINDS
from cxr_core.jobs._process import identity
from cxr_core.methods import METHODS, DataChoice, Plan, as_config, from_config, method
from pages._fine_tune import fields
from pages._fine_tune.draft import Draft, changed, differences
from pages._fine_tune.words import clock

ROOT = Path(__file__).resolve().parents[2]
WAYS = ("train", "estimate", "inspect", "download")


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobTable]:
    """An empty queue that nothing is started from: each test says what its jobs did."""
    for name in ("CXR_DATABASE_URL", "CXR_RAY_ADDRESS", "CXR_JOBS_AT_ONCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("pages._fine_tune.queue.tick", lambda: None)
    for name in WAYS:
        if name not in KINDS:
            monkeypatch.setitem(KINDS, name, Kind("absent:absent", name, resumable=True))
    opened = jobs.open_table()
    yield opened
    opened.close()


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Fifty drawn films of each class, two a patient."""
    for label in ("NORMAL", "PNEUMONIA"):
        folder = tmp_path / "films" / label
        folder.mkdir(parents=True)
        for k in range(50):
            name = f"person{k // 2}_virus_{k}" if label == "PNEUMONIA" else f"IM-{k // 2:04d}-{k}"
            film = films.chest(16, 16, seed=k, opacity=label == "PNEUMONIA")
            (folder / f"{name}.png").write_bytes(films.png(film))
    return str(tmp_path / "films")


def visit(**query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    page.switch_page("pages/fine_tune.py")
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def form(source: str, **held: Any) -> AppTest:
    return visit(new=json.dumps({"source": source} | held))


def labelled(elements: Any, label: str) -> Any:
    return next(e for e in elements if e.label == label)


def words(page: AppTest) -> str:
    kinds = (page.markdown, page.error, page.warning, page.success, page.info, page.caption)
    return "\n".join(str(e.value) for kind in kinds for e in kind)


def plan(source: str, key: str = "features-dense") -> Plan:
    return Plan(DataChoice(source), key, method(key).defaults)


def running(table: JobTable, config: Mapping[str, Any], title: str = "A run · VGG16") -> Job:
    job = table.claim(table.submit("train", config, title=title).id, identity())
    assert job is not None
    job.folder.mkdir(parents=True)
    return job


def finished(table: JobTable, config: Mapping[str, Any], result: Mapping[str, Any]) -> Job:
    job = running(table, config)
    assert table.finish(job, State.DONE, None, result)
    return table.get(job.id)


RESULT = {
    "model": {"name": "mine", "version": "1.0.0"},
    "validation": {
        "n": 200, "classes": ["NORMAL", "PNEUMONIA"], "threshold": 0.4, "brier": 0.03, "ece": 0.02,
        "figures": {"auc": {"value": 0.987, "low": 0.971, "high": 0.994}},
        "confusion": [[48, 2], [3, 147]],
    },
    "worst": [{
        "film_id": "NORMAL/IM-0001-0001", "label": "NORMAL", "called": "PNEUMONIA",
        "probability": 0.02, "picture": "worst/00.png",
    }],
    "seconds": {"fitting": 60.0, "all": 75.0},
}  # fmt: skip


def test_first_visit_asks_for_three_things_and_offers_the_public_sets(table: JobTable):
    page = visit()
    asked = [s.label for s in page.selectbox]
    assert asked[:3] == ["Data set", "Backbone", "Method"]
    assert {b.key for b in page.button} >= {"tune_download_chestxray2017", "tune_start"}
    assert page.button(key="tune_start").disabled
    assert not page.error


def test_typed_folder_is_counted_by_class_before_anything_runs(table: JobTable, source: str):
    page = form(source)
    assert "100 films in class folders: normal 50 · pneumonia 50" in words(page)
    assert not page.button(key="tune_start").disabled
    assert table.list() == ()


def test_folder_that_holds_no_classes_is_refused_with_the_reason(table: JobTable, tmp_path: Path):
    page = form(str(tmp_path / "nothing"))
    assert "Expected a folder of class folders" in page.error[0].value
    assert page.button(key="tune_start").disabled


@pytest.mark.parametrize("key", [m.key for m in METHODS])
def test_start_queues_exactly_the_methods_defaults(table: JobTable, source: str, key: str):
    page = form(source, method=key)
    page.button(key="tune_start").click().run()
    assert not page.exception
    job = table.list(kind="train")[0]
    assert from_config(job.config) == plan(source, key)
    assert page.query_params["job"] in (job.id, [job.id])


def test_changed_setting_reaches_the_job_and_can_be_taken_back(table: JobTable, source: str):
    page = form(source)
    labelled(page.number_input, "Epochs").set_value(3).run()
    labelled(page.number_input, "Input size").set_value(64).run()
    assert "2 changed" in page.button(key="tune_reset").label
    page.button(key="tune_start").click().run()
    settings = from_config(table.list(kind="train")[0].config).settings
    assert settings == replace(method("features-dense").defaults, epochs=3, size=64)


def test_reset_brings_the_methods_defaults_back(table: JobTable, source: str):
    page = form(source, changes={"epochs": 3})
    assert labelled(page.number_input, "Epochs").value == 3
    page.button(key="tune_reset").click().run()
    assert labelled(page.number_input, "Epochs").value == 30
    assert not [b for b in page.button if b.key == "tune_reset"]


def test_another_method_brings_its_own_defaults(table: JobTable, source: str):
    page = form(source, changes={"epochs": 3})
    labelled(page.selectbox, "Method").select("two-phase").run()
    assert labelled(page.number_input, "Epochs").value == method("two-phase").defaults.epochs
    assert labelled(page.text_input, "Learns from layer").value == "block_13"


def test_contradiction_is_refused_before_the_job_says_why_and_can_be_resolved(
    table: JobTable, source: str
):
    page = form(source, method="everything")
    labelled(page.selectbox, "Schedule").select("constant").run()
    assert "warm-up" in page.error[0].value
    assert page.button(key="tune_start").disabled
    labelled(page.number_input, "Warm-up").set_value(0.0).run()
    assert not page.error
    assert not page.button(key="tune_start").disabled


def test_too_few_films_to_judge_by_are_refused_before_the_job(table: JobTable, source: str):
    page = form(source, data={"validation": 0.1})
    assert "at least 20 validation films" in page.error[0].value
    assert page.button(key="tune_start").disabled


def test_flips_are_off_by_default_and_the_form_says_why(table: JobTable, source: str):
    page = form(source, method="frozen")
    assert labelled(page.number_input, "Left-right flips").value == 0
    assert "anatomy has a side" in words(page)


def test_form_survives_a_reload_by_its_address(table: JobTable, source: str):
    page = form(source, method="frozen")
    labelled(page.number_input, "Epochs").set_value(7).run()
    labelled(page.number_input, "Rotation, degrees").set_value(4.0).run()
    again = visit(new=_one(page.query_params["new"]))
    assert labelled(again.number_input, "Epochs").value == 7
    assert labelled(again.number_input, "Rotation, degrees").value == 4.0
    assert labelled(again.selectbox, "Method").value == "frozen"


@pytest.mark.parametrize("text", ["{", "[]", '{"method": "x"}', '{"changes": {"nope": 1}}', "7"])
def test_damaged_address_is_a_fresh_form(table: JobTable, text: str):
    page = visit(new=text)
    assert labelled(page.selectbox, "Method").value == Draft().method


def test_measurement_of_these_settings_is_shown_and_of_others_is_not(table: JobTable, source: str):
    page = form(source)
    page.button(key="tune_measure").click().run()
    job = table.claim(table.list(kind="estimate")[0].id, identity())
    assert job is not None
    result = {
        "seconds_total": 700.0, "seconds_per_epoch": 70.0, "peak_mb": 1234, "disk_mb": 12,
        "at_most": True, "threads": 1, "measured_on": "64 films and 4 steps",
    }  # fmt: skip
    table.finish(job, State.DONE, None, result)
    page.run()
    assert {"12 min", "1.2 GB"} <= {m.value for m in page.metric}
    labelled(page.number_input, "Epochs").set_value(3).run()
    assert not page.metric
    assert "not measured yet" in words(page)


def test_leakage_report_is_kept_for_every_browser(table: JobTable, source: str):
    page = form(source)
    page.button(key="tune_inspect").click().run()
    job = table.claim(table.list(kind="inspect")[0].id, identity())
    assert job is not None
    leaks = {"compared": 24, "shared_patients": 1, "identical": 2, "near_identical": 0, "twins": []}
    split = {"train": {"NORMAL": 10}, "validation": {"NORMAL": 2}, "test": {}}
    bad = [["NORMAL/x", "Expected a film; received nothing."]]
    table.finish(job, State.DONE, None, {"split": split, "leaks": leaks, "left_out": bad})
    said = words(form(source))
    assert "1 patient, 2 pairs of identical films" in said


def test_running_job_shows_its_figures_in_every_session_and_is_cancelled(
    table: JobTable, source: str
):
    job = running(table, as_config(plan(source)))
    append(job.folder, {"epoch": 1, "loss": 0.5, "val_loss": 0.4321, "val_auc": 0.9})
    table.beat(job, step=5, steps=10, epoch=2, epochs=4, message="")
    first, second = visit(job=job.id), visit(job=job.id)
    for page in (first, second):
        figures = {m.label: m.value for m in page.metric}
        assert figures["Epoch"] == "2 of 4"
        assert figures["Validation loss"] == "0.4321"
    first.button(key=f"tune_cancel_{job.id}").click().run()
    assert table.get(job.id).cancelling
    assert "stopping" in words(second.run())


def test_queued_run_says_how_many_are_before_it(table: JobTable, source: str):
    running(table, as_config(plan(source)))
    table.submit("inspect", {"data": {"source": source}})
    page = visit(job=table.submit("train", as_config(plan(source))).id)
    assert "Waits for 1 job before it" in page.info[0].value


def test_failed_job_says_why_and_can_be_resumed_or_changed(table: JobTable, source: str):
    config = as_config(replace(plan(source), name="mine"))
    config["settings"]["epochs"] = 9
    job = running(table, config)
    table.finish(job, State.FAILED, "Expected a finite loss; received nan.")
    page = visit(job=job.id)
    assert "finite loss" in page.error[0].value
    page.button(key=f"tune_again_{job.id}").click().run()
    assert labelled(page.number_input, "Epochs").value == 9
    assert labelled(page.text_input, "Model's name").value == "mine"
    page = visit(job=job.id)
    page.button(key=f"tune_resume_{job.id}").click().run()
    assert table.get(job.id).state is State.QUEUED


def test_finished_job_shows_intervals_matrix_and_worst_films_and_leads_to_review(
    table: JobTable, source: str
):
    job = finished(table, as_config(plan(source)), RESULT)
    (job.folder / "worst").mkdir()
    Image.new("L", (8, 8)).save(job.folder / "worst" / "00.png")
    page = visit(job=job.id)
    shown = page.dataframe[0].value
    assert list(shown["95 % interval"]) == ["0.971 to 0.994"]
    assert page.get("plotly_chart")
    assert "IM-0001-0001" in words(page)
    assert "mine 1.0.0" in words(page)
    link = next(e.proto for e in page.get("page_link") if "Review films" in e.proto.label)
    assert (link.page, link.query_string) == ("review", "model=mine%401.0.0")


def test_removed_run_is_gone_with_its_folder(table: JobTable, source: str):
    job = finished(table, as_config(plan(source)), RESULT)
    page = visit(job=job.id)
    page.button(key=f"tune_remove_{job.id}").click().run()
    assert table.list() == ()
    assert not job.folder.exists()


def test_address_of_a_job_that_is_gone_says_so_and_shows_the_form(table: JobTable):
    page = visit(job="20200101-000000-abcdef")
    assert "Expected the id of a job" in page.warning[0].value
    assert [s.label for s in page.selectbox][:1] == ["Data set"]


def test_database_that_does_not_answer_is_named(
    table: JobTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "jobs.sqlite").write_bytes(b"no database" * 1000)
    monkeypatch.setenv("CXR_HOME", str(broken))
    page = visit()
    assert "database" in page.error[0].value


@pytest.mark.parametrize("key", [m.key for m in METHODS])
def test_differences_from_a_methods_defaults_rebuild_the_settings(key: str):
    base = method(key).defaults
    other = replace(
        base, epochs=base.epochs + 1, augmentation=replace(base.augmentation, rotate=3.5)
    )
    assert changed(base, differences(base, other)) == other


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "< 1 s"), (59.4, "59 s"), (59.6, "1.0 min"), (200, "3.3 min"), (900, "15 min"),
        (3599, "1 h"), (7500, "2 h 5 min"),
    ],
)  # fmt: skip
def test_durations_are_short_and_round(seconds: float, said: str):
    assert clock(seconds) == said


def test_every_setting_can_be_asked_for():
    names = {f.name for f in fields.FIELDS}
    settings = method("frozen").defaults
    plain = set(settings.__dataclass_fields__) - {"backbone", "augmentation", "gate_films"}
    inner = {f"augmentation.{n}" for n in settings.augmentation.__dataclass_fields__}
    assert names == plain | inner


def _one(value: str | list[str]) -> str:
    return value if isinstance(value, str) else value[0]


def test_an_architecture_is_offered_from_scratch_and_left_with_the_method(
    table: JobTable, source: str
) -> None:
    page = form(source, method="scratch", backbone="zoo-vit_b16")
    assert "stays with the job" in " ".join(m.value for m in page.markdown)
    assert not page.error
    page.button(key="tune_start").click().run()
    (job,) = table.list(kind="train")
    assert from_config(job.config).settings.backbone == "zoo-vit_b16"
    held = Draft(source, "zoo-vit_b16", "scratch")
    held.choose("frozen")
    assert held.backbone == "mobilenetv2"


def test_a_choice_told_twice_keeps_what_was_typed_after_it() -> None:
    held = Draft("films", "resnet50", "frozen")
    held.changes["epochs"] = 2
    before = held.round
    held.choose("frozen")
    held.use("resnet50")
    assert (held.changes, held.round) == ({"epochs": 2}, before)
    held.use("mobilenetv2")
    held.choose("scratch")
    assert (held.changes, held.round) == ({}, before + 2)
