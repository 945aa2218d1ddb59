"""`threshold` and `compare-models` from the terminal, against the same figures from the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_core import operating as op
from cxr_core import points, registry
from cxr_core.cli import main
from tests import films

pytestmark = pytest.mark.usefixtures("model_entry", "home")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """tuning.csv and test.csv of other films; the second has a second model's scores too."""
    rng = np.random.default_rng(0)
    for name, n in (("tuning", 300), ("test", 200)):
        y = (rng.random(n) < 0.4).astype(int)
        p = 1 / (1 + np.exp(-(rng.normal(size=n) + 2 * y - 1)))
        q = np.clip(p + rng.normal(0, 0.15, n), 0, 1)
        rows = [f"{name}-{i},{y[i]},{p[i]:.6f},{q[i]:.6f}" for i in range(n)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["film,label,ours,theirs", *rows]) + "\n")
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, Any]:
    code = main([*map(str, words), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


def test_the_shipped_model_needs_no_films(capsys: pytest.CaptureFixture[str]) -> None:
    code, row = told(capsys, "threshold")
    own = registry.find().card
    assert code == 0
    assert row["threshold"] == own.operating_point.threshold
    assert tuple(map(tuple, row["figures"]["confusion"])) == own.validation.confusion
    assert row["in_force"]["id"] == "own"
    assert "chosen on the films it is reported on" in row["warning"]
    assert row["figures"]["auc"] == pytest.approx(vars(own.validation.auc), abs=5e-4)
    assert (row["optimises"], row["costs"]) == (None, None)
    row = told(capsys, "threshold", "--criterion", "youden")[1]
    assert "sensitivity and specificity" in row["optimises"]
    assert row["costs"]


def test_what_is_written_for_a_person_has_the_area_and_what_the_criterion_costs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["threshold", "--criterion", "youden"]) == 0
    text = capsys.readouterr().out
    assert "Its cost: A missed pneumonia counts as much" in text
    assert "    AUC  " in text


def test_a_criterion_is_met_on_one_file_and_reported_on_another(
    tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, row = told(
        capsys, "threshold", "--scores", tables / "tuning.csv", "--score-column", "ours",
        "--report-on", tables / "test.csv", "--criterion", "sensitivity=0.9", "--prevalence", "0.1",
        "--refer", "0.2", "0.8", "--optimism", "--pdf", tables / "page.pdf",
    )  # fmt: skip
    s = op.Sorted(op.read_csv(tables / "tuning.csv", "tuning.csv", score="ours"))
    choice = op.choose(s, "sensitivity", 0.9, 0.1)
    assert (code, row["threshold"], row["warning"]) == (0, choice.threshold, None)
    assert row["figures"]["ppv_clinic"] == op.as_json(s.figures(choice.threshold, 0.1).ppv_clinic)
    assert row["reported"]["n"] == 200
    assert row["band"]["n"] == 200
    assert row["optimism"]["rows"][0]["key"] == "sensitivity"
    assert (tables / "page.pdf").read_bytes().startswith(b"%PDF")
    assert not row["locked"]


@pytest.mark.parametrize("given", ["sensitivity>=0.98", "sensitivity: 0.98", "sensitivity=.98"])
def test_a_criterion_may_be_written_as_people_do(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, row = told(capsys, "threshold", "--criterion", given)
    assert (row["criterion"], row["value"]) == ("sensitivity", 0.98)
    assert row["figures"]["sensitivity"]["value"] >= 0.98


def test_a_lock_is_used_by_predict_and_can_be_taken_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "film.png"
    film.write_bytes(films.png(films.chest(seed=1)))
    code, row = told(
        capsys, "threshold", "--criterion", "specificity=1", "--lock", "--note", "night shift"
    )
    assert (code, row["locked"]) == (0, True)
    assert row["in_force"]["threshold"] == row["threshold"]
    assert told(capsys, "predict", film, "--show-anyway")[1]["threshold"] == row["threshold"]
    _, table = told(capsys, "threshold", "--history")
    assert [(t["id"] == "own", t["in_force"]) for t in table] == [(True, False), (False, True)]
    assert table[1]["note"] == "night shift"
    assert main(["models", "show"]) == 0
    assert "night shift" in capsys.readouterr().out
    assert told(capsys, "threshold", "--restore", "own")[1][0]["in_force"]
    own = registry.find().card.operating_point
    assert told(capsys, "predict", film, "--show-anyway")[1]["threshold"] == own.threshold
    _, table = told(capsys, "threshold", "--restore", table[1]["id"])
    assert table[1]["in_force"]


def test_a_damaged_file_is_told_and_the_cards_own_point_is_used(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "threshold", "--criterion", "youden", "--lock")
    (path,) = home.glob("operating_points/*/*.jsonl")
    path.write_bytes(path.read_bytes()[:-30])
    film = tmp_path / "film.png"
    film.write_bytes(films.png(films.chest(seed=1)))
    assert main(["predict", str(film), "--json", "--show-anyway"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["threshold"] == registry.find().card.operating_point.threshold
    assert "warning: Expected the operating points" in err
    assert main(["threshold", "--history"]) == 1
    capsys.readouterr()
    assert main(["threshold", "--criterion", "f1", "--lock"]) == 2
    assert "Restore" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["--criterion", "best"], "criterion of hand"),
        (["--criterion", "sensitivity=much"], "number after 'sensitivity='"),
        (["--scores", "nowhere.csv"], "CSV file at"),
        (["--lock"], "criterion to lock by"),
        (["--prevalence", "2"], "prevalence between"),
        (["--subgroups", "sex"], r"groups (cause)"),
        (["--restore", "abc"], "id of a locked"),
        (["--criterion", "hand=1", "--lock"], "calls every film or none"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    words: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["threshold", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert word in err
    assert points.history(registry.find()).locked == ()


def test_bad_rows_are_listed_and_the_exit_code_says_so(
    tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tables / "tuning.csv"
    path.write_text(path.read_text() + "x,perhaps,0.4,0.4\n")
    words = ("threshold", "--scores", str(path), "--score-column", "ours", "--criterion", "youden")
    code, row = told(capsys, *words)
    assert code == 1
    assert row["chosen_on"]["bad_rows"] == [{"line": 302, "reason": "label 'perhaps' is not known"}]
    assert main(list(words)) == 1
    assert "line 302: label 'perhaps' is not known" in capsys.readouterr().out


def test_two_columns_of_one_file_are_compared(
    tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("compare-models", "ours", "theirs", "--scores", str(tables / "test.csv"))
    assert main(list(words)) == 2
    assert "Add --at A B" in capsys.readouterr().err
    code, row = told(capsys, *words, "--at", 0.4, 0.6)
    a = op.read_csv(tables / "test.csv", "a", score="ours")
    b = op.read_csv(tables / "test.csv", "b", score="theirs")
    found = op.compare(a, b, 0.4, 0.6)
    assert code == 0
    assert (row["n"], row["auc_p"]) == (200, found.auc_p)
    assert row["all"]["p"] == found.all.p
    assert len(row["disagreements"]) == found.all.only_a + found.all.only_b
    assert (row["a"]["name"], row["b"]["name"]) == ("ours", "theirs")
    assert main([*words, "--at", "0.4", "0.6"]) == 0
    assert "DeLong's p" in capsys.readouterr().out


def test_two_models_are_compared_on_a_folder_of_films(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(3):
        for name, opacity in (("NORMAL", False), ("PNEUMONIA", True)):
            folder = tmp_path / "ward" / name
            folder.mkdir(parents=True, exist_ok=True)
            folder.joinpath(f"{i}.png").write_bytes(films.png(films.chest(seed=i, opacity=opacity)))
    (tmp_path / "ward" / "NORMAL" / "broken.png").write_bytes(b"no film")
    name = registry.DEFAULT_MODEL
    code, row = told(capsys, "compare-models", name, name, "--data", tmp_path / "ward")
    assert code == 1
    assert [Path(e["file"]).name for e in row["errors"]] == ["broken.png"]
    assert (row["n"], row["ill"], row["auc_difference"]) == (6, 3, None)
    assert row["a"] == row["b"]
    assert row["a"]["threshold"] == registry.find().card.operating_point.threshold


def test_models_are_compared_on_the_films_they_were_stored_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = registry.DEFAULT_MODEL
    code, row = told(capsys, "compare-models", name, name, "--at", 0.2, 0.5)
    assert (code, row["n"]) == (0, registry.find().card.validation.n)
    assert row["ill_only"]["only_b"] == 0
