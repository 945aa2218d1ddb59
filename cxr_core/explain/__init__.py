"""Explanations: one file per method, one function in front of them.

`reference` and what imports TensorFlow are not imported here.
"""

from __future__ import annotations

from collections.abc import Callable

from cxr_core.errors import ConfigError
from cxr_core.explain.grad_cam import film_cells, from_cam, heatmap, placed, upsample
from cxr_core.schema import Film, ForwardPass, Heatmap, Label

METHODS: dict[str, Callable[[ForwardPass, Label, Film | None], Heatmap]] = {"grad_cam": heatmap}


def explain(method: str, forward: ForwardPass, label: Label, film: Film | None = None) -> Heatmap:
    """The heatmap of one class by a method out of METHODS. Raises ConfigError for another."""
    if method not in METHODS:
        known = ", ".join(METHODS)
        raise ConfigError(f"Expected a method out of {known}; received {method!r}. Choose one.")
    return METHODS[method](forward, label, film)


__all__ = ["METHODS", "explain", "film_cells", "from_cam", "heatmap", "placed", "upsample"]
