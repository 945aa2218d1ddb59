"""Every page is reached through app.py, which puts the notice over it and knows the other pages.

Until app.py has run once in a server's life, Streamlit 1.67 takes the folder pages/ for a list of
pages of their own and would run the file that an address names without app.py.
"""

from __future__ import annotations

import streamlit as st

ENTERED, GOAL = "app_entered", "app_goal"


def through_app(page: str) -> None:
    """First line of each page. page: 'pages/review.py'."""
    if ENTERED not in st.session_state:
        st.session_state[GOAL] = (page, dict(st.query_params))
        st.switch_page("app.py")


def enter() -> None:
    """Called by app.py once it has named its pages: go on to where the reader wanted to go."""
    st.session_state[ENTERED] = True
    if GOAL in st.session_state:
        page, query = st.session_state.pop(GOAL)
        st.switch_page(page, query_params=query)
