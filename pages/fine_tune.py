"""Fine-tune: data set, backbone and method in; a queued run, watched live; a model out."""

from __future__ import annotations

import streamlit as st

from cxr_core.errors import JobError
from pages._fine_tune import form, live, queue
from pages._fine_tune.draft import draft
from pages._shared import entry

WELCOME = "Choose films, a backbone and a method; start; watch it learn."


def main() -> None:
    try:
        queue.table()
    except JobError as error:
        st.error(str(error), icon=":material/database_off:")
        return
    # A link to this page itself brings its query and leaves the browser's address as it was.
    st.query_params.from_dict(st.query_params.to_dict())
    job = queue.chosen()
    with st.sidebar:
        queue.listing(job.id if job else None)
    if job is None:
        st.markdown(f"#### {WELCOME}")
        form.show(draft())
    else:
        live.show(draft(), job)


entry.through_app("pages/fine_tune.py")
main()
