"""`predict`: a row for each film, and its heatmaps."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_core.cli import main
from cxr_core.registry import ModelEntry
from tests import films

KEYS = [
    "file", "status", "reasons", "probability", "threshold", "label", "refer", "model", "sha256",
    "elapsed_ms",
]  # fmt: skip

pytestmark = pytest.mark.usefixtures("model_entry")


def rows(out: str) -> list[dict[str, Any]]:
    """The JSON lines that a command printed."""
    return [json.loads(line) for line in out.splitlines()]


def test_json_is_one_object_a_film_with_the_promised_keys_in_order(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(folder), "--json"]) == 1
    found = rows(capsys.readouterr().out)
    assert [list(row) for row in found] == [KEYS] * 4
    assert [Path(row["file"]).name for row in found] == sorted(os.listdir(folder))


def test_a_refused_film_has_reasons_and_no_probability(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(folder / "2-photo.jpg"), "--json"]) == 0
    (row,) = rows(capsys.readouterr().out)
    assert row["status"] == "refused"
    assert row["reasons"]
    assert [row[k] for k in ("probability", "label", "refer", "elapsed_ms")] == [None] * 4
    assert len(row["sha256"]) == 64


def test_show_anyway_gives_a_probability_and_keeps_the_status(
    folder: Path, capsys: pytest.CaptureFixture[str], model_entry: ModelEntry
) -> None:
    assert main(["predict", str(folder / "2-photo.jpg"), "--json", "--show-anyway"]) == 0
    (row,) = rows(capsys.readouterr().out)
    point = model_entry.card.operating_point
    assert row["status"] == "refused"
    assert 0 <= row["probability"] <= 1
    assert row["threshold"] == point.threshold
    assert row["label"] == ("PNEUMONIA" if row["probability"] >= point.threshold else "NORMAL")
    assert row["refer"] is (point.refer_low <= row["probability"] < point.refer_high)
    assert row["model"] == f"{model_entry.name} {model_entry.version}"
    assert row["elapsed_ms"] > 0


def test_an_unreadable_file_is_an_error_with_its_sentence_and_exit_code_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(folder / "3-broken.png"), "missing.png", "--json"]) == 1
    found = rows(capsys.readouterr().out)
    assert [row["status"] for row in found] == ["error", "error"]
    for row in found:
        (reason,) = row["reasons"]
        assert reason.startswith("Expected")
        assert [row[k] for k in KEYS[3:]] == [None] * 7


def test_a_zip_gives_a_row_for_each_member(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "films.zip"
    content = films.png(films.chest())
    path.write_bytes(films.archive({"b.png": content, "a.png": content[:99], "c.png": content}))
    assert main(["predict", str(path), "--json"]) == 1
    found = rows(capsys.readouterr().out)
    assert [row["file"] for row in found] == [f"{path}/{name}.png" for name in "bac"]
    assert [row["status"] == "error" for row in found] == [False, True, False]


def test_the_frame_asked_for_is_the_one_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [films.chest(seed=1), films.chest(seed=2, opacity=True)]
    both, second = tmp_path / "both.dcm", tmp_path / "second.dcm"
    both.write_bytes(films.dicom(np.stack(frames)))
    second.write_bytes(films.dicom(frames[1]))
    main(["predict", str(both), "--frame", "1", "--json", "--show-anyway"])
    main(["predict", str(second), "--json", "--show-anyway"])
    main(["predict", str(both), "--json", "--show-anyway"])
    of_both, of_second, of_first = rows(capsys.readouterr().out)
    assert of_both["probability"] == of_second["probability"] != of_first["probability"]


def test_heatmaps_are_pictures_named_after_their_films(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "1-clear.png").write_bytes(films.png(films.chest(seed=9)))
    maps = tmp_path / "new" / "maps"
    main(["predict", str(folder), "--heatmap", str(maps), "--show-anyway", "--json"])
    found = {Path(r["file"]).stem for r in rows(capsys.readouterr().out) if r["status"] != "error"}
    names = sorted(p.name for p in maps.iterdir())
    assert {n.split("-")[0] for n in names} == {stem.split("-")[0] for stem in found}
    assert len(names) == 4
    for name in names:
        with Image.open(maps / name) as picture:
            picture.load()
            assert min(picture.size) >= 512


def test_a_heatmap_s_name_does_not_depend_on_which_thread_was_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "é" * 120
    paths = ("a/1.png", "b/1.png", "c/1.2.840.1", "c/1.2.840.2", f"d/{long}.png", f"e/{long}.png")
    for i, name in enumerate(paths):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(films.png(films.chest(seed=i)))
    member = films.archive({"d/2.png": films.png(films.chest(seed=7))})
    (tmp_path / "in" / "z.zip").write_bytes(member)
    maps = tmp_path / "maps"
    main(["predict", str(tmp_path / "in"), "--heatmap", str(maps), "--show-anyway", "--json"])
    found = rows(capsys.readouterr().out)
    sha = {
        Path(row["file"]).relative_to(tmp_path / "in").as_posix(): row["sha256"] for row in found
    }
    assert {p.name for p in maps.iterdir()} == {
        f"1-{sha['a/1.png'][:8]}.png",
        f"1-{sha['b/1.png'][:8]}.png",
        "1.2.840.1.png",
        "1.2.840.2.png",
        f"2-{sha['z.zip/d/2.png'][:8]}.png",
        *(f"{long[:100]}-{sha[name][:8]}.png" for name in paths[4:]),
    }


def test_a_refused_film_leaves_no_heatmap(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["predict", str(folder / "2-photo.jpg"), "--heatmap", str(tmp_path / "maps")])
    assert list((tmp_path / "maps").iterdir()) == []


def test_for_a_person_there_is_a_table_with_reasons_and_the_notice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["file", "status", "pneumonia", "finding"]
    (photo,) = (i for i, line in enumerate(lines) if "2-photo.jpg" in line)
    assert "refused" in lines[photo]
    assert lines[photo + 1].startswith("    ")
    assert any("4 films" in line and "1 error" in line for line in lines)
    assert "Not a medical device" in lines[-1]


def test_a_name_cannot_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "\x1b[31mred\n.png"
    path.write_bytes(b"")
    main(["predict", str(path)])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"\x1b[31mred\n.png" in out


def test_no_identifier_of_a_film_is_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["predict", str(folder / "4-opacity.dcm")])
    main(["predict", str(folder / "4-opacity.dcm"), "--json", "--show-anyway"])
    printed = "".join(capsys.readouterr())
    assert printed
    assert [v for v in films.IDENTIFIERS.values() if v in printed] == []
