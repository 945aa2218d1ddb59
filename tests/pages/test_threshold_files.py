"""Score files on the threshold page: taken, asked about, refused with a sentence; no browser."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest
from threshold_page import bench, drawn, upload, use, words


def test_a_score_file_is_taken_and_chosen_on(page: AppTest):
    upload(page, drawn(200, 1))
    use(page)
    assert bench(page).loaded_tuning.n == 200
    assert "200 films" in words(page)
    assert page.selectbox(key="threshold_criterion").value == "youden"


def test_rows_that_cannot_be_used_are_listed(page: AppTest):
    upload(page, drawn(60, 2, "\nx,1,\ny,,0.5\nz,1,much"))
    listed = [d.value for d in page.dataframe if "reason" in d.value]
    assert [list(d["line"]) for d in listed] == [[62, 63, 64]]
    use(page)
    assert bench(page).loaded_tuning.n == 60


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("label,score\n" + "1,0.5\n" * 12, "Expected"),
        ("label,score\n", "Expected"),
        ("not a table", "Expected"),
    ],
)
def test_a_file_that_cannot_be_judged_says_why(page: AppTest, text: str, said: str):
    upload(page, text)
    assert not page.exception
    assert any(said in e.value for e in page.error)


def test_logits_are_offered_to_be_converted(page: AppTest):
    rows = [f"{k % 2},{(-1) ** (k + 1) * (k % 7) / 2}" for k in range(40)]
    upload(page, "label,score\n" + "\n".join(rows))
    assert any("no probabilities" in w.value for w in page.warning)
    box = next(c for c in page.radio if "Logits: convert" in c.options[0])
    assert len(box.options) == 1
    assert not [b for b in page.button if b.key == "threshold_csv_use"]
    box.set_value(box.options[0]).run()
    use(page)
    scores = bench(page).loaded_tuning.set.scores
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_a_file_without_a_header_loses_no_film(page: AppTest):
    upload(page, "\n".join(f"f{k},{k % 2},{(k % 10) / 10}" for k in range(60)))
    asked = {s.label: s for s in page.selectbox}
    assert asked["Label"].options[1] == "column 2: 0"
    asked["Label"].select("column 2").run()
    next(s for s in page.selectbox if s.label == "Score").select("column 3").run()
    use(page)
    assert bench(page).loaded_tuning.n == 60


def test_labels_in_words_are_asked_about(page: AppTest):
    rows = [f"{('benign', 'odd', 'ill')[k % 3]},{(k % 10) / 10}" for k in range(60)]
    upload(page, "diagnosis,score\n" + "\n".join(rows))
    if not page.multiselect:
        next(s for s in page.selectbox if s.label == "Label").select("diagnosis").run()
    page.multiselect[0].select("ill").run()
    page.multiselect[1].select("benign").run()
    use(page)
    found = bench(page).loaded_tuning.set
    assert (found.ill, found.n, len(found.bad)) == (20, 40, 20)
