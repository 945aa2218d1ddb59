"""A job as its table states it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from cxr_core import registry
from cxr_core.errors import JobError
from cxr_core.jobs import _kinds
from cxr_core.jobs._states import TRANSITIONS, State

# What JSON carries; typing it further would make every reader prove it again.
Json: TypeAlias = Any


@dataclass(frozen=True)
class Job:
    """One row of the table at one moment; times are ISO 8601 in UTC.

    reason: why it failed, was interrupted or cancelled. step of steps and epoch of epochs as last
    reported, 0 of 0 before. attempt: how often it was started. threads: most processors it may
    use. cancelling: a person asked to stop and it has not yet stopped. host: the machine it runs
    or ran on.
    """

    id: str
    kind: str
    title: str
    config: Mapping[str, Json]
    state: State
    reason: str | None
    created: str
    started: str | None
    ended: str | None
    heartbeat: str | None
    step: int
    steps: int
    epoch: int
    epochs: int
    message: str
    result: Mapping[str, Json] | None
    attempt: int
    threads: int
    gpus: int
    memory: int
    cancelling: bool
    resumed: bool
    host: str | None
    pid: int | None
    birth: float | None
    cpus: str

    @property
    def folder(self) -> Path:
        """Where it keeps its log, history and checkpoints, from its first attempt to removal."""
        return registry.home().absolute() / "jobs" / self.id

    @property
    def resumable(self) -> bool:
        """Whether `JobTable.resume` would queue it again."""
        if State.QUEUED not in TRANSITIONS[self.state] or not self.state.ended:
            return False
        try:
            return _kinds.find(self.kind).resumable
        except JobError:
            return False
