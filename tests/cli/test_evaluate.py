"""`evaluate`: figures over all readable films, refused or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_core.cli import main
from tests import films

pytestmark = pytest.mark.usefixtures("model_entry")


def rows(out: str) -> list[dict[str, Any]]:
    """The JSON lines that a command printed."""
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    for i in range(5):
        for name, opacity in (("NORMAL", False), ("PNEUMONIA", True)):
            (tmp_path / "set" / name).mkdir(parents=True, exist_ok=True)
            film = films.chest(seed=i, opacity=opacity)
            (tmp_path / "set" / name / f"{i}.png").write_bytes(films.png(film))
    (tmp_path / "set" / "NORMAL" / "photo.jpg").write_bytes(films.jpeg(films.photo()))
    return tmp_path / "set"


def test_evaluate_counts_refused_films_in_its_figures(
    labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(labelled), "--json"]) == 0
    (row,) = rows(capsys.readouterr().out)
    assert list(row)[:8] == [
        "n", "auc", "accuracy", "sensitivity", "specificity", "brier", "ece", "confusion",
    ]  # fmt: skip
    (tn, fp), (fn, tp) = row["confusion"]
    assert (row["n"], tn + fp, fn + tp) == (11, 6, 5)
    assert row["refused"] >= 1
    assert row["accuracy"]["value"] == pytest.approx((tn + tp) / 11)
    for name in ("auc", "accuracy", "sensitivity", "specificity"):
        assert 0 <= row[name]["low"] <= row[name]["value"] <= row[name]["high"] <= 1
    assert row["images_per_second"] > 0
    assert row["errors"] == []


def test_evaluate_agrees_with_predict(labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["predict", str(labelled), "--json", "--show-anyway"])
    one_by_one = rows(capsys.readouterr().out)
    main(["evaluate", str(labelled), "--json"])
    (row,) = rows(capsys.readouterr().out)
    called = [(Path(r["file"]).parent.name, r["label"]) for r in one_by_one]
    expected = [
        [called.count((truth, label)) for label in ("NORMAL", "PNEUMONIA")]
        for truth in ("NORMAL", "PNEUMONIA")
    ]
    assert row["confusion"] == expected
    brier = np.mean([(r["probability"] - ("PNEUMONIA" in r["file"])) ** 2 for r in one_by_one])
    assert row["brier"] == pytest.approx(brier, abs=1e-5)


def test_evaluate_lists_what_it_could_not_read(
    labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (labelled / "PNEUMONIA" / "broken.png").write_bytes(b"not a film")
    assert main(["evaluate", str(labelled), "--json"]) == 1
    (row,) = rows(capsys.readouterr().out)
    assert row["n"] == 11
    assert [Path(e["file"]).name for e in row["errors"]] == ["broken.png"]


def test_evaluate_without_both_classes_ends_with_two(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(folder)]) == 2
    assert "error: Expected sub-folders NORMAL and PNEUMONIA" in capsys.readouterr().err


def test_evaluate_says_why_a_class_has_no_film_to_score(
    labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (labelled / "PNEUMONIA").iterdir():
        path.write_bytes(b"not a film")
    assert main(["evaluate", str(labelled)]) == 2
    complaint = capsys.readouterr().err
    assert "6 of NORMAL, 0 of PNEUMONIA, and 5 that could not be" in complaint
    assert "a text file" in complaint


def test_evaluate_takes_uids_for_names_and_folders_in_any_case(
    labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lower = labelled / "normal"
    lower.mkdir()
    for i in (1, 2):
        (lower / f"1.2.840.{i}").write_bytes(films.dicom(films.chest(seed=i)))
    assert main(["evaluate", str(labelled), "--json"]) == 0
    (row,) = rows(capsys.readouterr().out)
    assert row["n"] == 13
