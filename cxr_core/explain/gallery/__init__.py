"""Why? Nine ways to ask a Keras network, one file each behind `Explainer.explain`.

The rows import no Keras. tf-explain does what it can; `by` and `note` say where it could not.
"""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ConfigError

if TYPE_CHECKING:
    import keras

Map = NDArray[np.float32]


@dataclass(frozen=True)
class Method:
    """One way to ask. layer: reads the maps of a layer. evidence: its values speak for the class;
    otherwise they say how sensitive the score is, in either direction.
    """

    key: str
    title: str
    paper: str
    link: str
    shows: str
    by: Literal["tf-explain", "tf-explain, corrected", "own"]
    note: str
    layer: bool
    evidence: bool


METHODS: tuple[Method, ...] = (
    Method(
        "grad_cam", "Grad-CAM", "Selvaraju et al. 2017", "https://arxiv.org/abs/1610.02391",
        "Which places of the layer's maps speak for the class: each map weighted by the mean of "
        "its gradient.",
        "tf-explain, corrected",
        "Its gradients are guided unless told otherwise and its map keeps negative values; here "
        "they are plain and the ReLU of the paper is applied.",
        layer=True, evidence=True,
    ),
    Method(
        "grad_cam_plus_plus", "Grad-CAM++", "Chattopadhay et al. 2018",
        "https://arxiv.org/abs/1710.11063",
        "Grad-CAM with weights that let several small findings count as much as a large one.",
        "own", "tf-explain does not offer it.", layer=True, evidence=True,
    ),
    Method(
        "guided_backpropagation", "Guided back-propagation", "Springenberg et al. 2014",
        "https://arxiv.org/abs/1412.6806",
        "Which pixels excite units that excite the score; negative signals are cut at each ReLU.",
        "own", "tf-explain does not offer it.", layer=False, evidence=False,
    ),
    Method(
        "guided_grad_cam", "Guided Grad-CAM", "Selvaraju et al. 2017",
        "https://arxiv.org/abs/1610.02391",
        "Guided back-propagation where Grad-CAM points: fine lines in the right place.",
        "own", "tf-explain does not offer it.", layer=True, evidence=False,
    ),
    Method(
        "occlusion", "Occlusion sensitivity", "Zeiler and Fergus 2013",
        "https://arxiv.org/abs/1311.2901",
        "By how much the score falls when a grey square covers the place.",
        "tf-explain, corrected",
        "It gives 1 minus the score; here it is the fall against the film as it is, in logits.",
        layer=False, evidence=True,
    ),
    Method(
        "integrated_gradients", "Integrated gradients", "Sundararajan et al. 2017",
        "https://arxiv.org/abs/1703.01365",
        "Each pixel's share of the score, summed along the way from a black film to this one.",
        "tf-explain, corrected",
        "It leaves out the factor (film minus black film), without which shares do not add up.",
        layer=False, evidence=True,
    ),
    Method(
        "smoothgrad", "SmoothGrad", "Smilkov et al. 2017", "https://arxiv.org/abs/1706.03825",
        "The gradient averaged over noisy copies of the film: less speckle.",
        "tf-explain, corrected",
        "Its gradient is that of a cross-entropy, which is exactly 0 for a single output; here its "
        "noise meets its own plain gradient.",
        layer=False, evidence=False,
    ),
    Method(
        "vanilla_gradients", "Vanilla gradients", "Simonyan et al. 2013",
        "https://arxiv.org/abs/1312.6034",
        "How much the score would change if a pixel changed a little.",
        "tf-explain", "Given the logit: its own way round the softmax misses fused activations.",
        layer=False, evidence=False,
    ),
    Method(
        "activations", "Activations", "Zeiler and Fergus 2013", "https://arxiv.org/abs/1311.2901",
        "Where the layer responds at all, averaged over its maps, whatever the class.",
        "tf-explain", "One layer at a time: with several it fails.", layer=True, evidence=False,
    ),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Explanation:
    """A map of one method. values: (h, w) float32, not stretched; negative speaks against.

    flat: the same everywhere, so it points at nothing. elapsed_ms: of the method alone; first_ms:
    of its first time, where it traced the network before it could ask.
    """

    method: Method
    layer: str | None
    values: Map
    flat: bool
    elapsed_ms: float
    first_ms: float | None = None


def method(key: str) -> Method:
    """The row of that key. Raises ConfigError where there is none."""
    for row in METHODS:
        if row.key == key:
            return row
    known = ", ".join(row.key for row in METHODS)
    raise ConfigError(f"Expected a method out of {known}; received {key!r}. Choose one.")


class Explainer:
    """A network opened up to be asked about one class.

    network: Functional or Sequential, nested or not; takes (n, H, W, C) of 0..255, its scaling
    inside. output, sign: which score, and -1 where a single logit speaks against the class.
    """

    def __init__(self, network: keras.Model, output: int = 0, sign: int = 1) -> None:
        from cxr_core import graph

        self.network = graph.score(network, output, sign)
        self._built: set[str] = set()

    def explain(
        self, key: str, image: NDArray[Any], layer: str | None = None, **settings: Any
    ) -> Explanation:
        """The map of one method for one image (H, W, C).

        layer: for methods that read one; the last map before pooling where None. settings: the
        method's own, by name. Raises ConfigError for a method, layer or network that does not fit.
        """
        from cxr_core import graph

        row = method(key)
        if row.layer:
            layer = layer or graph.last_map(self.network)
            if len(graph.layer(self.network, layer).output.shape) != 4:
                raise ConfigError(
                    f"Expected a layer with a map of rows and columns; {layer} has none. "
                    "Choose a convolution or a pooling before the vectors begin."
                )
        else:
            layer = None
        run = importlib.import_module(f"cxr_core.explain.gallery.{key}").attribute
        batch = np.asarray(image, np.float32)[None]

        def timed() -> tuple[Map, float]:
            start = time.perf_counter()
            values = np.asarray(run(self.network, batch, layer, **settings), np.float32)
            return values, 1000 * (time.perf_counter() - start)

        values, elapsed = timed()
        first = None
        if not row.layer and key not in self._built:
            # The first time, TensorFlow traces the network, which takes longer than to ask it.
            first, (values, elapsed) = elapsed, timed()
            self._built.add(key)
        return Explanation(row, layer, values, not np.ptp(values) > 0, elapsed, first)

    def scores(self, images: NDArray[Any], batch: int = 32) -> NDArray[np.float64]:
        """The score of each of (n, H, W, C) images: (n,)."""
        parts = []
        for i in range(0, len(images), batch):
            part = images[i : i + batch].astype(np.float32)
            # A last batch of another size would have the network traced once more.
            full = np.resize(part, (batch, *part.shape[1:])) if len(images) > batch else part
            parts.append(np.asarray(self.network.predict_on_batch(full))[: len(part), 0])
        found: NDArray[np.float64] = np.concatenate(parts).astype(np.float64)
        return found


__all__ = ["METHODS", "Explainer", "Explanation", "Method", "method"]
