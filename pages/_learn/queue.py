"""Jobs that the lecture page queues; the fine-tuning page lists them with all others."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cxr_core import jobs, registry
from cxr_core.errors import DataError
from cxr_core.jobs import JobTable


def table() -> JobTable:
    """The one table of this process. Raises JobError where the database does not answer."""
    return _table(str(registry.home()))


@st.cache_resource(show_spinner=False)
def _table(home: str) -> JobTable:
    return jobs.open_table()


def folder(text: str) -> Path:
    """A folder as it was typed. Raises DataError where there is none."""
    path = Path(text.strip()).expanduser()
    if not text.strip() or not path.is_dir():
        raise DataError(
            "Expected a folder of films on this machine; received none. Type its whole path."
        )
    return path.resolve()


def said(job: str) -> None:
    """Where a queued job is followed."""
    st.success("Queued. Its progress is on the page Fine-tune.", icon=":material/schedule:")
    st.page_link("pages/fine_tune.py", label="Follow it", icon=":material/monitoring:",
                 query_params={"job": job})  # fmt: skip
