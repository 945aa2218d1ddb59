"""`python -m cxr_core.zoo` writes the layers of every architecture for pages to read at once."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from cxr_core import zoo
from cxr_core.architectures import ARCHITECTURES, PLANS
from cxr_core.graph import layer_rows


def plans() -> dict[str, Any]:
    """What PLANS holds."""
    import keras

    found = {}
    for row in ARCHITECTURES:
        keras.backend.clear_session()
        found[row.key] = {
            "layers": _as_lists(zoo.resolve(row.builder)()),
            "block": _as_lists(zoo.block(row)),
        }
    return found


def _as_lists(network: Any) -> list[list[Any]]:
    """In the order of `LayerRow`'s fields, the input named the same each time."""
    first = network.layers[0].name
    rows = [list(dataclasses.astuple(row)) for row in layer_rows(network)]
    for row in rows:
        row[0] = "input" if row[0] == first else row[0]
        row[3] = list(row[3])
        row[7] = ["input" if name == first else name for name in row[7]]
    return rows


def main() -> None:
    """Write PLANS, a line for each layer, so that changes can be read."""
    parts = []
    for key, plan in plans().items():
        lists = {
            what: "[\n" + ",\n".join(json.dumps(r, ensure_ascii=False) for r in rows) + "\n]"
            for what, rows in plan.items()
        }
        parts.append(f'"{key}": {{"layers": {lists["layers"]}, "block": {lists["block"]}}}')
    PLANS.write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
