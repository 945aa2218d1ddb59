"""Models: what is stored, which one is meant, and files in and out."""

from __future__ import annotations

import streamlit as st

from cxr_core import registry, shelf
from pages._models import incoming, listing, one, several
from pages._shared import entry


def main() -> None:
    if done := st.session_state.pop("models_done", None):
        st.toast(done, icon=":material/check:")
    found = shelf.stored()
    chosen = listing.table(found)
    if trouble := registry.default().problem:
        st.warning(f"{trouble} The shipped model is meant instead.", icon=":material/warning:")
    if len(chosen) > 1:
        several.show(chosen)
    elif chosen:
        one.show(chosen[0])
    else:
        st.caption("Choose a model to describe, rename, export or delete it; two to compare them.")
    incoming.show()


entry.through_app("pages/models.py")
main()
