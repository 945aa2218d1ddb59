"""Splits keep patients apart and classes in proportion; copies across sides are found."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import films
from cxr_core import dataset
from cxr_core.dataset import Split
from cxr_core.errors import DataError


def drawn(root: Path, patients: int = 30, each: int = 2, sides: tuple[str, ...] = ("",)) -> Path:
    """Empty files: a split looks at names alone."""
    for side in sides:
        for p in range(patients):
            for k in range(each):
                for label, name in (
                    ("NORMAL", f"IM-{p:04d}-{k:04d}"),
                    ("PNEUMONIA", f"person{p}_virus_{k}"),
                    ("PNEUMONIA", f"person{p + 500}_bacteria_{k}"),
                ):
                    path = root / side / label / f"{side}{name}.png".removeprefix(side)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(b"")
    return root


def patients(index: dataset.Index, positions: np.ndarray) -> set[str]:
    return {index.records[int(i)].patient for i in positions}


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_a_split_is_stratified_and_keeps_patients_apart(tmp_path: Path, share: float) -> None:
    index = dataset.open_source(drawn(tmp_path))
    split = dataset.make_split(index, share=share)
    assert not patients(index, split.train) & patients(index, split.validation)
    assert len(split.train) + len(split.validation) == len(index.records) == 180
    y = dataset.targets(index)
    assert len(split.validation) == pytest.approx(180 * share, abs=6)
    assert y[split.validation].mean() == pytest.approx(2 / 3, abs=0.05)


def test_test_films_stay_aside(tmp_path: Path) -> None:
    index = dataset.open_source(drawn(tmp_path, sides=("train", "test")))
    split = dataset.make_split(index)
    assert {index.records[int(i)].split for i in split.test} == {"test"}
    trained = {index.records[int(i)].split for i in (*split.train, *split.validation)}
    assert trained == {"train"}


def test_the_folders_own_sides_are_taken_where_they_are_enough(tmp_path: Path) -> None:
    index = dataset.open_source(drawn(tmp_path, sides=("train", "val", "test")))
    split = dataset.make_split(index, "own")
    assert {index.records[int(i)].split for i in split.validation} == {"val"}
    assert split.notes == ()


def test_a_validation_folder_too_small_to_judge_by_is_not_used(tmp_path: Path) -> None:
    drawn(tmp_path, sides=("train",))
    for label in ("NORMAL", "PNEUMONIA"):
        (tmp_path / "val" / label).mkdir(parents=True)
        for k in range(8):
            (tmp_path / "val" / label / f"film{k}.png").write_bytes(b"")
    index = dataset.open_source(tmp_path)
    split = dataset.make_split(index, "own")
    assert len(split.validation) > 16
    assert "16 films, too few" in split.notes[0]


def test_each_film_is_held_out_by_one_fold(tmp_path: Path) -> None:
    index = dataset.open_source(drawn(tmp_path))
    parts = dataset.folds(index, 5)
    held = np.concatenate([p.validation for p in parts])
    assert sorted(held.tolist()) == list(range(180))
    assert all(not patients(index, p.train) & patients(index, p.validation) for p in parts)


def test_too_few_patients_are_refused(tmp_path: Path) -> None:
    index = dataset.open_source(drawn(tmp_path, patients=3))
    with pytest.raises(DataError, match="at least 5 patients of each class"):
        dataset.folds(index, 5)


def test_balance_counts_films_and_patients(tmp_path: Path) -> None:
    rows = dataset.balance(dataset.open_source(drawn(tmp_path, patients=4, each=3)))
    assert [(r.label, r.films, r.patients) for r in rows] == [
        ("NORMAL", 12, 4),
        ("PNEUMONIA", 24, 8),
    ]


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_copies_across_sides_are_found_and_strangers_are_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    made = []
    for k in range(6):
        # Films whose large structure differs, as those of different children do.
        blobs = Image.fromarray(rng.integers(0, 256, (9, 9)).astype(np.uint8))
        made.append(np.asarray(blobs.resize((160, 160), Image.Resampling.BICUBIC)))
        write(tmp_path / "train" / "NORMAL" / f"IM-{k:04d}-0001.png", films.png(made[k]))
        write(
            tmp_path / "train" / "PNEUMONIA" / f"person{k}_virus_1.png",
            films.png(films.photo(seed=k)),
        )
    test = tmp_path / "test" / "NORMAL"
    write(test / "same.png", films.png(made[0]))
    small = Image.fromarray(made[1]).resize((120, 130))
    paler = Image.fromarray((30 + 0.7 * np.asarray(small)).astype(np.uint8))
    stream = io.BytesIO()
    paler.save(stream, "JPEG", quality=60)
    write(test / "resaved.jpeg", stream.getvalue())
    write(test / "IM-0003-0002.png", films.png(255 - made[2]))
    write(test / "broken.png", b"\x89PNG\r\n\x1a\n")
    index = dataset.open_source(tmp_path, ["NORMAL", "PNEUMONIA"])
    test_side = np.array([r.split == "test" for r in index.records])
    split = Split(np.flatnonzero(~test_side), np.flatnonzero(test_side))
    report = dataset.leaks(index.records, split)
    assert report.shared_patients == (("IM-0003", ("train", "validation")),)
    found = {(t.first.split("/")[-1], t.second.split("/")[-1]): t.identical for t in report.twins}
    assert found == {("IM-0000-0001", "same"): True, ("IM-0001-0001", "resaved"): False}
    assert [name for name, _ in report.unreadable] == ["test/NORMAL/broken"]
    assert not report.clean


def test_real_films_of_different_patients_are_no_twins(real_films: Path) -> None:
    index = dataset.open_source(real_films / "chest_xray_224" / "train")
    chosen = np.arange(0, len(index.records), 17)
    records = [index.records[i] for i in chosen]
    split = Split(np.arange(0, len(records), 2), np.arange(1, len(records), 2))
    assert dataset.leaks(records, split).twins == ()


def test_a_film_at_full_size_is_found_among_the_small_ones(real_films: Path) -> None:
    small = dataset.open_source(real_films / "chest_xray_224" / "train")
    full = dataset.open_source(real_films / "chest_xray_fullres")
    names = {r.film_id for r in full.records}
    both = [r for r in small.records if r.film_id in names]
    records = [*both, *full.records]
    split = Split(np.arange(len(both)), np.arange(len(both), len(records)))
    twins = dataset.leaks(records, split).twins
    assert len(both) > 10
    assert {t.first for t in twins} == {r.film_id for r in both}
    assert all(t.first == t.second for t in twins)
