from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from cxr_core import card as cards
from cxr_core import registry
from cxr_core.card import Calibration, DataFacts, ModelCard, ValidationFigures
from cxr_core.errors import ModelError
from cxr_core.registry import find, list_models, verify, version_key, write
from cxr_core.schema import Interval, OperatingPoint

FILES = {
    "model.keras": b"keras",
    "serving.tflite": b"lite",
    "gate.npz": b"gate",
    "scores.csv": b"film,score\n",
}


def make_card(version: str = "1.0.0", name: str = "pneumonia-mobilenetv2") -> ModelCard:
    return ModelCard(
        name=name,
        version=version,
        preprocessing={"size": 224, "blur": 1.2, "low": 1.0, "high": 99.0},
        calibration=Calibration("platt", 1.25, -0.5),
        operating_point=OperatingPoint(0.42, 0.3, 0.6, "sensitivity 0.97", "validation", 746),
        cam_layer="out_relu",
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_a_full_card_survives_json_without_loss() -> None:
    card = dataclasses.replace(
        make_card(),
        created="2026-11-21",
        intended_use="Research – not a device",
        not_measured=("adults", "lateral views"),
        data=DataFacts(name="Kermany", n_train=4470, split_seed=7, extra={"folds": [1, 2]}),
        recipe={"epochs": 8.0, "augmentation": {"gamma": [0.8, 1.2]}},
        versions={"python": "3.11"},
        validation=ValidationFigures(
            n=746, auc=Interval(0.99, 0.98, 1.0), brier=0.03, confusion=((190, 2), (5, 549))
        ),
        other={"adults": {"auc": 0.47}},
        extra={"later": [None, True]},
    )
    assert cards.loads(cards.dumps(card)) == card


def test_unknown_facts_stand_in_the_file_as_not_measured_and_read_back_as_none() -> None:
    text = cards.dumps(make_card())
    value = json.loads(text)
    assert value["validation"]["auc"] == "not measured"
    assert value["data"]["n_train"] == "not measured"
    assert cards.loads(text).validation.auc is None
    assert cards.shown(cards.loads(text).data.licence) == "not measured"


def test_a_null_or_absent_fact_reads_as_none() -> None:
    value = json.loads(cards.dumps(make_card()))
    value["validation"]["ece"] = None
    del value["intended_use"]
    card = cards.loads(json.dumps(value))
    assert card.validation.ece is None
    assert card.intended_use is None


@pytest.mark.parametrize(
    ("path", "broken", "told"),
    [
        (("operating_point", "threshold"), 1.5, "threshold between 0 and 1"),
        (("operating_point", "threshold"), None, "'threshold'"),
        (("operating_point", "n"), "many", "a whole number"),
        (("operating_point", "surprise"), 1, "surprise"),
        (("calibration", "scale"), 0, "scale above 0"),
        (("calibration", "method"), "magic", "'platt' or 'temperature'"),
        (("validation", "confusion"), [[1, 2, 3], [4, 5]], "a list of 2"),
        (("validation", "auc"), 0.98, "an object"),
        (("data", "n_train"), True, "a whole number"),
        (("cam_layer",), None, "'cam_layer'"),
        (("not_measured",), [1], "text"),
        (("recipe",), [], "an object"),
    ],
)
def test_a_wrong_card_says_what_was_expected_and_where(
    path: tuple[str, ...], broken: object, told: str
) -> None:
    value = json.loads(cards.dumps(make_card()))
    target = value
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = broken
    with pytest.raises(ModelError, match=r"Expected .*; received .*\. .+\.") as caught:
        cards.loads(json.dumps(value))
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": NaN}', b"\xff\xfe", "[" * 100_000])
def test_text_that_is_no_card_is_a_model_error(text: str | bytes) -> None:
    with pytest.raises(ModelError, match="Expected"):
        cards.loads(text)


def test_a_card_with_nan_is_not_written(root: Path) -> None:
    card = dataclasses.replace(make_card(), recipe={"rate": float("nan")})
    with pytest.raises(ModelError, match="not measured"):
        write(card, FILES, root)
    assert list_models([root]) == ()


def test_a_written_model_is_found_whole_with_its_card(root: Path) -> None:
    entry = write(make_card(), FILES, root)
    assert verify(entry) == ()
    assert find(among=[root]) == entry
    assert entry.card == make_card()
    assert entry.read("serving.tflite") == b"lite"


def test_sha256sum_itself_accepts_the_sums(root: Path) -> None:
    entry = write(make_card(), FILES, root)
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=entry.folder, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b": OK") == 5


def test_files_may_be_given_as_paths(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(os.urandom(3 * 2**20))
    entry = write(make_card(), {**FILES, "model.keras": source}, root)
    assert entry.sums()["model.keras"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert source.exists()


def test_every_kind_of_damage_is_told_in_words(root: Path) -> None:
    entry = write(make_card(), FILES, root)
    (entry.folder / "serving.tflite").write_bytes(b"lita")
    (entry.folder / "gate.npz").unlink()
    (entry.folder / "notes.txt").write_text("mine")
    problems = "\n".join(verify(entry))
    assert "serving.tflite of pneumonia-mobilenetv2 1.0.0 is damaged" in problems
    assert "gate.npz is missing" in problems
    assert "notes.txt is extra" in problems
    assert len(verify(entry)) == 3


def test_a_file_that_the_sums_do_not_list_is_a_problem(root: Path) -> None:
    entry = write(make_card(), FILES, root)
    sums = entry.folder / "SHA256SUMS"
    lines = [x for x in sums.read_text().splitlines() if "gate" not in x]
    sums.write_text("\n".join(lines) + "\n")
    assert verify(entry) == (
        "gate.npz is not listed in SHA256SUMS",
        "gate.npz is extra: SHA256SUMS does not list it",
    )
    with pytest.raises(ModelError, match="found no line"):
        entry.read("gate.npz")


@pytest.mark.parametrize("text", ["", "rubbish\n", "0" * 64 + "  ../../etc/passwd\n"])
def test_sums_that_are_damaged_or_point_elsewhere_are_problems(root: Path, text: str) -> None:
    entry = write(make_card(), FILES, root)
    (entry.folder / "SHA256SUMS").write_text(text)
    assert verify(entry) != ()


def test_a_missing_folder_is_a_problem(root: Path) -> None:
    assert "missing" in verify(registry.ModelEntry("a", "1.0.0", root / "a" / "1.0.0"))[0]


def test_a_link_in_place_of_a_file_is_not_followed(root: Path, tmp_path: Path) -> None:
    entry = write(make_card(), FILES, root)
    target = entry.folder / "serving.tflite"
    (tmp_path / "same").write_bytes(target.read_bytes())
    target.unlink()
    target.symlink_to(tmp_path / "same")
    assert verify(entry) == ("serving.tflite is missing",)


def test_reading_a_damaged_file_says_expected_received_and_next(root: Path) -> None:
    entry = write(make_card(), FILES, root)
    (entry.folder / "serving.tflite").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"Expected sha256 .*; received .*Copy the file again"):
        entry.read("serving.tflite")


def test_only_named_files_are_opened(root: Path) -> None:
    entry = write(make_card(), FILES, root)
    (entry.folder / "code.py").write_text("")
    for name in ("code.py", "../1.0.0/card.json", "/etc/passwd"):
        with pytest.raises(ModelError, match="never opened"):
            entry.path(name)


def test_a_damaged_card_is_listed_and_its_error_names_the_model(root: Path) -> None:
    entry = write(make_card(), FILES, root)
    (entry.folder / "card.json").write_text("{")
    assert list_models([root]) == (entry,)
    with pytest.raises(ModelError, match=r"pneumonia-mobilenetv2 1\.0\.0's card\.json"):
        _ = entry.card
    assert any("damaged" in p for p in verify(entry))


def test_a_card_of_another_version_is_refused(root: Path) -> None:
    entry = write(make_card(), FILES, root)
    entry.folder.rename(entry.folder.with_name("2.0.0"))
    with pytest.raises(ModelError, match=r"card of pneumonia-mobilenetv2 2\.0\.0; received that"):
        _ = find(among=[root]).card


def test_versions_sort_as_semantic_versioning_says() -> None:
    # The example of semver.org 2.0.0, rule 11.4, and numbers that sort wrongly as text.
    early = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"]
    late = ["1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "2.0.0"]
    assert sorted(late[::-1] + early[::-1], key=version_key) == early + late


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0-a..b", ".."])
def test_other_versions_are_refused(version: str) -> None:
    with pytest.raises(ModelError, match=r"such as 1\.0\.0"):
        version_key(version)


def test_the_latest_release_is_found_before_a_later_prerelease(root: Path) -> None:
    for version in ("1.2.0", "1.10.0", "2.0.0-rc.1"):
        write(make_card(version), FILES, root)
    assert find(among=[root]).version == "1.10.0"
    assert find(version="2.0.0-rc.1", among=[root]).version == "2.0.0-rc.1"


def test_the_shipped_model_is_not_displaced_by_a_later_one_at_home(tmp_path: Path) -> None:
    shipped, own = tmp_path / "a", tmp_path / "b"
    write(make_card("1.0.0"), FILES, shipped)
    write(make_card("3.0.0"), FILES, own)
    assert find(among=[shipped, own]).version == "1.0.0"
    assert find(version="3.0.0", among=[shipped, own]).folder.is_relative_to(own)


def test_home_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    entry = write(make_card(name="mine"), FILES)
    assert entry.folder == tmp_path / "models" / "mine" / "1.0.0"
    assert entry in list_models()


def test_a_model_that_is_not_there_says_what_is(root: Path) -> None:
    write(make_card(), FILES, root)
    with pytest.raises(ModelError, match=r"found pneumonia-mobilenetv2 1\.0\.0"):
        find("other", among=[root])
    with pytest.raises(ModelError, match="found none"):
        find(among=[root / "empty"])


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "..", "A", "a" * 65, "a\n", "a\0b"])
def test_names_that_leave_the_folder_are_refused(root: Path, name: str) -> None:
    with pytest.raises(ModelError, match="Expected a model name"):
        find(name, among=[root])
    with pytest.raises(ModelError, match="Expected a model name"):
        write(make_card(name=name), FILES, root)
    assert not root.exists()


def test_a_version_is_never_overwritten(root: Path) -> None:
    entry = write(make_card(), FILES, root)
    with pytest.raises(ModelError, match="exists already"):
        write(make_card(), {**FILES, "gate.npz": b"new"}, root)
    assert entry.read("gate.npz") == b"gate"


def test_a_wrong_set_of_files_is_refused(root: Path) -> None:
    with pytest.raises(ModelError, match="Expected the files"):
        write(make_card(), {**FILES, "code.py": b""}, root)
    assert not root.exists()


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    calls = 0

    def fail(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        write(make_card(), FILES, root)
    assert [p for p in root.rglob("*") if p.is_file()] == []
    assert list_models([root]) == ()
