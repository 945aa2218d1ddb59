"""What stands below the slider: one section at a time, so that only what is seen is computed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cxr_core.errors import CxrError
from pages._threshold import charts, films, reporting, takeaway
from pages._threshold.session import Bench

Section = Callable[[Bench, float, float], None]
SECTIONS: dict[str, Section] = {
    "Calibration and worth": charts.trust,
    "Films near the threshold": films.near,
    "Missed and false alarms": films.gallery,
    "Report": reporting.show,
    "Take away": takeaway.show,
}


@st.fragment
def show(state: Bench, prevalence: float, ratio: float) -> None:
    """The chosen section; it alone runs again when something in it is touched."""
    chosen = st.segmented_control(
        "Section", list(SECTIONS), default=next(iter(SECTIONS)), key="threshold_section",
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    with st.container(key="threshold_section_body"):
        try:
            SECTIONS[chosen](state, prevalence, ratio)
        except CxrError as problem:
            st.error(str(problem))
