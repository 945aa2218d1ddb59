"""The latency job: what it measures, keeps, refuses, resumes, and leaves when it is cancelled."""

from __future__ import annotations

import json
from pathlib import Path

import imagenet_weights
import pytest

from cxr_core import comparison
from cxr_core.errors import Cancelled, ConfigError, ModelError
from cxr_core.measure import latency


def test_serving_formats_are_timed_and_kept_with_their_circumstances(tiny, report) -> None:
    say = report()
    config = {"rows": [tiny], "runtimes": ["litert", "litert_int8"], "repeats": 12}
    outcome = latency.run(config, say)
    assert (outcome["measured"], outcome["problems"]) == (4, [])
    json.dumps(outcome)
    found = comparison.results()
    assert [(x.runtime, x.batch, x.n) for x in found.latencies] == [
        ("litert", 1, 12), ("litert", 16, 12), ("litert_int8", 1, 12), ("litert_int8", 16, 12),
    ]  # fmt: skip
    for x in found.latencies:
        assert 0 < x.q1_ms <= x.median_ms <= x.q3_ms <= x.p95_ms
        # LiteRT alone: a process that had loaded TensorFlow would hold several hundred.
        assert 20 < x.peak_mb < 250
        assert x.weights == "fine-tuned"
        assert x.size == 32
        assert 0 <= x.circumstances.other_load <= 1
        assert x.circumstances.threads == 1
        assert set(latency.LIBRARIES) == set(x.circumstances.versions)
        assert x.circumstances.date.endswith("+00:00")
    assert say.steps[0] == (0, 4)
    assert say.steps[-1] == (4, 4)


@pytest.mark.slow
def test_keras_is_timed_both_ways(tiny, report) -> None:
    config = {"rows": [tiny], "runtimes": ["predict", "compiled"], "batches": [2], "repeats": 10}
    outcome = latency.run(config, report())
    assert (outcome["measured"], outcome["problems"]) == (2, [])
    predict, compiled = comparison.results().latencies
    assert min(predict.peak_mb, compiled.peak_mb) > 300


def test_one_row_that_cannot_be_measured_leaves_the_rest(tiny, home: Path, report) -> None:
    (home / "models" / "broken" / "1.0.0").mkdir(parents=True)
    config = {
        "rows": ["model:broken@1.0.0", tiny], "runtimes": ["litert"], "batches": [1], "repeats": 10
    }  # fmt: skip
    outcome = latency.run(config, report())
    assert outcome["measured"] == 1
    [problem] = outcome["problems"]
    assert problem["row"] == "model:broken@1.0.0"
    assert "Copy the model's folder again" in problem["sentence"]
    found = comparison.results()
    assert found.latency(tiny, "litert") is not None
    assert found.problem("model:broken@1.0.0", "latency") is not None


def test_a_row_too_large_for_memory_is_refused_and_the_rest_goes_on(
    tiny, report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxr_core.comparison._memory.available_mb", lambda: 400.0)
    config = {
        "rows": ["efficientnetb7", tiny], "runtimes": ["litert"], "batches": [1], "repeats": 10
    }  # fmt: skip
    outcome = latency.run(config, report())
    assert outcome["measured"] == 1
    assert "EfficientNetB7 needs about" in outcome["problems"][0]["sentence"]


def test_weights_of_another_network_are_a_sentence(home: Path, report) -> None:
    imagenet_weights.write("mobilenet", numbers=4711)
    config = {"rows": ["mobilenet"], "runtimes": ["litert"], "batches": [1], "repeats": 10}
    outcome = latency.run(config, report())
    assert outcome["measured"] == 0
    [problem] = outcome["problems"]
    assert "4,711 numbers instead of 3,228,864: another network's" in problem["sentence"]


def test_cancelled_half_way_what_was_measured_stays_and_is_not_measured_again(tiny, report) -> None:
    config = {"rows": [tiny], "runtimes": ["litert"], "batches": [1, 2, 3], "repeats": 10}

    class Cancelling(type(report())):
        def progress(self, step: int, steps: int, **how: object) -> None:
            if step == 2:
                raise Cancelled

    first = report()
    first.__class__ = Cancelling
    with pytest.raises(Cancelled):
        latency.run(config, first)
    assert [x.batch for x in comparison.results().latencies] == [1, 2]
    outcome = latency.run(config, report(resumed=True))
    assert outcome["measured"] == 1
    assert [x.batch for x in comparison.results().latencies] == [1, 2, 3]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "at least one row"),
        ({"rows": ["mobilenet"], "runtimes": ["onnx"]}, "runtimes out of predict"),
        ({"rows": ["mobilenet"], "batches": [0]}, "batches from 1"),
        ({"rows": ["mobilenet"], "batches": [True]}, "batches from 1"),
        ({"rows": ["mobilenet"], "repeats": -1}, "repeats from 1"),
        ({"rows": ["mobilenet"], "threads": 0}, "threads from 1"),
        ({"rows": ["resnet9000"]}, "resnet9000"),
    ],
)
def test_settings_that_cannot_be_are_refused_first(config, words: str, home, report) -> None:
    with pytest.raises(ConfigError, match=words):
        latency.run(config, report())


def test_a_serving_file_is_made_once_and_a_damaged_one_is_a_sentence(
    tiny, home: Path, report
) -> None:
    row = comparison.row(tiny)
    own, _ = latency.serving_file(row, "float32", 1, lambda: None)
    assert own.name == "serving.tflite"
    first, kind = latency.serving_file(row, "int8", 1, lambda: None)
    # Loading it has counted it: one convolution of 8×8 over 4×4 places, and the logit.
    counted = comparison.row(tiny).counts
    assert counted is not None
    assert (counted.macs, counted.params) == (16 * 64 * 6 + 6, 64 * 6 + 6 + 7)
    stamp = first.stat().st_mtime_ns
    again, _ = latency.serving_file(row, "int8", 1, lambda: None)
    assert (again.stat().st_mtime_ns, kind) == (stamp, "fine-tuned")
    assert first.is_relative_to(home / "measure" / "serving")
    first.write_bytes(b"TFL3 and nothing else")
    settings = latency.checked({"rows": [tiny], "repeats": 10})
    with pytest.raises(ModelError, match="Expected a serving file"):
        latency.measure(row, "litert_int8", 1, settings, report(), "tiny")
