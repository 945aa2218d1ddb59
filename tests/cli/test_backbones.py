"""`backbones` in a terminal: the table, JSON that parses, sentences and exit codes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import tiny_model

from cxr_core import cli


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "home"


def test_the_list_is_a_table_with_its_gaps_said(capsys) -> None:
    assert cli.main(["backbones", "list"]) == 0
    text = capsys.readouterr().out
    line = next(x for x in text.splitlines() if x.startswith("MobileNet "))
    assert ("4.25 M" in line, "0.57 G" in line, "70.4 %" in line) == (True, True, True)
    assert "not measured" in line


def test_the_list_as_json_and_csv_agree(capsys) -> None:
    assert cli.main(["backbones", "list", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert cli.main(["backbones", "list", "--csv"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [x["row"] for x in plain] == [x["row"] for x in lines]
    assert [str(x["params"]) for x in plain] == [x["params"] for x in lines]


def test_a_measurement_is_printed_and_kept(home: Path, capsys) -> None:
    tiny_model.write(home / "models")
    command = ["backbones", "measure", "model:tiny@1.0.0", "--runtimes", "litert", "--json"]
    assert cli.main([*command, "--batches", "1", "--repeats", "10"]) == 0
    found = json.loads(capsys.readouterr().out)
    [result] = found["results"]
    assert (result["kind"], result["runtime"], result["n"]) == ("Latency", "litert", 10)
    assert cli.main(["backbones", "list", "--json"]) == 0
    rows = {x["row"]: x for x in json.loads(capsys.readouterr().out)}
    assert rows["model:tiny@1.0.0"]["litert_b1_median_ms"] == pytest.approx(
        result["median_ms"], abs=1e-3
    )


def test_what_cannot_be_done_is_a_sentence_and_a_code(tmp_path: Path, capsys) -> None:
    assert cli.main(["backbones", "measure", "resnet9000"]) == 2
    assert "resnet9000" in capsys.readouterr().err
    assert cli.main(["backbones", "probe", str(tmp_path / "nowhere"), "resnet50"]) == 2
    assert "nothing lies" in capsys.readouterr().err
    assert cli.main(["backbones", "probe", str(tmp_path)]) == 2
    assert "backbones download" in capsys.readouterr().err


def test_where_nothing_could_be_measured_the_reason_is_told_once_and_the_code_is_2(
    home: Path, capsys
) -> None:
    (home / "models" / "broken" / "1.0.0").mkdir(parents=True)
    command = ["backbones", "measure", "model:broken@1.0.0", "--runtimes", "litert"]
    assert cli.main([*command, "--batches", "1"]) == 2
    told = capsys.readouterr()
    assert told.out.count("Copy the model's folder again") == 1
    assert told.err == "1 could not be done: the reasons stand above.\n"
    assert cli.main([*command, "--batches", "1", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["problems"][0]["row"] == "model:broken@1.0.0"
