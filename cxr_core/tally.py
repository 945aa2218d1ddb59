"""What an architecture's layers add up to, counted the way its paper counts it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from cxr_core.architectures import Architecture, block_plan, plan
from cxr_core.graph import LayerRow

Rows = Sequence[LayerRow]


def counted(row: Architecture) -> tuple[str | None, ...]:
    """Beside each figure of `row.published` what the stored layers give; None for what only a run
    on ImageNet would give.
    """
    return tuple(
        _COUNTS[p.what](plan(row.key), block_plan(row.key)) if p.what in _COUNTS else None
        for p in row.published
    )


def kernels(rows: Rows) -> int:
    """Weights of convolutions without biases."""
    return sum(r.parameters for r in rows if "Conv2D" in r.kind)


def depth(rows: Rows) -> int:
    """Layers with weights on the longest way through."""
    at: dict[str, int] = {}
    for row in rows:
        at[row.name] = max((at[s] for s in row.sources), default=0) + (row.parameters > 0)
    return max(at.values())


def shares(rows: Rows, kind: str) -> tuple[float, float]:
    """Percent of multiply-adds and of weights in '1×1', 'depthwise' or 'dense' layers.

    Neither norms nor biases are counted: table 2 of arXiv 1704.04861.
    """
    works = [r for r in rows if r.multiply_adds]
    weights = {r.name: r.parameters for r in works}
    last = works[-1]
    weights[last.name] -= last.shape[-1] or 0
    of = [r for r in works if kind in r.label]
    return (
        100 * sum(r.multiply_adds for r in of) / sum(r.multiply_adds for r in works),
        100 * sum(weights[r.name] for r in of) / sum(weights.values()),
    )


def dense_blocks(rows: Rows) -> list[int]:
    """Layers of each dense block, by the maps that they append."""
    found = Counter(r.name.split("_")[0] for r in rows if r.kind == "Concatenate")
    return list(found.values())


def _parameters(rows: Rows, block: Rows) -> str:
    every, moved = sum(r.parameters for r in rows), sum(r.trainable for r in rows)
    return f"{every:,}" + (f", {moved:,} trainable" if moved < every else "")


def _billion(rows: Rows) -> str:
    return f"{sum(r.multiply_adds for r in rows) / 1e9:.1f}"


def _share(kind: str) -> Callable[[Rows, Rows], str]:
    return lambda rows, block: " / ".join(f"{share:.2f} %" for share in shares(rows, kind))


def _tokens(rows: Rows, block: Rows) -> str:
    at = {r.name: r for r in rows}
    heads = next(m[1] for r in rows if (m := re.search(r"attention, (\d+) heads", r.label)))
    return f"{at['tokens'].shape[0]} / {at['class_token_and_position'].shape[0]} / {heads}"


def _moved_and_not(rows: Rows, block: Rows) -> str:
    every, moved = sum(r.parameters for r in rows), sum(r.trainable for r in rows)
    return f"{moved:,} / {every - moved:,}"


_COUNTS: dict[str, Callable[[Rows, Rows], str]] = {
    "parameters": _parameters,
    "multiply-adds": lambda rows, block: f"{_billion(rows)} billion",
    "multiply-adds, strides in the 3×3 / the 1×1": lambda rows, block: f"– / {_billion(rows)}",
    "weights of the basic block 64-64": lambda rows, block: f"{kernels(block):,}",
    "weights of the bottleneck 256-64-64-256": lambda rows, block: f"{kernels(block):,}",
    "weights of the block, 32 paths of width 4": lambda rows, block: f"{kernels(block):,}",
    "layers with weights, in depth": lambda rows, block: str(depth(rows)),
    "layers of the dense blocks": lambda rows, block: "-".join(map(str, dense_blocks(rows))),
    "share of 1×1 in multiply-adds / parameters": _share("1×1"),
    "share of 3×3 depthwise": _share("depthwise"),
    "trainable / frozen": _moved_and_not,
    "shape of the output": lambda rows, block: "×".join(map(str, rows[-1].shape)),
    "patches / tokens / heads": _tokens,
}
