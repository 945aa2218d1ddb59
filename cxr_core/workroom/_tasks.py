"""What the workroom can be asked. Values are JSON; films come as shown, (H, W) 0..1."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import graph, inside
from cxr_core.errors import ConfigError
from cxr_core.explain import honesty
from cxr_core.explain.gallery import Explainer, Explanation, method
from cxr_core.inside.networks import Network

Arrays = dict[str, NDArray[Any]]
Result = tuple[dict[str, Any], Arrays]

MOST_MAPS = 64


@lru_cache(maxsize=3)
def _network(source: str) -> Network:
    return inside.open_network(source)


@lru_cache(maxsize=4)
def _explainer(source: str, output: int, sign: int) -> Explainer:
    return Explainer(_network(source).keras, output, sign)


@lru_cache(maxsize=1)
def _imagenet() -> Any:
    from cxr_core.inside import imagenet

    return imagenet.load()


def layers(values: dict[str, Any], arrays: Arrays) -> Result:
    """source → every layer of the network, and which has filters or maps."""
    network = _network(values["source"])
    rows = [
        {
            "name": row.name, "label": row.label, "shape": list(row.shape),
            "parameters": row.parameters, "kind": row.kind,
            "filters": row.kind in ("Conv2D", "DepthwiseConv2D"),
            "maps": len(row.shape) == 3 and row.kind != "InputLayer",
            "output": row.kind != "InputLayer",
        }
        for row in graph.layer_rows(network.keras)
    ]  # fmt: skip
    return {
        "layers": rows, "side": network.preprocessing.size, "channels": network.channels,
        "classes": list(network.classes), "last_map": graph.last_map(network.keras),
    }, {}  # fmt: skip


def filters(values: dict[str, Any], arrays: Arrays) -> Result:
    """source, layer → filters (n, h, w), the first MOST_MAPS; (n, h, w, 3) of colours."""
    network = _network(values["source"])
    found = inside.filters(network.keras, values["layer"], colour=network.channels == 3)
    return {"count": len(found)}, {"filters": found[:MOST_MAPS]}


def maps(values: dict[str, Any], arrays: Arrays) -> Result:
    """source, layer, film → the MOST_MAPS maps that vary most, (n, h, w), and their numbers.

    All of a vector's numbers, (n, 1, 1), in their order.
    """
    network = _network(values["source"])
    image = network.image(arrays["film"])
    found = np.moveaxis(inside.feature_maps(network.keras, image, values["layer"]), -1, 0)
    order = np.argsort(-found.std(axis=(1, 2)), kind="stable")
    if found.shape[1:] != (1, 1):
        order = order[:MOST_MAPS]
    silent = int((np.abs(found).max(axis=(1, 2)) == 0).sum())
    return {"count": len(found), "silent": silent}, {
        "maps": found[order], "numbers": order, "image": image,
    }  # fmt: skip


def field(values: dict[str, Any], arrays: Arrays) -> Result:
    """source, layer, film, row, column → what the unit sees: box in pixels of the input."""
    network = _network(values["source"])
    found = inside.receptive_field(network.keras, values["layer"])
    shape = graph.layer(network.keras, values["layer"]).output.shape
    size = (shape[1], shape[2]) if len(shape) == 4 else (1, 1)
    row = min(values.get("row", size[0] // 2), size[0] - 1)
    column = min(values.get("column", size[1] // 2), size[1] - 1)
    box = inside.seen_by(network.keras, values["layer"], row, column)
    return {
        "box": list(box or ()), "size": list(found.size), "whole": found.whole,
        "units": list(size), "row": row, "column": column, "jump": found.rows.jump,
    }, {"image": network.image(arrays["film"])}  # fmt: skip


def attention(values: dict[str, Any], arrays: Arrays) -> Result:
    """film → ViT-B/16's patches, places and attention, untrained: (layers, heads, 14, 14)."""
    network = _network("zoo:vit_b16")
    image = network.image(arrays["film"])
    attended = inside.attention(network.keras, image)
    side = round((attended.shape[-1] - 1) ** 0.5)
    seen = attended[:, :, 0, 1:].reshape(*attended.shape[:2], side, side)
    through = inside.rollout(attended)[0, 1:].reshape(side, side)
    return {}, {
        "image": image, "patches": inside.patches(image)[..., 0], "class_token": seen,
        "rollout": through, "positions": inside.position_similarity(network.keras),
    }  # fmt: skip


def top5(values: dict[str, Any], arrays: Arrays) -> Result:
    """picture (H, W, 3) uint8 → ImageNet's five best guesses."""
    guesses = inside.top5(_imagenet(), arrays["picture"])
    return {"guesses": [[g.name, g.probability] for g in guesses]}, {}


def _asked(values: dict[str, Any], arrays: Arrays) -> tuple[Explainer, NDArray[np.uint8], str]:
    """Who is asked, the film as it reads it, and the answer that is to be explained."""
    source = values["source"]
    network = _network(source)
    image = network.image(arrays["film"])
    if network.classes:
        sign = 1 if values["label"] == network.classes[1] else -1
        return _explainer(source, 0, sign), image, values["label"]
    if source == inside.networks.IMAGENET:
        best = int(np.argmax(np.asarray(network.keras(image[None].astype(np.float32)))[0]))
        return _explainer(source, best, 1), image, inside.imagenet.names()[best]
    return _explainer(source, 0, 1), image, ""


def explain(values: dict[str, Any], arrays: Arrays) -> Result:
    """source, label, method, layer, film → a map, its times in ms, what is said and its logit."""
    explainer, image, answer = _asked(values, arrays)
    found = explainer.explain(values["method"], image, values.get("layer"))
    return {
        "elapsed_ms": found.elapsed_ms, "first_ms": found.first_ms, "flat": found.flat,
        "layer": found.layer, "score": float(explainer.scores(image[None])[0]), "answer": answer,
    }, {"values": found.values, "image": image}  # fmt: skip


def check(values: dict[str, Any], arrays: Arrays) -> Result:
    """The same with map 'values' and layer → deletion curve and randomisation."""
    explainer, image, _ = _asked(values, arrays)
    given = arrays["values"]
    found = Explanation(
        method(values["method"]), values.get("layer"), given, not np.ptp(given) > 0, 0.0
    )
    deletion = honesty.deletion(explainer, image, found)
    randomised = honesty.randomisation(explainer, image, found)
    return {
        "p": deletion.p, "moved": deletion.passed, "correlations": list(randomised.correlations),
        "changed": randomised.passed,
    }, {
        "fractions": deletion.fractions, "by_map": deletion.by_map,
        "at_random": deletion.at_random,
    }  # fmt: skip


TASKS: dict[str, Callable[[dict[str, Any], Arrays], Result]] = {
    f.__name__: f for f in (layers, filters, maps, field, attention, top5, explain, check)
}


def run(task: str, values: dict[str, Any], arrays: Arrays) -> Result:
    """Raises ConfigError for a task that is not one."""
    if task not in TASKS:
        raise ConfigError(f"Expected one of {', '.join(TASKS)}; received {task!r}. Choose one.")
    return TASKS[task](values, arrays)
