"""Threshold: whom the model would miss and whom it would alarm, under one slider."""

from __future__ import annotations

import streamlit as st

from pages._shared import entry, export
from pages._threshold import charts, choosing, live, sections, sources
from pages._threshold.session import Bench, bench


def main() -> None:
    state = bench()
    with st.sidebar:
        sources.choose(state)
    if state.tuning is None:
        return
    choosing.heading(state)
    prevalence, ratio = choosing.controls(state)
    with st.sidebar:
        choosing.optimism(state)
    _panel(state, prevalence, ratio)
    sections.show(state, prevalence, ratio)


def _panel(state: Bench, prevalence: float, ratio: float) -> None:
    data = state.tuning
    assert data is not None
    left, right = st.columns([1.6, 1], gap="medium")
    with left, st.container(gap="xsmall"):
        charts.distributions(data)
        live.panel(state, prevalence, ratio)
        export.buttons(live.SCORES, "score-distributions")
    with right, st.container(gap="xsmall"):
        charts.ranking(data)


entry.through_app("pages/threshold.py")
main()
