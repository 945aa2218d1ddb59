"""The list of stored models; a damaged one is named and skipped."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cxr_core.card import shown
from cxr_core.shelf import Stored


def table(found: Sequence[Stored]) -> list[Stored]:
    """The table; returns what is chosen in it."""
    state = st.dataframe(
        {
            "": ["default" if one.default else "" for one in found],
            "Name": [one.entry.name for one in found],
            "Version": [one.entry.version for one in found],
            "Validation AUC": [_auc(one) for one in found],
            "Threshold": [one.card and one.card.operating_point.threshold for one in found],
            "Backbone": [one.card and one.card.backbone for one in found],
            "Made": [one.card and one.card.created for one in found],
            "Size": [one.megabytes for one in found],
            "From": ["shipped" if one.entry.shipped else "made here" for one in found],
            "State": ["damaged" if one.problem else "complete" for one in found],
            "Description": [one.description for one in found],
        },
        key=f"models_table_{hash(tuple(one.id for one in found))}",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        # The page opens with the model that Review reads with.
        selection_default={
            "selection": {"rows": [k for k, one in enumerate(found) if one.default and one.card]}
        },
        height=38 + 35 * min(max(len(found), 1), 10),
        placeholder="not measured",
        column_config={
            "": st.column_config.TextColumn(
                width=72, help="The model that is meant where none is named."
            ),
            "Threshold": st.column_config.NumberColumn(format="%.3f"),
            "Size": st.column_config.NumberColumn(format="%.1f MB"),
            "State": st.column_config.TextColumn(
                help="Whether its card and files are there. 'Verify' reads every byte."
            ),
        },
        alt="Stored models by row, with their validation figures and state.",
    )
    for one in found:
        if one.problem:
            st.warning(
                f"**{one.entry.name} {one.entry.version}** is left out wherever a model can be "
                f"chosen. {one.problem}",
                icon=":material/broken_image:",
            )
    rows = state["selection"]["rows"]
    return [found[i] for i in rows if i < len(found)]


def _auc(one: Stored) -> str | None:
    area = one.card.validation.auc if one.card else None
    return None if area is None else shown(area)
