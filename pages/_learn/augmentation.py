"""Augmentation: the film before and after, and whether that can happen to a real one."""

from __future__ import annotations

import streamlit as st

from cxr_core import figures
from cxr_core.transformations import TRANSFORMATIONS, Verdict
from pages._learn import film, show

ROWS = {row.key: row for row in TRANSFORMATIONS}
TITLES = {row.key: row.title for row in TRANSFORMATIONS}
VERDICTS: dict[Verdict, tuple[str, str]] = {
    "happens": (":green[**It happens to real films.**]", ":material/check_circle:"),
    "rare": (":orange[**It hardly ever happens.**]", ":material/help:"),
    "never": (":red[**It does not happen: leave it out.**]", ":material/block:"),
    "too much": (":orange[**Not this much of it.**]", ":material/warning:"),
    "nothing": ("**Nothing is changed.**", ":material/drag_handle:"),
}


def page() -> None:
    """One transformation at a time."""
    key = st.pills(
        "Transformation", list(TITLES), format_func=TITLES.__getitem__, default="rotate",
        required=True, key="learn_transformation", label_visibility="collapsed",
    )  # fmt: skip
    row = ROWS[key]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = film.choose("augmentation")
        if row.unit:
            strength = st.slider(
                f"{row.title} ({row.unit})", float(row.low), float(row.high), float(row.start),
                float(row.step), key=f"learn_strength_{key}", width=620, format="%g",
            )  # fmt: skip
        else:
            strength = float(st.toggle(row.title, value=True, key=f"learn_strength_{key}"))
    if shown is None:
        st.info("Choose or drop a film.", icon=":material/upload:")
        return
    verdict, icon = VERDICTS[row.verdict(strength)]
    st.markdown(f"#### {icon} {verdict} {row.sentence}")
    if row.happens == "happens":
        low, high = row.real
        st.caption(f"Films in use have {low:g} to {high:g} {row.unit}, by our judgement.")
    left, right = st.columns(2, gap="medium")
    with left:
        show.chart(
            figures.picture(shown.pixels, title="as it is", height=500), "learn_before",
            "film-before", "The film as it is.",
        )  # fmt: skip
    with right:
        title = f"{row.title.lower()} {strength:g} {row.unit}" if row.unit else row.title.lower()
        show.chart(
            figures.picture(row.apply(shown.pixels, strength), title=title, height=500),
            "learn_after", f"film-{key.replace('_', '-')}", f"The film after {title}.",
        )  # fmt: skip
