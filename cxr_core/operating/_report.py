"""Everything about a chosen operating point on one page of A4 that a committee can read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from cxr_core import __version__
from cxr_core.operating import _plots
from cxr_core.operating._criteria import criterion
from cxr_core.operating._figures import shown
from cxr_core.operating._scores import honesty
from cxr_core.paper import FAINT, MM, WIDTH, Paper
from cxr_core.schema import Interval

if TYPE_CHECKING:
    from cxr_core.operating._band import Band
    from cxr_core.operating._compare import Comparison
    from cxr_core.operating._criteria import Choice
    from cxr_core.operating._figures import Confusion, FigureRow, Figures
    from cxr_core.operating._optimism import Optimism
    from cxr_core.operating._sorted import Sorted
    from cxr_core.operating._subgroups import Subgroup

MOST_GROUPS = 8
NOTICE = (
    "For research and teaching. Not a medical device; a reader decides. Figures hold for films "
    "like those named here, and for no others."
)


def report_pdf(
    films: Sorted,
    figures: Figures,
    choice: Choice,
    *,
    reporting: tuple[Sorted, Figures] | None = None,
    band: Band | None = None,
    optimism: Optimism | None = None,
    comparison: Comparison | None = None,
    subgroups: Sequence[Subgroup] = (),
    title: str = "",
) -> bytes:
    """One A4 page. films, figures: what the threshold was chosen on; reporting: other films, and
    then band and subgroups are theirs.

    What does not fit at full size is set smaller, never on a second page.
    """
    from reportlab.platypus import Spacer

    page = Paper()
    which = "chosen on" if reporting is None else "reported on"
    flow: list[Any] = [
        page.text(title or f"Operating point of {films.set.model or films.set.name}", "title"),
        page.text(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · CXR Workbench {__version__}", "small"),
        Spacer(1, 5),
        *_decision(page, films, figures, choice, reporting),
        Spacer(1, 6),
        page.beside(
            [_matrix(page, figures, reporting), _table(page, figures, reporting)],
            [62 * MM, WIDTH - 62 * MM],
        ),
        Spacer(1, 6),
        page.beside(_charts(films, figures, reporting), [WIDTH / 3] * 3),
    ]
    if band is not None:
        flow += [Spacer(1, 4), page.text(_band(band, which), "body")]
    if optimism is not None:
        flow += [Spacer(1, 4), page.text(f"<b>Optimism.</b> {escape(optimism.sentence)}", "body")]
    if comparison is not None:
        flow += [Spacer(1, 4), page.text(_comparison(comparison), "body")]
    if subgroups:
        flow += [Spacer(1, 6), _groups(page, subgroups, which)]
    flow += [
        Spacer(1, 6),
        page.text(
            "Brackets: 95 % intervals, Wilson's for proportions, DeLong's for the AUC, bootstrap "
            f"over {figures.resampled} elsewhere. A film is called from the threshold on.",
            "small",
        ),
        page.text(NOTICE, "small"),
        Spacer(1, 22),
        page.text("Decided by " + "." * 70 + " Date " + "." * 30, "body"),
    ]
    return page.one_page(flow, "Operating point")


def _decision(
    page: Paper,
    films: Sorted,
    figures: Figures,
    choice: Choice,
    reporting: tuple[Sorted, Figures] | None,
) -> list[Any]:
    row = criterion(choice.key)
    flow = [
        page.text(
            f"<b>Threshold {figures.threshold:.4f}</b>: {escape(choice.sentence)}."
            + (f" {escape(choice.note)}" if choice.note else "")
        ),
        page.text(f"It gives: {escape(row.optimises)} Its cost: {escape(row.costs)}", "small"),
        page.text(f"Chosen on {_films(films)}."),
    ]
    if reporting is not None:
        flow.append(page.text(f"Reported on {_films(reporting[0])}."))
        warning = honesty(films.set, reporting[0].set)
    else:
        warning = (
            "No other films were reported on: the figures are those of the films the threshold was "
            "chosen on, and look better than they will be on new patients."
        )
    words = [warning] if warning else []
    words += [w for s in (films, *(reporting or ())[:1]) for w in s.warnings]
    if words:
        flow.append(page.text(escape(" ".join(words)), "warn"))
    return flow


def _films(films: Sorted) -> str:
    s = films.set
    return (
        f"{escape(s.name)}: {s.n:,} films, {s.ill:,} with pneumonia and {s.well:,} normal "
        f"(sha256 {s.sha256[:16]}…); AUC {shown(films.auc)}"
    )


def _matrix(page: Paper, figures: Figures, reporting: tuple[Sorted, Figures] | None) -> list[Any]:
    found = figures if reporting is None else reporting[1]
    c, per = found.confusion, found.per_1000

    def cell(count: int, patients: Interval, name: str) -> Any:
        return page.text(
            f"<b><font size='12'>{count:,}</font></b> <font size='6.4'>{name}<br/>"
            f"{patients.value:.0f} in 1,000<br/>({patients.low:.0f}–{patients.high:.0f})</font>"
        )

    rows = [
        ["", page.text("called", "head"), page.text("not called", "head")],
        [page.text("ill", "head"), cell(c.tp, per.tp, "found"), cell(c.fn, per.fn, "missed")],
        [page.text("well", "head"), cell(c.fp, per.fp, "alarmed"), cell(c.tn, per.tn, "spared")],
    ]
    from reportlab.platypus import Table

    right, wrong = page.colour("#ecfdf5"), page.colour("#fef2f2")
    style = [
        ("BACKGROUND", (1, 1), (1, 1), right),
        ("BACKGROUND", (2, 2), (2, 2), right),
        ("BACKGROUND", (2, 1), (2, 1), wrong),
        ("BACKGROUND", (1, 2), (1, 2), wrong),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("GRID", (1, 1), (-1, -1), 0.4, page.colour(FAINT)),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
    ]
    table = Table(rows, [9 * MM, 25.5 * MM, 25.5 * MM], [14, 14 * MM, 14 * MM], style=style)
    which = "chosen" if reporting is None else "reported"
    words = (
        f"Films that were {which} on; beneath, patients in 1,000 at a prevalence of "
        f"{per.prevalence:.1%}."
    )
    return [table, page.text(words, "small")]


def _table(page: Paper, figures: Figures, reporting: tuple[Sorted, Figures] | None) -> Any:
    head = [page.text("Figure", "head"), page.text("films chosen on", "headright")]
    columns = [figures.rows()]
    if reporting is not None:
        head.append(page.text("films reported on", "headright"))
        columns.append(reporting[1].rows())
    rows = [head]
    for same in zip(*columns, strict=True):
        cells = [page.text(_value(row), "number") for row in same]
        rows.append([page.text(escape(same[0].name), "cell"), *cells])
    width = WIDTH - 66 * MM
    each = (width - 44 * MM) / len(columns)
    return page.table(rows, [44 * MM] + [each] * len(columns))


def _value(row: FigureRow) -> str:
    if row.interval is None:
        return "not defined"
    return shown(row.interval, percent=row.percent)


def _charts(films: Sorted, figures: Figures, reporting: tuple[Sorted, Figures] | None) -> list[Any]:
    size = 56 * MM
    curves = [("chosen on", films.roc(), _on_roc(figures.confusion))]
    if reporting is not None:
        curves.append(("reported on", reporting[0].roc(), _on_roc(reporting[1].confusion)))
    reported = films if reporting is None else reporting[0]
    threshold = min(max(figures.threshold, 0.001), 0.999)
    return [
        _plots.roc(curves, size),
        _plots.calibration(reported.calibration(), size),
        _plots.decision(
            reported.decision(figures.clinic),
            threshold,
            reported.net_benefit(threshold, figures.clinic),
            size,
        ),
    ]


def _on_roc(c: Confusion) -> tuple[float, float]:
    return c.fp / c.well, c.tp / c.ill


def _band(found: Band, which: str) -> str:
    error = (
        "none is decided" if found.error is None else f"{shown(found.error, percent=True)} wrong"
    )
    return (
        f"<b>Refer band {found.low:.4f} to {found.high:.4f}.</b> Of the {found.n:,} films {which} "
        f"{found.below:,} are decided normal ({found.missed:,} of them missed pneumonias), "
        f"{found.above:,} pneumonia ({found.alarms:,} false alarms), and {found.referred:,} "
        f"referred to a reader ({found.referred_ill:,} with pneumonia). Of those decided: {error}."
    )


def _comparison(found: Comparison) -> str:
    gap = found.auc_difference
    words = "" if gap is None else f" Difference in AUC {shown(gap)}."
    if found.same:
        return (
            f"<b>Compared</b> with the threshold {found.threshold_b:.4f}. {escape(found.sentence)} "
            f"McNemar: p = {found.all.p:.2g}."
        )
    return (
        f"<b>Compared.</b> {escape(found.name_a)} from {found.threshold_a:.4f} on and "
        f"{escape(found.name_b)} from {found.threshold_b:.4f} on, on the same {found.n:,} films: "
        f"AUC {shown(found.auc_a)} and {shown(found.auc_b)}.{words} {escape(found.sentence)} "
        f"McNemar: p = {found.all.p:.2g}."
    )


def _groups(page: Paper, groups: Sequence[Subgroup], which: str) -> Any:
    names = (f"Films {which}", "films", "ill", "AUC", "sensitivity", "specificity", "")
    rows = [[page.text(name, "head") for name in names]]
    for group in groups[:MOST_GROUPS]:
        cells = (
            escape(group.value),
            f"{group.n:,}",
            f"{group.ill:,}",
            "–" if group.auc is None else shown(group.auc),
            "–" if group.sensitivity is None else shown(group.sensitivity, percent=True),
            "–" if group.specificity is None else shown(group.specificity, percent=True),
            "too few" if group.warning else "",
        )
        rows.append([page.text(cell, "cell") for cell in cells])
    left = len(groups) - MOST_GROUPS
    table = page.table(
        rows, [36 * MM, 12 * MM, 12 * MM, 36 * MM, 36 * MM, 36 * MM, WIDTH - 168 * MM]
    )
    if left <= 0:
        return table
    return page.beside([[table, page.text(f"and {left} more groups", "small")]], [WIDTH])
