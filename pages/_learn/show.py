"""Charts and pictures as the lecture page shows them: large, with a way to save each."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cxr_core import figures
from pages._shared import export

STILL: dict[str, Any] = {"displayModeBar": False, "scrollZoom": False}
ZOOM: dict[str, Any] = {"displayModeBar": False, "scrollZoom": True, "doubleClick": "reset"}


def dark() -> bool:
    """Whether the reader's theme is dark."""
    return st.context.theme.type == "dark"


def chart(figure: Any, key: str, name: str, alt: str, config: dict[str, Any] | None = None) -> None:
    """A figure across its column, letters in the theme's ink, with buttons that save it."""
    st.plotly_chart(
        figures.legible(figure, dark()), key=key, config=config or STILL, alt=alt, theme="streamlit"
    )
    export.buttons(key, name)
