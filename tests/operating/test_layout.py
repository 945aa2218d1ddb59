"""Score files as other programs and other hospitals write them: the same films every time."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.operating import honesty, inspect_csv, read_csv

ROWS = [(1, 0.75), (0, 0.25), (1, 0.5), (0, 0.125)]


def written(
    separator: str = ",",
    *,
    head: str = "film,label,score",
    comma: bool = False,
    quoted: bool = False,
    end: str = "\n",
) -> str:
    lines = [head.replace(",", separator)] if head else []
    for i, (label, score) in enumerate(ROWS):
        number = str(score).replace(".", "," if comma else ".")
        number = f'"{number}"' if quoted else number
        lines.append(separator.join((f"f{i}", str(label), number)))
    return end.join(lines) + end


FORMS = {
    "tabs with decimal commas": written("\t", comma=True).encode(),
    "quoted decimal commas between commas": written(comma=True, quoted=True).encode(),
    "bars": written("|").encode(),
    "spaces": written(" ").encode(),
    "Excel's own first line": b"sep=;\r\n" + written(";", comma=True, end="\r\n").encode(),
    "line ends of an old Macintosh": written(end="\r").encode(),
    "UTF-16 without its mark": written().encode("utf-16-le"),
    "UTF-16, the other way round": written().encode("utf-16-be"),
    "UTF-32": written().encode("utf-32"),
    "a separator at the end of each row": b"film,label,score\n"
    + written(head="").replace("\n", ",\n").encode(),
    "a comment above": b"# made by a script, 2024\n" + written().encode(),
    "a title and a blank line above": b"Results of May;;\n\n" + written(";").encode(),
    "commas within a name": written(";", head="film;label;score").replace(
        "score\n", "score;a, b, c, d, e\n", 1
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_films(form: str) -> None:
    assert inspect_csv(FORMS[form]).question is None
    found = read_csv(FORMS[form], "scores")
    assert list(zip(found.labels.tolist(), found.scores.tolist(), strict=True)) == ROWS
    assert found.films.tolist() == ["f0", "f1", "f2", "f3"]
    assert found.bad == ()


def test_lines_above_the_header_are_counted() -> None:
    content = b"Results of May\n\n" + written().encode() + b"f9,1,none\n"
    assert [row.line for row in read_csv(content, "s").bad] == [8]


def test_without_a_header_columns_are_chosen_by_their_first_cells_and_no_film_is_lost() -> None:
    content = written(head="").encode() + b"f9,1,none\n"
    seen = inspect_csv(content)
    assert seen.columns == ("column 1", "column 2", "column 3")
    assert seen.first == ("f0", "1", "0.75")
    found = read_csv(content, "s", label="column 2", score="column 3", film="column 1")
    assert found.labels.tolist() == [label for label, _ in ROWS]
    assert [row.line for row in found.bad] == [5]
    unnamed = read_csv(content, "s", label="column 2", score="column 3", film="column 2")
    assert unnamed.n == 4


@pytest.mark.parametrize(
    ("ill", "well"),
    [
        ("1.0", "0.0"), ("1", "-1"), ("+", "-"), ("pos.", "neg."), ("P", "N"), ("TRUE", "FALSE"),
        ("'1'", "'0'"), ("Lung Opacity", "No Finding"), ("krank", "gesund"), ("Oui", "Non"),
        ("Lungenentzündung", "normal"), ("Neumonía", "Sano"), ("bacterial pneumonia", "Healthy"),
    ],
)  # fmt: skip
def test_labels_in_words_of_many_houses(ill: str, well: str) -> None:
    content = f"label,score\n{ill},0.9\n{well},0.1\n".encode()
    assert inspect_csv(content).question is None
    assert read_csv(content, "s").labels.tolist() == [1, 0]


def test_uncertain_and_other_labels_are_left_out_and_listed_never_taken_for_normal() -> None:
    found = read_csv(b"label,score\n1,0.9\n0,0.1\n-1,0.5\n", "s")
    assert (found.n, found.bad[0].line) == (2, 4)
    three = b"label,score\nPNEUMONIA,0.9\nNORMAL,0.1\nCOVID-19,0.5\n"
    assert read_csv(three, "s").n == 2
    chosen = read_csv(three, "s", positive=["COVID-19", "PNEUMONIA"], negative=["NORMAL"])
    assert chosen.labels.tolist() == [1, 0, 1]
    assert read_csv(three, "s", positive=["COVID-19"], negative=["NORMAL"]).n == 2


def test_rounding_in_single_precision_is_no_error() -> None:
    found = read_csv(b"label,score\n1,1.0000001\n0,-1e-8\n1,0.5\n0,0.2\n", "s")
    assert found.scores.tolist() == [1, 0, 0.5, 0.2]


def test_percent_signs_count_cell_by_cell() -> None:
    found = read_csv(b"label;score\n1;97,5 %\n0;0,5%\n1;0,5\n", "s")
    np.testing.assert_allclose(found.scores, [0.975, 0.005, 0.5])


def test_a_film_that_stands_twice_is_said_with_whether_its_labels_agree() -> None:
    content = b"film,label,score\na,1,0.9\na,0,0.9\nb,0,0.1\nb,0,0.1\nc,1,0.4\n"
    found = read_csv(content, "s")
    said = next(w for w in found.warnings if w.startswith("Rows that name a film again"))
    assert "2 of 5" in said
    assert "1 films have both labels" in said
    assert honesty(found, found) is not None
