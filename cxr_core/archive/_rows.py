"""One film's result as a plain row: printed by `predict`, sent by a worker, stored as Parquet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cxr_core import batch, worklist
from cxr_core.batch import Source
from cxr_core.serve import Model
from cxr_core.worklist import Item

KEYS = (
    "file", "status", "reasons", "probability", "threshold", "label", "refer", "model", "sha256",
    "elapsed_ms",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """values: of KEYS, as `worklist.record` gives them. finding: the same in a few words.

    source: absolute path of the file or archive that it came from.
    """

    values: Mapping[str, Any]
    finding: str
    source: str

    @property
    def in_archive(self) -> bool:
        """Whether it is of one member of its source, not of the source as a whole."""
        return not str(self.values["file"]).endswith(os.path.basename(self.source))

    @property
    def nothing_read(self) -> bool:
        """Whether its source as a whole could not be read."""
        return self.values["status"] == "error" and not self.in_archive


def films_here(sources: Iterable[Source], model: Model, **how: Any) -> Iterator[Row]:
    """Rows of films read by this process, in order. how: as for `batch.read_all`."""
    return (row_of(item, model) for item in batch.read_all(sources, model, **how))


def row_of(item: Item, model: Model) -> Row:
    """What is said of one film; the model is named even where it was not asked."""
    values = worklist.record(item)
    if item.reading is not None and values["model"] is None:
        values["model"] = f"{model.card.name} {model.card.version}"
    source = os.path.abspath(item.name if item.source is None else item.source)
    return Row({key: values[key] for key in KEYS}, worklist.finding(item), source)
