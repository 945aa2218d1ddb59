"""Which method when: two questions, an answer, and why."""

from __future__ import annotations

import streamlit as st

from cxr_core import advice, jobs, methods
from cxr_core.errors import CxrError
from cxr_core.methods import DataChoice, Plan
from pages._learn import queue

SIMILAR = {
    "different": "Different: films, scans, microscopy",
    "similar": "Similar: photographs of things",
}


def page() -> None:
    """Two controls and their answer."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("### How much data?")
        examples = st.select_slider(
            "Labelled examples", [100, 300, 1000, 3000, 5000, 10_000, 30_000, 100_000, 1_000_000],
            value=3000, format_func=lambda n: f"{n:,}", key="learn_examples",
        )  # fmt: skip
        st.markdown(
            f"**{advice.amount(examples).capitalize()}**: the line drawn here is "
            f"{advice.LARGE_FROM:,} labelled examples, a rule of thumb."
        )
    with right:
        st.markdown("### How like ImageNet's photographs?")
        likeness = st.segmented_control(
            "Likeness", list(SIMILAR), format_func=SIMILAR.__getitem__, default="different",
            required=True, key="learn_likeness", label_visibility="collapsed",
        )  # fmt: skip
        st.markdown("A chest film is grey, has no objects, and its evidence is texture.")
    found = advice.advise(examples, likeness)
    st.markdown(f"## :blue[{found.title}]")
    st.markdown(f"#### {found.reason}")
    first = methods.method(found.method)
    st.success(f"**{first.title}.** {first.what} {first.when}", icon=":material/recommend:")
    if found.instead is not None:
        other = methods.method(found.instead)
        st.info(f"**Or: {other.title}.** {other.what} {other.when}", icon=":material/alt_route:")
    _queue(found.method, first.title)
    st.markdown("### Which backbone?")
    lines = [f"| {when} | **{what}** |" for when, what in advice.BACKBONES]
    st.markdown("| what counts | take |\n| --- | --- |\n" + "\n".join(lines))
    st.markdown("Measured side by side, on this machine too, on the page *Compare*.")


def _queue(key: str, title: str) -> None:
    """The recommended method on a folder, as a fine-tuning job with the method's own settings."""
    with st.form("learn_which_queue", border=True):
        source = st.text_input("Folder of films to try it on", key="learn_which_source")
        if not st.form_submit_button(f"Queue: {title}", icon=":material/play_arrow:"):
            return
        try:
            data = DataChoice(str(queue.folder(source)))
            plan = Plan(data, key, methods.method(key).defaults)
            methods.check_plan(plan)
            job = queue.table().submit("train", methods.as_config(plan), title=title)
            jobs.executor(queue.table()).tick()
        except CxrError as error:
            st.error(str(error), icon=":material/error:")
            return
        queue.said(job.id)
