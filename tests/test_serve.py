from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from cxr_core.card import Calibration
from cxr_core.errors import ModelError
from cxr_core.registry import ModelEntry
from cxr_core.schema import ForwardPass, OperatingPoint
from cxr_core.serve import Model, calibrated, predict
from tests import tiny_model


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> ModelEntry:
    return tiny_model.write(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def model(entry: ModelEntry) -> Model:
    return Model.load(entry)


def inputs(n: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (n, 32, 32, 1), dtype=np.uint8)


def test_a_forward_pass_equals_the_keras_network(model: Model) -> None:
    films = inputs(5)
    expected = tiny_model.network()(films.astype(np.float32)).numpy()[:, 0]
    for film, logit in zip(films, expected, strict=True):
        out = model.forward(film)
        assert out.logit == pytest.approx(logit, abs=1e-4)
        assert out.cam.shape == (4, 4)
        assert out.features.shape == (6,)
        # The map's sum is the logit less the head's bias.
        bias = float(tiny_model.network().get_layer("logit").get_weights()[1][0])
        assert float(out.cam.sum()) + bias == pytest.approx(logit, abs=1e-4)


def test_a_result_is_not_changed_by_the_next_pass(model: Model) -> None:
    first, second = inputs(2)
    out = model.forward(first)
    cam, features = out.cam.copy(), out.features.copy()
    other = model.forward(second)
    assert not np.array_equal(other.cam, cam)
    np.testing.assert_array_equal(out.cam, cam)
    np.testing.assert_array_equal(out.features, features)


def test_a_callers_changes_do_not_reach_later_results(model: Model) -> None:
    film = inputs(1)[0]
    out = model.forward(film)
    expected = out.cam.copy()
    out.cam[:] = 7
    np.testing.assert_array_equal(model.forward(film).cam, expected)


def test_eight_threads_get_their_own_results(model: Model) -> None:
    films = inputs(8)
    expected = [model.forward(film) for film in films]
    wrong: list[int] = []
    start = threading.Barrier(8)

    def session(i: int) -> None:
        start.wait()
        for _ in range(200):
            out = model.forward(films[i])
            same = out.logit == expected[i].logit and np.array_equal(out.cam, expected[i].cam)
            if not (same and np.array_equal(out.features, expected[i].features)):
                wrong.append(i)

    threads = [threading.Thread(target=session, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len({e.logit for e in expected}) == 8


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((32, 32), np.uint8),
        np.zeros((1, 32, 32, 1), np.uint8),
        np.zeros((224, 224, 1), np.uint8),
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((32, 32, 1), np.float32),
    ],
)
def test_input_of_another_kind_is_refused_in_words(model: Model, x: np.ndarray) -> None:
    with pytest.raises(ModelError, match=r"Expected model input of shape \(32, 32, 1\), uint8"):
        model.forward(x)


def test_a_network_that_returns_nan_is_an_error_and_no_prediction() -> None:
    content = bytearray(tiny_model.serving_bytes())
    head = tiny_model.network().get_layer("logit").get_weights()[0].astype("<f4").tobytes()
    at = content.find(head)
    assert at > 0
    content[at : at + 4] = np.float32(np.nan).tobytes()
    broken = Model(bytes(content), tiny_model.card(), tiny_model.gate())
    with pytest.raises(ModelError, match="NaN"):
        broken.forward(inputs(1)[0])


def test_a_damaged_serving_file_is_not_loaded(tmp_path: Path) -> None:
    entry = tiny_model.write(tmp_path)
    path = entry.path("serving.tflite")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"serving\.tflite of tiny 1\.0\.0 is damaged"):
        Model.load(entry)


def test_a_damaged_gate_is_not_loaded(tmp_path: Path) -> None:
    entry = tiny_model.write(tmp_path)
    entry.path("gate.npz").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"gate\.npz of tiny 1\.0\.0 is damaged"):
        Model.load(entry)


@pytest.mark.parametrize("content", [b"no model", b"\0" * 100, b"x" * 5000])
def test_bytes_that_are_no_litert_file_are_a_model_error(content: bytes) -> None:
    with pytest.raises(ModelError, match="Expected a LiteRT file"):
        Model(content, tiny_model.card(), tiny_model.gate())


def test_a_serving_file_of_another_size_than_the_card_says_is_refused() -> None:
    card = tiny_model.card(preprocessing={"size": 64, "blur": 0.5, "low": 1.0, "high": 99.0})
    with pytest.raises(ModelError, match=r"film \(1, 64, 64, 1\).*received film \(1, 32, 32, 1\)"):
        Model(tiny_model.serving_bytes(), card, tiny_model.gate())


def test_preprocessing_that_this_program_does_not_know_is_refused() -> None:
    card = tiny_model.card(preprocessing={"size": 32, "equalise": True})
    with pytest.raises(ModelError, match="another version of this program"):
        Model(tiny_model.serving_bytes(), card, tiny_model.gate())


@pytest.mark.parametrize(
    ("logit", "expected"),
    [(0.0, 0.5 + 0.0621765), (1.0, 0.8519528), (-1.0, 0.2227001), (-1e6, 0.0), (1e6, 1.0)],
)
def test_calibration_is_the_sigmoid_of_the_scaled_logit(logit: float, expected: float) -> None:
    # scale 1.5, offset 0.25; 1 / (1 + e^-0.25), 1 / (1 + e^-1.75), 1 / (1 + e^1.25) by hand.
    assert calibrated(tiny_model.card(), logit) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("probability", "label", "refer"),
    [
        (0.29, "NORMAL", False),
        (0.3001, "NORMAL", True),
        (0.39, "NORMAL", True),
        (0.4001, "PNEUMONIA", True),
        (0.59, "PNEUMONIA", True),
        (0.61, "PNEUMONIA", False),
    ],
)
def test_the_label_changes_at_the_threshold_and_the_refer_band_is_half_open(
    model: Model, probability: float, label: str, refer: bool
) -> None:
    logit = (math.log(probability / (1 - probability)) - 0.25) / 1.5
    forward = ForwardPass(logit, np.zeros((4, 4), np.float32), np.zeros(6, np.float32))
    found = predict(model, forward, "ab" * 32, 12.5)
    assert found.probability == pytest.approx(probability)
    assert (found.label, found.refer) == (label, refer)
    assert (found.model_name, found.model_version) == ("tiny", "1.0.0")
    assert (found.image_sha256, found.elapsed_ms) == ("ab" * 32, 12.5)


def test_a_probability_at_the_threshold_itself_is_called_pneumonia(model: Model) -> None:
    forward = ForwardPass(0.3, np.zeros((4, 4), np.float32), np.zeros(6, np.float32))
    p = calibrated(model.card, 0.3)
    point = OperatingPoint(p, p, p, "drawn", "none", 0)
    found = predict(model, forward, "", 0, point)
    assert (found.label, found.refer, found.operating_point) == ("PNEUMONIA", False, point)


def test_loading_writes_nothing_to_the_terminal_but_passes_on_what_others_write(
    entry: ModelEntry,
) -> None:
    code = (
        "import os, sys, threading\n"
        "from pathlib import Path\n"
        "from cxr_core.registry import find\n"
        "from cxr_core.serve import Model\n"
        f"Model.load(find('tiny', among=[Path({str(entry.folder.parent.parent)!r})]))\n"
        "os.write(2, b'after')\n"
        "heavy = 'tensorflow keras sklearn scipy pandas streamlit plotly'.split()\n"
        "print([m for m in heavy if m in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("[]\n", "after")


def test_the_scale_of_a_card_reaches_the_probability() -> None:
    card = dataclasses.replace(tiny_model.card(), calibration=Calibration("temperature", 1.0, 0.0))
    assert calibrated(card, math.log(3)) == pytest.approx(0.75)
