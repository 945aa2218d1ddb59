"""`data`: what lies in a source, how it is split and what leaks, as text and as JSON."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import films
from cxr_core.cli import main


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for side, begin in (("train", 0), ("test", 100)):
        for i in range(begin, begin + 12):
            for label, name in (
                ("NORMAL", f"IM-{i:04d}-0001"),
                ("PNEUMONIA", f"person{i}_virus_1"),
            ):
                path = tmp_path / "films" / side / label / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                drawn = films.photo(64, 64, seed=1000 * (label == "NORMAL") + i)
                path.write_bytes(films.png(drawn))
    return tmp_path / "films"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main(["data", *map(str, arguments)])
    return code, capsys.readouterr().out


def test_the_index_counts_films_and_patients(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run(capsys, "index", source)
    assert code == 0
    assert "48 films (folders), classes NORMAL, PNEUMONIA" in text
    code, text = run(capsys, "index", source, "--json")
    assert json.loads(text)["balance"][0] == {
        "side": "train", "label": "NORMAL", "films": 12, "patients": 12,
    }  # fmt: skip


def test_a_split_is_written_as_csv(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "split.csv"
    code, text = run(capsys, "split", source, "--share", "0.25", "--out", out, "--json")
    assert code == 0
    found = json.loads(text)["sides"]
    assert found["test"] == {"NORMAL": 12, "PNEUMONIA": 12, "patients": 24}
    assert found["validation"] == {"NORMAL": 3, "PNEUMONIA": 3, "patients": 6}
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 48
    assert {row["side"] for row in rows} == {"train", "validation", "test"}


def test_a_leak_is_an_exit_code(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copied = source / "train" / "NORMAL" / "IM-0001-0001.png"
    (source / "test" / "NORMAL" / "IM-0777-0001.png").write_bytes(copied.read_bytes())
    code, text = run(capsys, "leaks", source, "--json")
    assert code == 1
    twins = {(t["first"], t["second"]) for t in json.loads(text)["twins"] if t["identical"]}
    assert ("train/NORMAL/IM-0001-0001", "test/NORMAL/IM-0777-0001") in twins


def test_what_cannot_be_indexed_is_said(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "index", str(tmp_path / "nothing")]) == 2
    assert "Check the path" in capsys.readouterr().err
    listing = tmp_path / "films.csv"
    listing.write_text(
        "path,label\n"
        "films/train/NORMAL/IM-0001-0001.png,NORMAL\n"
        "films/train/PNEUMONIA/person1_virus_1.png,PNEUMONIA\n"
        "films/none.png,NORMAL\n"
    )
    code, text = run(capsys, "index", listing)
    assert code == 1
    assert "row 4: its path holds no file" in text


def test_kept_films_can_be_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    (tmp_path / "cache" / "films").mkdir(parents=True)
    (tmp_path / "cache" / "films" / "a.npy").write_bytes(b"x" * 2_000_000)
    (tmp_path / "models").mkdir()
    assert run(capsys, "forget") == (0, "2 MB of decoded films and features deleted\n")
    assert [p.name for p in tmp_path.iterdir()] == ["models"]
