"""Compare: why MobileNet exists, and which backbone fits this machine and these films."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cxr_core import comparison
from pages._compare import choice, convolution, films, measure, scaling, table, why
from pages._shared import entry

VIEWS = (
    "Why MobileNet", "All networks", "Convolutions", "Scaling", "Measure here", "On your films",
    "Which one?",
)  # fmt: skip


def main() -> None:
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], required=True, key="view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    rows, results = comparison.table(), comparison.results()
    if results.unreadable:
        st.warning(
            f"{results.unreadable} lines of kept measurements could not be read and are left out.",
            icon=":material/warning:",
        )
    pages: tuple[Callable[[], None], ...] = (
        lambda: why.page(rows, results),
        lambda: table.page(rows, results),
        lambda: convolution.page(rows),
        scaling.page,
        lambda: measure.page(rows, results),
        lambda: films.page(rows, results),
        lambda: choice.page(rows, results),
    )
    pages[VIEWS.index(view)]()


entry.through_app("pages/compare.py")
main()
