"""The threshold page as a script: sources, warnings, criteria, sections, files; no browser."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import time
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from threshold_page import bench, counted, drawn, truth, upload, use, words

from cxr_core import jobs, points
from cxr_core import operating as op
from cxr_core.registry import ModelEntry
from pages._threshold import finding, live, sections, takeaway
from pages._threshold.session import Bench

ROOT = Path(__file__).resolve().parents[2]


def test_the_shipped_model_is_there_at_once_with_a_warning_in_plain_sight(
    page: AppTest, model_entry: ModelEntry
):
    point = model_entry.card.operating_point
    assert bench(page).point.threshold == point.threshold
    assert model_entry.card.operating_point.criterion[:40] in words(page)
    assert "745 films" in words(page)
    assert any("Chosen and reported on the same films" in w.value for w in page.warning)


def test_the_table_for_the_browser_agrees_with_counting_at_every_stop(
    page: AppTest, model_entry: ModelEntry
):
    data, films = bench(page).loaded_tuning, truth(model_entry)
    prevalence = 0.1
    table = live.table(data, prevalence, 10.0, (), {})
    assert len(table["thresholds"]) > 700
    assert table["thresholds"] == sorted(table["thresholds"])
    for k, t in enumerate(table["thresholds"]):
        tp, fn, fp, tn = counted(films, t)
        assert [table["counts"][c][k] for c in ("tp", "fn", "fp", "tn")] == [tp, fn, fp, tn]
        per = table["figures"]["per_1000_fn"]["at"][k]
        assert per[0] == pytest.approx(1000 * prevalence * fn / (tp + fn), rel=1e-4)
        assert per[1] <= per[0] <= per[2]
    assert counted(films, table["thresholds"][0])[1] == 0
    assert counted(films, table["thresholds"][-1])[0] == 0


def test_a_criterion_moves_the_handle_and_says_what_it_costs(
    page: AppTest, model_entry: ModelEntry
):
    page.selectbox(key="threshold_criterion").select("sensitivity").run()
    page.number_input(key="threshold_value_sensitivity").set_value(99.0).run()
    assert not page.exception
    tp, fn, _, _ = counted(truth(model_entry), bench(page).point.threshold)
    assert tp / (tp + fn) >= 0.99
    assert (tp - 1) / (tp + fn) < 0.99 or tp == tp + fn
    assert "Its cost:" in words(page)


def test_every_criterion_runs_on_the_page(page: AppTest):
    for key in ("youden", "f1", "specificity", "cost", "referral"):
        page.selectbox(key="threshold_criterion").select(key).run()
        assert not page.error
        assert bench(page).choice.key == key


def test_the_clinics_prevalence_changes_what_is_said_of_a_thousand_patients(page: AppTest):
    share = next(n for n in page.number_input if n.key.startswith("threshold_prevalence"))
    share.set_value(10.0).run()
    assert not page.exception
    kept = bench(page).kept["table"][1]
    assert any("10.0%" in row["name"] for row in kept["names"])


def test_reporting_on_other_films_lifts_the_warning_until_it_is_looked_at_twice(page: AppTest):
    upload(page, drawn(300, 3), "apart.csv")
    use(page)
    upload(page, drawn(300, 4), "more.csv")
    use(page)
    page.selectbox(key="threshold_reporting").select("apart.csv (300 films)").run()
    assert not page.warning
    page.segmented_control(key="threshold_section").set_value("Report").run()
    assert any("took no part" in s.value for s in page.success)
    bench(page).move(0.3)
    page.run()
    assert any("looked at for 2" in w.value for w in page.warning)


def test_every_section_runs(page: AppTest):
    for section in sections.SECTIONS:
        page.segmented_control(key="threshold_section").set_value(section).run()
        assert not page.exception
        assert not page.error


def test_missed_films_are_those_that_counting_finds(page: AppTest, model_entry: ModelEntry):
    page.segmented_control(key="threshold_section").set_value("Errors").run()
    table: Any = next(d.value for d in page.dataframe if "truth" in d.value)
    fn = sorted(p for ill, p in truth(model_entry) if ill and p < bench(page).point.threshold)
    assert list(table["probability"]) == pytest.approx(fn[: len(table)], abs=1e-9)
    assert set(table["truth"]) == {"pneumonia"}


def test_films_are_shown_with_their_heatmaps_where_their_folder_is_named(
    page: AppTest, real_films: Path
):
    page.segmented_control(key="threshold_section").set_value("Errors").run()
    box = next(t for t in page.text_input if t.key.startswith("threshold_films_"))
    box.set_value(str(real_films / "chest_xray_224" / "train")).run()
    assert not page.exception
    assert not page.error
    assert len(page.get("image")) > 3


def test_tables_read_back_as_what_was_shown(page: AppTest):
    data = bench(page).loaded_tuning
    found = data.figures(bench(page).point.threshold, 0.2)
    rows = list(csv.DictReader(io.StringIO(
        takeaway.csv_of(takeaway.figure_table(found, data)).decode("utf-8-sig")
    )))  # fmt: skip
    by_name = {row["figure"]: row for row in rows}
    assert float(by_name["Sensitivity"]["value"]) == found.sensitivity.value
    assert int(by_name["FN"]["value"]) == found.confusion.fn
    assert by_name["data sha256"]["value"] == data.set.sha256


def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless():
    text = takeaway.csv_of({"film": ["=1+1", "@x", "-2.5", "plain"]}).decode("utf-8-sig")
    assert text.splitlines() == ["film", "'=1+1", "'@x", "-2.5", "plain"]


def test_optimism_of_a_criterion_is_shown_by_repeated_splits(page: AppTest):
    page.button(key="threshold_as_if").click().run()
    assert bench(page).choice.key == "sensitivity"
    here, others = re.search(r"\| Sensitivity \| ([\d.]+) \| ([\d.]+) \|", words(page)).groups()
    assert float(here) > float(others)
    assert "200 times" in words(page)


def lock(page: AppTest, threshold: float) -> None:
    bench(page).move(threshold)
    page.session_state["threshold_criterion"] = "hand"
    page.run()
    page.session_state["threshold_lock_anyway"] = True
    page.button(key="threshold_lock").click().run()
    page.button(key="threshold_lock_yes").click().run()
    assert not page.exception
    assert not page.error


def test_a_locked_point_is_the_one_that_review_uses_until_another_is_restored(
    page: AppTest, model_entry: ModelEntry
):
    own = model_entry.card.operating_point.threshold
    lock(page, 0.4321)
    assert points.active(model_entry).threshold == 0.4321
    assert [p.point.threshold for p in points.history(model_entry).locked] == [0.4321]
    film = (ROOT / "assets" / "samples" / "SYNTHETIC-opacity.jpg").read_bytes()
    page.switch_page("pages/review.py").run()
    page.file_uploader[0].set_value([("film.jpg", film, "image/jpeg")]).run()
    assert not page.exception
    prediction = page.session_state["review_session"].sorted()[0].item.reading.prediction
    assert prediction is None or prediction.operating_point.threshold == 0.4321
    page.switch_page("pages/threshold.py").run()
    page.segmented_control(key="threshold_section").set_value("Locked").run()
    films = model_entry.card.validation.n
    assert f"{films:,} films" in words(page)
    assert "chosen on validation films" in words(page)
    page.button(key="threshold_restore_None").click().run()
    assert not page.exception
    assert points.active(model_entry).threshold == own
    assert len(points.history(model_entry).locked) == 1


def test_nothing_is_locked_without_confirmation(page: AppTest, model_entry: ModelEntry):
    page.button(key="threshold_lock").click().run()
    assert page.button(key="threshold_lock_yes").disabled
    page.button(key="threshold_lock_no").click().run()
    assert points.history(model_entry).locked == ()


def test_two_thresholds_are_compared_on_the_same_films(page: AppTest, model_entry: ModelEntry):
    page.segmented_control(key="threshold_section").set_value("Compare").run()
    other = next(n for n in page.number_input if n.key.startswith("threshold_compare_at"))
    other.set_value(0.9).run()
    assert not page.exception
    turned = [p for _, p in truth(model_entry) if bench(page).point.threshold <= p < 0.9]
    table = next(d.value for d in page.dataframe if "called there" in d.value)
    assert len(table) == len(turned)


def test_scores_that_name_no_model_ask_which_one_before_they_are_locked(page: AppTest):
    upload(page, drawn(100, 8))
    use(page)
    page.button(key="threshold_lock").click().run()
    assert page.selectbox(key="threshold_lock_model").value is None
    assert "threshold_lock_yes" not in [b.key for b in page.button]


def test_a_folder_is_scored_as_a_job_and_can_then_be_reported_on(
    page: AppTest, real_films: Path, tmp_path: Path
):
    folder = tmp_path / "films"
    for label in ("NORMAL", "PNEUMONIA"):
        (folder / label).mkdir(parents=True)
        for path in sorted((real_films / "chest_xray_224" / "train" / label).iterdir())[:6]:
            (folder / label / path.name).write_bytes(path.read_bytes())
    page.text_input(key="threshold_folder_path").set_value(str(folder))
    next(b for b in page.button if b.label == "Score").click().run()
    assert not page.error
    table = jobs.open_table()
    until = time.monotonic() + 120
    while not (job := table.list(kind="score")[0]).state.ended and time.monotonic() < until:
        time.sleep(0.2)
    assert job.state is jobs.State.DONE, job.reason
    page.run()
    box = page.selectbox(key="threshold_reporting")
    box.select(next(o for o in box.options if "films by" in o)).run()
    assert not page.exception
    assert bench(page).reporting is not None
    assert bench(page).reporting.n == 12


def test_the_whole_is_one_page_that_carries_what_was_worked_out(page: AppTest):
    state = bench(page)
    page.segmented_control(key="threshold_section").set_value("Compare").run()
    found = state.loaded_tuning.figures(state.point.threshold, 0.1)
    content = takeaway.pdf(state, found)
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") == 1
    assert state.kept["comparison"][0][0::2] == (state.loaded_tuning.set.sha256, found.threshold)


def test_two_score_files_of_the_same_films_are_compared_in_pairs(page: AppTest):
    rows = list(csv.DictReader(io.StringIO(drawn(150, 5))))
    better = [
        (r["film"], r["label"], float(r["label"]) * 0.5 + float(r["score"]) / 2) for r in rows
    ]
    text = "film,label,score\n" + "\n".join(",".join(map(str, row)) for row in better)
    for name, content in (("b.csv", text), ("a.csv", drawn(150, 5))):
        upload(page, content, name)
        use(page)
    page.segmented_control(key="threshold_section").set_value("Compare").run()
    page.selectbox(key="threshold_compare_with").select("b.csv (150 films)").run()
    assert not page.exception
    assert not page.error
    table = next(d.value for d in page.dataframe if "p" in d.value)
    assert list(table["figure"]) == ["AUC", "Accuracy", "Sensitivity", "Specificity"]
    assert "DeLong" in table["p"][0]
    assert table["difference (95 %)"][0].startswith("-")


def test_constant_scores_get_a_clear_word_and_no_crash(page: AppTest):
    for score in ("0.5", "1.0", "0"):
        upload(page, "label,score\n" + "\n".join(f"{k % 2},{score}" for k in range(20)))
        use(page)
        for key in ("youden", "referral"):
            page.selectbox(key="threshold_criterion").select(key).run()
            assert not page.exception
        assert "same score" in words(page)


def test_names_from_a_file_are_never_drawn_as_markdown(page: AppTest):
    upload(page, drawn(60, 6), "![x](http:..example.png)**.csv")
    use(page)
    page.segmented_control(key="threshold_section").set_value("Compare").run()
    assert "![x](" not in words(page)


def test_films_are_found_by_path_by_name_and_by_content(tmp_path: Path):
    content = b"a film"
    sha = hashlib.sha256(content).hexdigest()
    for place, data in (("a/one.png", content), ("a/two.png", b"2"), ("b/two.png", b"3")):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(data)
    films = ["a/one", "X/ONE.jpg", sha, "two", "three", "../outside"]
    scores = op.from_arrays([0, 1, 0, 1, 0, 1], [0.1] * 6, films=films).with_folder(tmp_path)
    found = [finding.find(Bench(), scores, i) for i in range(6)]
    one = tmp_path / "a" / "one.png"
    assert found == [one, one, one, None, None, None]


def test_errors_and_subgroups_are_of_the_films_reported_on_unless_asked_otherwise(page: AppTest):
    rows = drawn(120, 4).splitlines()
    grouped = [f"{row},{'site' if k == 0 else 'AB'[k > 100]}" for k, row in enumerate(rows)]
    use(upload(page, "\n".join(grouped), "kept-apart.csv"))
    use(upload(page, drawn(300, 5), "choosing.csv"))
    page.selectbox(key="threshold_reporting").select("kept-apart.csv (120 films)").run()
    state = bench(page)
    page.segmented_control(key="threshold_section").set_value("Subgroups").run()
    assert not page.exception
    assert any("B\\: Too few films to judge by" in w.value for w in page.warning)
    table = next(d.value for d in page.dataframe if "group" in d.value)
    assert list(table["films"]) == [100, 20]
    page.segmented_control(key="threshold_section").set_value("Errors").run()
    c = state.reporting.confusion(state.point.threshold)
    assert f"Missed: {c.fn}" in page.segmented_control(key="threshold_gallery_kind").options
    assert state.looked[state.reporting.set.sha256] == {state.point.threshold}
    page.segmented_control(key="threshold_of").set_value(sections.CHOSE).run()
    c = state.loaded_tuning.confusion(state.point.threshold)
    assert f"Missed: {c.fn}" in page.segmented_control(key="threshold_gallery_kind").options


def test_more_errors_than_fit_are_shown_when_asked_for(page: AppTest):
    page.segmented_control(key="threshold_section").set_value("Errors").run()
    listed = [d.value for d in page.dataframe if "called" in d.value]
    assert [len(d) for d in listed] == [12]
    page.button(key="threshold_more").click().run()
    listed = [d.value for d in page.dataframe if "called" in d.value]
    assert [len(d) for d in listed] == [
        min(24, bench(page).loaded_tuning.confusion(bench(page).point.threshold).fn)
    ]
