"""Finding films and reading many of them: order, bounds, and what goes wrong on the way."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from cxr_core import batch
from cxr_core.batch import Source
from cxr_core.serve import Model
from tests import films


def names(sources: list[Source]) -> list[str]:
    return [s.name for s in sources]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in (
        "z.png", "a.JPEG", "b/IM0001", "b/1.2.840.4711", "notes.txt", "Thumbs.db", "DICOMDIR",
        ".secret.png", ".hidden/film.png", "b/deep.dcm",
    ):  # fmt: skip
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "b" / "film.old").write_bytes(films.png(films.gradient()))
    return tmp_path


def test_a_folder_gives_its_films_in_order_of_name_at_any_depth(folder: Path) -> None:
    found = [os.path.relpath(n, folder) for n in names(batch.find([str(folder)]))]
    assert found == ["a.JPEG", "z.png", "b/1.2.840.4711", "b/IM0001", "b/deep.dcm", "b/film.old"]


def test_a_link_that_leads_nowhere_is_told_and_a_loop_of_folders_not_followed(
    tmp_path: Path,
) -> None:
    (tmp_path / "good.png").write_bytes(b"x")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    gone, good = batch.find([str(tmp_path)])
    assert "not a file" in str(gone.error)
    assert good == Source(str(tmp_path / "good.png"))


def test_a_named_file_is_taken_whatever_its_ending(folder: Path) -> None:
    path = str(folder / "notes.txt")
    assert batch.find([path]) == [Source(path)]


def test_a_quoted_pattern_is_expanded_and_paths_keep_their_order(folder: Path) -> None:
    given = [str(folder / "z.png"), str(folder / "**" / "*.dcm"), str(folder / "*.JPEG")]
    assert [Path(n).name for n in names(batch.find(given))] == ["z.png", "deep.dcm", "a.JPEG"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    path = tmp_path / "film[1].png"
    path.write_bytes(b"x")
    assert batch.find([str(path)]) == [Source(str(path))]


@pytest.mark.parametrize("path", ["missing.png", "none/*.png"])
def test_a_path_that_leads_nowhere_says_so(path: str, tmp_path: Path) -> None:
    (source,) = batch.find([str(tmp_path / path)])
    assert source.error is not None
    assert source.error.startswith("Expected")
    assert "found no" in source.error


def test_a_folder_without_films_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no film")
    (source,) = batch.find([str(tmp_path)])
    assert "found none" in str(source.error)


def test_a_device_is_not_read() -> None:
    (source,) = batch.find(["/dev/zero"])
    assert "not a file" in str(source.error)


def test_an_archive_gives_its_members_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "films.zip"
    path.write_bytes(films.archive({"b.png": b"B", "a.png": b"A"}))
    found = list(batch.pieces([Source(str(path))]))
    assert [(p.name, p.data) for p in found] == [(f"{path}/b.png", b"B"), (f"{path}/a.png", b"A")]


def test_a_damaged_archive_is_one_error_and_the_next_path_goes_on(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.zip", tmp_path / "good.png"
    bad.write_bytes(films.archive({"a.png": b"A" * 99})[:60])
    good.write_bytes(b"x")
    first, second = batch.pieces([Source(str(bad)), Source(str(good))])
    assert "Expected" in str(first.error)
    assert (second.path, second.error) == (good, None)


def test_results_keep_the_order_of_the_inputs_though_some_take_longer() -> None:
    def work(n: int) -> int:
        time.sleep(0.01 if n % 3 == 0 else 0)
        return n * n

    assert list(batch.in_order(work, range(40), 4)) == [n * n for n in range(40)]


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_inputs_are_taken_only_as_results_are(jobs: int) -> None:
    taken = 0

    def source() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    results = batch.in_order(lambda n: n, source(), jobs)  # type: ignore[arg-type]
    for received in range(1, 50):
        next(results)
        assert taken - received < 2 * jobs
    results.close()  # type: ignore[attr-defined]


def test_what_has_not_begun_never_begins_once_the_consumer_stops() -> None:
    begun: list[int] = []
    gate = threading.Event()

    def work(n: int) -> int:
        begun.append(n)
        if n:
            gate.wait(5)
        return n

    results = batch.in_order(work, range(100), 2)
    next(results)
    threading.Timer(0.1, gate.set).start()
    results.close()  # type: ignore[attr-defined]
    assert len(begun) <= 3


def test_bad_films_are_told_and_the_rest_are_read(tmp_path: Path, model: Model) -> None:
    content = films.png(films.chest(seed=1))
    for name, data in {
        "1.png": content,
        "2.png": content[:200],
        "3.png": b"",
        "4": content,
    }.items():
        (tmp_path / name).write_bytes(data)
    items = list(batch.read_all(batch.find([str(tmp_path)]), model, show_anyway=True))
    assert [Path(i.name).name for i in items] == ["1.png", "2.png", "3.png", "4"]
    assert [i.reading is None for i in items] == [False, True, True, False]
    assert all("Expected" in str(i.error) for i in items[1:3])
    first, last = items[0].reading, items[3].reading
    assert first is not None
    assert last is not None
    assert first.prediction is not None
    assert last.prediction is not None
    assert first.prediction.probability == last.prediction.probability


def test_threads_give_what_one_thread_gives(tmp_path: Path, model: Model) -> None:
    for seed in range(6):
        (tmp_path / f"{seed}.png").write_bytes(films.png(films.chest(seed=seed, opacity=seed > 2)))
    found = batch.find([str(tmp_path)])

    def scores(jobs: int) -> list[tuple[str, float | None]]:
        return [
            (i.reading.sha256, i.reading.prediction and i.reading.prediction.probability)
            for i in batch.read_all(found, model, jobs=jobs, show_anyway=True)
            if i.reading is not None
        ]

    assert scores(4) == scores(1)
    assert len(scores(1)) == 6
