"""CXR Workbench: the list of pages, and the notice that stands over each of them."""

from pathlib import Path

import streamlit as st

from pages._shared import entry

st.set_page_config(
    page_title="CXR Workbench",
    page_icon=str(Path(__file__).parent / "assets" / "icon.svg"),
    layout="wide",
    initial_sidebar_state=310,
)
page = st.navigation(
    [
        st.Page("pages/review.py", title="Review", icon=":material/pulmonology:", default=True),
        st.Page("pages/threshold.py", title="Threshold", icon=":material/tune:"),
        st.Page("pages/compare.py", title="Compare", icon=":material/scatter_plot:"),
        st.Page("pages/fine_tune.py", title="Fine-tune", icon=":material/model_training:"),
        st.Page("pages/models.py", title="Models", icon=":material/inventory_2:"),
        st.Page("pages/learn.py", title="Learn", icon=":material/school:"),
    ],
    position="top",
)
entry.enter()
st.markdown(
    ":orange-badge[:material/info: Not a medical device] "
    ":small[Research and teaching only, not for diagnosis or treatment. "
    "Shipped network: children of one hospital.]"
)
page.run()
