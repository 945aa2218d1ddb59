"""The process that holds the networks: what it answers, and what happens when it does not."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cxr_core import phantom
from cxr_core.errors import ConfigError, ModelError
from cxr_core.workroom import Workroom, _wire, as_given

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def room() -> Iterator[Workroom]:
    made = Workroom()
    yield made
    made.close()


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    return phantom.draw(opacity=True)[::4, ::4].astype(np.float32) / 255


def test_messages_keep_numbers_and_arrays() -> None:
    stream = io.BytesIO()
    sent = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((0, 2), np.uint8)}
    _wire.write(stream, {"x": [1, None, "é"]}, sent)
    _wire.write(stream, {}, {})
    stream.seek(0)
    header, arrays = _wire.read(stream) or ({}, {})
    assert header == {"x": [1, None, "é"]}
    assert all((arrays[k] == v).all() and arrays[k].dtype == v.dtype for k, v in sent.items())
    assert _wire.read(stream) == ({}, {})
    assert _wire.read(stream) is None


def test_a_message_cut_short_is_noticed() -> None:
    stream = io.BytesIO()
    _wire.write(stream, {"x": 1}, {})
    with pytest.raises(EOFError):
        _wire.read(io.BytesIO(stream.getvalue()[:-3]))


def test_layers_of_an_untrained_net(room: Workroom) -> None:
    answer = room.ask("layers", source="zoo:lenet").values
    assert [row["label"] for row in answer["layers"]][-3:] == [
        "2×2 max pool, stride 2",
        "flatten",
        "dense 1",
    ]
    assert answer["last_map"] == "pool2"
    assert room.warm


def test_maps_and_field_of_a_film(room: Workroom, film: np.ndarray) -> None:
    maps = room.ask("maps", source="zoo:lenet", layer="conv2", arrays=as_given(film))
    assert maps.arrays["maps"].shape == (32, 16, 16)
    assert (np.diff(maps.arrays["maps"].std(axis=(1, 2))) <= 1e-6).all()
    assert maps.arrays["image"].shape == (32, 32, 1)
    field = room.ask("field", source="zoo:lenet", layer="conv2", arrays=as_given(film)).values
    # 5 pixels, then 5 places two pixels apart: 6 + 4·2.
    assert field["size"] == [14, 14]
    assert field["units"] == [16, 16]


def test_a_map_and_its_checks(room: Workroom, film: np.ndarray) -> None:
    how = {"source": "zoo:lenet", "method": "grad_cam", "label": "PNEUMONIA"}
    found = room.ask("explain", **how, arrays=as_given(film))
    assert found.values["layer"] == "pool2"
    assert found.values["elapsed_ms"] > 0
    given = as_given(film) | {"values": found.arrays["values"]}
    checked = room.ask("check", **how, layer="pool2", arrays=given)
    assert len(checked.values["correlations"]) == 3
    assert checked.arrays["at_random"].shape == (19, len(checked.arrays["fractions"]))


def test_its_errors_arrive_as_they_were_raised(room: Workroom, film: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="no such task"):
        room.ask("no such task")
    with pytest.raises(ConfigError, match="resnet50"):
        room.ask("layers", source="zoo:nothing")
    with pytest.raises(RuntimeError, match="KeyError"):
        room.ask("maps", arrays=as_given(film))
    assert room.ask("layers", source="zoo:lenet").values["side"] == 32


def test_one_that_dies_is_said_so_and_replaced(film: np.ndarray) -> None:
    room = Workroom(limit_s=0.05)
    try:
        with pytest.raises(ModelError, match="process"):
            room.ask("layers", source="zoo:lenet")
        assert not room.warm
    finally:
        room.close()


def test_it_ends_when_the_app_does() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "cxr_core.workroom"], cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(60) == 0
    assert child.stdout is not None
    assert child.stdout.read() == b""
    child.stdout.close()


def test_the_app_s_side_loads_no_keras() -> None:
    code = (
        "import sys, cxr_core.workroom; print('keras' in sys.modules, 'tensorflow' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.split() == ["False", "False"]
