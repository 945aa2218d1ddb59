"""Durations, sizes and figures in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime


def clock(seconds: float) -> str:
    """'8 s', '3 min 20 s', '2 h 5 min'."""
    whole = round(seconds)
    if whole < 1:
        return "under 1 s"
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
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
