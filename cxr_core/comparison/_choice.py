"""Which backbone: what fits the constraints, ranked, each with its reason; the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cxr_core.comparison._results import RUNTIMES, Latency, Results
from cxr_core.comparison._table import Row

RankBy = Literal["top1", "auc", "latency", "size", "macs"]

_BEST = {
    "top1": "highest ImageNet top-1",
    "auc": "highest AUC on chest films",
    "latency": "shortest latency here",
    "size": "smallest on disk",
    "macs": "fewest multiply-adds",
}


@dataclass(frozen=True)
class Constraints:
    """Limits; None for no limit. latency_ms: median a call of `batch` films, measured here with
    `runtime`. size_mb: on disk. memory_mb: peak of that process. top1: ImageNet, per cent.
    auc: on chest films, of a registered model's validation or of a backbone's probe.
    """

    latency_ms: float | None = None
    runtime: str = "litert"
    batch: int = 1
    size_mb: float | None = None
    memory_mb: float | None = None
    top1: float | None = None
    auc: float | None = None
    rank_by: RankBy = "top1"


@dataclass(frozen=True)
class Choice:
    """A row under the constraints. rank: from 1 among the admissible, None for the others.
    reasons: what speaks for an admissible row, or what keeps the other out. sentence: all of it.
    """

    row: Row
    admissible: bool
    rank: int | None
    reasons: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class Advice:
    """The course's guide: in this situation, these rows (ids), for this reason."""

    situation: str
    advice: str
    why: str
    rows: tuple[str, ...]


GUIDE: tuple[Advice, ...] = (
    Advice(
        "You want the simplest network to explain", "VGG",
        "Nothing but 3×3 convolutions and pooling.", ("vgg16", "vgg19"),
    ),
    Advice(
        "It runs on an edge device, or latency binds", "MobileNet",
        "Depthwise separable convolutions need about a ninth of the operations.",
        ("mobilenet", "mobilenetv2", "mobilenetv3small", "mobilenetv3large"),
    ),
    Advice(
        "Neither size nor speed binds", "EfficientNet",
        "Width, depth and resolution are scaled together: the highest accuracy of the table.",
        tuple(f"efficientnetb{i}" for i in range(8)),
    ),
    Advice(
        "You want the tried and true", "ResNet50",
        "The most published comparisons and recipes start from it.", ("resnet50",),
    ),
    Advice(
        "Cost does not matter", "an ensemble of three complementary networks",
        "Errors of networks that differ cancel in part; three networks cost three times as much.",
        ("resnet50", "efficientnetb0", "densenet121"),
    ),
)  # fmt: skip


def choose(rows: Sequence[Row], results: Results, constraints: Constraints) -> tuple[Choice, ...]:
    """The admissible rows, best first; then the others in their order, each with what keeps it out.

    A figure that a limit needs and nobody has measured keeps a row out.
    """
    judged = [(row, list(_judge(row, results, constraints))) for row in rows]
    fit = [(row, words) for row, words in judged if all(ok for ok, _ in words)]
    fit.sort(key=lambda pair: _order(pair[0], results, constraints))
    ranked = [
        _admitted(row, tuple(w for _, w in words), i, constraints, results)
        for i, (row, words) in enumerate(fit, start=1)
    ]
    out = [
        _kept_out(row, tuple(w for ok, w in words if not ok))
        for row, words in judged
        if not all(ok for ok, _ in words)
    ]
    return (*ranked, *out)


def pareto(costs: Sequence[float], values: Sequence[float]) -> tuple[int, ...]:
    """Positions of the points that no other beats: none is as cheap or cheaper and at least as
    good, and better in one of the two. By rising cost. NaN is never on the front."""
    usable = [
        i
        for i, (c, v) in enumerate(zip(costs, values, strict=True))
        if not (math.isnan(c) or math.isnan(v))
    ]
    front: list[int] = []
    best = (-math.inf, math.nan)
    for i in sorted(usable, key=lambda i: (costs[i], -values[i])):
        # Equal twins are both on the front.
        if values[i] > best[0] or (values[i], costs[i]) == best:
            front.append(i)
            best = (values[i], costs[i])
    return tuple(front)


def accuracy_on_films(row: Row, results: Results) -> float | None:
    """AUC on chest films: a model's validation, or a backbone's latest probe."""
    if row.model:
        return row.validation_auc.value if row.validation_auc else None
    probe = results.probe(row.id)
    return probe.auc.value if probe else None


def _judge(row: Row, results: Results, limits: Constraints) -> Iterator[tuple[bool, str]]:
    measured = results.latency(row.id, limits.runtime, limits.batch)
    title = next(r.title for r in RUNTIMES if r.id == limits.runtime)
    if row.problem:
        yield False, row.problem
    if limits.latency_ms is not None:
        yield _latency(measured, limits.latency_ms, f"{title}, batch {limits.batch}")
    if limits.memory_mb is not None:
        mb = measured.peak_mb if measured else None
        yield _limit(
            mb, limits.memory_mb, "MB at its peak", f"memory is not measured here ({title})"
        )
    if limits.size_mb is not None:
        mb = row.disk_bytes / 1e6 if row.disk_bytes is not None else None
        yield _limit(mb, limits.size_mb, "MB on disk", "its size is not known")
    if limits.top1 is not None:
        yield _at_least(
            row.top1, limits.top1, "% ImageNet top-1", "it has no ImageNet top-1", "{:.1f}"
        )
    if limits.auc is not None:
        area = accuracy_on_films(row, results)
        yield _at_least(
            area, limits.auc, _judged_on(row), "no AUC on chest films is measured", "{:.3f}"
        )


def _latency(measured: Latency | None, limit: float, how: str) -> tuple[bool, str]:
    if measured is None:
        return False, f"latency is not measured on this machine ({how})"
    busy = ", on a busy machine" if measured.busy else ""
    return _limit(measured.median_ms, limit, f"ms here ({how}{busy})", "")


def _limit(value: float | None, limit: float, unit: str, gap: str) -> tuple[bool, str]:
    if value is None:
        return False, gap
    fits = value <= limit
    return fits, f"{value:.1f} {unit}, {'within' if fits else 'above'} {limit:g}"


def _at_least(
    value: float | None, least: float, unit: str, gap: str, form: str
) -> tuple[bool, str]:
    if value is None:
        return False, gap
    fits = value >= least
    return fits, f"{form.format(value)} {unit}, {'at least' if fits else 'below'} {least:g}"


def _order(row: Row, results: Results, limits: Constraints) -> tuple[float, ...]:
    """Lower is better; what is unknown comes last; ties go to the faster, then the smaller."""
    measured = results.latency(row.id, limits.runtime, limits.batch)
    latency = measured.median_ms if measured else math.inf
    size = row.disk_bytes if row.disk_bytes is not None else math.inf
    macs = row.macs if row.macs is not None else math.inf
    area = accuracy_on_films(row, results)
    first = {
        "top1": -row.top1 if row.top1 is not None else math.inf,
        "auc": -area if area is not None else math.inf,
        "latency": latency,
        "size": size,
        "macs": macs,
    }[limits.rank_by]
    return first, latency, macs, size


def _admitted(
    row: Row, words: tuple[str, ...], rank: int, limits: Constraints, results: Results
) -> Choice:
    figure = _figure(row, results, limits)
    lead = [] if any(word.startswith(figure) for word in words) else [figure]
    if rank == 1 and _order(row, results, limits)[0] != math.inf:
        lead = [", ".join([*lead, f"the {_BEST[limits.rank_by]} of what fits"])]
    reasons = (*lead, *words)
    return Choice(row, True, rank, reasons, f"{row.title}: {'; '.join(reasons)}.")


def _figure(row: Row, results: Results, limits: Constraints) -> str:
    measured = results.latency(row.id, limits.runtime, limits.batch)
    area = accuracy_on_films(row, results)
    figures = {
        "top1": _top1(row),
        "auc": "AUC on chest films not measured"
        if area is None
        else f"{area:.3f} {_judged_on(row)}",
        "latency": "latency not measured" if measured is None else f"{measured.median_ms:.1f} ms",
        "size": "size not known" if row.disk_bytes is None else f"{row.disk_bytes / 1e6:.1f} MB",
        "macs": "operations not counted"
        if row.macs is None
        else f"{row.macs / 1e9:.2f} G multiply-adds",
    }
    return figures[limits.rank_by]


def _judged_on(row: Row) -> str:
    """The two are of different films: what an AUC is of is said with it."""
    return f"AUC on chest films ({'own validation' if row.model else 'probe'})"


def _top1(row: Row) -> str:
    if row.top1 is not None:
        return f"{row.top1:.1f} % ImageNet top-1"
    return "fine-tuned, so without an ImageNet top-1" if row.model else "top-1 not published"


def _kept_out(row: Row, words: tuple[str, ...]) -> Choice:
    return Choice(row, False, None, words, f"{row.title}: {'; '.join(words).rstrip('.')}.")
