"""Cut off at any moment, a run goes on to what a straight one gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_core import fine_tuning, methods
from cxr_core.errors import Cancelled, ConfigError, DataError
from cxr_core.fine_tuning import _finish, _state
from cxr_core.methods import GEOMETRY
from tests.fine_tuning.drawn import TINY, Told, config, draw

pytestmark = pytest.mark.slow
# Everything that draws at random or remembers: augmentation, dropout, Adam, a schedule.
EVERY = replace(
    TINY,
    epochs=4,
    optimiser="adam",
    dropout=0.5,
    augmentation=replace(GEOMETRY, style=0.5, noise=3.0),
    schedule="cosine",
    warm_up=0.2,
    patience=0,
)


@pytest.fixture(autouse=True)
def _no_registering(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fit is what these tests are about."""

    def store(*arguments: Any) -> Any:
        raise DataError("not stored here")

    monkeypatch.setattr(_finish, "_store", store)


def losses(folder: Path) -> list[tuple[float, float]]:
    state = _state.load_state(folder / "fit")
    assert state is not None
    return [(row.loss, row.val_loss) for row in state.history]


def run(told: Told, given: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="not stored here"):
        fine_tuning.run(given, told)


def test_a_resumed_run_ends_as_a_straight_one(drawn: Path, tmp_path: Path, home: Path) -> None:
    given = config(drawn, EVERY)
    straight = Told(tmp_path / "straight")
    run(straight, given)
    cut = Told(tmp_path / "cut")
    cut.stop = lambda epoch, step: (epoch, step) == (3, 2)
    with pytest.raises(Cancelled):
        fine_tuning.run(given, cut)
    assert len(losses(cut.folder)) == 2
    again = Told(tmp_path / "cut", resumed=True)
    again.points = cut.points
    run(again, given)
    assert any("going on after epoch 2 of 4" in line for line in again.lines)
    assert len(losses(again.folder)) == len(losses(straight.folder)) == 4
    assert np.allclose(losses(again.folder), losses(straight.folder), rtol=1e-5)
    whole = [p["epoch"] for p in again.points if float(p["epoch"]).is_integer()]
    assert whole == [1, 2, 3, 4]
    text = [(f.folder / "history.csv").read_text().splitlines() for f in (straight, again)]
    assert [len(lines) for lines in text] == [5, 5]


def test_two_phases_resume_in_the_second(
    drawn: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head's phase has another optimiser: only the second one's state is taken up."""
    # The rules refuse two phases for a random base; what is resumed does not depend on it.
    monkeypatch.setattr(methods, "check", lambda settings: None)
    settings = replace(EVERY, unfreeze_from="conv_3", head_epochs=1, epochs=2)
    given = config(drawn, settings)
    straight = Told(tmp_path / "straight")
    run(straight, given)
    cut = Told(tmp_path / "cut")
    cut.stop = lambda epoch, step: (epoch, step) == (3, 1)
    with pytest.raises(Cancelled):
        fine_tuning.run(given, cut)
    again = Told(tmp_path / "cut", resumed=True)
    run(again, given)
    assert np.allclose(losses(again.folder), losses(straight.folder), rtol=1e-4)
    state = _state.load_state(again.folder / "fit")
    assert state is not None
    assert [row.phase for row in state.history] == [1, 2, 2]


def test_a_cancel_takes_effect_within_one_batch_and_keeps_the_best(
    drawn: Path, tmp_path: Path, home: Path
) -> None:
    import keras

    told = Told(tmp_path / "job")
    seen: list[tuple[int, int]] = []

    def stop(epoch: int, step: int) -> bool:
        if epoch:
            seen.append((epoch, step))
        return (epoch, step) == (2, 3)

    told.stop = stop
    with pytest.raises(Cancelled):
        fine_tuning.run(config(drawn, EVERY), told)
    assert seen[-1] == (2, 3)
    best = keras.models.load_model(told.folder / "best.keras", compile=False)
    stored = _state.load_weights(told.folder / "fit" / _state.BEST)
    assert all(np.array_equal(a, b) for a, b in zip(best.get_weights(), stored, strict=True))


def test_a_loss_that_is_no_number_ends_the_run_saying_why(
    drawn: Path, tmp_path: Path, home: Path
) -> None:
    wild = replace(EVERY, balance="custom", class_weights=(3e38, 3e38))
    with pytest.raises(ConfigError, match=r"finite loss; received (nan|inf) in epoch 1, step"):
        fine_tuning.run(config(drawn, wild), Told(tmp_path / "job"))


def test_other_films_than_it_began_with_are_refused(tmp_path: Path, home: Path) -> None:
    source = draw(tmp_path / "films", 60)
    told = Told(tmp_path / "job")
    told.stop = lambda epoch, step: epoch == 2
    with pytest.raises(Cancelled):
        fine_tuning.run(config(source, EVERY), told)
    draw(source, 62)
    with pytest.raises(DataError, match="60 films that this run began with"):
        fine_tuning.run(config(source, EVERY), Told(told.folder, resumed=True))


def test_films_that_disappear_end_the_run_and_come_back(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = draw(tmp_path / "films", 60)
    told = Told(tmp_path / "job")

    def vanish(epoch: int, step: int) -> bool:
        if step >= 32 and source.exists():
            source.rename(tmp_path / "moved")
        return False

    told.stop = vanish
    with pytest.raises(DataError, match="disappeared while they were read"):
        fine_tuning.run(config(source, replace(EVERY, epochs=1)), told)
    assert list((home / "cache" / "films").glob("*")) == []
    (tmp_path / "moved").rename(source)
    run(Told(told.folder, resumed=True), config(source, replace(EVERY, epochs=1)))


def test_a_full_disk_ends_the_run_with_its_last_checkpoint_whole(
    drawn: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    told = Told(tmp_path / "job")
    savez = np.savez
    calls: list[int] = []

    def full(file: Any, **arrays: Any) -> None:
        calls.append(1)
        if len(calls) > 3:
            file.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        savez(file, **arrays)

    monkeypatch.setattr(_state.np, "savez", full)
    with pytest.raises(DataError, match="room on the disk"):
        fine_tuning.run(config(drawn, EVERY), told)
    monkeypatch.undo()
    assert 1 <= len(losses(told.folder)) < 4
    assert [p for p in (told.folder / "fit").iterdir() if p.name.endswith(".part")] == []


def test_early_stopping_and_a_plateau_count_epochs_without_a_better_loss() -> None:
    from cxr_core.fine_tuning._fit import _after
    from cxr_core.fine_tuning._state import Counters, EpochFigures

    settings = replace(TINY, schedule="plateau", decay_every=2, patience=4)
    now = Counters()
    seen = []
    for epoch, loss in enumerate([0.5, 0.4, 0.6, 0.6, 0.45, 0.41], start=1):
        row = EpochFigures(0, 2, epoch, 0, 0, 0, 0, 0, 0, 0, 0, 0, loss, 0, 0, 0, 0)
        now = _after(now, row, settings, 0)
        seen.append((now.best_epoch, now.drops, now.stopped))
    assert seen == [
        (1, 0, False),
        (2, 0, False),
        (2, 0, False),
        (2, 1, False),
        (2, 1, False),
        (2, 2, True),
    ]


def test_a_damaged_checkpoint_starts_the_fit_anew(tmp_path: Path) -> None:
    (tmp_path / "state.npz").write_bytes(b"PK\x03\x04 half")
    assert _state.load_state(tmp_path) is None
