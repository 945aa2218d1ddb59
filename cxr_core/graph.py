"""Keras graphs taken apart: nested ones made flat, the score before the sigmoid, every layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxr_core.errors import ConfigError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LayerRow:
    """One layer of a flat graph. shape: of its output, without the batch; None where it is open.

    multiply_adds: of convolutions, dense layers and attention; norms and activations count none.
    sources: names of the layers it reads.
    """

    name: str
    kind: str
    label: str
    shape: tuple[int | None, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    sources: tuple[str, ...]


def flat(
    network: keras.Model, change: Callable[[Any], Any] | None = None, name: str | None = None
) -> keras.Model:
    """A copy with every nested network opened up, so that each layer has one place in one graph.

    change: layer → the layer to stand in its place, or None to copy it; it gets the same weights.
    Raises ConfigError for a network that is neither Functional nor Sequential.
    """
    import keras
    from keras.src.models.functional import Functional

    copies: dict[int, tuple[Any, Any]] = {}
    taken: set[str] = set()

    def copy(layer: Any, within: str) -> Any:
        if id(layer) not in copies:
            new = (change(layer) if change else None) or layer.__class__.from_config(
                layer.get_config()
            )
            if new.name in taken:
                config = new.get_config()
                new = new.__class__.from_config(config | {"name": f"{within}_{new.name}"})
            taken.add(new.name)
            copies[id(layer)] = (layer, new)
        return copies[id(layer)][1]

    def run(model: Any, x: Any) -> Any:
        if isinstance(model, keras.Sequential):
            for layer in model.layers:
                x = call_in(model.name)(layer, x)
            return x
        if not isinstance(model, Functional):
            raise ConfigError(
                "Expected a Functional or Sequential network; received a "
                f"{type(model).__name__}. Rebuild it with keras.Model(inputs, outputs)."
            )
        return model._run_through_graph(x, operation_fn=lambda o: o, call_fn=call_in(model.name))

    def call_in(within: str) -> Callable[..., Any]:
        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(layer, keras.Model):
                return run(layer, args[0])
            if not isinstance(layer, keras.layers.Layer):
                return layer(*args, **kwargs)
            kwargs.pop("training", None)
            return copy(layer, within)(*args, **kwargs)

        return call

    inputs: list[Any] = list(getattr(network, "inputs", None) or ())
    if len(inputs) != 1:
        raise ConfigError(
            f"Expected a built network with one input; received {network.name}. "
            "Give its first layer an input shape."
        )
    image = keras.Input(batch_shape=inputs[0].shape, dtype=inputs[0].dtype, name="film")
    copied = keras.Model(image, run(network, image), name=name or network.name)
    for old, new in copies.values():
        new.set_weights(old.get_weights())
    return copied


def score(network: keras.Model, output: int = 0, sign: int = 1) -> keras.Model:
    """A flat copy that ends in one number: `sign` times score `output` before sigmoid or softmax.

    A gradient through the sigmoid vanishes where the network is sure, and so would the map. sign:
    -1 for the class that a single logit speaks against. Raises ConfigError for an output that the
    network has not.
    """
    import keras
    from keras import layers

    copy = flat(network)
    last = copy.output._keras_history.operation
    kind = getattr(getattr(last, "activation", None), "__name__", "")
    if isinstance(last, layers.Softmax) or kind in ("sigmoid", "softmax"):
        scores = last.input
        if isinstance(last, layers.Dense):
            plain = layers.Dense(last.units, use_bias=last.use_bias, name=f"{last.name}_logits")
            scores = plain(last.input)
            plain.set_weights(last.get_weights())
    else:
        scores = copy.output
    if len(scores.shape) != 2 or not 0 <= output < scores.shape[1]:
        raise ConfigError(
            f"Expected one score a class and a class below {scores.shape[-1]}; received scores of "
            f"shape {tuple(scores.shape[1:])} and class {output}. Choose another network or class."
        )
    return keras.Model(copy.input, sign * scores[:, output : output + 1], name=copy.name)


def layer(network: keras.Model, name: str) -> Any:
    """The layer of that name in a flat graph. Raises ConfigError where there is none."""
    for found in network.layers:
        if found.name == name:
            return found
    names = [found.name for found in network.layers]
    raise ConfigError(
        f"Expected a layer of {network.name}; received {name!r}. Try one of "
        f"{', '.join(names[1:3] + names[-3:])}."
    )


def last_map(network: keras.Model) -> str:
    """The last layer whose output is a map of more than one place: where Grad-CAM looks."""
    for found in reversed(network.layers):
        shape = found.output.shape
        if len(shape) == 4 and shape[1] != 1 and shape[2] != 1:
            return str(found.name)
    raise ConfigError(
        f"Expected a network with a map of rows and columns; {network.name} has none. "
        "Choose a method that works on the pixels."
    )


def layer_rows(network: keras.Model) -> tuple[LayerRow, ...]:
    """Every layer of a flat graph, in its order, with shape, parameters and work."""
    return tuple(_row(found) for found in network.layers)


def _row(found: Any) -> LayerRow:
    node = found._inbound_nodes[0]
    weights = getattr(found, "weights", [])
    trainable = getattr(found, "trainable_weights", [])
    return LayerRow(
        name=found.name,
        kind=type(found).__name__,
        label=" · ".join(filter(None, (label(found), activation_word(found)))),
        shape=tuple(found.output.shape[1:]),
        parameters=sum(math.prod(w.shape) for w in weights),
        trainable=sum(math.prod(w.shape) for w in trainable),
        multiply_adds=_multiply_adds(found),
        sources=tuple(dict.fromkeys(p.operation.name for p in node.parent_nodes)),
    )


def label(found: Any) -> str:
    """A layer in the words of a diagram: '3×3 conv 64, stride 2'."""
    from keras import layers

    if isinstance(found, layers.DepthwiseConv2D):
        return f"{_by(found.kernel_size)} depthwise{_strides(found)}"
    if isinstance(found, layers.Conv2D):
        groups = f", {found.groups} groups" if found.groups > 1 else ""
        return f"{_by(found.kernel_size)} conv {found.filters}{_strides(found)}{groups}"
    if isinstance(found, layers.MaxPooling2D | layers.AveragePooling2D):
        kind = "max" if isinstance(found, layers.MaxPooling2D) else "mean"
        return f"{_by(found.pool_size)} {kind} pool{_strides(found)}"
    if isinstance(found, layers.Dense):
        return f"dense {found.units}"
    if isinstance(found, layers.MultiHeadAttention):
        return f"attention, {found.num_heads} heads"
    if isinstance(found, layers.Dropout):
        return f"dropout {found.rate:.2g}"
    activation: str | None = getattr(getattr(found, "activation", None), "__name__", None)
    if isinstance(found, layers.Activation) and activation:
        return _ACTIVATIONS.get(activation, activation)
    if isinstance(found, layers.ReLU):
        return "ReLU6" if found.max_value == 6 else "ReLU"
    return _WORDS.get(type(found).__name__, type(found).__name__)


_ACTIVATIONS = {"relu": "ReLU", "silu": "swish", "gelu": "GELU"}
_WORDS = {
    "InputLayer": "input", "BatchNormalization": "batch norm", "LayerNormalization": "layer norm",
    "Add": "add", "Concatenate": "join", "Multiply": "multiply", "Flatten": "flatten",
    "GlobalAveragePooling2D": "mean over the map", "ZeroPadding2D": "pad", "Reshape": "reshape",
    "LocalResponseNormalisation": "local norm", "ClassTokenAndPosition": "class token, places",
    "GetItem": "first token", "Rescaling": "rescale",
}  # fmt: skip


def activation_word(found: Any) -> str:
    """The activation inside a convolution or dense layer, in words; '' for none."""
    from keras import layers

    if isinstance(found, layers.Activation):
        return ""
    name: str = getattr(getattr(found, "activation", None), "__name__", "linear")
    return "" if name == "linear" else _ACTIVATIONS.get(name, name)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"


def _strides(found: Any) -> str:
    strides = found.strides[0]
    return f", stride {strides}" if strides > 1 else ""


def _multiply_adds(found: Any) -> int:
    from keras import layers

    out = found.output.shape[1:]
    if isinstance(found, layers.DepthwiseConv2D | layers.Conv2D):
        per_place = math.prod(int(n) for n in found.weights[0].shape)
        return int(out[0] or 0) * int(out[1] or 0) * per_place
    if isinstance(found, layers.Dense):
        places = math.prod(int(n or 0) for n in out[:-1])
        return places * math.prod(int(n) for n in found.weights[0].shape)
    if isinstance(found, layers.MultiHeadAttention):
        tokens, width = out
        return int(tokens * (4 * width * width + 2 * tokens * width))
    return 0
