"""Folders, TFRecords, .npz and CSV give one index; what is damaged is listed and left out."""

from __future__ import annotations

import csv
import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

import films
from cxr_core import dataset
from cxr_core.dataset._tfrecord import masked_crc
from cxr_core.errors import DataError
from cxr_core.features import load_films, read_film
from cxr_core.preprocess import Preprocessing

NAMES = ("NORMAL/IM-0001-0001", "PNEUMONIA/person1_virus_6", "PNEUMONIA/person2_bacteria_9")


def film(seed: int) -> bytes:
    return films.jpeg(films.chest(64, 64, seed=seed))


def kaggle(root: Path, sides: tuple[str, ...] = ("train", "val", "test")) -> Path:
    for k, side in enumerate(sides):
        for i, name in enumerate(NAMES):
            path = root / side / f"{name}.jpeg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(film(10 * k + i))
    return root


def record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    check = struct.pack("<I", masked_crc(length))
    return length + check + content + struct.pack("<I", masked_crc(content))


def pair(folder: Path, names: tuple[str, ...] = NAMES) -> Path:
    folder.mkdir(parents=True)
    (folder / "images.tfrec").write_bytes(b"".join(record(film(i)) for i in range(len(names))))
    paths = (f"/data/train/{name}.jpeg".encode() for name in names)
    (folder / "paths.tfrec").write_bytes(b"".join(map(record, paths)))
    return folder


@pytest.mark.parametrize("sides", [("train", "val", "test"), ("train", "test"), ("train",), ("",)])
def test_kaggles_layout_with_or_without_its_parts(tmp_path: Path, sides: tuple[str, ...]) -> None:
    index = dataset.open_source(kaggle(tmp_path, sides))
    assert (index.kind, index.classes) == ("folders", ("NORMAL", "PNEUMONIA"))
    assert len(index.records) == 3 * len(sides)
    assert index.sides == tuple(s for s in sides if s)
    causes = {r.cause for r in index.records if r.label == "PNEUMONIA"}
    assert causes == {"virus", "bacteria"}
    assert len({r.film_id for r in index.records}) == len(index.records)


def test_kaggles_archive_holds_its_folder_twice(tmp_path: Path) -> None:
    kaggle(tmp_path / "chest_xray" / "chest_xray")
    assert len(dataset.open_source(tmp_path).records) == 9


def test_any_classes_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    for name in ("effusion", "mass", "No Finding"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(films.png(films.chest(48, 48)))
    assert dataset.open_source(tmp_path).classes == ("No Finding", "effusion", "mass")
    chosen = dataset.open_source(tmp_path, ["mass", "effusion"])
    assert chosen.classes == ("mass", "effusion")
    assert dataset.targets(chosen).tolist() == [1, 0]
    with pytest.raises(DataError, match="two or more classes: mass, tumour"):
        dataset.open_source(tmp_path, ["mass", "tumour"])


def test_tfrecords_are_those_that_tensorflow_writes(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    with tf.io.TFRecordWriter(str(tmp_path / "by_tensorflow")) as writer:
        writer.write(b"one film")
        writer.write(b"")
    assert (tmp_path / "by_tensorflow").read_bytes() == record(b"one film") + record(b"")


def test_a_pair_of_tfrecords_is_indexed_and_read(tmp_path: Path) -> None:
    for side in ("train", "test"):
        pair(tmp_path / side)
    index = dataset.open_source(tmp_path)
    assert (index.kind, index.sides, index.left_out) == ("tfrecord", ("train", "test"), ())
    ids = [r.film_id for r in index.records if r.split == "train"]
    assert ids == [f"train/{n}" for n in NAMES]
    assert [r.patient for r in index.records[:3]] == ["IM-0001", "person1", "person2"]
    assert dataset.content(index.records[2]) == film(2)
    assert read_film(index.records[1]).pixels.shape == (64, 64)


def test_a_damaged_record_is_listed_and_the_rest_is_read(tmp_path: Path) -> None:
    folder = pair(tmp_path / "train")
    content = bytearray((folder / "images.tfrec").read_bytes())
    at = len(record(film(0))) + 40
    content[at] ^= 0xFF
    (folder / "images.tfrec").write_bytes(content)
    index = dataset.open_source(tmp_path)
    loaded = load_films(index.records, Preprocessing(size=32))
    assert loaded.kept.tolist() == [0, 2]
    [(film_id, why)] = loaded.unreadable
    assert film_id == "train/PNEUMONIA/person1_virus_6"
    assert "checksum" in why


def test_a_file_cut_off_keeps_its_whole_records(tmp_path: Path) -> None:
    folder = pair(tmp_path / "train")
    content = (folder / "images.tfrec").read_bytes()
    (folder / "images.tfrec").write_bytes(content[:-50])
    index = dataset.open_source(tmp_path)
    assert len(index.records) == 2
    [(what, why)] = index.left_out
    assert what == "train/images.tfrec"
    assert "cut off" in why


def test_a_pair_that_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    folder = pair(tmp_path / "train")
    with (folder / "paths.tfrec").open("ab") as file:
        file.write(record(b"train/NORMAL/IM-0009-0001.jpeg"))
    with pytest.raises(DataError, match=r"received 3 and 4"):
        dataset.open_source(tmp_path)


def medmnist(path: Path, **changes: np.ndarray) -> Path:
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for side, n in (("train", 6), ("val", 4), ("test", 2)):
        arrays[f"{side}_images"] = rng.integers(0, 256, (n, 28, 28)).astype(np.uint8)
        arrays[f"{side}_labels"] = (np.arange(n) % 2)[:, None].astype(np.uint8)
    np.savez_compressed(path, **(arrays | changes))
    return path


def test_medmnist_is_read_without_loss(tmp_path: Path) -> None:
    path = medmnist(tmp_path / "pneumoniamnist.npz")
    index = dataset.open_source(path)
    assert (index.kind, index.sides) == ("npz", ("train", "val", "test"))
    assert index.classes == ("NORMAL", "PNEUMONIA")
    assert not dataset.patients_known(index)
    with np.load(path) as arrays:
        for r in (index.records[3], index.records[8]):
            stored = arrays[f"{r.split}_images"][r.member]
            assert np.array_equal(read_film(r).pixels, stored)


def test_several_findings_a_film_are_refused(tmp_path: Path) -> None:
    many = medmnist(tmp_path / "chestmnist.npz", train_labels=np.zeros((6, 14), np.uint8))
    with pytest.raises(DataError, match="one class for each film"):
        dataset.open_source(many)


def test_a_csv_names_films_patients_and_more(tmp_path: Path) -> None:
    kaggle(tmp_path, ("train",))
    rows = [
        ["Path", "Label", "Patient", "Age", "Sex", "View"],
        [f"train/{NAMES[0]}.jpeg", "normal", "A", "048M", "F", "AP"],
        [f"train/{NAMES[1]}.jpeg", "Pneumonia", "B", "5", "", ""],
        ["train/none.jpeg", "normal", "C", "", "", ""],
        [f"train/{NAMES[2]}.jpeg", "", "D", "", "", ""],
    ]
    path = tmp_path / "films.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    index = dataset.open_source(path)
    assert [(r.patient, r.age, r.sex, r.view) for r in index.records] == [
        ("A", 4.0, "F", "AP"),
        ("B", 5.0, None, None),
    ]
    assert index.classes == ("NORMAL", "PNEUMONIA")
    assert [row for row, _ in index.left_out] == ["row 4", "row 5"]


def test_a_csv_of_windows_names_each_film_once_and_on_a_known_side(tmp_path: Path) -> None:
    kaggle(tmp_path, ("train",))
    first, second, third = (f"train/{name}.jpeg" for name in NAMES)
    rows = [["path", "label", "split"], [first.replace("/", "\\"), "NORMAL", "train"]]
    rows += [[second, "PNEUMONIA", "Test"], [second, "PNEUMONIA", "train"]]
    rows += [[third, "PNEUMONIA", "tset"]]
    path = tmp_path / "films.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    index = dataset.open_source(path)
    assert [(r.film_id, r.split) for r in index.records] == [
        (f"train/{NAMES[0]}", "train"), (f"train/{NAMES[1]}", "test"),
    ]  # fmt: skip
    assert index.left_out == (
        ("row 4", "the film of row 3 again"),
        ("row 5", "its split is none of train, val and test but 'tset'"),
    )


def test_names_that_are_no_text_or_instance_uids_are_films_too(tmp_path: Path) -> None:
    kaggle(tmp_path, ("",))
    content = film(7)
    normal = tmp_path / "NORMAL"
    for name in (b"\xff\x1b[31m.jpeg", b"1.2.840.113619.2.5", b"1.2.840.113619.2.6"):
        Path(os.fsdecode(os.fsencode(normal) + b"/" + name)).write_bytes(content)
    index = dataset.open_source(tmp_path)
    ids = {r.film_id for r in index.records} - set(NAMES)
    assert ids == {
        r"NORMAL/\xff\x1b[31m", "NORMAL/1.2.840.113619.2.5", "NORMAL/1.2.840.113619.2.6",
    }  # fmt: skip
    everyone, nobody = np.arange(len(index.records)), np.arange(0)
    split = dataset.Split(everyone, nobody, nobody)
    assert len(dataset.split_hash(index.records, split)) == 64


def test_arrays_that_do_not_fit_are_refused_by_their_header(tmp_path: Path) -> None:
    """Whatever they state: no memory is taken for them."""
    few = medmnist(tmp_path / "a.npz", train_images=np.zeros((4, 28, 28), np.uint8))
    other = medmnist(tmp_path / "b.npz", train_images=np.zeros((6, 28, 28), np.float32))
    bomb = tmp_path / "c.npz"
    header, labels = io.BytesIO(), io.BytesIO()
    facts = {"descr": "|u1", "fortran_order": False, "shape": (6, 10**6, 10**6)}
    np.lib.format.write_array_header_1_0(header, facts)
    np.save(labels, np.zeros(6, np.int64))
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("train_images.npy", header.getvalue())
        archive.writestr("train_labels.npy", labels.getvalue())
    for path in (few, other, bomb):
        with pytest.raises(DataError, match=r"Expected train_images of \(6, height, width\)"):
            dataset.open_source(path)


def test_a_csv_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("file,label\na.png,NORMAL\n")
    with pytest.raises(DataError, match="Add path"):
        dataset.open_source(tmp_path / "films.csv")


@pytest.mark.parametrize("name", ["nothing", "notes.txt", "broken.npz"])
def test_other_things_are_refused_in_words(tmp_path: Path, name: str) -> None:
    if "." in name:
        (tmp_path / name).write_bytes(b"PK\x03\x04 not a data set")
    with pytest.raises(DataError, match="Expected"):
        dataset.open_source(tmp_path / name)
