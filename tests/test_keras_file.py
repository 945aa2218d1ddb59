"""A `.keras` file from elsewhere: read as text, refused with a reason, and never run."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from cxr_core.errors import ModelError
from cxr_core.keras_file import CONFIG, METADATA, WEIGHTS, examine

Save = Callable[[Any], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def saved(model: Any) -> Path:
        path = tmp_path / "model.keras"
        model.save(path)
        return path

    return saved


def layers(*middle: Any, size: int = 32, channels: int = 3, end: Any = None) -> Any:
    import keras

    return keras.Sequential(
        [
            keras.Input((size, size, channels)),
            keras.layers.Conv2D(4, 3, activation="relu", name="map"),
            *(middle or (keras.layers.GlobalAveragePooling2D(),)),
            end or keras.layers.Dense(1, activation="sigmoid", name="end"),
        ]
    )


def changed(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The same file with another description."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts[CONFIG])
    change(config)
    parts[CONFIG] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_a_flat_network_is_understood(save: Save):
    import keras

    found = examine(
        save(
            layers(
                keras.layers.Dropout(0.2, name="thin"),
                keras.layers.GlobalAveragePooling2D(name="mean"),
                keras.layers.Dropout(0.2),
                keras.layers.Dense(8, activation="relu", name="wide"),
            )
        )
    )
    assert (found.size, found.channels, found.activation) == (32, 3, "sigmoid")
    assert (found.pool, found.hidden, found.logit) == ("mean", "wide", "end")
    assert found.cam_layer == "thin"
    assert not found.rescales


def test_the_shipped_network_is_understood(model_entry: Any):
    found = examine(model_entry.path("model.keras"))
    assert (found.size, found.channels, found.activation) == (160, 1, "linear")
    assert (found.cam_layer, found.pool, found.logit) == ("out_relu", "pool", "logit")
    assert found.rescales


def _lambda() -> Any:
    import keras

    return layers(keras.layers.Lambda(lambda x: x * 2), keras.layers.Flatten())


def _nested() -> Any:
    import keras

    inner = keras.Sequential([keras.Input((30, 30, 4)), keras.layers.Conv2D(4, 3)])
    return layers(inner, keras.layers.Flatten())


def _two_outputs() -> Any:
    import keras

    return layers(end=keras.layers.Dense(2, activation="softmax"))


def _deep_head() -> Any:
    import keras

    dense = [keras.layers.Dense(4, activation="relu") for _ in range(2)]
    return layers(keras.layers.Flatten(), *dense)


def _attention() -> Any:
    import keras

    return layers(keras.layers.Reshape((900, 4)), keras.layers.LSTM(4))


def _oblong() -> Any:
    import keras

    return keras.Sequential(
        [keras.Input((32, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_lambda, "code in it"),
        (_nested, "another model as a layer"),
        (_two_outputs, "2 outputs"),
        (_deep_head, "Dense between the last map"),
        (_attention, "'LSTM', which cannot be served"),
        (_oblong, "input of shape"),
    ],
)
def test_a_network_that_cannot_be_served_is_refused_with_the_reason(
    save: Save, make: Callable[[], Any], reason: str
):
    with pytest.raises(ModelError, match="of a convolutional network") as caught:
        examine(save(make()))
    assert reason in str(caught.value)


def _custom(config: dict[str, Any]) -> None:
    config["config"]["layers"][1] |= {"module": "evil.layers", "class_name": "Conv2D"}


def _registered(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["registered_name"] = "Mine>Conv2D"


def _activation(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"]["activation"] = {
        "module": "builtins", "class_name": "function", "config": "exec",
    }  # fmt: skip


def _initializer(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"]["kernel_initializer"] = {
        "module": "os", "class_name": "system", "config": {"command": "touch /tmp/x"},
    }  # fmt: skip


def _of_its_own(config: dict[str, Any]) -> None:
    config["class_name"] = "MyModel"


def _loop(config: dict[str, Any]) -> None:
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    config["config"]["layers"][1]["config"]["x"] = deep


@pytest.mark.parametrize(
    "change", [_custom, _registered, _activation, _initializer, _of_its_own, _loop]
)
def test_a_file_that_names_code_is_refused_and_nothing_is_imported(
    save: Save, change: Callable[[dict[str, Any]], None]
):
    with pytest.raises(ModelError, match="received"):
        examine(changed(save(layers()), change))


def _enormous(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"]["filters"] = 10**9


def _twice(config: dict[str, Any]) -> None:
    config["config"]["layers"] += config["config"]["layers"][1:]


@pytest.mark.parametrize(("change", "reason"), [(_enormous, "1000000000 as its filters"),
                                                (_twice, "two layers named 'map'")])  # fmt: skip
def test_a_description_that_would_take_all_memory_is_refused(
    save: Save, change: Callable[[dict[str, Any]], None], reason: str
):
    with pytest.raises(ModelError, match=reason):
        examine(changed(save(layers()), change))


def test_layers_in_a_circle_are_refused(save: Save):
    def node(kind: str, name: str, *sources: str, **settings: Any) -> dict[str, Any]:
        tensors = [{"config": {"keras_history": [source, 0, 0]}} for source in sources]
        calls = [{"args": tensors}] if sources else []
        return {
            "class_name": kind, "module": "keras.layers", "registered_name": None,
            "config": {"name": name, **settings}, "inbound_nodes": calls,
        }  # fmt: skip

    def circle(config: dict[str, Any]) -> None:
        config["class_name"] = "Functional"
        config["config"]["layers"] = [
            node("InputLayer", "film", batch_shape=[None, 32, 32, 3]),
            node("Dropout", "one", "two", "film"),
            node("Dropout", "two", "one"),
            node("Dense", "end", "one", units=1, activation="linear"),
        ]

    with pytest.raises(ModelError, match="feed themselves"):
        examine(changed(save(layers()), circle))


@pytest.mark.parametrize(("weights", "reason"), [("nan", "no numbers"), ("packed", "times its"),
                                                 ("stated", "more than 2 GB")])  # fmt: skip
def test_weights_that_cannot_be_are_refused(save: Save, tmp_path: Path, weights: str, reason: str):
    path = save(layers())
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    inner = tmp_path / "inner.h5"
    inner.write_bytes(parts[WEIGHTS])
    with h5py.File(inner, "r+") as file:
        if weights == "nan":
            file["more"] = [1.0, float("nan")]
        elif weights == "stated":
            file.create_dataset("more", (10**6, 10**6), "f4", chunks=(100, 100))
        else:
            file["more"] = [0.0] * 10**6
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (parts | {WEIGHTS: inner.read_bytes()}).items():
            archive.writestr(name, content)
    with pytest.raises(ModelError, match=reason):
        examine(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04half", b"\x89HDF\r\n\x1a\n"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="damaged or of another kind"):
        examine(path)


def test_an_archive_with_more_in_it_is_refused(save: Save):
    path = save(layers())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("assets/../../x.py", "print()")
    with pytest.raises(ModelError, match="other files"):
        examine(path)


@pytest.mark.parametrize("kind", ["external link", "external dataset", "soft link"])
def test_weights_that_point_elsewhere_are_refused(save: Save, tmp_path: Path, kind: str):
    path = save(layers())
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in (CONFIG, METADATA)}
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = [1.0]
    weights = tmp_path / "weights.h5"
    with h5py.File(weights, "w") as file:
        if kind == "external link":
            file["layers"] = h5py.ExternalLink(str(secret), "/x")
        elif kind == "soft link":
            file["layers"] = h5py.SoftLink("/nowhere")
        else:
            file.create_dataset("x", (1,), "f8", external=[(str(secret), 0, 8)])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        archive.write(weights, WEIGHTS)
    with pytest.raises(ModelError, match="another file"):
        examine(path)
