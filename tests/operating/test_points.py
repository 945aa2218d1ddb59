"""Locked operating points: in force at once, kept for ever, safe against damage and each other."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from operating.drawn import films, ordered

from cxr_core import points, registry
from cxr_core.errors import DataError, ModelError
from cxr_core.operating import Sorted, choose, from_model, lock
from cxr_core.registry import ModelEntry
from cxr_core.schema import OperatingPoint
from cxr_core.serve import Model


@pytest.fixture
def entry(model_entry: ModelEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """The shipped model, with an empty $CXR_HOME beside it."""
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    return model_entry


def point(threshold: float) -> OperatingPoint:
    return OperatingPoint(threshold, threshold / 2, (1 + threshold) / 2, "drawn", "drawn films", 9)


def lock_at(entry: ModelEntry, threshold: float) -> points.LockedPoint:
    return points.lock(
        entry, point(threshold), data_sha256="ab" * 32, role="tuning", figures={"n": 9}
    )


def file_of(entry: ModelEntry) -> Path:
    where = registry.home() / "operating_points" / entry.name / f"{entry.version}.jsonl"
    assert where.is_file()
    return where


def test_before_any_lock_the_cards_own_point_is_in_force(entry: ModelEntry) -> None:
    assert points.history(entry) == points.History()
    assert points.card(entry) == entry.card
    assert not any(registry.home().iterdir())


def test_a_lock_is_in_force_at_once_and_earlier_ones_can_be_restored(entry: ModelEntry) -> None:
    first, second = lock_at(entry, 0.3), lock_at(entry, 0.4)
    found = points.history(entry)
    assert found.locked == (first, second)
    assert found.active == second
    assert points.active(entry) == point(0.4)
    assert points.restore(entry, first.id).active == first
    assert points.active(entry) == point(0.3)
    assert points.restore(entry, None).active is None
    assert points.active(entry) == entry.card.operating_point
    assert points.history(entry).locked == (first, second)
    with pytest.raises(ModelError, match="id of a locked operating point"):
        points.restore(entry, "0123456789ab")
    assert points.active(entry) == entry.card.operating_point


def test_serving_uses_the_point_in_force_without_loading_again(entry: ModelEntry) -> None:
    model = Model.load(entry)
    lock_at(entry, 0.9)
    film = np.zeros((model.preprocessing.size, model.preprocessing.size, 1), np.uint8)
    later = model.at(points.card(entry))
    assert model.card.operating_point == entry.card.operating_point
    assert later.card.operating_point == Model.load(entry).card.operating_point == point(0.9)
    assert later.forward(film).logit == model.forward(film).logit
    with pytest.raises(ModelError, match="card of"):
        model.at(replace(entry.card, version="9.9.9"))


def test_an_operating_point_is_locked_with_its_evidence(entry: ModelEntry) -> None:
    chosen_on = Sorted(from_model(entry))
    choice = choose(chosen_on, "sensitivity", 0.98)
    reporting = ordered(400, 3)
    found = lock(entry, chosen_on, choice, reporting=reporting, note="for the night shift")
    assert found.point.threshold == choice.threshold
    assert found.point.criterion.startswith("highest threshold with sensitivity of at least 0.980")
    assert found.data_sha256 == chosen_on.set.sha256
    figures = chosen_on.figures(choice.threshold)
    assert found.figures["sensitivity"]["value"] == figures.sensitivity.value
    assert found.figures["confusion"][1][1] == figures.confusion.tp
    assert found.reported is not None
    assert found.reported["data_sha256"] == reporting.set.sha256
    card = points.card(entry)
    # The figures beside the point are those at the point, not those of the old one.
    assert card.validation.sensitivity == figures.sensitivity
    assert card.validation.auc == entry.card.validation.auc
    kept = card.other["operating_point_locked"]
    assert (kept["note"], kept["id"]) == ("for the night shift", found.id)
    assert kept["replaces"]["threshold"] == entry.card.operating_point.threshold
    assert found == points.history(entry).active


def test_the_refer_band_in_force_is_kept_and_always_holds_the_threshold(entry: ModelEntry) -> None:
    s = Sorted(from_model(entry))
    own = entry.card.operating_point
    found = lock(entry, s, choose(s, "hand", 0.02)).point
    assert (found.refer_low, found.refer_high) == (0.02, own.refer_high)
    found = lock(entry, s, choose(s, "hand", 0.5), refer_low=0.4, refer_high=0.45).point
    assert (found.refer_low, found.refer_high) == (0.4, 0.5)


def test_what_cannot_be_locked_is_refused_and_changes_nothing(entry: ModelEntry) -> None:
    s = Sorted(from_model(entry))
    for bad in (0.0, 1.0):
        with pytest.raises(DataError, match="calls every film or none"):
            lock(entry, s, choose(s, "hand", bad))
    other = Sorted(replace(films(100), model="other 1.0.0"))
    with pytest.raises(DataError, match=r"received those of other 1\.0\.0"):
        lock(entry, other, choose(other, "youden"))
    with pytest.raises(ModelError, match="refer_low <= refer_high"):
        points.lock(
            entry, OperatingPoint(0.5, 0.9, 0.1, "x", "x", 1),
            data_sha256="", role="tuning", figures={},
        )  # fmt: skip
    assert points.history(entry).locked == ()


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda b: b[:-20], "line 2"),
        (lambda b: b[:-1], "cut off"),
        (lambda b: b.replace(b'"threshold": 0.3', b'"threshold": 0.2'), "line 1"),
        (lambda b: b.split(b"\n", 1)[1], "line 1"),
        (lambda b: b"\xff\x00 nonsense\n" + b, "line 1"),
        (lambda b: b"[]\n", "line 1"),
        (lambda b: b"[" * 100_000 + b"\n", "line 1"),
    ],
)
def test_a_damaged_file_falls_back_to_the_cards_own_point_and_says_so(
    entry: ModelEntry, damage: object, word: str
) -> None:
    lock_at(entry, 0.3), lock_at(entry, 0.4)
    path = file_of(entry)
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    found = points.history(entry)
    assert word in (found.problem or "")
    assert "own operating point is in force" in (found.problem or "")
    assert (found.locked, found.active) == ((), None)
    card = points.card(entry)
    assert card.operating_point == entry.card.operating_point
    assert card.validation == entry.card.validation
    assert card.other[points.PROBLEM] == found.problem
    with pytest.raises(ModelError, match=word):
        lock_at(entry, 0.5)
    assert path.read_bytes() == damaged


def test_points_of_another_file_of_that_name_are_not_taken_over(entry: ModelEntry) -> None:
    lock_at(entry, 0.3)
    path = file_of(entry)
    record = json.loads(path.read_text())["record"]
    record["serving_sha256"] = "0" * 64
    path.write_bytes(points._line(record, ""))
    assert "another file of that name" in (points.history(entry).problem or "")
    assert points.active(entry) == entry.card.operating_point


LOCK_OFTEN = """
import sys
from cxr_core import points, registry
from cxr_core.schema import OperatingPoint
entry = registry.find()
for i in range(int(sys.argv[2])):
    t = float(sys.argv[1]) + i / 1000
    point = OperatingPoint(t, t, t, "drawn", sys.argv[1], i)
    points.lock(entry, point, data_sha256="", role="tuning", figures={})
"""


def test_processes_that_lock_at_once_lose_nothing(entry: ModelEntry, repository: Path) -> None:
    several = [
        subprocess.Popen([sys.executable, "-c", LOCK_OFTEN, str(t), "15"], cwd=repository)
        for t in (0.1, 0.4, 0.7)
    ]
    assert [p.wait(timeout=120) for p in several] == [0, 0, 0]
    found = points.history(entry)
    assert found.problem is None
    assert len(found.locked) == 45
    for t in ("0.1", "0.4", "0.7"):
        assert [p.point.n for p in found.locked if p.point.data == t] == list(range(15))
    # No temporary file is left beside it.
    assert {p.suffix for p in file_of(entry).parent.iterdir()} == {".jsonl", ".lock"}


def test_a_home_that_cannot_be_written_gets_a_sentence(
    entry: ModelEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="Set CXR_HOME"):
        lock_at(entry, 0.3)
