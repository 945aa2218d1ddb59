"""The refer band: what is decided, what a reader decides, and the errors that are left."""

from __future__ import annotations

import streamlit as st

from cxr_core import operating as op
from cxr_core.schema import Interval
from pages._threshold.session import Bench


def show(state: Bench, prevalence: float, _: float) -> None:
    """The band of the two yellow handles, in films and in the clinic's patients."""
    data, point = state.shown, state.point
    found = op.band(data, point.low, point.high, prevalence)
    st.markdown(
        f"Below **{point.low:.4f}** a film is decided normal, from **{point.high:.4f}** on "
        "pneumonia; between them a reader decides. The yellow handles on the slider move the band."
    )
    per = found.per_1000
    rows = [
        ("Decided normal", found.below, per["below"], None),
        ("Referred to a reader", found.referred, per["referred"], None),
        ("Decided pneumonia", found.above, per["above"], None),
        ("Missed among those decided", found.missed, per["missed"], found.miss_rate),
        ("False alarms among those decided", found.alarms, per["alarms"], found.alarm_rate),
    ]
    table, side = st.columns([1.7, 1], gap="large")
    with table:
        st.dataframe(
            {
                "": [name for name, *_ in rows],
                "films": [count for _, count, *_ in rows],
                "per 1,000 patients": [round(rate, 1) for _, _, rate, _ in rows],
                "share (95 %)": [_share(interval) for *_, interval in rows],
            },
            hide_index=True, key="threshold_band_table", height="content",
        )  # fmt: skip
        st.caption(
            f"Per 1,000 patients at {prevalence:.1%} prevalence. Shares: missed of all "
            f"{data.ill:,} pneumonias, false alarms of all {data.well:,} normal films."
        )
    with side:
        wrong = "not defined" if found.error is None else _share(found.error)
        st.markdown(
            f"Decided without a reader  \n**{_share(found.decided)}**\n\n"
            f"Wrong among those decided  \n**{wrong}**"
        )
        if st.button(
            "Leave 1 % of either error", key="threshold_band_auto",
            icon=":material/unfold_less:",
            help="The narrowest band outside which at most 1 % of pneumonias are missed and 1 % of "
            "normal films are alarmed, among the films that choose, widened to hold the threshold.",
        ):  # fmt: skip
            low, high = op.choose_band(state.loaded_tuning)
            state.move(point.threshold, low, high)
            st.rerun(scope="app")


def _share(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f"{interval.value:.1%} ({interval.low:.1%} to {interval.high:.1%})"
