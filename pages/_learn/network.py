"""Which network is opened, and which of its layers."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cxr_core import inside
from pages._learn import room


def choose(page: str, *, trained: bool = False) -> str:
    """The network's source. trained: without those that have learnt nothing."""
    sources = {k: v for k, v in inside.sources().items() if not (trained and k.startswith("zoo:"))}
    kept = st.session_state.get("learn_source")
    keys = list(sources)
    source = st.selectbox(
        "Network", keys, index=keys.index(kept) if kept in keys else 0,
        format_func=sources.__getitem__, key=f"learn_source_{page}", width=330,
    )  # fmt: skip
    st.session_state["learn_source"] = source
    return source


def layers(source: str) -> dict[str, Any] | None:
    """What the workroom says of a network's layers; None after an error that has been shown."""
    answer = room.ask("layers", source=source, say="Opening the network")
    return None if answer is None else answer.values


def layer(
    known: dict[str, Any], source: str, page: str, what: str, start: str | None = None
) -> str | None:
    """One of the layers that have `what` ('maps', 'filters' or 'output'), for each network anew."""
    rows = {row["name"]: row for row in known["layers"] if row[what]}
    names = list(rows)
    if not names:
        return None

    def title(name: str) -> str:
        shape = "×".join(str(n) for n in rows[name]["shape"])
        return f"{names.index(name) + 1}. {rows[name]['label']}  →  {shape}   ({name})"

    return st.selectbox(
        "Layer", names, index=names.index(start) if start in names else 0, format_func=title,
        key=f"learn_layer_{page}_{what}_{source}", width=480,
    )  # fmt: skip
