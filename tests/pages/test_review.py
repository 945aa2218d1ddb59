"""The review page as a script: what it shows, records and keeps, without a browser."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import films
from cxr_core import phantom, worklist
from cxr_core.registry import ModelEntry

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "assets" / "samples"
OPACITY = SAMPLES / phantom.NAMES[True]
CLEAR = SAMPLES / phantom.NAMES[False]


@pytest.fixture
def page(model_entry: ModelEntry) -> AppTest:
    """The page as a newcomer meets it."""
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def upload(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    page.file_uploader[0].set_value([(n, d, "application/octet-stream") for n, d in files])
    page.run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    shown = [
        *page.markdown,
        *page.error,
        *page.warning,
        *page.success,
        *page.subheader,
        *page.caption,
    ]
    return "\n".join(str(element.value) for element in shown)


def listed(page: AppTest) -> list[str]:
    return [case.item.name for case in page.session_state["review_session"].sorted()]


def results(page: AppTest) -> list[dict[str, object]]:
    session = page.session_state["review_session"]
    return json.loads(worklist.to_json([case.item for case in session.sorted()]))


def test_first_visit_explains_itself_and_carries_the_notice(page: AppTest):
    assert "Not a medical device" in words(page)
    assert len(page.subheader) == 1
    assert page.subheader[0].value.count(".") == 1
    assert not page.exception


def test_a_drawn_film_is_read_at_one_click(page: AppTest):
    page.button(key="review_sample_SYNTHETIC-opacity").click().run()
    assert not page.exception
    assert "SYNTHETIC" in words(page)
    assert listed(page) == [phantom.NAMES[True]]


def test_both_probabilities_are_shown_and_add_up(page: AppTest):
    upload(page, ("film.jpg", OPACITY.read_bytes()))
    record = results(page)[0]
    if record["status"] == "refused":
        pytest.skip("this model's gate refuses the drawn film")
    shown = [float(re.sub(r"[^\d.]", "", metric.value)) for metric in page.metric]
    assert shown[0] == pytest.approx(100 * float(str(record["probability"])), abs=0.06)
    assert sum(shown) == pytest.approx(100, abs=0.1)


def test_model_version_time_and_facts_of_the_film_are_shown(page: AppTest, model_entry: ModelEntry):
    upload(page, ("film.jpg", OPACITY.read_bytes()))
    said = words(page)
    assert f"{model_entry.name} {model_entry.version}" in said
    assert "1400 × 1120" in said
    assert "8 bit" in said
    if results(page)[0]["status"] != "refused":
        assert re.search(r"· read in \d+ ms", said)


def test_refused_picture_has_no_probability_until_it_is_asked_for_and_that_is_recorded(
    page: AppTest,
):
    upload(page, ("photo.png", films.png(films.photo())))
    assert not page.metric
    assert "Refused" in words(page)
    before = results(page)[0]
    assert (before["status"], before["probability"]) == ("refused", None)
    assert before["shown_anyway"] is False
    page.button(key="review_show_anyway").click().run()
    assert len(page.metric) == 2
    after = results(page)[0]
    assert (after["status"], after["shown_anyway"]) == ("refused", True)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", str(after["shown_anyway_at"]))
    assert "recorded" in "\n".join(c.value for c in page.caption)


def test_unreadable_file_is_a_row_and_the_others_go_on(page: AppTest):
    upload(page, ("bad.png", b"not a picture"), ("film.jpg", OPACITY.read_bytes()))
    rows = {row["file"]: row for row in results(page)}
    assert rows["bad.png"]["status"] == "error"
    assert "Expected" in str(rows["bad.png"]["reasons"])
    assert rows["film.jpg"]["status"] != "error"
    assert set(listed(page)) == {"bad.png", "film.jpg"}


def test_archive_becomes_a_list_of_base_names_from_which_films_open(page: AppTest):
    packed = films.archive(
        {"ward 7/a.jpg": OPACITY.read_bytes(), "ward 7/b.jpg": CLEAR.read_bytes()}
    )
    upload(page, ("films.zip", packed))
    assert sorted(listed(page)) == ["a.jpg", "b.jpg"]
    first = page.session_state["review_session"].opened
    page.button(key="review_next").click().run()
    assert page.session_state["review_session"].opened != first
    assert "ward 7" not in words(page)


def test_same_film_twice_is_one_row(page: AppTest):
    upload(page, ("film.jpg", OPACITY.read_bytes()))
    upload(page, ("film.jpg", OPACITY.read_bytes()))
    assert listed(page) == ["film.jpg"]


def test_removed_film_is_gone_from_the_session(page: AppTest):
    upload(page, ("film.jpg", OPACITY.read_bytes()))
    page.button(key="review_remove").click().run()
    session = page.session_state["review_session"]
    assert not session.cases
    assert session.panel is None
    assert page.subheader
    assert not page.exception


def test_uploader_keeps_no_copy_of_what_was_read(page: AppTest):
    upload(page, ("film.jpg", OPACITY.read_bytes()))
    assert page.file_uploader[0].value in (None, [])


def test_too_many_films_are_refused_in_words_and_the_list_stays(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pages._review.session.MAX_FILMS", 1)
    upload(page, ("a.jpg", OPACITY.read_bytes()), ("b.jpg", CLEAR.read_bytes()))
    rows = {row["file"]: row for row in results(page)}
    assert rows["b.jpg"]["status"] == "error"
    assert "up to 1 films" in str(rows["b.jpg"]["reasons"])


def test_window_invert_and_view_run_without_reading_the_film_again(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    upload(page, ("film.jpg", OPACITY.read_bytes()))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the film was read again")

    monkeypatch.setattr("pages._review.intake.read_film", never)
    monkeypatch.setattr("cxr_core.image.decode", never)
    page.slider[0].set_value(90).run()
    page.toggle(key="review_invert").set_value(True).run()
    assert not page.exception


def test_only_facts_without_identifiers_are_shown_of_a_dicom_film(page: AppTest):
    upload(page, ("film.dcm", films.dicom(films.chest(top=4095), bits=12)))
    said = words(page)
    assert "age 4 years" in said
    assert "sex F" in said
    assert not [v for v in films.IDENTIFIERS.values() if v in said + json.dumps(results(page))]


def decide(page: AppTest, finding: str) -> AppTest:
    next(c for c in page.button_group if c.label == "Your reading").set_value(finding).run()
    assert not page.exception
    return page


def test_readers_decision_and_note_are_kept_with_the_film_and_in_the_results(page: AppTest):
    upload(page, ("a.jpg", OPACITY.read_bytes()), ("b.jpg", CLEAR.read_bytes()))
    first = page.session_state["review_session"].current.item.name
    assert [row["reader"] for row in results(page)] == [None, None]
    decide(page, "PNEUMONIA")
    page.text_area[0].set_value("  Lower right zone.  ").run()
    page.button(key="review_next").click().run()
    decide(page, "UNSURE")
    rows = {row["file"]: row for row in results(page)}
    other = next(name for name in rows if name != first)
    assert (rows[first]["reader"], rows[first]["reader_note"]) == ("PNEUMONIA", "Lower right zone.")
    assert (rows[other]["reader"], rows[other]["reader_note"]) == ("UNSURE", None)
    assert rows[other]["reader_agrees"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", str(rows[first]["reader_at"]))
    for row in rows.values():
        assert (row["reader_saw"] is None) == (row["probability"] is None)


def test_decision_outlives_another_look_at_the_film_and_can_be_withdrawn(page: AppTest):
    upload(page, ("photo.png", films.png(films.photo())))
    decide(page, "NORMAL")
    page.button(key="review_show_anyway").click().run()
    row = results(page)[0]
    assert (row["reader"], row["shown_anyway"]) == ("NORMAL", True)
    assert row["reader_saw"] is None
    assert row["reader_agrees"] is None
    next(c for c in page.button_group if c.label == "Your reading").set_value(None).run()
    assert results(page)[0]["reader"] is None


def test_another_frame_is_read_when_it_is_chosen(page: AppTest):
    frames = np.stack([films.chest(seed=0), films.chest(seed=1, opacity=True)])
    upload(page, ("film.dcm", films.dicom(frames)))
    assert "frame 1 of 2" in words(page)
    page.number_input[0].set_value(2).run()
    assert not page.exception
    assert "frame 2 of 2" in words(page)
    assert len(listed(page)) == 1


def test_two_sessions_share_no_film(page: AppTest):
    other = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    upload(page, ("mine.jpg", OPACITY.read_bytes()))
    other.run()
    assert not other.session_state["review_session"].cases
    assert "mine.jpg" not in words(other)


def test_neither_app_nor_page_imports_tensorflow():
    script = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "if page.file_uploader:\n"
        f"    data = open({str(OPACITY)!r}, 'rb').read()\n"
        "    page.file_uploader[0].set_value([('f.jpg', data, 'image/jpeg')])\n"
        "    page.run()\n"
        "print([m for m in ('tensorflow', 'keras', 'sklearn') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout.strip().endswith("[]"), done.stderr[-2000:]


def test_nothing_of_a_film_is_logged(page: AppTest, caplog: pytest.LogCaptureFixture):
    with caplog.at_level("DEBUG"):
        upload(page, ("Doe^Jane-1953.jpg", OPACITY.read_bytes()), ("Roe^J.png", b"x"))
    assert "Doe" not in caplog.text
    assert "Roe" not in caplog.text
