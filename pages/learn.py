"""Learn: the network opened up, for a lecture hall."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages._learn import architectures, as_it_came, augmentation, inside, mistakes, which, why
from pages._shared import entry

VIEWS: dict[str, Callable[[], None]] = {
    "Architectures": architectures.page,
    "Inside a film": inside.page,
    "Augmentation": augmentation.page,
    "Why?": why.page,
    "As it came": as_it_came.page,
    "Mistakes": mistakes.page,
    "Which method?": which.page,
}


def main() -> None:
    view = st.segmented_control(
        "View", list(VIEWS), default="Architectures", required=True, key="learn_view",
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    VIEWS[view]()


entry.through_app("pages/learn.py")
main()
