"""Numbers in words: how one network stands against another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxr_core.comparison import NOT_MEASURED, Circumstances, Latency, Results, Row


def against(a: Row, b: Row) -> str:
    """One sentence for the back row: accuracy, operations and parameters of `a` against `b`."""
    costs = [
        _fewer(a.macs, b.macs, "operations"),
        _fewer(a.params, b.params, "parameters"),
    ]
    told = " and ".join(f"**{cost}**" for cost in costs if cost)
    return f"**{a.title}** {_accuracy(a, b)}" + (f", with {told}." if told else ".")


def latency_against(a: Row, b: Row, results: Results, runtime: str, title: str) -> str:
    """The same for what was measured on this machine, or that it was not."""
    mine, theirs = (results.latency(row.id, runtime, 1) for row in (a, b))
    missing = [row.title for row, found in ((a, mine), (b, theirs)) if found is None]
    if mine is None or theirs is None:
        return f"Latency on this machine ({title}): {' and '.join(missing)} {NOT_MEASURED}."
    ratio = theirs.median_ms / mine.median_ms
    pace = f"{times(ratio)} times faster" if ratio >= 1 else f"{times(1 / ratio)} times slower"
    busy = " The machine was busy." if mine.busy or theirs.busy else ""
    return (
        f"On this machine ({title}): {ms(mine.median_ms)} against {ms(theirs.median_ms)} a film, "
        f"**{pace}**.{busy}"
    )


def times(ratio: float) -> str:
    """'27', '3.4': as many figures as a room can use."""
    return f"{ratio:.0f}" if ratio >= 9.95 else f"{ratio:.1f}"


def ms(value: float) -> str:
    """Milliseconds with three figures."""
    return f"{value:.0f} ms" if value >= 100 else f"{value:.3g} ms"


def conditions(one: Circumstances) -> str:
    """When, where and with what something was measured."""
    day = one.date.replace("T", " ")[:16]
    cores = "1 core" if one.cores == 1 else f"{one.cores} cores"
    threads = "1 thread" if one.threads == 1 else f"{one.threads} threads"
    return f"{day} UTC, {one.processor}, {cores}, {threads}; {versions(one.versions)}"


def measured(found: Sequence[Latency]) -> str:
    """When and with what several were measured; what differs among them is told, busy ones too."""
    if not found:
        return ""
    how = sorted((x.circumstances for x in found), key=lambda c: c.date)
    days = list(dict.fromkeys(c.date[:10] for c in how))
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    counts = sorted({c.threads for c in how})
    threads = " or ".join(map(str, counts)) + (" thread" if counts == [1] else " threads")
    apart = "" if len(counts) == 1 else " (so not all compare)"
    busy = sum(x.busy for x in found)
    hollow = f" Hollow: the machine was busy ({busy} of {len(found)})." if busy else ""
    last = how[-1]
    return (
        f"Measured {span}, {last.processor}, {last.cores} cores, {threads}{apart}; "
        f"{versions(last.versions)}.{hollow}"
    )


def versions(found: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.items())


def _accuracy(a: Row, b: Row) -> str:
    if a.top1 is None or b.top1 is None:
        return f"beside **{b.title}**"
    points = a.top1 - b.top1
    if abs(points) < 0.05:
        return f"is as accurate as **{b.title}** on ImageNet"
    side = "ahead of" if points > 0 else "behind"
    unit = "point" if round(abs(points), 1) == 1 else "points"
    return f"is {abs(points):.1f} {unit} {side} **{b.title}** on ImageNet"


def _fewer(mine: int | None, theirs: int | None, what: str) -> str | None:
    if not mine or not theirs:
        return None
    ratio = theirs / mine
    if 0.95 < ratio < 1.05:
        return f"as many {what}"
    more = "fewer" if ratio > 1 else "more"
    return f"{times(max(ratio, 1 / ratio))} × {more} {what}"
