"""A folder of labelled films → scores, as a job that goes on where it was stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cxr_core import jobs, registry, scoring
from cxr_core.errors import Cancelled, ConfigError, DataError
from cxr_core.operating import from_job, from_model, locate
from cxr_core.serve import Model
from tests import films


@dataclass
class Told:
    """A reporter that remembers; cancels at `stop`, where that is given."""

    folder: Path
    resumed: bool = False
    threads: int = 2
    stop: int | None = None
    steps: list[tuple[int, int]] = field(default_factory=list)

    def progress(self, step: int, steps: int, **_: Any) -> None:
        self.steps.append((step, steps))
        if step == self.stop:
            raise Cancelled("asked to stop")

    def log(self, text: str) -> None:
        assert "/" not in text

    def point(self, **_: float) -> None: ...
    def keep(self, wanted: Any) -> None: ...
    def check(self) -> None: ...


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    for i in range(4):
        for name, opacity in (("NORMAL", False), ("PNEUMONIA", True)):
            folder = tmp_path / "ward" / name
            folder.mkdir(parents=True, exist_ok=True)
            film = films.chest(seed=i, opacity=opacity)
            (folder / f"{i}.png").write_bytes(films.png(film))
    (tmp_path / "ward" / "NORMAL" / "broken.png").write_bytes(b"no film")
    (tmp_path / "ward" / "PNEUMONIA" / "with.dcm").write_bytes(films.dicom(films.chest(seed=9)))
    return tmp_path / "ward"


def test_every_film_is_scored_as_serving_would(
    labelled: Path, tmp_path: Path, model: Model
) -> None:
    job = tmp_path / "job"
    job.mkdir()
    told = Told(job)
    result = scoring.run({"data": str(labelled)}, told)
    assert result == {"scores": "scores.csv", "n": 9, "unreadable": 1}
    assert told.steps[-1] == (10, 10)
    found = from_job(job)
    assert (found.n, found.ill, found.role) == (9, 5, "reporting")
    assert found.model == f"{model.name} {model.version}"
    assert found.name == f"ward scored by {found.model}"
    assert [row.reason for row in found.bad] == ["no score"]
    from cxr_core.reading import read_film

    for i in (0, found.n - 1):
        path = locate(found, i)
        assert path is not None
        assert path == labelled / found.films[i]
        prediction = read_film(path.read_bytes(), "", model, show_anyway=True).prediction
        assert prediction is not None
        assert found.scores[i] == pytest.approx(prediction.probability, abs=1e-8)
    assert {"patient", "cause", "view", "age", "sex", "status"} <= set(found.columns)


def test_a_stopped_job_goes_on_with_the_films_that_are_left(labelled: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()
    with pytest.raises(Cancelled):
        scoring.run({"data": str(labelled)}, Told(job, stop=4))
    with pytest.raises(DataError, match="finished job"):
        from_job(job)
    # A power cut in the middle of a line.
    part = job / scoring.PART
    part.write_bytes(part.read_bytes()[:-7])
    told = Told(job, resumed=True)
    assert scoring.run({"data": str(labelled)}, told)["n"] == 9
    assert told.steps[0][0] >= 4
    assert sorted(from_job(job).films) == sorted(set(from_job(job).films))
    whole = tmp_path / "whole"
    whole.mkdir()
    scoring.run({"data": str(labelled)}, Told(whole))
    rows = [set((f / "scores.csv").read_text().splitlines()) for f in (job, whole)]
    assert rows[0] == rows[1]


def test_the_queue_knows_how_to_score() -> None:
    row = jobs.KINDS["score"]
    assert row.resumable
    assert row.target == f"{scoring.run.__module__}:{scoring.run.__name__}"


def test_a_folder_without_both_classes_is_refused(labelled: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absolute folder"):
        scoring.run({"data": "ward"}, Told(tmp_path))
    for path in (labelled / "NORMAL").iterdir():
        path.write_bytes(b"no film")
    with pytest.raises(DataError, match="PNEUMONIA could be scored"):
        scoring.run({"data": str(labelled)}, Told(tmp_path))


def test_a_film_is_never_sought_outside_its_folder(labelled: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()
    (tmp_path / "secret.png").write_bytes(b"x")
    rows = "film,label,score\n../secret.png,NORMAL,0.1\nPNEUMONIA/1,PNEUMONIA,0.9\n"
    (job / "scores.csv").write_text(rows)
    facts = {"name": "x", "model": "m 1.0.0", "folder": str(labelled)}
    (job / "scored.json").write_text(json.dumps(facts))
    found = from_job(job)
    assert locate(found, 0) is None
    assert locate(found, 1) == labelled / "PNEUMONIA" / "1.png"
    assert locate(found.with_folder(None), 1) is None


def test_the_shipped_model_brings_its_scores_with_no_films_at_hand(
    model_entry: registry.ModelEntry,
) -> None:
    found = from_model(model_entry)
    assert (found.role, found.origin, found.patients) == ("tuning", "model", True)
    assert found.n == model_entry.card.validation.n
    assert found.folder is None
    assert set(found.columns) == {"patient", "cause"}
