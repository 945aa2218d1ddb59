"""Questions to the process that holds the networks; answers are kept for the session."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.workroom import Answer, Workroom, as_given
from pages._learn.film import Shown

MOST = 80


@st.cache_resource(show_spinner=False)
def workroom() -> Workroom:
    """One for all sessions."""
    return Workroom()


def ask(
    task: str, film: Shown | None = None, *, arrays: Any = None, say: str = "", **values: Any
) -> Answer | None:
    """An answer, kept or new; None after an error that has been shown."""
    kept: OrderedDict[tuple[Any, ...], Answer] = st.session_state.setdefault(
        "learn_answers", OrderedDict()
    )
    key = (task, film.key if film else "", *sorted(values.items()))
    if key in kept:
        kept.move_to_end(key)
        return kept[key]
    given = dict(arrays or {}) | (as_given(film.pixels) if film else {})
    first = "" if workroom().warm else " The first question starts Keras, about ten seconds."
    try:
        with st.spinner(f"{say or 'Asking the network'}…{first}"):
            answer = workroom().ask(task, arrays=given, **values)
    except CxrError as error:
        st.error(str(error), icon=":material/error:")
        return None
    kept[key] = answer
    while len(kept) > MOST:
        kept.popitem(last=False)
    return answer


def known(task: str, film: Shown, **values: Any) -> Answer | None:
    """An answer that was kept, without asking."""
    kept = st.session_state.get("learn_answers", {})
    found: Answer | None = kept.get((task, film.key, *sorted(values.items())))
    return found
