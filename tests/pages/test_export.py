"""The export buttons as a script; that the files are saved is tested in a browser."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages._shared import export


def chart() -> None:
    import plotly.graph_objects as go
    import streamlit as st

    from pages._shared import export

    st.plotly_chart(go.Figure(), key="curve")
    export.buttons("curve", "roc-1.0.0")


def test_the_buttons_stand_on_a_page_under_a_key_of_their_own():
    page = AppTest.from_function(chart).run()
    assert not page.exception
    assert page.get("plotly_chart")


@pytest.mark.parametrize("name", ["", "a/b", "patient name", "a\nb"])
def test_a_name_that_is_no_file_name_is_refused(name: str):
    with pytest.raises(ValueError, match="received"):
        export.buttons("curve", name)
