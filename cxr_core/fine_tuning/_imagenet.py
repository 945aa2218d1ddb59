"""The pretrained network with its own thousand names, nothing trained."""

from __future__ import annotations

import functools
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.backbones import backbone
from cxr_core.errors import ModelError
from cxr_core.features import read_film
from cxr_core.fine_tuning._material import Material
from cxr_core.methods import Plan
from cxr_core.preprocess import presentation

if TYPE_CHECKING:
    from cxr_core.jobs import Reporter

# Enough to see what it says of chest films.
MOST = 200


def as_it_is(plan: Plan, material: Material, report: Reporter) -> dict[str, Any]:
    """The five likeliest ImageNet names of up to MOST films, and how often each came first."""
    from PIL import Image

    side = plan.settings.size
    order = np.random.default_rng(plan.settings.seed).permutation(len(material.records))[:MOST]
    network = _Network(plan.settings.backbone, side)
    rows: list[dict[str, Any]] = []
    first: Counter[str] = Counter()
    for done, i in enumerate(order.tolist(), start=1):
        record = material.records[i]
        shown = Image.fromarray(presentation(read_film(record))).resize((side, side))
        names = network.top5(np.repeat(np.asarray(shown)[..., None] * 255, 3, axis=-1))
        first[names[0][0]] += 1
        rows.append({"film_id": record.film_id, "label": record.label, "top5": names})
        report.progress(done, len(order), message="naming films as ImageNet would")
    common = ", ".join(f"{name} ({n})" for name, n in first.most_common(3))
    report.log(f"most often first: {common}")
    return {
        "method": plan.method,
        "films_named": len(rows),
        "first": dict(first.most_common(20)),
        "top5": rows[:50],
        "not_registered": "ImageNet has no class for pneumonia: there is nothing to store.",
    }


class _Network:
    def __init__(self, name: str, side: int) -> None:
        import keras

        self._row = backbone(name)
        constructor = getattr(keras.applications, self._row.constructor)
        try:
            self._model = constructor(include_top=True, weights="imagenet")
        except Exception as error:
            raise ModelError(
                f"Expected {name}'s ImageNet weights with its top, stored or downloadable; "
                f"received {type(error).__name__}. Connect to the internet once, or set KERAS_HOME "
                "to a folder that holds them."
            ) from error

    def top5(self, picture: NDArray[np.float32]) -> list[tuple[str, float]]:
        """(name, probability) of an RGB picture (H, W, 3), 0..255."""
        import keras

        side = int(self._model.input_shape[1])
        x = np.asarray(keras.ops.image.resize(picture[None], (side, side)))
        x = x * np.asarray(self._row.scale) + np.asarray(self._row.offset)
        p = np.asarray(self._model(x.astype(np.float32), training=False))[0]
        best = np.argsort(p)[::-1][:5]
        return [(_names()[int(i)], round(float(p[i]), 4)) for i in best]


@functools.cache
def _names() -> tuple[str, ...]:
    """The thousand names that Keras fetches once; numbers where it cannot."""
    from keras.src.applications import imagenet_utils

    try:
        imagenet_utils.decode_predictions(np.zeros((1, 1000), np.float32), top=1)
    except Exception:
        return tuple(f"ImageNet class {i}" for i in range(1000))
    return tuple(imagenet_utils.CLASS_INDEX[str(i)][1] for i in range(1000))
