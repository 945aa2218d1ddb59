"""Mistakes made on purpose: shipped figures against a slow count, and the split behind them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_core import mistakes, rehearsal
from cxr_core.dataset import FilmRecord
from cxr_core.errors import ConfigError, DataError
from cxr_core.jobs import KINDS
from cxr_core.mistakes import MISTAKES, SHIPPED, Mistake
from cxr_core.rehearsal import FEWEST, RUNS, Side, split, with_siblings

STORED = json.loads(SHIPPED.read_text())


@pytest.mark.parametrize("row", MISTAKES, ids=lambda row: row.key)
def test_a_pair_s_figures_are_those_of_its_scores(row: Mistake) -> None:
    found = mistakes.pair(row.key)
    labels = np.array(STORED["labels"]["test"])
    for run, auc in ((row.wrong, found.comparison.auc_a), (row.right, found.comparison.auc_b)):
        scores = np.array(STORED["runs"][run]["test"])
        ill, well = scores[labels == 1][:, None], scores[labels == 0]
        assert auc.value == pytest.approx(
            float(((ill > well) + (ill == well) / 2).mean()), abs=1e-4
        )
    assert found.comparison.n == len(labels) == STORED["facts"]["films"]["test"]
    assert {row.wrong, row.right} <= set(RUNS)


def test_what_each_mistake_cost() -> None:
    """The direction that the page speaks of is the one that was measured."""
    pairs = {row.key: mistakes.pair(row.key) for row in MISTAKES}
    for key in ("double_rescaling", "rate_too_high", "norms_learn"):
        difference = pairs[key].comparison.auc_difference
        assert difference is not None
        assert difference.high < 0
    assert pairs["not_recompiled"].base_moved[0] == 0 < pairs["not_recompiled"].base_moved[1]
    tuned = pairs["threshold"].comparison
    assert tuned.auc_difference is None
    assert tuned.threshold_a != tuned.threshold_b


def test_the_file_names_no_film() -> None:
    assert "person" not in SHIPPED.read_text()
    assert set(STORED["runs"]["right"]) == {"test", "validation", "history", "base_moved"}


def test_an_unknown_mistake_and_a_damaged_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rate_too_high"):
        mistakes.mistake("hubris")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DataError, match="mistakes FILMS"):
        mistakes.facts(tmp_path / "x.json")


def records(patients: int, films: int) -> list[FilmRecord]:
    return [
        FilmRecord(Path(f"{label}{p}_{f}.png"), f"{label}/{p}_{f}", label, f"{label}{p}", None)
        for label in ("NORMAL", "PNEUMONIA")
        for p in range(patients)
        for f in range(films)
    ]


def test_only_siblings_share_patients_with_the_test_films() -> None:
    sides = split(records(400, 4), seed=0)
    of = {side: {r.patient for r in found} for side, found in sides.items()}
    assert of["test"] == of["siblings"]
    assert not of["test"] & (of["train"] | of["validation"])
    assert not of["train"] & of["validation"]
    films = [r.film_id for found in sides.values() for r in found]
    assert len(films) == len(set(films))
    assert {r.label for r in sides["test"]} == {"NORMAL", "PNEUMONIA"}


def test_patients_of_one_film_each_are_too_few() -> None:
    with pytest.raises(DataError, match=str(FEWEST)):
        split(records(400, 1), seed=0)


def test_siblings_replace_films_and_add_none() -> None:
    train = Side(np.zeros((10, 2, 2, 1), np.uint8), np.array([0] * 4 + [1] * 6))
    siblings = Side(np.ones((5, 2, 2, 1), np.uint8), np.array([0] * 2 + [1] * 3))
    mixed = with_siblings(train, siblings, np.random.default_rng(0))
    assert np.bincount(mixed.labels).tolist() == [4, 6]
    by_label = [int(mixed.films[mixed.labels == k].max(axis=(1, 2, 3)).sum()) for k in (0, 1)]
    assert by_label == [2, 3]


def test_a_job_makes_them() -> None:
    assert KINDS["rehearsal"].target == "cxr_core.rehearsal:run"


def tiny(backbone: object, size: int) -> Any:
    """A network with layers named as the rehearsal's own."""
    import keras
    from keras import layers

    film = keras.Input((size, size, 1))
    x = layers.Conv2D(4, 3, strides=8, name="block_13_conv")(layers.Rescaling(1 / 255)(film))
    x = layers.Conv2D(4, 1, name="block_14_expand")(layers.BatchNormalization()(x))
    return keras.Model(film, layers.Dense(1, name="logit")(layers.GlobalAveragePooling2D()(x)))


def test_two_jobs_leave_a_pair_that_the_page_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    for label, name in (("NORMAL", "IM-{:04d}-{:04d}"), ("PNEUMONIA", "person{}_virus_{}")):
        (tmp_path / "films" / label).mkdir(parents=True)
        for patient in range(60):
            for film in range(2):
                path = tmp_path / "films" / label / f"{name.format(patient, film)}.png"
                Image.fromarray(rng.integers(0, 255, (16, 16), dtype=np.uint8)).save(path)
    monkeypatch.setattr(rehearsal, "WANTED", {"test": 40, "validation": 40, "train": 80})
    monkeypatch.setattr(rehearsal, "EPOCHS", 1)
    monkeypatch.setattr(rehearsal.classifier, "build", tiny)
    config = {"source": str(tmp_path / "films"), "mistake": "not_recompiled"}
    told = [Told(tmp_path / side) for side in ("wrong", "right")]
    for report, side in zip(told, ("wrong", "right"), strict=True):
        result = rehearsal.run(config | {"side": side}, report)
        assert result["runs"] == rehearsal.RESULT
    paths = [report.folder / rehearsal.RESULT for report in told]
    found = mistakes.pair("not_recompiled", paths)
    assert found.base_moved[0] == 0 < found.base_moved[1]
    assert [len(rows) for rows in found.histories] == [2, 2]
    assert found.comparison.n == 40
    assert told[0].epochs == [(1, 2), (2, 2)]
    with pytest.raises(DataError, match="none of not_recompiled"):
        mistakes.pair("not_recompiled", paths[1:])
    other = json.loads(paths[0].read_text())
    other["facts"]["split"] = "of a folder that has changed"
    (tmp_path / "other.json").write_text(json.dumps(other))
    with pytest.raises(DataError, match="the folder changed"):
        mistakes.pair("not_recompiled", [tmp_path / "other.json", paths[1]])


class Told:
    """A reporter with a folder, that keeps the epochs it was told of."""

    resumed, threads = False, 1

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.epochs: list[tuple[int, int]] = []

    def progress(
        self, step: int, steps: int, *, epoch: int = 0, epochs: int = 0, message: str = ""
    ) -> None:
        if epoch and (epoch, epochs) not in self.epochs:
            self.epochs.append((epoch, epochs))

    def log(self, text: str) -> None: ...

    def point(self, **values: float) -> None: ...

    def keep(self, wanted: object) -> None: ...

    def check(self) -> None: ...
