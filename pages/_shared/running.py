"""Jobs of one kind as they run: progress, cancel, and what came of the last one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cxr_core import jobs, registry
from cxr_core.errors import CxrError
from cxr_core.jobs import Job, JobTable, State

ACTIVE = (State.QUEUED, State.RUNNING)
EVERY = 1.0


def start(kind: str, config: Mapping[str, Any], title: str, threads: int | None = None) -> None:
    """Queue a job and let the executor begin with it; says why where it cannot.

    threads: most processors it may use; all but one unless given.
    """
    try:
        table = _table()
        table.submit(kind, dict(config), title=title, threads=threads)
        jobs.executor(table).tick()
    except CxrError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()


def follow(kind: str) -> Job | None:
    """The last job of a kind: followed each second while it runs, told once it has ended.

    Returned once it has ended.
    """
    try:
        found = _latest(kind)
    except CxrError as error:
        st.error(str(error), icon=":material/error:")
        return None
    if found is None:
        return None
    if found.state in ACTIVE:
        st.fragment(_live, run_every=EVERY)(kind)
        return None
    _ended(found)
    return found


def _live(kind: str) -> None:
    jobs.executor(_table()).tick()
    job = _latest(kind)
    if job is None or job.state not in ACTIVE:
        # What it made belongs into every table and picture of the page.
        st.rerun(scope="app")
        return
    within = job.epoch / job.epochs if job.epochs else 0.0
    share = (job.step + within) / job.steps if job.steps else 0.0
    what = job.message or ("waiting for its turn" if job.state is State.QUEUED else "starting")
    done = f"{job.step} of {job.steps}: " if job.steps else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.progress(min(share, 1.0), text=f"{done}{what}")
        if st.button(
            "Cancelling…" if job.cancelling else "Cancel",
            key=f"job_cancel_{kind}", icon=":material/cancel:", wrap=False,
            disabled=job.cancelling,
            help="Stops after the present step. What is done already is kept.",
        ):  # fmt: skip
            _table().cancel(job.id)
            st.rerun(scope="fragment")


def _ended(job: Job) -> None:
    when = (job.ended or "").replace("T", " ")[:16]
    if job.state is State.DONE:
        problems: Sequence[Any] = (job.result or {}).get("problems", ())
        left = "" if not problems else f" {len(problems)} could not be: the reasons stand below."
        st.success(f"{job.title}: done, {when} UTC.{left}", icon=":material/check:")
    elif job.state is State.CANCELLED:
        st.info(
            f"{job.title}: cancelled, {when} UTC. What it had done by then is kept.",
            icon=":material/cancel:",
        )
    else:
        st.error(f"{job.title}: {job.state}. {job.reason or ''}", icon=":material/error:")


def _latest(kind: str) -> Job | None:
    found = _table().list(kind=kind)
    running = [job for job in found if job.state is State.RUNNING]
    waiting = [job for job in found if job.state is State.QUEUED]
    return next(iter([*running, *waiting, *found]), None)


def _table() -> JobTable:
    return _open(os.environ.get("CXR_DATABASE_URL"), str(registry.home()))


@st.cache_resource(max_entries=4)
def _open(url: str | None, home: str) -> JobTable:
    # `home` is part of the key alone: one pool of connections for each $CXR_HOME.
    return jobs.open_table(url)
