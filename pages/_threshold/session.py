"""What one browser session holds of an operating point; scores and names lie here alone.

Nothing of it is in a cache that sessions share: a film's name may be a patient's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from cxr_core import operating as op
from cxr_core.operating import ScoreSet, Sorted

T = TypeVar("T")
SAME = "same"


@dataclass
class Point:
    """Where the handles stand. seq: raised where the page, not the reader, has moved them.

    The band always holds the threshold: an end that is passed goes along, and comes back with it.
    """

    threshold: float = 0.5
    wanted_low: float = 0.0
    wanted_high: float = 1.0
    seq: int = 0

    @property
    def low(self) -> float:
        return min(self.wanted_low, self.threshold)

    @property
    def high(self) -> float:
        return max(self.wanted_high, self.threshold)


@dataclass
class Bench:
    """files: score files of this session by name. looked: thresholds by report that was looked at.

    folders: where a set's films lie, by its hash. marked: thresholds at which the slider halts in
    any case. standing: the threshold in use and its criterion, for scores of a model. of_reported:
    whether the section below shows the films reported on.
    """

    files: dict[str, ScoreSet] = field(default_factory=dict)
    loaded: dict[str, Sorted] = field(default_factory=dict)
    tuning: Sorted | None = None
    reporting: Sorted | None = None
    point: Point = field(default_factory=Point)
    standing: tuple[float, str] | None = None
    marked: tuple[float, ...] = ()
    choice: op.Choice | None = None
    applied: tuple[object, ...] = ()
    folders: dict[str, str] = field(default_factory=dict)
    looked: dict[str, set[float]] = field(default_factory=dict)
    round: int = 0
    trouble: str | None = None
    of_reported: bool = False
    kept: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def loaded_tuning(self) -> Sorted:
        """The films that choose; a page that shows anything has them."""
        assert self.tuning is not None
        return self.tuning

    @property
    def shown(self) -> Sorted:
        """The films that the section below is about."""
        return self.reporting if self.of_reported and self.reporting else self.loaded_tuning

    @property
    def apart(self) -> bool:
        """Whether the figures can be reported on films that took no part in choosing."""
        return self.reporting is not None and self.honesty is None

    @property
    def honesty(self) -> str | None:
        """Why the reported figures are too good, or None."""
        assert self.tuning is not None
        reported = self.tuning if self.reporting is None else self.reporting
        one, other = self.tuning.set, reported.set
        found = self.once("honesty", (one.sha256, other.sha256), lambda: op.honesty(one, other))
        return found or (self._peeked(reported) if self.reporting is not None else None)

    def _peeked(self, reported: Sorted) -> str | None:
        """Looking again after each move makes the reporting films choose too."""
        times = len(self.looked.get(reported.set.sha256, ()))
        if times < 2:
            return None
        return (
            f"The report on {reported.set.name} was looked at for {times} different thresholds: "
            "if it moved your choice, these films have taken part in choosing."
        )

    def move(self, threshold: float, low: float | None = None, high: float | None = None) -> None:
        """Put the handles somewhere; the band stays where it was unless it is given."""
        self.point = Point(
            threshold,
            self.point.wanted_low if low is None else low,
            self.point.wanted_high if high is None else high,
            self.point.seq + 1,
        )
        # Handles halt exactly where the page has put them; of earlier places a few are enough.
        ends = (self.point.low, self.point.high)
        self.marked = (
            *self.marked,
            threshold,
            self.point.wanted_low,
            self.point.wanted_high,
            *ends,
        )[-40:]

    def once(self, name: str, key: object, make: Callable[[], T]) -> T:
        """What `make` gives, made again only when `key` changes."""
        kept = self.kept.get(name)
        if kept is None or kept[0] != key:
            kept = self.kept[name] = (key, make())
        value: T = kept[1]
        return value

    def known(self, name: str, key: object) -> Any:
        """What `once` has kept under this very key, or None."""
        kept = self.kept.get(name)
        return kept[1] if kept is not None and kept[0] == key else None


def bench() -> Bench:
    """The bench of this browser session."""
    found: Bench = st.session_state.setdefault("threshold_bench", Bench())
    return found
