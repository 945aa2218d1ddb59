"""One network to store: a fitted one as it is, or several whose logits are averaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxr_core import classifier, release
from cxr_core.architectures import of_backbone
from cxr_core.backbones import backbone
from cxr_core.fine_tuning import _scratch

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, eq=False)
class Graphs:
    """model: film → logits. serving: makes film → logit, cam, features; layers: its features."""

    model: keras.Model
    serving: Callable[[], keras.Model]
    cam_layer: str
    layers: tuple[tuple[str, int], ...]


def graphs(members: Sequence[tuple[str, keras.Model]], until: str = "") -> Graphs:
    """members: (backbone, network) of each; more than one are averaged. until: the layer that the
    base of a single one was cut off after.
    """
    if own := of_backbone(members[0][0]):
        network = members[0][1]
        maps = _scratch.maps(network, own)
        return Graphs(
            network,
            lambda: classifier.serving_model(network, maps[-1], maps),
            maps[-1] if maps else "",
            tuple(release.widths(network, maps)),
        )
    rows = [(backbone(name), network) for name, network in members]
    first, network = rows[0]
    if until:
        return Graphs(
            network,
            lambda: classifier.serving_model(network, until, (until,)),
            until,
            tuple(release.widths(network, (until,))),
        )
    layers = tuple(
        found for row, network in rows for found in release.widths(network, row.feature_layers)
    )
    if len(rows) == 1:
        return Graphs(
            network,
            lambda: classifier.serving_model(network, first.cam_layer, first.feature_layers),
            first.cam_layer,
            layers,
        )
    return Graphs(_averaged([n for _, n in rows]), lambda: _serving(rows), first.cam_layer, layers)


def _averaged(networks: Sequence[keras.Model]) -> keras.Model:
    import keras

    film = keras.Input(networks[0].input_shape[1:], name="film")
    logits = [
        keras.Model(n.input, n.output, name=f"member_{k}")(film) for k, n in enumerate(networks, 1)
    ]
    mean = keras.layers.Average(name=classifier.LOGIT)(logits)
    return keras.Model(film, mean, name="ensemble")


def _serving(rows: Sequence[Any]) -> keras.Model:
    """The mean of the members' maps is the map of their mean logit: both are sums."""
    import keras
    from keras import ops

    film = keras.Input(rows[0][1].input_shape[1:], name="film")
    outs = []
    for k, (row, network) in enumerate(rows, 1):
        member = classifier.serving_model(network, row.cam_layer, row.feature_layers)
        member.name = f"member_{k}"
        outs.append(member(film))
    h, w = (max(int(o["cam"].shape[axis]) for o in outs) for axis in (1, 2))
    maps = []
    for out in outs:
        own = int(out["cam"].shape[1]) * int(out["cam"].shape[2])
        larger = ops.image.resize(out["cam"], (h, w), interpolation="bilinear")
        # A map's cells add up to its logit, however many there are.
        maps.append(larger * (own / (h * w)))
    count = len(outs)
    outputs = {
        "logit": sum((o["logit"] for o in outs[1:]), outs[0]["logit"]) / count,
        "cam": sum(maps[1:], maps[0]) / count,
        "features": ops.concatenate([o["features"] for o in outs], axis=-1),
    }
    return keras.Model(film, outputs, name="ensemble_serving")
