"""What else the machine does while something is measured."""

from __future__ import annotations

import psutil


class Load:
    """Share of the machine's processors that other processes use from now on.

    children: count processes that this one starts, and that end in between, as its own.
    """

    def __init__(self, children: bool = False) -> None:
        self._children = children
        self._then = self._now()

    def of_others(self) -> float:
        """0 to 1. What the host of a virtual machine takes away counts as others' use."""
        whole, busy, own = (b - a for a, b in zip(self._then, self._now(), strict=True))
        return max(0.0, min(1.0, (busy - own) / whole)) if whole > 0 else 0.0

    def _now(self) -> tuple[float, float, float]:
        times = psutil.cpu_times()
        # Linux counts a guest's time in user and nice already.
        whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        idle = times.idle + getattr(times, "iowait", 0.0)
        own = psutil.Process().cpu_times()
        used = own.user + own.system
        if self._children:
            used += getattr(own, "children_user", 0.0) + getattr(own, "children_system", 0.0)
        return whole, whole - idle, used
