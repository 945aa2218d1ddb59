"""A mistake and the right way as a pair of jobs: queued, followed side by side, found again."""

from __future__ import annotations

import secrets

import streamlit as st

from cxr_core import figures, jobs
from cxr_core.errors import CxrError
from cxr_core.jobs import Job, State
from cxr_core.mistakes import Mistake
from pages._learn import queue, show

KIND, RESULT = "rehearsal", "runs.json"
EVERY = 1.0


def latest(row: Mistake, *, done: bool = False) -> list[Job] | None:
    """The newest pair of this mistake, in the order of its sides. done: that both have ended well.

    Raises JobError where the job table does not answer.
    """
    found: dict[str, dict[str, Job]] = {}
    for job in queue.table().list(kind=KIND):
        if job.config.get("mistake") == row.key:
            sides = found.setdefault(str(job.config.get("pair")), {})
            sides[str(job.config.get("side"))] = job
    for sides in found.values():
        pair = [sides[side] for side in row.sides if side in sides]
        if len(pair) == len(row.sides) and not (done and any(_unusable(job) for job in pair)):
            return pair
    return None


def _unusable(job: Job) -> bool:
    return job.state is not State.DONE or not (job.folder / RESULT).exists()


def here(row: Mistake) -> None:
    """The pair that runs or has failed, and the form that queues another."""
    try:
        pair = latest(row)
    except CxrError as error:
        st.error(str(error), icon=":material/error:")
        return
    if pair is not None and any(not job.state.ended for job in pair):
        st.fragment(_live, run_every=EVERY)(row)
        return
    for job in pair or ():
        if job.state is not State.DONE:
            st.warning(f"{job.title}: {job.state}. {job.reason or ''}", icon=":material/error:")
    with st.form("learn_rehearse", border=True):
        source = st.text_input(
            "Make it here: folder with NORMAL and PNEUMONIA, file names carrying the patient",
            key="learn_rehearse_source",
        )  # fmt: skip
        words = "both runs" if len(row.sides) > 1 else "the run whose two thresholds differ"
        if st.form_submit_button(f"Queue {words}", icon=":material/play_arrow:"):
            _submit(row, source)


def _submit(row: Mistake, source: str) -> None:
    try:
        folder = str(queue.folder(source))
        pair = secrets.token_hex(8)
        for side in row.sides:
            config = {
                "source": folder, "mistake": row.key, "side": side, "seed": 0, "pair": pair,
            }  # fmt: skip
            queue.table().submit(KIND, config, title=f"{row.title} · {side}")
        jobs.executor(queue.table()).tick()
    except CxrError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()


def _live(row: Mistake) -> None:
    """Both bars and both curves, each second; the page runs again once both have ended."""
    jobs.executor(queue.table()).tick()
    pair = latest(row)
    if pair is None or all(job.state.ended for job in pair):
        st.session_state.pop(f"learn_result_{row.key}", None)
        st.rerun(scope="app")
    for job in pair:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(_share(job), text=f"**{job.config['side'].capitalize()}**: {_stage(job)}")
            if not job.state.ended and st.button(
                "Cancel", key=f"learn_cancel_{job.id}", icon=":material/cancel:", wrap=False,
                disabled=job.cancelling,
            ):  # fmt: skip
                queue.table().cancel(job.id)
                st.rerun(scope="fragment")
    curves = [jobs.history(job.folder) for job in pair]
    if len(pair) > 1 and any(curves):
        show.chart(
            figures.two_losses(*curves), "learn_live_losses", f"{row.key}-live-losses",
            "Validation loss by epoch so far, wrong and right.",
        )  # fmt: skip


def _share(job: Job) -> float:
    if job.state is State.DONE:
        return 1.0
    within = job.step / job.steps if job.steps else 0.0
    return min(1.0, (max(0, job.epoch - 1) + within) / job.epochs) if job.epochs else 0.0


def _stage(job: Job) -> str:
    if job.state is State.QUEUED:
        return "waits for its turn"
    if job.state is not State.RUNNING:
        return str(job.state)
    epoch = f", epoch {job.epoch} of {job.epochs}" if job.epochs else ""
    return f"{job.message or 'starting'}{epoch}"
