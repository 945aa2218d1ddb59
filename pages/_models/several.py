"""Cards of several models side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cxr_core import shelf
from cxr_core.shelf import Stored


def show(chosen: Sequence[Stored]) -> None:
    """What each card states, gaps said aloud; differing data are pointed out."""
    cards = [(one, one.card) for one in chosen if one.card is not None]
    if len(cards) < 2:
        st.info("Choose two models that are complete to compare them.")
        return
    splits = {card.data.split_sha256 for _, card in cards}
    if len(splits) > 1 or None in splits:
        st.warning(
            "These models were not validated on the same films, so their figures are not to be "
            "compared as they stand. Score one folder of films with each, under Threshold.",
            icon=":material/balance:",
        )
    rows = shelf.side_by_side([card for _, card in cards])
    titles = [f"{one.entry.name} {one.entry.version}" for one, _ in cards]
    st.dataframe(
        {"": [what for what, _ in rows]}
        | {title: [values[k] for _, values in rows] for k, title in enumerate(titles)},
        key="models_compared",
        hide_index=True,
        height=38 + 35 * len(rows),
        alt=f"Cards of {', '.join(titles)} side by side.",
    )
