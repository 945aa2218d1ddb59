"""The linear probe: patients apart, features once, gaps and damage in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_core import comparison, dataset
from cxr_core.errors import ConfigError, DataError
from cxr_core.evaluate import auc
from cxr_core.measure import probe

SHARED_WEIGHTS = Path(__file__).resolve().parents[3] / "shared" / "keras_home"


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """24 patients of two films each: the ill ones striped, the others smooth."""
    rng = np.random.default_rng(0)
    for i in range(24):
        label = "PNEUMONIA" if i % 2 else "NORMAL"
        folder = tmp_path / "films" / label
        folder.mkdir(parents=True, exist_ok=True)
        for j in range(2):
            name = f"person{i}_virus_{j}" if i % 2 else f"IM-{i:04d}-{j:04d}"
            stripes = 50 * np.sin(np.arange(64) / 2) if i % 2 else np.linspace(-50, 50, 64)
            noise = 120 + rng.normal(0, 10, (64, 64)) + stripes
            Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(folder / f"{name}.png")
    return tmp_path / "films"


def test_scores_rank_as_a_known_direction_does() -> None:
    rng = np.random.default_rng(1)
    y = np.arange(400, dtype=np.int8) % 2
    x = rng.normal(size=(400, 8)).astype(np.float32)
    x[:, 3] += 3.0 * y
    scores = probe.fitted_scores(x[:200], y[:200], x[200:])
    # Two normals three deviations apart: AUC is Phi(3 / sqrt 2) = 0.983.
    assert auc(y[200:], scores) == pytest.approx(0.983, abs=0.02)


def test_one_class_is_refused() -> None:
    x = np.zeros((4, 2), np.float32)
    with pytest.raises(DataError, match="both classes"):
        probe.fitted_scores(x, np.ones(4, np.int8), x)


@pytest.mark.parametrize("most", [None, 24])
def test_no_patient_is_on_both_sides(films: Path, most: int | None) -> None:
    index = dataset.open_source(films)
    settings = probe.checked({"rows": ["mobilenetv2"], "data": str(films), "films": most})
    positions, split = probe._drawn(index, settings)
    sides = [{index.records[i].patient for i in s} for s in (split.train, split.validation)]
    assert not sides[0] & sides[1]
    assert sorted([*split.train, *split.validation]) == positions.tolist()
    assert len(positions) == (48 if most is None else pytest.approx(most, abs=4))
    # Every patient that was drawn is there with both films.
    assert len(positions) == 2 * len(sides[0] | sides[1])


def test_a_backbone_without_weights_says_where_they_come_from(home, films: Path, report) -> None:
    outcome = probe.run({"rows": ["resnet50"], "data": str(films)}, report())
    assert outcome["measured"] == 0
    sentence = outcome["problems"][0]["sentence"]
    assert "https://storage.googleapis.com/" in sentence
    assert "backbones download resnet50" in sentence
    assert comparison.results().problem("resnet50", "probe") is not None


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"rows": ["mobilenet"], "data": "films"}, "absolute path"),
        ({"rows": [], "data": "/films"}, "at least one row"),
        ({"rows": ["mobilenet"], "data": "/films", "films": 3}, "at least 20"),
        ({"rows": ["mobilenet"], "data": "/films", "seed": -1}, "seed"),
    ],
)
def test_settings_that_cannot_be_are_refused_first(config, words: str, report) -> None:
    with pytest.raises(ConfigError, match=words):
        probe.run(config, report())


@pytest.mark.slow
def test_features_are_taken_once_and_the_probe_says_what_it_found(
    home, films: Path, report, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not SHARED_WEIGHTS.is_dir():
        pytest.skip("no ImageNet weights of MobileNetV2 beside the repository")
    monkeypatch.setenv("KERAS_HOME", str(SHARED_WEIGHTS))
    config = {"rows": ["mobilenetv2"], "data": str(films)}
    say = report()
    assert probe.run(config, say)["problems"] == []
    (films / "NORMAL" / "IM-0000-0000.png").touch()
    [first] = comparison.results().probes
    assert first.n_train + first.n_validation == 48
    assert first.patients_train + first.patients_validation == 24
    assert first.auc.value > 0.9
    assert first.width == 1280
    assert (first.cached, first.weights, first.size) == (False, "imagenet", 224)
    assert max(step for step, _ in say.steps) == 1
    # A film that was touched counts as changed: its features are taken again, and then kept.
    cached = []
    for _ in range(2):
        probe.run(config, report())
        cached.append(comparison.results().probes[-1].cached)
    assert cached == [False, True]
    assert comparison.results().probes[-1].auc == first.auc
