"""Links by which one page sends a reader to another, and what they say in the address."""

from __future__ import annotations

import streamlit as st

# The model that Review is asked to read with: NAME@VERSION.
MODEL = "model"


def review_with(name: str, version: str) -> None:
    """A link and not a button that lets the server switch: under Streamlit 1.67 a fragment's poll
    that is on its way while the other page is drawn empties that page."""
    st.page_link(
        "pages/review.py", label=":primary[**Review films with it**]",
        icon=":material/pulmonology:", query_params={MODEL: f"{name}@{version}"},
    )  # fmt: skip
