"""What a job tells while it runs, and how it learns that it should stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from cxr_core.errors import Cancelled, JobError
from cxr_core.jobs import _history
from cxr_core.jobs._job import Job
from cxr_core.jobs._table import JobTable

LOG = "log.txt"
EVERY = 0.1  # seconds between looks at the table; a batch of training takes about as long


class Reporter(Protocol):
    """Given to what a job runs."""

    @property
    def folder(self) -> Path:
        """The job's own folder: checkpoints stay there for the next attempt."""

    @property
    def resumed(self) -> bool:
        """An earlier attempt may have left something to go on from."""

    @property
    def threads(self) -> int:
        """Most processors that this job may use; the environment says so to libraries."""

    def progress(
        self, step: int, steps: int, *, epoch: int = 0, epochs: int = 0, message: str = ""
    ) -> None:
        """Say how far it is; cheap enough for every batch. Raises Cancelled."""

    def log(self, text: str) -> None:
        """Add a line, with the time, to the job's log."""

    def point(self, **values: float) -> None:
        """Add a row of figures to the live curves."""

    def keep(self, wanted: Callable[[Mapping[str, float | None]], bool]) -> None:
        """Keep only these rows of the curves: what a resumed run will write again goes."""

    def check(self) -> None:
        """Raises Cancelled where a person asked to stop; else returns at once."""


class TableReporter:
    """A reporter that writes to the job's row and folder."""

    def __init__(self, table: JobTable, job: Job) -> None:
        self.folder = job.folder
        self.resumed = job.resumed
        self.threads = job.threads
        self._table = table
        self._job = job
        self._lock = threading.Lock()
        self._looked = 0.0
        self._waiting: dict[str, Any] = {}
        self._cancelled = False
        # What was said just before a long silence must not wait until its end.
        threading.Thread(target=self._go_on, daemon=True).start()

    def progress(
        self, step: int, steps: int, *, epoch: int = 0, epochs: int = 0, message: str = ""
    ) -> None:
        with self._lock:
            self._waiting = {
                "step": int(step),
                "steps": int(steps),
                "epoch": int(epoch),
                "epochs": int(epochs),
                "message": message[:2000],
            }
        self._look(at_once=0 < steps <= step)

    def log(self, text: str) -> None:
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        with (self.folder / LOG).open("a", errors="backslashreplace") as file:
            file.write(f"{moment} {text}\n")

    def point(self, **values: float) -> None:
        with self._lock:
            _history.append(self.folder, values)

    def keep(self, wanted: Callable[[Mapping[str, float | None]], bool]) -> None:
        with self._lock:
            _history.keep(self.folder, wanted)

    def check(self) -> None:
        self._look()

    def flush(self) -> None:
        """Tell what is still waiting to be told."""
        with self._lock:
            self._exchange()

    def _go_on(self) -> None:
        while True:
            time.sleep(5 * EVERY)
            with self._lock:
                if self._waiting:
                    self._exchange()

    def _look(self, at_once: bool = False) -> None:
        with self._lock:
            if not self._cancelled and (at_once or time.monotonic() - self._looked >= EVERY):
                self._looked = time.monotonic()
                self._exchange()
            if self._cancelled:
                raise Cancelled

    def _exchange(self) -> None:
        try:
            job = self._table.beat(self._job, **self._waiting)
        except JobError:
            # Work goes on while the database is away; what is waiting is told at the next look.
            return
        self._waiting = {}
        self._cancelled = job is None or job.cancelling
