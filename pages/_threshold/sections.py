"""What stands below the slider: one section at a time, so that only what is seen is computed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cxr_core.errors import CxrError
from pages._threshold import charts, comparing, films, locking, referral, reporting, takeaway
from pages._threshold.session import Bench
from pages._threshold.words import plain

Section = Callable[[Bench, float, float], None]
SECTIONS: dict[str, Section] = {
    "Calibration": charts.trust,
    "Nearest films": films.near,
    "Errors": films.gallery,
    "Refer band": referral.show,
    "Report": reporting.show,
    "Compare": comparing.show,
    "Subgroups": comparing.groups,
    "Locked": locking.history,
    "Files": takeaway.show,
}


@st.fragment
def show(state: Bench, prevalence: float, ratio: float) -> None:
    """The chosen section; it alone runs again when something in it is touched."""
    # Locking shows the model's record: a default beside a value that was set would be refused.
    st.session_state.setdefault("threshold_section", next(iter(SECTIONS)))
    chosen = st.segmented_control(
        "Section", list(SECTIONS), key="threshold_section", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    with st.container(key="threshold_section_body"):
        try:
            SECTIONS[chosen](state, prevalence, ratio)
        except CxrError as problem:
            st.error(plain(problem))
