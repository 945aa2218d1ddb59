"""What was measured, when, and on which machine: a file of JSON lines in the user's folder.

A line is appended whole and nothing is ever rewritten, so that an interrupted run loses nothing.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cxr_core import registry
from cxr_core.backbones import BACKBONES
from cxr_core.comparison._machine import machine
from cxr_core.comparison._weights import weights
from cxr_core.errors import DataError
from cxr_core.schema import Interval

BUSY = 0.15

What = Literal["latency", "probe", "weights"]


@dataclass(frozen=True)
class Runtime:
    """A way to run a network."""

    id: str
    title: str
    litert: bool


RUNTIMES: tuple[Runtime, ...] = (
    Runtime("predict", "model.predict", False),
    Runtime("compiled", "compiled call (tf.function)", False),
    Runtime("litert", "LiteRT float32", True),
    Runtime("litert_int8", "LiteRT int8", True),
)


@dataclass(frozen=True)
class Circumstances:
    """When, where and with what something was measured.

    other_load: share, 0 to 1, of the machine's processors that other processes used meanwhile.
    threads: of the network.
    """

    date: str
    processor: str
    cores: int
    system: str
    threads: int
    versions: Mapping[str, str]
    other_load: float

    @property
    def busy(self) -> bool:
        return self.other_load > BUSY


@dataclass(frozen=True)
class Latency:
    """Times of one row, runtime and batch, after warm-up, in a process of its own.

    Milliseconds a call. peak_mb: most resident memory of that process, 10^6 bytes. file_mb: the
    file that was served. size: pixels a side.
    """

    row: str
    runtime: str
    batch: int
    n: int
    median_ms: float
    p95_ms: float
    q1_ms: float
    q3_ms: float
    peak_mb: float
    file_mb: float | None
    weights: str
    size: int
    circumstances: Circumstances

    @property
    def per_film_ms(self) -> float:
        return self.median_ms / self.batch

    @property
    def iqr_ms(self) -> float:
        return self.q3_ms - self.q1_ms

    @property
    def busy(self) -> bool:
        return self.circumstances.busy


@dataclass(frozen=True)
class ProbeResult:
    """A linear probe: logistic regression on features of the frozen backbone, patients apart.

    auc: on the validation films. cached: the features came from an earlier run, which also gave
    feature_seconds. width: features a film.
    """

    row: str
    data: str
    n_train: int
    n_validation: int
    patients_train: int
    patients_validation: int
    auc: Interval
    feature_seconds: float
    fit_seconds: float
    width: int
    size: int
    cached: bool
    weights: str
    seed: int
    circumstances: Circumstances

    @property
    def busy(self) -> bool:
        return self.circumstances.busy


@dataclass(frozen=True)
class Problem:
    """Why something could not be measured, in a sentence."""

    row: str
    what: What
    sentence: str
    date: str
    runtime: str | None = None
    batch: int | None = None


Entry: TypeAlias = Latency | ProbeResult | Problem


@dataclass(frozen=True)
class Results:
    """All that is kept, oldest first. unreadable: lines that were damaged and are left out."""

    latencies: tuple[Latency, ...] = ()
    probes: tuple[ProbeResult, ...] = ()
    problems: tuple[Problem, ...] = ()
    unreadable: int = 0
    _order: Mapping[int, int] = field(default_factory=dict, repr=False, compare=False)

    def latency(self, row: str, runtime: str, batch: int = 1) -> Latency | None:
        """The latest measured on this machine, or None: not measured."""
        wanted = (row, runtime, batch, *_here())
        return next(
            (
                x
                for x in reversed(self.latencies)
                if (x.row, x.runtime, x.batch, *_where(x.circumstances)) == wanted
            ),
            None,
        )

    def probe(self, row: str, data: str | None = None) -> ProbeResult | None:
        """The latest, of any data set unless one is named."""
        return next(
            (x for x in reversed(self.probes) if x.row == row and data in (None, x.data)), None
        )

    def problem(
        self, row: str, what: What, runtime: str | None = None, batch: int | None = None
    ) -> Problem | None:
        """The latest, unless the same was done since, or the weights are there now."""
        for x in reversed(self.problems):
            if (x.row, x.what) != (row, what) or runtime not in (None, x.runtime):
                continue
            if batch not in (None, x.batch):
                continue
            return None if self._done_since(x) else x
        return None

    def _done_since(self, problem: Problem) -> bool:
        at = self._order[id(problem)]
        if problem.what == "weights":
            state = next((weights(b) for b in BACKBONES if b.name == problem.row), None)
            return state is not None and state.present
        if problem.what == "probe":
            return any(p.row == problem.row and self._order[id(p)] > at for p in self.probes)
        return any(
            x.row == problem.row
            and problem.runtime in (None, x.runtime)
            and problem.batch in (None, x.batch)
            and self._order[id(x)] > at
            for x in self.latencies
        )


def path() -> Path:
    """Where results lie."""
    return registry.home() / "measure" / "results.jsonl"


def results() -> Results:
    """Read everything that was measured; nothing where nothing was."""
    try:
        lines = path().read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return Results()
    entries: list[Entry] = []
    unreadable = 0
    for line in lines:
        try:
            entries.append(_entry(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError):
            unreadable += 1
    return Results(
        tuple(x for x in entries if isinstance(x, Latency)),
        tuple(x for x in entries if isinstance(x, ProbeResult)),
        tuple(x for x in entries if isinstance(x, Problem)),
        unreadable,
        {id(x): i for i, x in enumerate(entries)},
    )


def keep(entry: Entry) -> None:
    """Append one result. Raises DataError where the folder cannot be written."""
    line = json.dumps(as_plain(entry), allow_nan=False) + "\n"
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        # O_APPEND: two jobs that write at once do not tear each other's lines.
        handle = os.open(path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise DataError(
            f"Expected a folder for measurements in {path().parent}; it cannot be written "
            f"({error.strerror}). Set CXR_HOME to a folder of yours."
        ) from error


def as_plain(entry: Entry) -> dict[str, Any]:
    """An entry as JSON holds it, with its kind."""
    return {"kind": type(entry).__name__} | asdict(entry)


def now() -> str:
    """ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


_KINDS: dict[str, type[Any]] = {c.__name__: c for c in (Latency, ProbeResult, Problem)}
_INNER: dict[str, type[Any]] = {"circumstances": Circumstances, "auc": Interval}


def _entry(value: dict[str, Any]) -> Entry:
    kind = _KINDS[value.pop("kind")]
    known = {f.name for f in dataclasses.fields(kind)}
    given = {k: v for k, v in value.items() if k in known}
    for name, inner in _INNER.items():
        if name in given:
            given[name] = inner(**given[name])
    made: Entry = kind(**given)
    return made


def _where(circumstances: Circumstances) -> tuple[str, int]:
    return circumstances.processor, circumstances.cores


def _here() -> tuple[str, int]:
    return machine().processor, machine().cores
