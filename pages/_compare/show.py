"""A figure on the page: letters to be read from the last row, and buttons to take it along."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cxr_core import figures
from pages._shared import export


def chart(figure: Any, key: str, alt: str, name: str | None = None, **config: Any) -> None:
    """Draw `figure`; with `name`, buttons save it as PNG and SVG under that name."""
    dark = getattr(getattr(st.context, "theme", None), "type", None) == "dark"
    st.plotly_chart(
        figures.legible(figure, dark), key=key, config=figures.FIELD_CONFIG | config, alt=alt
    )
    if name is not None:
        export.buttons(key, name)
