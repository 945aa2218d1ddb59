"""The table: every row and every registered model, gaps in words, weights' state told."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import imagenet_weights
import pytest

from cxr_core import comparison
from cxr_core.backbones import BACKBONES, WeightsFile, backbone
from cxr_core.comparison import Results, WeightsState
from cxr_core.errors import ConfigError, ModelError

# keras.io/api/applications; the list.
NAMED = {
    *("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "NASNetMobile"),
    *(f"EfficientNetB{i}" for i in range(8)),
    *("EfficientNetV2B0", "ResNet50", "ResNet50V2", "InceptionV3", "Xception", "DenseNet121"),
    *("VGG16", "VGG19", "ConvNeXtTiny"),
}


@pytest.fixture(autouse=True)
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras" / "models").mkdir(parents=True)
    return tmp_path / "keras" / "models"


def test_every_named_backbone_is_a_row() -> None:
    assert {r.title for r in comparison.table(registered=False)} == NAMED


def test_what_is_not_measured_says_so() -> None:
    text = comparison.as_csv(comparison.table(registered=False), Results())
    lines = list(csv.DictReader(io.StringIO(text)))
    assert {line["litert_b1_median_ms"] for line in lines} == {"not measured"}
    assert {line["probe_auc"] for line in lines} == {"not measured"}
    by_row = {line["row"]: line for line in lines}
    assert by_row["convnexttiny"]["top5_percent"] == "not published"
    assert by_row["mobilenet"]["course_top1_percent"] == "71.0"
    assert by_row["mobilenet"]["top1_percent"] == "70.4"
    assert by_row["mobilenet"]["published_macs"] == "569000000"
    assert by_row["mobilenet"]["published_macs_source"] == "Howard et al. 2017, table 4"
    json.dumps(comparison.as_json(comparison.table(registered=False), Results()), allow_nan=False)


def test_a_registered_model_is_a_row_with_its_validation_auc(model_entry) -> None:
    row = comparison.row(f"model:{model_entry.name}@{model_entry.version}")
    assert row in comparison.table()
    assert row.validation_auc == model_entry.card.validation.auc
    assert row.top1 is None
    # Frozen and trained numbers of the base, and of its logit.
    assert row.params == 2_257_984 + 1_281
    # Counted from the file alone; a film of half the side takes a quarter of the operations.
    assert row.size is not None
    with_top = comparison.counts()["mobilenetv2"].macs - 1_280_000
    assert row.macs == pytest.approx(with_top * (row.size / 224) ** 2, rel=0.1)


def test_a_damaged_model_keeps_the_rest_of_the_table(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    (tmp_path / "models" / "broken" / "1.0.0").mkdir(parents=True)
    rows = comparison.table()
    broken = next(r for r in rows if r.id == "model:broken@1.0.0")
    assert broken.problem is not None
    assert len(rows) > len(BACKBONES)


def test_an_unknown_row_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="resnet9000"):
        comparison.row("resnet9000")
    with pytest.raises(ModelError, match="nothing"):
        comparison.row("model:nothing@1.0.0")


def test_weights_that_are_not_here_say_where_they_come_from() -> None:
    state = comparison.weights(backbone("resnet50"))
    assert state is not None
    assert not state.present
    assert "https://storage.googleapis.com/tensorflow/keras-applications/resnet/" in state.sentence


@pytest.mark.parametrize(
    ("content", "words"), [(b"<html>404", "not HDF5"), (b"\x89HDF\r\n\x1a\nother", "md5")]
)
def test_a_damaged_weight_file_is_told_from_a_missing_one(
    keras_home: Path, content: bytes, words: str
) -> None:
    row = backbone("resnet50")
    assert row.weights is not None
    (keras_home / row.weights.filename).write_bytes(content)
    state = comparison.weights(row)
    assert state is not None
    assert not state.present
    assert words in state.sentence
    assert "download it again" in state.sentence


def test_weights_without_a_checksum_are_known_by_how_many_numbers_they_hold() -> None:
    def state() -> WeightsState:
        found = comparison.weights(backbone("mobilenetv2"))
        assert found is not None
        return found

    path = imagenet_weights.write("mobilenetv2")
    assert state().present
    path.write_bytes(path.read_bytes()[:600])
    assert "ends too early, or is damaged" in state().sentence
    imagenet_weights.write("mobilenetv2", numbers=3_538_984)
    assert "3,538,984 numbers instead of 2,257,984: another network's" in state().sentence
    assert "Delete the file and download it again." in state().sentence


def test_whole_weights_are_present(keras_home: Path) -> None:
    content = b"\x89HDF\r\n\x1a\n and the rest"
    file = WeightsFile("https://example.org/x.h5", hashlib.sha256(content).hexdigest())
    (keras_home / "x.h5").write_bytes(content)
    state = comparison.weights(replace(backbone("resnet50"), weights=file))
    assert state is not None
    assert state.present


def test_every_row_says_where_its_weights_come_from() -> None:
    assert all(b.weights and b.weights.url.endswith(".h5") for b in BACKBONES)


def test_a_row_that_cannot_fit_memory_is_refused_before_it_starts(monkeypatch) -> None:
    row = comparison.row("efficientnetb7")
    monkeypatch.setattr("cxr_core.comparison._memory.available_mb", lambda: 900.0)
    sentence = comparison.refusal(row, "predict", 16)
    assert sentence is not None
    assert "EfficientNetB7" in sentence
    assert "900 MB" in sentence
    monkeypatch.setattr("cxr_core.comparison._memory.available_mb", lambda: 200_000.0)
    assert comparison.refusal(row, "predict", 16) is None


@pytest.mark.parametrize(
    ("name", "runtime", "batch", "measured"),
    [
        ("mobilenetv2", "litert", 1, 76),
        ("mobilenetv2", "litert", 16, 172),
        ("mobilenetv2", "compiled", 1, 812),
        ("mobilenetv2", "predict", 16, 1064),
        ("convnexttiny", "litert", 1, 307),
        ("inceptionv3", "litert", 16, 376),
    ],
)
def test_memory_is_foreseen_within_a_factor_of_what_was_measured(
    name: str, runtime: str, batch: int, measured: float
) -> None:
    """Megabytes at the peak of a process on two processors, 2026-11-21."""
    foreseen = comparison.estimate_mb(comparison.row(name), runtime, batch)
    assert foreseen is not None
    assert 0.85 * measured < foreseen < 3.5 * measured
