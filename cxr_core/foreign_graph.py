"""A network from elsewhere, rearranged as `classifier.build` makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cxr_core.classifier import LOGIT

if TYPE_CHECKING:
    import keras


def in_house_form(
    model: keras.Model, names: Mapping[str, str], scale: float, offset: float
) -> keras.Model:
    """A flat network as `classifier.build` makes them: grey 0..255 film in, logit out.

    names: what its pooling, hidden and last layer are called → POOL, HIDDEN, LOGIT. scale, offset:
    from 0..255 to what it was trained on. The sigmoid of a last layer is taken off.
    """
    import keras
    from keras import layers

    flat = keras.Model(model.inputs, model.outputs)
    size, channels = flat.input_shape[1], flat.input_shape[3]
    film = x = keras.Input((size, size, 1), name="film")
    if (scale, offset) != (1.0, 0.0) or channels == 1:
        x = layers.Rescaling(scale, offset, name="scale_to_network")(x)
    if channels == 3:
        x = layers.Concatenate(name="grey_to_rgb_of_network")([x, x, x])
    front, back = keras.Model(film, x).get_config(), flat.get_config()
    entry = _first_name(back["input_layers"])
    renamed = {**names, entry: _first_name(front["output_layers"])}
    kept = []
    for layer in back["layers"]:
        if layer["name"] == entry:
            continue
        moved = _follow(layer, renamed)
        moved["name"] = moved["config"]["name"] = renamed.get(layer["name"], layer["name"])
        if moved["name"] == LOGIT:
            moved["config"]["activation"] = "linear"
        kept.append(moved)
    made: keras.Model = keras.Model.from_config(
        {
            "name": "adopted",
            "trainable": True,
            "layers": [*front["layers"], *kept],
            "input_layers": front["input_layers"],
            "output_layers": [LOGIT, 0, 0],
        }
    )
    for layer in flat.layers:
        if layer.weights:
            made.get_layer(renamed.get(layer.name, layer.name)).set_weights(layer.get_weights())
    return made


def _first_name(ends: Any) -> str:
    """Keras writes a single end of a graph as [name, 0, 0], or as a list of one of those."""
    name: str = ends[0] if isinstance(ends[0], str) else ends[0][0]
    return name


def _follow(value: Any, renamed: Mapping[str, str]) -> Any:
    """A layer's description with the layers that feed it under their new names."""
    if isinstance(value, dict):
        return {
            k: [renamed.get(v[0], v[0]), *v[1:]] if k == "keras_history" else _follow(v, renamed)
            for k, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        return type(value)(_follow(v, renamed) for v in value)
    return value
