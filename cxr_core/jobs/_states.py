"""The states of a job, and which may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """Nothing runs and nothing will, unless somebody resumes it."""
        return self not in (State.QUEUED, State.RUNNING)


# RUNNING goes back to QUEUED only where the process had not begun: what starts it died before.
TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED}),
    State.RUNNING: frozenset(
        {State.DONE, State.FAILED, State.CANCELLED, State.INTERRUPTED, State.QUEUED}
    ),
    State.DONE: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
    State.INTERRUPTED: frozenset({State.QUEUED}),
}


def sources(target: State) -> tuple[State, ...]:
    """The states from which a job may go to `target`."""
    return tuple(s for s, targets in TRANSITIONS.items() if target in targets)
