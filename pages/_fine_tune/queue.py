"""The job table as this page sees it: which job is chosen, and the list that every browser shares.

Nothing of a job is kept in a session: the table holds it, and the address names the chosen one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from cxr_core import jobs, registry
from cxr_core.errors import CxrError, JobError
from cxr_core.jobs import Job, JobTable, State
from pages._fine_tune.words import short_time

PAGE = "pages/fine_tune.py"
TRAIN, ESTIMATE, DOWNLOAD, INSPECT = "train", "estimate", "download", "inspect"
CHOSEN, BESIDE = "job", "with"
# Ended runs that the list shows before it is unfolded.
SHOWN = 12
LIST_EVERY = 2.0

ICONS: dict[State, str] = {
    State.QUEUED: ":material/schedule:",
    State.RUNNING: ":material/play_circle:",
    State.DONE: ":material/check_circle:",
    State.FAILED: ":material/error:",
    State.CANCELLED: ":material/cancel:",
    State.INTERRUPTED: ":material/power_off:",
}
COLOURS: dict[State, str] = {
    State.QUEUED: "gray",
    State.RUNNING: "blue",
    State.DONE: "green",
    State.FAILED: "red",
    State.CANCELLED: "gray",
    State.INTERRUPTED: "orange",
}


def table() -> JobTable:
    """The one table of this process. Raises JobError where the database does not answer."""
    return _table(str(registry.home()))


@st.cache_resource(show_spinner=False)
def _table(home: str) -> JobTable:
    return jobs.open_table()


def tick() -> None:
    """Bury the dead, start what waits: whoever looks at the queue keeps it moving."""
    jobs.executor(table()).tick()


def submit(kind: str, config: dict[str, Any], title: str) -> Job:
    """Queue a job and start it if there is room."""
    job = table().submit(kind, config, title=title)
    tick()
    return job


def attempt(action: Callable[..., object], *arguments: object) -> None:
    """A button's callback: what goes wrong is kept for `problems` to show."""
    st.session_state.pop("tune_problem", None)
    try:
        action(*arguments)
    except CxrError as error:
        st.session_state.tune_problem = str(error)


def problems() -> None:
    """Why the last button did nothing."""
    if words := st.session_state.get("tune_problem"):
        st.error(words, icon=":material/error:")


def chosen() -> Job | None:
    """The job that the address names."""
    identifier = st.query_params.get(CHOSEN)
    if not identifier:
        return None
    try:
        return table().get(identifier)
    except JobError as error:
        st.warning(str(error), icon=":material/search_off:")
        return None


def open_job(identifier: str | None) -> None:
    """Show a job, or the form for a new one; only the address changes."""
    st.query_params.pop(BESIDE, None)
    if identifier is None:
        st.query_params.pop(CHOSEN, None)
    else:
        st.query_params[CHOSEN] = identifier


def beside() -> list[str]:
    """The jobs whose curves are laid over the chosen one's."""
    return [i for i in st.query_params.get(BESIDE, "").split(",") if i]


def waiting_before(job: Job, among: Sequence[Job]) -> int:
    """How many jobs run or wait before a queued one; light ones and the others pass each other."""
    return sum(
        other.state is State.RUNNING
        or (other.state is State.QUEUED and other.created < job.created)
        for other in among
        if other.id != job.id and _light(other) is _light(job)
    )


def _light(job: Job) -> bool:
    return job.kind in jobs.KINDS and jobs.KINDS[job.kind].light


def share_done(job: Job) -> float:
    """0 to 1 over all epochs."""
    if job.state is State.DONE:
        return 1.0
    within = job.step / job.steps if job.steps else 0.0
    if job.epochs:
        return min(1.0, (max(0, job.epoch - 1) + within) / job.epochs)
    return min(1.0, within)


def latest(kind: str, config: dict[str, Any]) -> Job | None:
    """The newest job of this kind that was asked for the same, by any browser."""
    wanted = _plain(config)
    return next((job for job in table().list(kind=kind) if _plain(job.config) == wanted), None)


@st.fragment(run_every=1.0)
def follow(identifier: str) -> None:
    """A bar for a short job; the page runs again when it has ended."""
    tick()
    job = table().get(identifier)
    if job.state.ended:
        st.rerun()
    if job.state is State.QUEUED:
        before = waiting_before(job, table().list(states=(State.QUEUED, State.RUNNING)))
        words = f"waits for {before} before it" if before else "starting"
    else:
        words = job.message or "starting"
    st.progress(share_done(job), text=words)


def _plain(value: Any) -> Any:
    if hasattr(value, "items"):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


@st.fragment(run_every=LIST_EVERY)
def listing(current: str | None) -> None:
    """New run, then what runs and waits, then what has ended, the latest first."""
    st.page_link(PAGE, label="New run", icon=":material/add:", disabled=current is None)
    try:
        tick()
        found = table().list()
    except JobError as error:
        st.error(str(error), icon=":material/database_off:")
        return
    active = [j for j in found if not j.state.ended]
    ended = [j for j in found if j.state.ended and j.kind == TRAIN]
    if not active and not ended:
        st.caption("No runs yet. What you start is listed here, in every browser.")
        return
    for job in sorted(active, key=lambda j: (j.state is not State.RUNNING, j.created)):
        _entry(job, current)
    if ended:
        st.markdown(":small[**Ended**]")
    everything = len(ended) > SHOWN and st.toggle(
        f"All {len(ended)}", key="tune_all", help="Also the runs of longer ago."
    )
    for job in ended if everything else ended[:SHOWN]:
        _entry(job, current)


def _entry(job: Job, current: str | None) -> None:
    """A link, so that a run can be opened in a second window, and its address sent to others."""
    name, _, rest = job.title.partition(" · ")
    with st.container(gap=None):
        st.page_link(
            PAGE, label=f":primary[{name}]" if job.id == current else name, icon=ICONS[job.state],
            query_params={CHOSEN: job.id}, width="stretch",
        )  # fmt: skip
        st.caption(" · ".join(filter(None, (rest, _where(job)))))
        if job.state is State.RUNNING:
            st.progress(share_done(job))


def _where(job: Job) -> str:
    """How far it is, or when it ended: enough to tell two runs of one method apart."""
    if job.state is State.RUNNING:
        if job.epochs:
            return f"epoch {max(1, job.epoch)} of {job.epochs}"
        return job.message.split(",")[0] or "starting"
    if job.state is State.QUEUED:
        return "waits"
    moment = short_time(job.ended or job.created)
    return moment if job.state is State.DONE else f"{job.state} {moment}"
