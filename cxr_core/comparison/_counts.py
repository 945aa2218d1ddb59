"""Counts of every backbone, read from the table that is committed beside this file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

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


@cache
def counts() -> Mapping[str, Counts]:
    """Counts by backbone name."""
    rows = (
        Counts(**(row | {"by_type": tuple(Share(**share) for share in row["by_type"])}))
        for row in _table()["rows"]
    )
    return MappingProxyType({row.name: row for row in rows})


def counted_with() -> Mapping[str, str]:
    """Command, date and versions of the count."""
    how: dict[str, str] = _table()["counted_with"]
    return how


def write_counts(table: Mapping[str, Any]) -> None:
    """Replace the committed table; `measure.count` makes it."""
    COUNTS.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
    counts.cache_clear()


def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(COUNTS.read_text())
    return table
