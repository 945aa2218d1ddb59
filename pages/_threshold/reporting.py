"""Figures on the films that took no part in choosing, at the threshold as it stands."""

from __future__ import annotations

import math

import streamlit as st

from cxr_core.operating import Figures, Sorted
from cxr_core.schema import Interval
from pages._shared.words import plain
from pages._threshold.session import Bench


def show(state: Bench, prevalence: float, _: float) -> None:
    """Both sets side by side; each look is counted, because looking again is choosing."""
    reported, tuned = state.reporting, state.loaded_tuning
    at = state.point.threshold
    if reported is None:
        st.info(
            "Nothing was kept apart: choose other films under 'Report it on'. What stands above is "
            "on the films that the threshold is chosen on."
        )
        return
    state.looked.setdefault(reported.set.sha256, set()).add(at)
    found = reported.figures(at, prevalence)
    problem = state.honesty
    if problem is not None:
        st.warning(plain(problem), icon=":material/warning:")
    else:
        st.success(
            f"Threshold {at:.4f} was chosen on {plain(tuned.set.name)}; the {reported.n:,} films "
            "below took no part in it.",
            icon=":material/verified:",
        )
    st.dataframe(
        table(found, tuned.figures(at, prevalence), reported, tuned), hide_index=True,
        key="threshold_report", height="content",
    )  # fmt: skip
    c = found.confusion
    st.caption(
        f"{plain(reported.set.name)}: {c.tp:,} found, {c.fn:,} missed, {c.fp:,} false alarms, "
        f"{c.tn:,} cleared; sha256 of films, labels and scores {reported.set.sha256[:16]}."
    )


def table(found: Figures, chosen: Figures, reported: Sorted, tuned: Sorted) -> dict[str, list[str]]:
    """The same figures on both sets, AUC first."""
    rows, others = found.rows(), chosen.rows()
    here = [said(reported.auc, False), *(said(r.interval, r.percent) for r in rows)]
    there = [said(tuned.auc, False), *(said(r.interval, r.percent) for r in others)]
    return {
        "figure": ["AUC", *(row.name for row in rows)],
        "reported (95 %)": here,
        "on the films that chose (95 %)": there,
        "interval by": ["DeLong", *(row.method for row in rows)],
    }  # fmt: skip


def said(interval: Interval | None, percent: bool) -> str:
    """A figure with its interval in words."""
    if interval is None:
        return "not defined"
    form = ".1%" if percent else ".3g" if interval.value >= 10 else ".3f"
    value, low, high = (
        "∞" if math.isinf(x) else f"{x:{form}}"
        for x in (interval.value, interval.low, interval.high)
    )
    return f"{value} ({low} to {high})"
