"""What one browser session holds: its films, and nothing that another session can reach.

Films lie in Streamlit's session state alone: no cache that sessions share, no file. They go when
they are removed from the list, and when the session ends.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TypeAlias

import streamlit as st

from cxr_core import worklist
from cxr_core.display import Panel
from cxr_core.figures import Viewport
from cxr_core.worklist import Item

MAX_FILMS = 200
MAX_BYTES = 500 * 2**20

# A model's name and version.
Chosen: TypeAlias = tuple[str, str]


@dataclass
class Case:
    """One file of the session. data: its bytes as uploaded, None where it could not be read.

    read_by: the model that read it.
    """

    key: int
    item: Item
    data: bytes | None = None
    frame: int = 0
    read_by: Chosen | None = None


@dataclass
class Session:
    """opened: key of the film on the screen. seen: files of the present upload already read.

    hidden: the reader wants to see the films without their heatmaps.
    windows: how often level and window were set back, so that each time has sliders of its own.
    model: what is to read, None for the default model. unusable: why what was asked for does not.
    unsaved: the reader has decided something since results were last taken away.
    """

    cases: dict[int, Case] = field(default_factory=dict)
    opened: int | None = None
    seen: set[tuple[str, int]] = field(default_factory=set)
    arrived: list[int] = field(default_factory=list)
    round: int = 0
    started: bool = False
    panel: tuple[int, int, Panel] | None = None
    viewport: Viewport = field(default_factory=Viewport)
    viewport_of: int | None = None
    drawn: tuple[object, Viewport] | None = None
    hidden: bool = False
    windows: int = 0
    height: int = 900
    model: Chosen | None = None
    unusable: str | None = None
    unsaved: bool = False
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def current(self) -> Case | None:
        return None if self.opened is None else self.cases.get(self.opened)

    def sorted(self) -> list[Case]:
        by_item = {id(case.item): case for case in self.cases.values()}
        return [by_item[id(item)] for item in worklist.by_urgency(i.item for i in by_item.values())]

    def add(self, item: Item, data: bytes | None, read_by: Chosen | None = None) -> Case:
        """Add a file; the same file under the same name is not listed twice."""
        for case in self.cases.values():
            if (
                item.reading
                and case.item.reading
                and ((item.name, item.reading.sha256) == (case.item.name, case.item.reading.sha256))
            ):
                self.arrived.append(case.key)
                return case
        case = Case(next(self.numbers), item, data, read_by=read_by)
        self.cases[case.key] = case
        self.arrived.append(case.key)
        return case

    def room(self, size: int) -> str | None:
        """Why a further file of `size` bytes cannot be held, or None."""
        if len(self.cases) >= MAX_FILMS:
            return (
                f"Expected up to {MAX_FILMS} films at a time; this is one more. "
                "Remove films from the list and add it again."
            )
        held = sum(len(case.data) for case in self.cases.values() if case.data)
        if held + size > MAX_BYTES:
            return (
                f"Expected up to {MAX_BYTES // 2**20} MB of films at a time; this one goes beyond. "
                "Remove films from the list and add it again."
            )
        return None

    def open(self, key: int) -> None:
        self.opened = key

    def step(self, by: int) -> None:
        """Open the film `by` places further down the sorted list."""
        order = [case.key for case in self.sorted()]
        if self.opened in order:
            place = order.index(self.opened) + by
            self.opened = order[min(max(place, 0), len(order) - 1)]

    def remove(self, key: int) -> None:
        """Forget a film: its bytes, its reading and its picture."""
        order = [case.key for case in self.sorted()]
        place = order.index(key)
        del self.cases[key]
        order.remove(key)
        if self.opened == key:
            self.opened = order[min(place, len(order) - 1)] if order else None
        if self.panel and self.panel[0] == key:
            self.panel = None
        self.drawn = None
        self.started = bool(self.cases)
        self.unsaved = self.unsaved and self.started

    def clear(self) -> None:
        """Forget every film."""
        self.started = False
        self.cases.clear()
        self.opened = self.panel = self.drawn = None
        self.unsaved = False

    def saved(self) -> None:
        """The results of all films were taken away."""
        self.unsaved = False


def session() -> Session:
    """This browser session's films."""
    if "review_session" not in st.session_state:
        st.session_state.review_session = Session()
    kept = st.session_state.review_session
    assert isinstance(kept, Session)
    return kept


def base_name(name: str) -> str:
    """The file's own name: folders in it may name a patient or an institution."""
    return PurePosixPath(name.replace("\\", "/")).name or "film"


def short(name: str, length: int = 28) -> str:
    """Both ends of a long name: films of one series differ in the last digits."""
    tail = length // 2
    return name if len(name) <= length else name[: length - tail - 1] + "…" + name[-tail:]


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
