"""Names, folders, and splits that keep a patient on one side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr_core import dataset
from cxr_core.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(40):
        for label, name in (
            ("NORMAL", f"IM-{i:04d}-0001"),
            ("NORMAL", f"NORMAL2-IM-{i:04d}-0001-0002"),
            ("PNEUMONIA", f"person{i}_bacteria_{i}"),
            ("PNEUMONIA", f"person{i}_virus_{i + 500}"),
        ):
            path = tmp_path / label / f"{name}.jpeg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize(
    ("stem", "label", "expected"),
    [
        ("person1453_bacteria_3770", "PNEUMONIA", ("person1453", "bacteria")),
        ("person80_virus_150", "PNEUMONIA", ("person80", "virus")),
        ("IM-0115-0001", "NORMAL", ("IM-0115", "none")),
        ("NORMAL2-IM-1427-0001", "NORMAL", ("NORMAL2-IM-1427", "none")),
        ("00001385_003", "PNEUMONIA", ("00001385", "unknown")),
        ("scan 7", "NORMAL", ("scan 7", "none")),
    ],
)
def test_a_name_gives_patient_and_cause(stem: str, label: str, expected: tuple) -> None:
    assert dataset.parse_name(stem, label) == expected


def test_no_patient_is_on_both_sides_of_any_fold(folder: Path) -> None:
    records = dataset.index_folder(folder)
    held = []
    for fold in range(5):
        split = dataset.split_by_patient(records, folds=5, fold=fold)
        sides = [{records[i].patient for i in side} for side in (split.train, split.validation)]
        assert not sides[0] & sides[1]
        assert len(split.train) + len(split.validation) == len(records) == 160
        held.extend(split.validation.tolist())
    assert sorted(held) == list(range(160))


@pytest.mark.parametrize("shift", ["bacteria", "virus", "early", "late"])
def test_leaving_out_keeps_patients_apart(folder: Path, shift: str) -> None:
    records = dataset.index_folder(folder)
    split = dataset.leave_out(records, shift, dataset.split_by_patient(records))
    sides = [{records[i].patient for i in side} for side in (split.train, split.validation)]
    assert not sides[0] & sides[1]
    held = [records[i] for i in split.validation]
    assert {r.label for r in held} == {"NORMAL", "PNEUMONIA"}
    if shift in ("bacteria", "virus"):
        assert {r.cause for r in held if r.label == "PNEUMONIA"} == {shift}
    else:
        numbers = sorted(int(r.patient[6:]) for r in held if r.label == "PNEUMONIA")
        assert set(numbers) == set(range(8)) if shift == "early" else set(range(32, 40))


def test_the_split_hash_follows_the_split_alone(folder: Path) -> None:
    records = dataset.index_folder(folder)
    first, again, other = (dataset.split_by_patient(records, seed=s) for s in (0, 0, 1))
    assert dataset.split_hash(records, first) == dataset.split_hash(records, again)
    assert dataset.split_hash(records, first) != dataset.split_hash(records, other)


def test_the_data_hash_follows_contents_not_the_folder(folder: Path) -> None:
    before = dataset.data_hash(dataset.index_folder(folder))
    moved = folder.rename(folder.parent / "moved")
    assert dataset.data_hash(dataset.index_folder(moved)) == before
    (moved / "NORMAL" / "IM-0001-0001.jpeg").write_bytes(b"changed")
    assert dataset.data_hash(dataset.index_folder(moved)) != before


def test_labels_are_one_for_pneumonia(folder: Path) -> None:
    records = dataset.index_folder(folder)
    assert dataset.labels(records).sum() == 80
    assert np.array_equal(
        dataset.labels(records) == 1, np.array([r.label == "PNEUMONIA" for r in records])
    )


def test_missing_class_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    with pytest.raises(DataError, match=r"NORMAL and PNEUMONIA.*cats"):
        dataset.index_folder(tmp_path)


def test_an_empty_class_folder_is_an_error(tmp_path: Path) -> None:
    for name in ("normal", "pneumonia"):
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="found none"):
        dataset.index_folder(tmp_path)
