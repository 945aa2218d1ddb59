"""Counts of every backbone, read from the table that is committed beside this file."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cxr_core import registry
from cxr_core.registry import ModelEntry

COUNTS = Path(__file__).with_name("counts.json")
_MB = 1e6


@dataclass(frozen=True)
class Share:
    """What the layers of one type hold together. kernel: weights without biases."""

    kind: str
    layers: int
    params: int
    kernel: int
    macs: int


@dataclass(frozen=True)
class Counts:
    """A network as published, counted from its graph for one image of `size` pixels a side.

    params: all, with the classifier for 1,000 classes. macs: multiply-adds. layers: all of them;
    weighted: convolutions and fully connected ones. activations: numbers that all layers put out
    together; peak_activations: the most that must be held at once to run it. by_type: in the order
    in which the types first appear.
    """

    name: str
    size: int
    params: int
    params_without_top: int
    trainable: int
    macs: int
    layers: int
    weighted: int
    activations: int
    peak_activations: int
    by_type: tuple[Share, ...]

    @property
    def gmacs(self) -> float:
        return self.macs / 1e9

    @property
    def disk_bytes(self) -> int:
        """The weights as float32."""
        return 4 * self.params

    @property
    def disk_mb(self) -> float:
        return self.disk_bytes / _MB

    @property
    def activation_mb(self) -> float:
        return 4 * self.activations / _MB

    @property
    def peak_activation_mb(self) -> float:
        return 4 * self.peak_activations / _MB

    def share_of_macs(self, kind: str) -> float:
        """Share, 0 to 1, of the multiply-adds that layers of this type do."""
        return sum(s.macs for s in self.by_type if s.kind == kind) / self.macs

    def share_of_weights(self, kind: str) -> float:
        """Share, 0 to 1, of the weights, as Howard et al. 2017 count: without biases and norms."""
        total = sum(s.kernel for s in self.by_type)
        return sum(s.kernel for s in self.by_type if s.kind == kind) / total


def stored(entry: ModelEntry) -> Counts | None:
    """Counts of a registered model, once a job has loaded it; None before."""
    try:
        return _counts(json.loads(_path(entry).read_text()))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def store(entry: ModelEntry, counted: Counts) -> None:
    """Keep a registered model's counts: a version never changes."""
    path = _path(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=".", dir=path.parent)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(counted), file)
    os.replace(part, path)


@cache
def counts() -> Mapping[str, Counts]:
    """Counts by backbone name."""
    rows = (_counts(row) for row in _table()["rows"])
    return MappingProxyType({row.name: row for row in rows})


def counted_with() -> Mapping[str, str]:
    """Command, date and versions of the count."""
    how: dict[str, str] = _table()["counted_with"]
    return how


def write_counts(table: Mapping[str, Any]) -> None:
    """Replace the committed table; `measure.count` makes it."""
    COUNTS.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
    counts.cache_clear()


def _counts(row: dict[str, Any]) -> Counts:
    return Counts(**(row | {"by_type": tuple(Share(**share) for share in row["by_type"])}))


def _path(entry: ModelEntry) -> Path:
    return registry.home() / "measure" / "counts" / f"{entry.name}-{entry.version}.json"


def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(COUNTS.read_text())
    return table
