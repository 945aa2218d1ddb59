"""Durations, sizes and figures in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime


def clock(seconds: float) -> str:
    """'8 s', '3.3 min', '25 min', '2 h 5 min': short enough for a narrow column."""
    if seconds < 1:
        return "< 1 s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    if seconds < 600:
        return f"{seconds / 60:.1f} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def megabytes(count: float) -> str:
    return f"{count / 1000:.1f} GB" if count >= 1000 else f"{count:.0f} MB"


def since(moment: str | None, until: str | None = None) -> float:
    """Seconds from one ISO 8601 moment to another, or to now."""
    if moment is None:
        return 0.0
    end = datetime.fromisoformat(until) if until else datetime.now(UTC)
    return max(0.0, (end - datetime.fromisoformat(moment)).total_seconds())


def short_time(moment: str) -> str:
    """Of an ISO 8601 moment, in this machine's time: '14:05', or '3 Nov 14:05' of another day."""
    local = datetime.fromisoformat(moment).astimezone()
    today = datetime.now(local.tzinfo).date()
    clock_time = f"{local:%H:%M}"
    return clock_time if local.date() == today else f"{local.day} {local:%b} {clock_time}"


def interval(row: Mapping[str, float]) -> tuple[str, str]:
    """A figure and its 95 % interval: '0.981', '0.972 to 0.988'."""
    return f"{row['value']:.3f}", f"{row['low']:.3f} to {row['high']:.3f}"
