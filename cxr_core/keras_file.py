"""A `.keras` file from elsewhere, looked at without Keras and without running anything in it.

Keras builds whatever classes and functions a file names. Here the file's own description is read
as plain JSON first, and only what is listed below may occur in it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core.errors import ModelError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MOST_CONFIG, MOST_WEIGHTS = 32 * 2**20, 2 * 2**30
SIZES = (32, 1024)
MOST_PACKED = 30
# The largest number that a layer may state: VGG16's dense layers have 4,096 units.
MOST_STATED = 32_768

LAYERS = frozenset(
    {
        "InputLayer", "Conv2D", "DepthwiseConv2D", "SeparableConv2D", "BatchNormalization",
        "LayerNormalization", "GroupNormalization", "ReLU", "LeakyReLU", "PReLU", "ELU",
        "Activation", "Add", "Subtract", "Multiply", "Average", "Maximum", "Concatenate",
        "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D",
        "Flatten", "Reshape", "Permute", "Dense", "Dropout", "SpatialDropout2D",
        "GaussianDropout", "GaussianNoise", "ZeroPadding2D", "Cropping2D", "UpSampling2D",
        "Rescaling", "Normalization",
    }
)  # fmt: skip
ACTIVATIONS = frozenset(
    {
        "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "sigmoid",
        "hard_sigmoid", "tanh", "softplus", "softsign", "silu", "swish", "hard_silu",
        "hard_swish", "mish", "softmax",
    }
)  # fmt: skip
MODELS = frozenset({"Functional", "Sequential", "Model"})
# Plain settings of layers: what sets weights at the start, holds them in, and their precision.
SETTINGS = ("keras.initializers", "keras.regularizers", "keras.constraints", "keras")


@dataclass(frozen=True)
class KerasFile:
    """What a file holds. size, channels: of its input. cam_layer: what is pooled. hidden: a dense
    layer between pooling and the one output, or None. activation: of that output, 'linear' or
    'sigmoid'. rescales: its graph scales its own input. keras: the version that wrote it.
    """

    size: int
    channels: int
    layers: int
    cam_layer: str
    pool: str
    hidden: str | None
    logit: str
    activation: str
    rescales: bool
    keras: str


def examine(path: Path) -> KerasFile:
    """Read what a `.keras` file says of itself; no code of it is run. Raises ModelError."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive)
            config = _json(archive, CONFIG)
            metadata = _json(archive, METADATA)
            _check_weights(archive)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise _refused("a file that is damaged or of another kind") from error
    keras = str(metadata.get("keras_version", "unknown")) if isinstance(metadata, dict) else ""
    if not isinstance(config, dict) or config.get("class_name") not in MODELS:
        raise _refused("a model of a class of its own, which needs its maker's code")
    _check_words(config.get("config"))
    return _read_graph(config, keras[:20])


def _refused(received: str, next_step: str = "Save it flat, with Keras' own layers.") -> ModelError:
    return ModelError(
        "Expected a `.keras` file of a convolutional network that can be served; received "
        f"{received}. {next_step}"
    )


def _check_members(archive: zipfile.ZipFile) -> None:
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    if not {CONFIG, METADATA, WEIGHTS} <= set(sizes):
        raise _refused("an archive without config.json, metadata.json and model.weights.h5")
    extra = sorted(set(sizes) - {CONFIG, METADATA, WEIGHTS})
    if extra:
        raise _refused(f"one that carries other files too ({extra[0][:60]!r})")
    if sizes[CONFIG] > MOST_CONFIG or sizes[METADATA] > 2**20 or sizes[WEIGHTS] > MOST_WEIGHTS:
        raise _refused("one of more than 2 GB")
    # Keras stores without packing, and weights hardly pack: what packs so well is no network.
    if any(i.file_size > 2**20 + MOST_PACKED * i.compress_size for i in archive.infolist()):
        raise _refused(f"one that unpacks to more than {MOST_PACKED} times its size")


def _json(archive: zipfile.ZipFile, name: str) -> Any:
    try:
        return json.loads(archive.read(name))
    except (ValueError, RecursionError) as error:
        raise _refused(f"one whose {name} is no JSON") from error


def _check_weights(archive: zipfile.ZipFile) -> None:
    """HDF5 may point to other files of the machine; a network's weights have no need to."""
    import h5py

    left = MOST_WEIGHTS
    try:
        with h5py.File(io.BytesIO(archive.read(WEIGHTS)), "r") as file:
            for group, name in _links(file):
                link = group.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    raise _refused("weights that point to another file")
                item = group[name]
                if isinstance(item, h5py.Dataset):
                    left -= item.nbytes
                    _check_numbers(item, left)
    except (OSError, KeyError, RuntimeError) as error:
        raise _refused("weights that cannot be read", "Copy the file again.") from error


def _check_numbers(item: Any, left: int) -> None:
    """left: bytes that weights may still take; HDF5 states sizes that it does not store."""
    if item.is_virtual or item.external:
        raise _refused("weights that lie in another file")
    if left < 0:
        raise _refused("weights of more than 2 GB")
    if item.dtype.kind == "f" and not np.isfinite(item[()]).all():
        raise _refused("weights that are no numbers (NaN or infinity)", "Train it again.")


def _links(group: Any, depth: int = 0) -> Iterator[tuple[Any, str]]:
    import h5py

    if depth > 40:
        raise _refused("weights nested beyond measure")
    for name in group:
        yield group, name
        if isinstance(group.get(name, getlink=True), h5py.HardLink) and isinstance(
            group[name], h5py.Group
        ):
            yield from _links(group[name], depth + 1)


def _check_words(value: Any, depth: int = 0) -> None:
    """Only classes and activations that are Keras' own and plain may be named, wherever it is."""
    if depth > 60:
        raise _refused("a description nested beyond measure")
    if isinstance(value, list):
        for item in value:
            _check_words(item, depth + 1)
    if not isinstance(value, dict):
        return
    if "class_name" in value:
        _check_class(value)
    config = value.get("config")
    if isinstance(config, dict):
        for key in ("activation", "recurrent_activation"):
            given = config.get(key)
            plain = given is None or (isinstance(given, str) and given in ACTIVATIONS)
            if not plain:
                word = given if isinstance(given, str) else "a function of its own"
                raise _refused(f"one with the activation {str(word)[:40]!r}")
    for item in value.values():
        _check_words(item, depth + 1)


def _check_class(value: Mapping[str, Any]) -> None:
    name, module = str(value.get("class_name")), value.get("module")
    where = f"a layer {name!r}"
    if name in ("Lambda", "__lambda__", "function", "TFSMLayer") or "function" in value:
        raise _refused(f"one with code in it ({name})")
    if name == "__keras_tensor__" and module is None:
        return
    if value.get("registered_name") not in (None, name):
        raise _refused(f"one with {where} of its maker's own")
    if module == "keras.layers":
        if name in MODELS:
            raise _refused("one that holds another model as a layer")
        if name not in LAYERS:
            raise _refused(f"one with {where}, which cannot be served")
    elif name in MODELS:
        raise _refused("one that holds another model as a layer")
    elif module not in SETTINGS:
        raise _refused(f"one with {name!r} from {str(module)[:60]!r}")


def _read_graph(config: Mapping[str, Any], keras: str) -> KerasFile:
    body = config.get("config")
    layers = body.get("layers") if isinstance(body, dict) else None
    if not isinstance(layers, list) or not layers:
        raise _refused("one without layers")
    try:
        nodes = _nodes(layers, config["class_name"] == "Sequential")
        entry = _one([n for n, (kind, _, _) in nodes.items() if kind == "InputLayer"], "inputs")
        shape = nodes[entry][1].get("batch_shape")
        size, channels = _input(shape)
        feeds: dict[str, list[str]] = {}
        for name, (_, _, sources) in nodes.items():
            for source in sources:
                feeds.setdefault(source, []).append(name)
        last = _one([n for n in nodes if n not in feeds], "outputs")
        return _head(nodes, last, feeds, entry, (size, channels), keras)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise _refused("one whose description cannot be followed") from error


_Node = tuple[str, Mapping[str, Any], list[str]]


def _nodes(layers: list[Any], sequential: bool) -> dict[str, _Node]:
    """Name → class, settings, names of the layers that feed it."""
    nodes: dict[str, _Node] = {}
    before: list[str] = []
    for layer in layers:
        name = str(layer["config"]["name"])
        if name in nodes:
            raise _refused(f"one with two layers named {name[:40]!r}")
        _check_sizes(name, layer["config"])
        if sequential:
            sources = before
            before = [name]
        else:
            calls = layer.get("inbound_nodes", [])
            if len(calls) > 1:
                raise _refused(f"one that uses the layer {name[:40]!r} twice")
            sources = list(_sources(calls))
        nodes[name] = (str(layer["class_name"]), layer["config"], sources)
    return nodes


def _check_sizes(name: str, settings: Mapping[str, Any]) -> None:
    """Keras takes the memory that a layer asks for before it looks at the weights."""
    for key, value in settings.items():
        stated = value if isinstance(value, list) else [value]
        large = [v for v in stated if isinstance(v, int) and abs(v) > MOST_STATED]
        if large and key != "seed":
            raise _refused(f"one whose layer {name[:40]!r} states {large[0]} as its {key}")


def _sources(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "keras_history" in value:
            yield str(value["keras_history"][0])
        else:
            for item in value.values():
                yield from _sources(item)
    elif isinstance(value, list):
        for item in value:
            yield from _sources(item)


def _one(names: list[str], what: str) -> str:
    if len(names) != 1:
        raise _refused(f"one with {len(names)} {what}", "One film in, one number out.")
    return names[0]


def _input(shape: Any) -> tuple[int, int]:
    _, rows, columns, channels = shape
    square = isinstance(rows, int) and rows == columns and SIZES[0] <= rows <= SIZES[1]
    if not square or channels not in (1, 3):
        raise _refused(
            f"one for input of shape {shape}",
            f"It must be square, {SIZES[0]} to {SIZES[1]} pixels, of one channel or three.",
        )
    return rows, channels


def _head(
    nodes: Mapping[str, _Node],
    last: str,
    feeds: Mapping[str, list[str]],
    entry: str,
    shape: tuple[int, int],
    keras: str,
) -> KerasFile:
    """Backwards from the output: one number ← a dense layer or none ← pooling ← the last map."""
    kind, settings, sources = nodes[last]
    activation = str(settings.get("activation", "linear"))
    if kind != "Dense" or settings.get("units") != 1 or activation not in ("linear", "sigmoid"):
        raise _refused(
            f"one that ends in {kind} with {settings.get('units', '?')} outputs ({activation})",
            "It must end in Dense(1), linear or sigmoid: NORMAL is 0, PNEUMONIA is 1.",
        )
    at = _past_dropout(nodes, sources[0])
    hidden = None
    if nodes[at][0] == "Dense":
        hidden = at
        if nodes[at][1].get("activation") != "relu":
            raise _refused("one whose dense layer before the output is not ReLU")
        at = _past_dropout(nodes, nodes[at][2][0])
    if nodes[at][0] not in ("GlobalAveragePooling2D", "Flatten"):
        raise _refused(
            f"one with {nodes[at][0]} between the last map and the output",
            "Its head must be mean pooling or flattening, one dense ReLU layer or none, Dense(1).",
        )
    first = next(iter(feeds.get(entry, [])), last)
    early = {first, *feeds.get(first, [])}
    return KerasFile(
        size=shape[0],
        channels=shape[1],
        layers=len(nodes),
        cam_layer=nodes[at][2][0],
        pool=at,
        hidden=hidden,
        logit=last,
        activation=activation,
        rescales=any(nodes[n][0] in ("Rescaling", "Normalization") for n in early),
        keras=keras,
    )


def _past_dropout(nodes: Mapping[str, _Node], name: str) -> str:
    for _ in nodes:
        if nodes[name][0] != "Dropout":
            return name
        name = nodes[name][2][0]
    raise _refused("one whose layers feed themselves")
