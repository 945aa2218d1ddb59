"""What can be taken along: tables as CSV, and one page for a committee as PDF."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cxr_core import operating as op
from cxr_core.operating import Figures, Sorted
from pages._threshold.session import Bench


def show(state: Bench, prevalence: float, _: float) -> None:
    """A button for each file; nothing is made before one is pressed."""
    data, at = state.loaded_tuning, state.point.threshold
    found = data.figures(at, prevalence)
    st.markdown(
        "One page for a committee, or the numbers for your own tables. Each chart has its own "
        "PNG and SVG beside it."
    )
    with st.container(horizontal=True):
        _button("One-page PDF", "pdf", "operating-point.pdf", lambda: pdf(state, found))
        _button("Figures", "csv", "figures.csv", lambda: csv_of(figure_table(found, data)))
        _button("Every step", "csv", "every-step.csv", lambda: csv_of(steps(data, prevalence)))
        _button("Films", "csv", "films.csv", lambda: csv_of(film_table(data, at)))


def _button(label: str, kind: str, name: str, make: Any) -> None:
    st.download_button(
        label, make, name, "application/pdf" if kind == "pdf" else "text/csv",
        key=f"threshold_take_{name}", on_click="ignore",
        icon=":material/picture_as_pdf:" if kind == "pdf" else ":material/download:",
    )  # fmt: skip


def pdf(state: Bench, found: Figures) -> bytes:
    """One page with all that this session has worked out at this threshold."""
    data, point, at = state.loaded_tuning, state.point, state.point.threshold
    choice = state.choice or op.choose(data, "hand", at)
    reported = state.reporting
    sha, about = data.set.sha256, reported or data
    # Both are kept under (hash, the other side, threshold).
    compared, grouped = (
        kept[1] if kept is not None and kept[0][0::2] == (of, at) else None
        for of, kept in (
            (sha, state.kept.get("comparison")),
            (about.set.sha256, state.kept.get("subgroups")),
        )
    )
    return op.report_pdf(
        data, found, choice,
        reporting=None if reported is None else (reported, reported.figures(at, found.clinic)),
        band=op.band(about, point.low, point.high, found.clinic),
        optimism=state.known("optimism", (sha, choice.key, choice.value, choice.prevalence)),
        comparison=compared, subgroups=grouped or (),
    )  # fmt: skip


def figure_table(found: Figures, data: Sorted) -> dict[str, list[Any]]:
    """Every figure with its limits as numbers, and what they were taken on."""
    c = found.confusion
    table: dict[str, list[Any]] = {k: [] for k in ("figure", "value", "low", "high", "interval")}
    counts = (("TP", c.tp), ("FN", c.fn), ("FP", c.fp), ("TN", c.tn))
    rows: list[tuple[Any, ...]] = [("threshold", found.threshold, "", "", "")]
    rows += [(name, count, "", "", "") for name, count in counts]
    rows.append(("AUC", data.auc.value, data.auc.low, data.auc.high, "DeLong"))
    for row in found.rows():
        i = row.interval
        ends = ("", "", "") if i is None else (i.value, i.low, i.high)
        rows.append((row.name, *ends, row.method))
    per = found.per_1000
    for name in ("tp", "fn", "fp", "tn"):
        i = getattr(per, name)
        label = f"{name.upper()} per 1,000 at {per.prevalence:.1%} prevalence"
        rows.append((label, i.value, i.low, i.high, ""))
    rows.append(("data sha256", data.set.sha256, "", "", ""))
    for key, values in zip(table, zip(*rows, strict=True), strict=True):
        table[key] = list(values)
    return table


def steps(data: Sorted, prevalence: float) -> dict[str, list[Any]]:
    """Counts and main figures over the thinned thresholds of the ROC curve."""
    table: dict[str, list[Any]] = {
        k: [] for k in ("threshold", "tp", "fn", "fp", "tn", "sensitivity", "specificity")
    }
    table["net benefit"] = []
    for t in sorted(float(t) for t in data.roc().thresholds if 0 <= t < 1):
        c = data.confusion(t)
        row = (t, c.tp, c.fn, c.fp, c.tn, c.tp / c.ill, c.tn / c.well)
        for key, value in zip(table, (*row, data.net_benefit(t, prevalence)), strict=True):
            table[key].append(value)
    return table


def film_table(data: Sorted, threshold: float) -> dict[str, list[Any]]:
    """Every film with its truth, probability and call."""
    scores = data.set
    return {
        "film": scores.films.tolist(),
        "label": scores.labels.tolist(),
        "probability": scores.scores.tolist(),
        "called": (scores.scores >= threshold).astype(int).tolist(),
        **{k: v.tolist() for k, v in scores.columns.items() if k not in ("film", "label")},
    }


def csv_of(table: Mapping[str, Sequence[Any]]) -> bytes:
    """A table by columns as CSV; cells that a spreadsheet would run as formulas are quoted."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(table)
    for row in zip(*table.values(), strict=True):
        writer.writerow([_safe(cell) for cell in row])
    return buffer.getvalue().encode("utf-8-sig")


def _safe(cell: Any) -> Any:
    risky = isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{cell}" if risky and not _number(cell) else cell


def _number(text: str) -> bool:
    try:
        float(text.split(" ", 1)[0].rstrip("%"))
    except ValueError:
        return False
    return True
