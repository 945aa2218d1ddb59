"""What stands below the slider: one section at a time, so that only what is seen is computed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cxr_core.errors import CxrError
from pages._shared.words import plain
from pages._threshold import charts, comparing, films, locking, referral, reporting, takeaway
from pages._threshold.session import Bench

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
# These can be of either set of films, where some are kept apart.
OF_EITHER = ("Errors", "Refer band", "Subgroups")
CHOSE, REPORTED = "films that choose", "films reported on"


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
        state.of_reported = chosen in OF_EITHER and _reported(state)
        try:
            SECTIONS[chosen](state, prevalence, ratio)
        except CxrError as problem:
            st.error(plain(problem))


def _reported(state: Bench) -> bool:
    """Whether to show the films kept apart; looking at them is counted, as in the report."""
    reported = state.reporting
    if reported is None:
        return False
    which = st.segmented_control(
        "Of the", [CHOSE, REPORTED], default=REPORTED, key="threshold_of", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if which == CHOSE:
        return False
    state.looked.setdefault(reported.set.sha256, set()).add(state.point.threshold)
    if (problem := state.honesty) is not None:
        st.warning(plain(problem), icon=":material/warning:")
    return True
