"""Score files as people have them: recognised where that is safe, else asked about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr_core.errors import DataError
from cxr_core.operating import inspect_csv, read_csv

GOOD = [
    b"label,score\n1,0.75\n0,0.25\n",
    b"\xef\xbb\xbflabel,score\r\n1,0.75\r\n0,0.25\r\n",
    b"y_true;y_score\n1;0,75\n0;0,25\n",
    b"Truth\tProbability\nPNEUMONIA\t0.75\nNormal\t.25\n",
    "label,score\nyes,0.75\nno,0.25\n".encode("utf-16"),
    b"score,patient,label\n 0.75 ,p1, Positive\n0.25,p2,negative\n",
    b'"label","score"\n"bacteria","7.5e-1"\n"none","0.25"\n',
    b"label,score\nTRUE,0.75\nFALSE,0.25\n\n\n",
]


@pytest.mark.parametrize("content", GOOD)
def test_common_forms_are_read_without_a_question(content: bytes, tmp_path: Path) -> None:
    assert inspect_csv(content).question is None
    found = read_csv(content, "scores", "reporting")
    assert (found.labels.tolist(), found.scores.tolist()) == ([1, 0], [0.75, 0.25])
    assert (found.bad, found.role, found.name) == ((), "reporting", "scores")
    (tmp_path / "x.csv").write_bytes(content)
    assert read_csv(tmp_path / "x.csv", "scores").sha256 == found.sha256


def test_bad_rows_are_left_out_and_listed_by_line() -> None:
    content = (
        "film,label,score\na,1,0.5\nb,0,0.2\nc,maybe,0.3\nd,1,\ne,0,NaN\n\nf,0,abc\ng,,0.1\n"
        + "".join(f"k{i},1,0.9\n" for i in range(20))
        + "h,1,1.5\ni,0,inf\nj,1,0.4,extra\n"
    )
    found = read_csv(content.encode(), "scores")
    assert found.n == 22
    assert {row.line: row.reason for row in found.bad} == {
        4: "label 'maybe' is not known",
        5: "no score",
        6: "score 'NaN' is no number from 0 to 1",
        8: "score 'abc' is no number from 0 to 1",
        9: "no label",
        30: "score '1.5' is no number from 0 to 1",
        31: "score 'inf' is no number from 0 to 1",
        32: "4 cells where the header has 3",
    }
    assert any("in no figure: 8" in w for w in found.warnings)


def test_lines_are_right_where_cells_hold_line_breaks() -> None:
    content = b'film,label,score\n"a\nb",1,0.5\nc,0,0.2\nd,what,0.1\n'
    found = read_csv(content, "scores")
    assert [row.line for row in found.bad] == [5]
    assert found.films.tolist() == ["a\nb", "c"]


def test_logits_and_percentages_are_offered_to_be_converted() -> None:
    logits = b"label,score\n1,2\n0,-3\n"
    assert inspect_csv(logits).kind == "logit"
    with pytest.raises(DataError, match="look like logits: have them converted with the sigmoid"):
        read_csv(logits, "scores")
    found = read_csv(logits, "scores", kind="logit").scores
    assert found.tolist() == pytest.approx([1 / (1 + np.exp(-2)), 1 / (1 + np.exp(3))])
    assert read_csv(b"label,logit\n1,2\n0,-3\n", "scores").scores.tolist() == found.tolist()
    assert read_csv(b"label,score\n1,95 %\n0,5 %\n", "scores").scores.tolist() == [0.95, 0.05]
    percent = b"label,score\n1,95\n0,5\n"
    assert inspect_csv(percent).kind == "percent"
    with pytest.raises(DataError, match="percentages"):
        read_csv(percent, "scores")
    assert read_csv(percent, "scores", kind="percent").scores.tolist() == [0.95, 0.05]


def test_unknown_words_are_asked_about_and_the_choice_is_kept() -> None:
    content = b"diagnosis,score\nflu,0.3\ncold,0.7\nrest,0.1\n"
    seen = inspect_csv(content)
    assert seen.label_values == ("cold", "flu", "rest")
    assert "Choose which of them mean pneumonia" in (seen.question or "")
    with pytest.raises(DataError, match="Choose which of them mean pneumonia"):
        read_csv(content, "scores")
    assert read_csv(content, "s", positive=["flu", "rest"]).labels.tolist() == [1, 0, 1]
    with pytest.raises(DataError, match="mean normal; received 'x'"):
        read_csv(content, "s", positive=["x"])


def test_columns_can_be_chosen_and_the_others_are_kept() -> None:
    content = b"ID,who,a,b,Sex\nf1,p1,1,0.2,M\nf2,p1,0,0.3,F\n"
    seen = inspect_csv(content)
    assert (seen.label, seen.score, seen.film) == (None, None, "ID")
    assert "Choose that of the true labels and the scores" in (seen.question or "")
    assert inspect_csv(content, label="a", score="b").question is None
    found = read_csv(content, "s", label="a", score="b", patient="who")
    assert found.films.tolist() == ["f1", "f2"]
    assert {k: v.tolist() for k, v in found.columns.items()} == {
        "patient": ["p1", "p1"],
        "sex": ["M", "F"],
    }
    with pytest.raises(DataError, match="Expected a column of ID, who"):
        read_csv(content, "s", label="c", score="b")


def test_what_the_program_called_is_not_taken_for_the_truth() -> None:
    """Results of `predict` hold a column 'label': with it every model would look perfect."""
    content = (
        b"file,probability,threshold,label,refer\n"
        b"a,0.9,0.5,PNEUMONIA,False\nb,0.1,0.5,NORMAL,False\n"
    )
    with pytest.raises(DataError, match="what it called the film itself"):
        read_csv(content, "s")
    added = content.replace(b"refer\n", b"refer,truth\n").replace(b"False\n", b"False,1\n", 1)
    added = added.replace(b"False\n", b"False,0\n")
    assert read_csv(added, "s", label="truth").labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty file"),
        (b"label,score\n", "header only"),
        (b"1,0.5\n0,0.2\n", r"no header: column 1 \(1\), column 2 \(0.5\)"),
        (b"label,label\n1,2\n", "names that stand twice"),
        (b"label,score\n1,0.5\n1,0.6\n", "both classes"),
        (b"label,score\n1,x\n0,y\n", r"line 2: score .x. is no number"),
        (b"y,p\n1,0,5\n0,0,25\n", "3 cells where the header has 2"),
        (b"PK\x03\x04\0\0\0\0label,score", "Excel workbook or a ZIP archive that is no text"),
        (b"label,score\n1,0.5\n2,0.6\n", "received '1', '2'. Choose which"),
        (b"label,score\n" + b"".join(b"%f,1\n" % (i / 99) for i in range(99)), "Choose another"),
        (b'film,label,score\na,1,.5\n"b,0,.2\nc,1,.3\n', "line 3 that is not"),
        (b"x" * 200_000 + b",label,score\n", "short name"),
        (b"just one column\n1\n2\n", "2 to 200"),
    ],
)
def test_what_is_no_score_file_gets_a_sentence(content: bytes, word: str) -> None:
    with pytest.raises(DataError, match=word) as raised:
        read_csv(content, "s")
    assert str(raised.value).startswith("Expected ")


def test_ten_rows_are_read_with_a_warning() -> None:
    rows = "".join(f"{i % 2},{0.05 + i / 11:.3f}\n" for i in range(10))
    found = read_csv(f"label,score\n{rows}".encode(), "ten")
    assert found.n == 10
    assert "5 of pneumonia, 5 normal" in found.warnings[0]
    assert found.films[0] == "line 2"
    assert not found.named


@pytest.mark.parametrize("odd", ["", "x,maybe,0.5\n"])
def test_scores_keep_every_digit_whichever_way_they_are_read(odd: str) -> None:
    values = np.random.default_rng(0).random(3000)
    rows = "".join(f"f{i},{i % 2},{float(v)!r}\n" for i, v in enumerate(values))
    found = read_csv(f"film,label,score\n{rows}{odd}".encode(), "s")
    assert found.scores.tolist() == values.tolist()
    text = read_csv(f"film;label;score\n{rows.replace(',', ';')}".encode(), "s")
    assert text.sha256 == found.sha256
