"""The worklist: most urgent first, one click or key to open, results to take away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import streamlit as st

from cxr_core import worklist
from pages._review.session import Case, Session, short


def controls(session: Session) -> None:
    """Previous, next, remove: buttons, each with its key."""
    order = [case.key for case in session.sorted()]
    if session.opened not in order:
        return
    place = order.index(session.opened)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Previous", key="review_previous", shortcut="P", disabled=place == 0,
            on_click=session.step, args=(-1,), icon=":material/arrow_upward:", wrap=False,
        )  # fmt: skip
        st.button(
            "Next", key="review_next", shortcut="N", disabled=place == len(order) - 1,
            on_click=session.step, args=(1,), icon=":material/arrow_downward:", wrap=False,
        )  # fmt: skip


def table(session: Session) -> None:
    """The list; choosing a row opens its film."""
    cases = session.sorted()
    order = tuple(case.key for case in cases)
    # A table keeps its own choice of row; a new key when films come, go or are opened elsewhere
    # lets it follow.
    key = f"review_table_{hash((order, session.opened))}"
    rows = [order.index(session.opened)] if session.opened in order else []
    st.dataframe(
        _columns(cases),
        key=key,
        hide_index=True,
        on_select=lambda: _select(session, key, order),
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": rows}},
        height=min(38 + 35 * len(cases), 38 + 35 * 9),
        column_config={
            "Finding": st.column_config.TextColumn(
                "Finding", width=104, help=worklist.URGENCY_IN_WORDS
            ),
            "%": st.column_config.NumberColumn(
                "%", format="%.1f", width=42, help="Probability of pneumonia, in per cent."
            ),
            "Film": st.column_config.TextColumn("Film"),
        },
        placeholder="",
        alt=worklist.URGENCY_IN_WORDS,
    )


def downloads(session: Session) -> None:
    """Results of all films as CSV and JSON, and the way to forget them."""
    items = [case.item for case in session.sorted()]
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "CSV", worklist.to_csv(items), "cxr-results.csv", "text/csv", key="review_csv",
            on_click="ignore", icon=":material/download:", wrap=False,
            help="One row a film, in the order of the list, with the files' names.",
        )  # fmt: skip
        st.download_button(
            "JSON", worklist.to_json(items), "cxr-results.json", "application/json",
            key="review_json", on_click="ignore", icon=":material/download:", wrap=False,
            help="The same records as the terminal's `predict --json`.",
        )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        if session.opened is not None:
            st.button(
                "Remove film", key="review_remove", on_click=session.remove,
                args=(session.opened,), type="tertiary", icon=":material/delete:", wrap=False,
                help="Forget this film: its bytes, its reading and its picture.",
            )  # fmt: skip
        if len(items) > 1:
            st.button(
                "Remove all", key="review_clear", on_click=session.clear, type="tertiary",
                icon=":material/delete_sweep:", wrap=False,
            )  # fmt: skip


def _select(session: Session, key: str, order: Sequence[int]) -> None:
    chosen = st.session_state[key]["selection"]["rows"]
    if chosen:
        session.open(order[chosen[0]])


def _columns(cases: Sequence[Case]) -> dict[str, list[object]]:
    findings = [worklist.finding(case.item) for case in cases]
    return {
        "Finding": list(findings),
        "%": [_percent(case) for case in cases],
        "Film": [short(PurePosixPath(case.item.name).stem, 8) for case in cases],
    }


def _percent(case: Case) -> float | None:
    reading = case.item.reading
    if reading is None or reading.prediction is None:
        return None
    # Rounded to one decimal, and never to a certainty that a network cannot have.
    return min(max(round(100 * reading.prediction.probability, 1), 0.1), 99.9)
