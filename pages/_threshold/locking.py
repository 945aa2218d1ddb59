"""Locking a threshold into a model's record, what was locked before, and the way back."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from cxr_core import operating as op
from cxr_core import points, registry
from cxr_core.errors import CxrError
from cxr_core.operating import Sorted
from cxr_core.points import LockedPoint
from cxr_core.registry import ModelEntry
from cxr_core.schema import OperatingPoint
from pages._shared.words import plain
from pages._threshold import sources
from pages._threshold.reporting import said
from pages._threshold.session import Bench


def button(state: Bench) -> None:
    """Opens the confirmation; nothing is written before it is answered."""
    if st.button(
        "Lock", key="threshold_lock", type="primary", icon=":material/lock:", width="stretch",
        help="Make this the threshold that Review uses, with its evidence.",
    ):  # fmt: skip
        _confirm(state)


@st.dialog("Lock this operating point?", width="medium")
def _confirm(state: Bench) -> None:
    data, point = state.loaded_tuning, state.point
    entry = _entry(state)
    if entry is None:
        return
    choice = state.choice or op.choose(data, "hand", point.threshold)
    before = points.active(entry)
    st.markdown(
        f"**{entry.name} {entry.version}**: threshold **{before.threshold:.4f} → "
        f"{point.threshold:.4f}**, refer from {point.low:.4f} to {point.high:.4f}.\n\n"
        f"Criterion: {plain(choice.sentence)}.\n\n"
        f"Chosen on {_on(data, point.threshold)}. Data sha256 `{data.set.sha256[:16]}`."
    )
    if state.reporting is not None:
        st.markdown(f"Reported on {_on(state.reporting, point.threshold)}.")
    problem = state.honesty
    understood = True
    if problem is not None:
        st.warning(plain(problem), icon=":material/warning:")
        understood = st.checkbox("Lock it all the same", key="threshold_lock_anyway")
    st.text_input("Note (optional)", key="threshold_lock_note", max_chars=300)
    yes, no = st.columns(2)
    locked = yes.button(
        "Lock", type="primary", width="stretch", disabled=not understood,
        key="threshold_lock_yes", on_click=_write, args=(state, entry, choice),
    )  # fmt: skip
    if no.button("Cancel", width="stretch", key="threshold_lock_no") or locked:
        st.rerun()


def _on(films: Sorted, threshold: float) -> str:
    found = films.figures(threshold)
    return plain(
        f"{films.set.name}, {films.n:,} films: sensitivity {said(found.sensitivity, True)}, "
        f"specificity {said(found.specificity, True)}"
    )


def _evidence(lock: LockedPoint) -> str:
    """The figures that a lock was made with, on the films that chose and on those reported on."""
    parts = []
    for words, figures in (
        ("chosen on", lock.figures),
        ("reported on", (lock.reported or {}).get("figures")),
    ):
        if figures:
            shares = [
                f"{name} {_share(figures.get(name))}" for name in ("sensitivity", "specificity")
            ]
            parts.append(f"{words} {figures.get('films', '')}: {', '.join(shares)}")
    return "; ".join(parts) or "no figures kept"


def _share(found: Mapping[str, float] | None) -> str:
    if not found:
        return "not defined"
    return f"{found['value']:.1%} ({found['low']:.1%} to {found['high']:.1%})"


def _write(state: Bench, entry: ModelEntry, choice: op.Choice) -> None:
    """Lock the handles as they stand, and show the model's record."""
    point = state.point
    try:
        op.lock(
            entry, state.loaded_tuning, choice, refer_low=point.low, refer_high=point.high,
            reporting=state.reporting, note=st.session_state.get("threshold_lock_note") or "",
        )  # fmt: skip
    except CxrError as error:
        state.trouble = str(error)
        return
    _stand(state, entry)
    st.session_state["threshold_section"] = "Locked"


def _entry(state: Bench) -> ModelEntry | None:
    """The model that gave these scores; for a score file, the one that a person says gave them."""
    entry = sources.entry_of(state.loaded_tuning.set)
    if entry is not None:
        return entry
    models = {f"{m.name} {m.version}": m for m in registry.list_models()}
    chosen = st.selectbox(
        "Which model gave these scores?", list(models), index=None, key="threshold_lock_model",
        help="A threshold means something for one model's probabilities alone.",
    )  # fmt: skip
    if chosen is None:
        st.info("A score file does not say which model it is of: choose it to go on.")
        return None
    return models[chosen]


def history(state: Bench, _: float, __: float) -> None:
    """Every point ever locked for this model, the latest first; each can be made the one in use."""
    entry = sources.entry_of(state.loaded_tuning.set)
    if entry is None:
        models = {f"{m.name} {m.version}": m for m in registry.list_models()}
        entry = models[st.selectbox("Model", list(models), key="threshold_history_model")]
    found = points.history(entry)
    if found.problem:
        st.warning(plain(found.problem), icon=":material/warning:")
    own = entry.card.operating_point
    active = None if found.active is None else found.active.id
    st.markdown(f"**{entry.name} {entry.version}**, in use: {points.active(entry).threshold:.4f}")
    entries: list[tuple[str | None, str, OperatingPoint, str, str]] = [
        (lock.id, lock.locked[:16].replace("T", " "), lock.point, _evidence(lock), lock.note)
        for lock in reversed(found.locked)
    ]
    entries.append((None, entry.card.created or "", own, "", "as the model came"))
    for identifier, when, point, figures, note in entries:
        _line(state, entry, identifier, when, point, figures, note, identifier == active)


def _line(
    state: Bench,
    entry: ModelEntry,
    identifier: str | None,
    when: str,
    point: OperatingPoint,
    figures: str,
    note: str,
    active: bool,
) -> None:
    with st.container(border=True):
        words, restore = st.columns([5, 1], vertical_alignment="center")
        badge = " :green-badge[:material/check: in use]" if active else ""
        parts = (f"{point.criterion} · {point.data}, {point.n:,} films", figures, note)
        evidence = "  \n".join(plain(part) for part in parts if part)
        words.markdown(
            f"**{point.threshold:.4f}** · refer {point.refer_low:.4f} to {point.refer_high:.4f} · "
            f"{when}{badge}  \n:small[{evidence}]"
        )
        if active:
            return
        with restore.popover("Restore", width="stretch"):
            st.markdown(f"Review will use **{point.threshold:.4f}** from then on.")
            if st.button("Restore it", type="primary", key=f"threshold_restore_{identifier}"):
                points.restore(entry, identifier)
                _stand(state, entry)
                st.rerun(scope="app")


def _stand(state: Bench, entry: ModelEntry) -> None:
    """The page shows the point now in use where the films are this model's."""
    point = points.active(entry)
    if sources.entry_of(state.loaded_tuning.set) == entry:
        state.standing = (point.threshold, point.criterion)
        state.move(point.threshold, point.refer_low, point.refer_high)
