"""What the reader makes of the film: a finding and a note, kept in the session and its results."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from cxr_core import worklist
from cxr_core.report import SAID
from cxr_core.schema import Decision, ReaderFinding
from pages._review.session import Case, Session, now

# The keys 1, 2 and 3 choose them in this order (viewport.py).
FINDINGS: tuple[ReaderFinding, ...] = ("PNEUMONIA", "NORMAL", "UNSURE")
KEY = "review_reader"
MOST_LETTERS = 500


def show(session: Session, case: Case) -> None:
    """The choice and the note; a decision made again replaces the earlier one."""
    made = case.item.decision
    choice, note = f"{KEY}_{case.key}", f"review_note_{case.key}"
    with st.container(gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
            st.markdown(f":small[**Your reading** {_against(case)}]", width="content")
            with st.popover(
                "Note", icon=":material/check:" if made and made.note else ":material/edit_note:",
                type="tertiary", disabled=made is None, help="A note to your reading",
            ):  # fmt: skip
                st.text_area(
                    "Note to your reading", made.note if made else "", key=note,
                    max_chars=MOST_LETTERS, on_change=_note, args=(session, case, note),
                    placeholder="No names: it goes into the results and the PDF.",
                )  # fmt: skip
        st.segmented_control(
            "Your reading", FINDINGS, default=made and made.finding, key=choice,
            format_func=lambda finding: SAID[finding].capitalize(),
            label_visibility="collapsed", on_change=_decide, args=(session, case, choice),
        )  # fmt: skip


def _against(case: Case) -> str:
    if case.item.decision is None:
        return "keys 1, 2, 3"
    same = worklist.agrees(case.item)
    if same is None:
        return "recorded"
    return ":green[agrees]" if same else ":orange[differs]"


def _decide(session: Session, case: Case, key: str) -> None:
    finding, before = st.session_state[key], case.item.decision
    made = None
    if finding is not None:
        reading = case.item.reading
        prediction = reading and reading.prediction
        saw = prediction and f"{prediction.model_name} {prediction.model_version}"
        made = Decision(finding, now(), before.note if before else "", saw)
    case.item = replace(case.item, decision=made)
    session.unsaved = True


def _note(session: Session, case: Case, key: str) -> None:
    if (made := case.item.decision) is not None:
        case.item = replace(case.item, decision=replace(made, note=st.session_state[key].strip()))
        session.unsaved = True
