"""The worklist: most urgent first, one click or key to open, results to take away."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cxr_core import worklist
from cxr_core.report import SAID
from pages._review import rows
from pages._review.findings import percent
from pages._review.rows import Row
from pages._review.session import Case, Session

# What stands above and below the list in the side bar, and the list's least height, in pixels.
AROUND, LEAST = 440, 230


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


def films(session: Session) -> None:
    """The list; choosing a row opens its film."""
    rows.show(
        [_row(case) for case in session.sorted()],
        session.opened,
        session.open,
        height=max(session.height - AROUND, LEAST),
        label=worklist.URGENCY_IN_WORDS,
        unsaved=session.unsaved,
    )


def downloads(session: Session) -> None:
    """Results of all films as CSV and JSON, and the way to forget them."""
    items = [case.item for case in session.sorted()]
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "CSV", worklist.to_csv(items), "cxr-results.csv", "text/csv", key="review_csv",
            on_click=session.saved, icon=":material/download:", wrap=False,
            help="One row a film, in the order of the list, with the files' names "
            "and your reading.",
        )  # fmt: skip
        st.download_button(
            "JSON", worklist.to_json(items), "cxr-results.json", "application/json",
            key="review_json", on_click=session.saved, icon=":material/download:", wrap=False,
            help="The same records, reasons as a list: the terminal's `predict --json` and your "
            "reading.",
        )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        if session.opened is not None:
            st.button(
                "Remove film", key="review_remove", on_click=session.remove,
                args=(session.opened,), type="tertiary", icon=":material/delete:", wrap=False,
                help="Forget this film: its bytes, its reading and its picture.",
            )  # fmt: skip
        if len(items) > 1:
            _remove_all(session)


def _remove_all(session: Session) -> None:
    """At once, or after a question where the reader's decisions would go with the films."""
    words: dict[str, Any] = {"icon": ":material/delete_sweep:", "type": "tertiary", "wrap": False}
    if not session.unsaved:
        st.button("Remove all", key="review_clear", on_click=session.clear, **words)
        return
    del words["wrap"]
    with st.popover("Remove all", **words):
        st.markdown("Your readings are in no file yet: CSV and JSON above hold them.")
        st.button("Remove films and readings", key="review_clear", on_click=session.clear)


def _row(case: Case) -> Row:
    item = case.item
    decision, same = item.decision, worklist.agrees(item)
    mark = "" if decision is None else ("≠ " if same is False else "✓ ") + SAID[decision.finding]
    prediction = item.reading and item.reading.prediction
    finding = worklist.finding(item)
    return {
        "key": case.key,
        "tone": _tone(finding),
        "finding": finding.capitalize(),
        "percent": percent(prediction.probability) if prediction else "",
        "name": item.name,
        "mark": mark,
    }


def _tone(finding: str) -> str:
    tones = {"pneumonia": "red", "refer": "yellow", "normal": "blue"}
    return tones.get(finding.split()[0], "gray")
