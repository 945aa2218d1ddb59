"""The networks that can be opened: stored models, ImageNet's own, and architectures untrained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import registry
from cxr_core.architectures import ARCHITECTURES, architecture
from cxr_core.errors import ConfigError
from cxr_core.preprocess import Preprocessing

if TYPE_CHECKING:
    import keras

IMAGENET = "imagenet"


@dataclass(frozen=True)
class Network:
    """An opened network: flat, taking (n, side, side, channels) of 0..255.

    classes: the words of its two answers, for which output 0 speaks with sign -1 and +1; empty
    where it has not learned films.
    """

    keras: Any
    preprocessing: Preprocessing
    channels: int
    classes: tuple[str, ...]

    def image(self, film: NDArray[np.float32]) -> NDArray[np.uint8]:
        """A film as shown, (H, W) 0..1, as this network reads it: (side, side, channels)."""
        from cxr_core.preprocess import reduced

        grey = reduced(film, self.preprocessing)
        return np.repeat(grey, self.channels, axis=-1)


def sources() -> dict[str, str]:
    """What `open_network` takes, with a title each."""
    stored = {
        f"model:{e.name}:{e.version}": f"{e.name} {e.version} (learned films)"
        for e in registry.list_models()
    }
    untrained = {
        f"zoo:{row.key}": f"{row.name}, untrained"
        for row in ARCHITECTURES
        if row.key != "mobilenet_course"
    }
    return stored | {IMAGENET: "MobileNetV2 as it came (ImageNet)"} | untrained


def open_network(source: str, size: int | None = None) -> Network:
    """The network of that source. size: pixels a side of an untrained one.

    Random weights are drawn from one seed, so that the same ones come each time. Raises
    ConfigError for an unknown source, ModelError where a file is missing or damaged.
    """
    from cxr_core import graph

    if source == IMAGENET:
        from cxr_core.inside import imagenet

        plain = Preprocessing(size=imagenet.SIZE, blur=0.0, low=0.0, high=100.0)
        return Network(graph.flat(imagenet.load()), plain, 3, ())
    kind, _, rest = source.partition(":")
    if kind == "model" and rest.count(":") == 1:
        name, version = rest.split(":")
        return _stored(name, version)
    if kind == "zoo":
        return _untrained(rest, size)
    raise ConfigError(
        f"Expected one of {', '.join(sources())}; received {source!r}. Choose one of them."
    )


def _stored(name: str, version: str) -> Network:
    from cxr_core import graph
    from cxr_core.explain import reference

    entry = registry.find(name, version)
    network = graph.flat(reference.load(entry.path(registry.KERAS)))
    return Network(
        network, Preprocessing(**entry.card.preprocessing), network.input_shape[-1],
        ("NORMAL", "PNEUMONIA"),
    )  # fmt: skip


def _untrained(key: str, size: int | None) -> Network:
    import keras

    from cxr_core import zoo

    row = architecture(key)
    side = size or max(row.input_shape[0], 32)
    keras.utils.set_random_seed(0)
    network: keras.Model = zoo.for_films(key, side)
    return Network(network, Preprocessing(size=side), 1, ())
