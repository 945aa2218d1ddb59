"""One run: how far it is, its curves over others', its log, and what can be done with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import streamlit as st

from cxr_core import jobs
from cxr_core.errors import CxrError
from cxr_core.figures import training
from cxr_core.figures.training import PANELS, Run
from cxr_core.jobs import Job, State
from cxr_core.methods import from_config
from pages._fine_tune import outcome, queue
from pages._fine_tune.draft import Draft
from pages._fine_tune.words import clock, short_time, since

EVERY = 1.0
# Seconds of training before a time is foretold.
PATIENCE = 3.0
LINES = 200
# What TensorFlow says of itself at each start; it stays in the file.
CHATTER = re.compile(r"[IWE]\d{4} 00:00:|WARNING: All log messages before absl")
MOST_BESIDE = len(training.COLOURS) - 1


def show(draft: Draft, job: Job) -> None:
    """The whole view; it polls only while there is something to wait for."""
    every = None if job.state.ended else EVERY
    st.fragment(_live, run_every=every)(job.id, draft, job.state.ended)


def _live(identifier: str, draft: Draft, ended: bool) -> None:
    queue.tick()
    job = queue.table().get(identifier)
    if job.state.ended != ended:
        # Once, to stop or start polling and to bring in what an ended run has to show.
        st.rerun()
    rows = jobs.history(job.folder)
    _head(job, draft, bool(rows))
    queue.problems()
    if job.kind != queue.TRAIN:
        _log(job)
        return
    _figures(job, rows)
    if job.state is State.DONE and job.result:
        outcome.show(job)
    if rows or not job.state.ended:
        _curves(job, rows)
    _log(job)
    _whereabouts(job)


def _head(job: Job, draft: Draft, trained: bool) -> None:
    title, buttons = st.columns([1.2, 1], vertical_alignment="bottom")
    with title:
        st.markdown(
            f"#### {job.title} :{queue.COLOURS[job.state]}-badge[{queue.ICONS[job.state]} "
            f"{'stopping' if job.cancelling and not job.state.ended else job.state}]"
        )
    with buttons, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        _buttons(job, draft)
    if job.state is State.QUEUED:
        before = queue.waiting_before(job, queue.table().list(states=(State.QUEUED, State.RUNNING)))
        place = jobs.executor(queue.table()).place
        st.info(
            f"Waits for {before} job{'' if before == 1 else 's'} before it ({place}). It starts by "
            "itself, also with no browser open."
            if before
            else f"Starting ({place}).",
            icon=":material/schedule:",
        )
    elif job.state is State.RUNNING:
        # Between the last epoch and the stored model there is no epoch to count.
        closing = trained and not job.epochs
        words = f"Finishing: {_stage(job)}" if closing else _stage(job)
        st.progress(1.0 if closing else queue.share_done(job), text=words)
    elif job.reason:
        kind = st.error if job.state is State.FAILED else st.warning
        kind(job.reason, icon=queue.ICONS[job.state])
        if job.resumable:
            st.caption("Resume goes on from the last whole epoch, with the optimiser's state.")


def _stage(job: Job) -> str:
    if job.epochs:
        words = f"Epoch {max(1, job.epoch)} of {job.epochs}, step {job.step:,} of {job.steps:,}"
        return f"{words}: {job.message}" if job.message else words
    return job.message or "Starting: loading TensorFlow"


def _buttons(job: Job, draft: Draft) -> None:
    table = queue.table()
    if not job.state.ended:
        st.button(
            "Cancel", key=f"tune_cancel_{job.id}", icon=":material/stop_circle:", wrap=False,
            disabled=job.cancelling, on_click=queue.attempt, args=(table.cancel, job.id),
            help="Stops within one batch; the best checkpoint is kept.",
        )  # fmt: skip
    if job.resumable and st.button(
        "Resume", key=f"tune_resume_{job.id}", icon=":material/resume:", type="primary",
        on_click=queue.attempt, args=(table.resume, job.id), wrap=False,
    ):  # fmt: skip
        st.rerun()
    if job.kind == queue.TRAIN and st.button(
        "Run again with changes", key=f"tune_again_{job.id}", icon=":material/edit_note:",
        on_click=queue.attempt, args=(_again, job, draft), wrap=False,
        help="Opens the form with this run's settings.",
    ):  # fmt: skip
        st.rerun()
    if job.state.ended:
        with st.popover("Remove", icon=":material/delete:", type="tertiary", wrap=False):
            st.markdown(
                "Deletes this run's row, log, curves and checkpoints. A model that it stored stays."
            )
            if st.button(
                "Remove this run", key=f"tune_remove_{job.id}", on_click=queue.attempt,
                args=(_remove, job.id), icon=":material/delete_forever:",
            ):  # fmt: skip
                st.rerun()


def _again(job: Job, draft: Draft) -> None:
    draft.take(from_config(job.config))
    queue.open_job(None)


def _remove(identifier: str) -> None:
    queue.table().remove(identifier)
    queue.open_job(None)


def _figures(job: Job, rows: tuple[training.Row, ...]) -> None:
    """The newest of everything that moves."""
    last = rows[-1] if rows else {}
    whole = [r for r in rows if r.get("val_loss") is not None]
    judged = whole[-1] if whole else {}
    # What an ended run keeps is its best epoch, not its last.
    told = min(whole, key=lambda r: r["val_loss"] or 0.0) if whole and job.state.ended else judged
    of = "Best epoch's" if job.state.ended else "Validation"
    columns = st.columns(6)
    epochs = f"{job.epoch} of {job.epochs}" if job.epochs else "–"
    if judged and (job.state.ended or not job.epochs):
        epochs = f"{round(judged.get('epoch') or 0)}"
    columns[0].metric("Epoch" if not job.state.ended else "Epochs run", epochs)
    columns[1].metric("Training loss", _number(last.get("loss")))
    columns[2].metric(f"{of} loss", _number(told.get("val_loss")))
    columns[3].metric(f"{of} AUC", _number(told.get("val_auc")))
    columns[4].metric("Films per second", _number(last.get("per_second"), 3))
    if job.state.ended:
        columns[5].metric("Took", clock(since(job.started, job.ended)) if job.started else "–")
    else:
        columns[5].metric("Time left", _left(job))


def _number(value: float | None, digits: int = 4) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.{digits}g}"


def _left(job: Job) -> str:
    """By the pace of this attempt since this session first saw it in training."""
    if job.state is not State.RUNNING or not job.epochs:
        return "–"
    done = queue.share_done(job)
    seen: dict[tuple[str, int], tuple[float, float]] = st.session_state.setdefault("tune_seen", {})
    elapsed = since(job.started)
    if (job.id, job.attempt) not in seen and not job.resumed:
        # What came before the first epoch (decoding, features) is no measure of an epoch.
        seen[job.id, job.attempt] = (done, elapsed)
    first, then = seen.setdefault((job.id, job.attempt), (done, elapsed))
    if done <= first or elapsed - then < PATIENCE:
        return "…"
    return clock((elapsed - then) * (1 - done) / (done - first))


def _curves(job: Job, rows: tuple[training.Row, ...]) -> None:
    others = _beside(job)
    runs = [Run(job.title, training.COLOURS[0], rows)]
    for other, colour in zip(others, training.COLOURS[1:], strict=False):
        runs.append(Run(_named(other), colour, jobs.history(other.folder)))
    grid = st.container(key="tune_curves")
    for start in (0, 4):
        places = grid.columns(4, gap="small")
        for place, panel in zip(places, PANELS[start : start + 4], strict=False):
            with place:
                st.vega_lite_chart(
                    training.columns(panel, runs), training.curves(panel),
                    key=f"tune_curve_{panel.training}", alt=f"{panel.title} by epoch.",
                )  # fmt: skip
        if start:
            with places[3]:
                _legend(job, runs)


def _legend(job: Job, runs: list[Run]) -> None:
    marks = "<br>".join(
        f'<span style="color:{run.colour};font-weight:700">━━</span> {_plain(run.name)}'
        for run in runs
    )
    st.html(
        f'<div style="font-size:0.85rem;line-height:1.5">{marks}<br>'
        '<span style="opacity:0.75">━━ validation&ensp;┅┅ training</span></div>'
    )
    candidates = [
        other for other in queue.table().list(kind=queue.TRAIN)
        if other.id != job.id and (other.folder / "history.jsonl").is_file()
    ]  # fmt: skip
    names = {other.id: _named(other) for other in candidates}
    if not names:
        return
    key = f"tune_beside_{job.id}"
    chosen = [i for i in queue.beside() if i in names]
    st.multiselect(
        "Lay over it", list(names), chosen, key=key, format_func=lambda i: names[i],
        max_selections=MOST_BESIDE, on_change=_lay, args=(key,), label_visibility="collapsed",
        placeholder="Lay other runs over it",
    )  # fmt: skip


def _named(job: Job) -> str:
    return f"{job.title}, {short_time(job.created)}"


def _lay(key: str) -> None:
    chosen = st.session_state[key]
    if chosen:
        st.query_params[queue.BESIDE] = ",".join(chosen)
    else:
        st.query_params.pop(queue.BESIDE, None)


def _beside(job: Job) -> list[Job]:
    found: list[Job] = []
    for identifier in queue.beside()[:MOST_BESIDE]:
        try:
            found.append(queue.table().get(identifier))
        except CxrError:
            continue
    return [other for other in found if other.id != job.id]


def _log(job: Job) -> None:
    path = job.folder / jobs.LOG
    with st.expander("Log", key=f"tune_log_{job.id}", icon=":material/article:"):
        text = _tail(path)
        if not text:
            st.caption("Nothing yet.")
            return
        st.code(text, language=None, height=260, wrap_lines=True)


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 2**16))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join([line for line in lines if not CHATTER.match(line)][-LINES:])


def _whereabouts(job: Job) -> None:
    with st.expander(
        "Settings, files and TensorBoard", key=f"tune_files_{job.id}", icon=":material/folder:"
    ):
        logs = job.folder / "tensorboard"
        st.markdown("Everything of this run lies in its folder, and stays until it is removed:")
        st.code(str(job.folder), language=None)
        if logs.is_dir():
            st.markdown(
                "TensorBoard shows the same curves beside those of other runs. In a terminal:"
            )
            st.code(f'pip install tensorboard\ntensorboard --logdir "{logs}"', language="sh")
        st.markdown("Repeat it from the terminal with this configuration:")
        st.json(_shown(job.config), expanded=False)


def _shown(config: Any) -> dict[str, Any]:
    return {k: _shown(v) if hasattr(v, "items") else v for k, v in dict(config).items()}


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
