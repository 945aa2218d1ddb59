"""New scores: a CSV with its columns recognised or chosen, or a labelled folder scored as a job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import streamlit as st

from cxr_core import jobs, registry
from cxr_core import operating as op
from cxr_core.errors import CxrError
from cxr_core.jobs import Job, JobTable, State
from cxr_core.operating import Inspection, Kind, ScoreSet
from pages._shared.words import plain
from pages._threshold.session import Bench

KIND = "score"
NONE = "(none)"


def add(state: Bench) -> None:
    """Both ways in, folded away until they are wanted."""
    with st.expander("Add a score file", icon=":material/upload_file:"):
        _file(state)
    with st.expander("Score a labelled folder", icon=":material/folder_open:"):
        _folder()
    following()


def finished() -> tuple[Job, ...]:
    """Folders that have been scored, the latest first."""
    try:
        return _table().list(kind=KIND, states=(State.DONE,))
    except CxrError:
        return ()


def job_name(job: Job) -> str:
    return f"{job.title}, scored {job.ended[:16].replace('T', ' ') if job.ended else ''}"


def _file(state: Bench) -> None:
    uploaded = st.file_uploader(
        "CSV with a label and a score for each film", type=["csv", "tsv", "txt"],
        key=f"threshold_csv_{state.round}",
        help="Labels may be 0 and 1 or words; scores may be probabilities or logits. A column with "
        "the film's name and one with the patient make more possible. It stays on this machine.",
    )  # fmt: skip
    if uploaded is None:
        return
    try:
        with st.spinner("Reading scores…"):
            scores = _read(state, uploaded)
    except CxrError as problem:
        st.error(plain(problem))
        return
    if scores is None:
        return
    st.markdown(f"{scores.n:,} films: {scores.ill:,} pneumonia, {scores.well:,} normal")
    for warning in scores.warnings:
        st.caption(plain(warning))
    if scores.bad:
        _bad_rows(scores)
    st.button(
        "Use these scores", type="primary", key="threshold_csv_use", on_click=_take,
        args=(state, f"{uploaded.name} ({scores.n:,} films)", scores),
    )  # fmt: skip


def _take(state: Bench, name: str, scores: ScoreSet) -> None:
    """Choose on them from now on; a new uploader makes Streamlit forget its own copy."""
    state.files[name] = scores
    for key in [k for k in state.loaded if k.endswith(f":{name}")]:
        del state.loaded[key]
    state.round += 1
    for kept in [k for k in state.kept if k.startswith(("inspection", "reading"))]:
        del state.kept[kept]
    st.session_state["threshold_tuning"] = name


def _read(state: Bench, uploaded: Any) -> ScoreSet | None:
    """Ask for what was not recognised; None while an answer is missing."""
    name = uploaded.name
    found = _inspected(state, uploaded, None, None)
    columns = list(found.columns)

    if found.first:
        st.info("The file has no header: its columns are shown by their first cells.")
    cells = dict(zip(columns, found.first, strict=False))

    def named(column: str) -> str:
        return f"{column}: {cells[column][:30]}" if column in cells else column

    def column(label: str, guess: str | None, key: str, may_lack: bool) -> str | None:
        options = [NONE, *columns] if may_lack else columns
        at = options.index(guess) if guess in options else (0 if may_lack else None)
        chosen = st.selectbox(
            label, options, at, key=f"threshold_csv_{key}_{uploaded.file_id}", format_func=named
        )
        return None if chosen in (NONE, None) else str(chosen)

    label = column("Label", found.label, "label", False)
    score = column("Score", found.score, "score", False)
    film = column("Film", found.film, "film", True)
    patient = column("Patient", found.patient, "patient", True)
    if label is None or score is None:
        st.info(plain(found.question or "Say which columns hold the label and the score."))
        return None
    if (label, score) != (found.label, found.score):
        found = _inspected(state, uploaded, label, score)
    if len(found.label_values) < 2 or (found.more_values and not found.positive):
        st.error(plain(found.question))
        return None
    classes = _classes(found, f"{uploaded.file_id}_{label}")
    if classes is None:
        return None
    kind = found.kind
    if kind != "probability":
        told = _converted(found, f"{uploaded.file_id}_{score}")
        if told is None:
            return None
        kind = told
    key = (uploaded.file_id, label, score, film, patient, classes, kind)
    return state.once(
        "reading", key,
        lambda: op.read_csv(
            uploaded.getvalue(), name, label=label, score=score, film=film, patient=patient,
            kind=kind, positive=classes[0], negative=classes[1],
        ),
    )  # fmt: skip


def _classes(found: Inspection, key: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The label values that mean pneumonia and normal; asked about where they leave a doubt."""
    values = found.label_values
    if found.positive and len(values) == 2:
        return found.positive, found.negative
    if len(values) == 2:
        ill = st.selectbox(
            "Which label means pneumonia?", values, None, key=f"threshold_csv_ill_{key}"
        )
        if ill is None:
            st.info(plain(found.question))
            return None
        return (ill,), tuple(v for v in values if v != ill)
    ill = st.multiselect(
        "Labels that mean pneumonia", values, found.positive, key=f"threshold_csv_positive_{key}"
    )
    well = st.multiselect(
        "Labels that mean normal", [v for v in values if v not in ill],
        [v for v in found.negative if v not in ill], key=f"threshold_csv_negative_{key}",
    )  # fmt: skip
    if not ill or not well:
        st.info("Say which labels mean pneumonia and which normal; rows of others are left out.")
        return None
    return tuple(ill), tuple(well)


def _inspected(state: Bench, uploaded: Any, label: str | None, score: str | None) -> Inspection:
    key = (uploaded.file_id, label, score)
    return state.once(
        f"inspection {label} {score}", key,
        lambda: op.inspect_csv(uploaded.getvalue(), label=label, score=score),
    )  # fmt: skip


def _converted(found: Inspection, key: str) -> Kind | None:
    """How numbers that are no probabilities are to be read; nothing is converted unasked."""
    st.warning(f"Scores run from {found.low:.3g} to {found.high:.3g}: these are no probabilities.")
    options: dict[str, Kind] = {"Logits: convert them with the sigmoid": "logit"}
    if found.low >= 0 and found.high <= 100:
        options["Percentages: divide them by 100"] = "percent"
    if found.kind == "percent":
        options = dict(reversed(options.items()))
    chosen = st.radio("They are", list(options), None, key=f"threshold_csv_convert_{key}")
    return None if chosen is None else options[chosen]


def _bad_rows(scores: ScoreSet) -> None:
    rows = {"line": [b.line for b in scores.bad], "reason": [b.reason for b in scores.bad]}
    st.dataframe(rows, hide_index=True, height=min(38 + 35 * len(scores.bad), 180))


def _folder() -> None:
    with st.form("threshold_folder", border=False):
        folder = st.text_input(
            "Folder with NORMAL and PNEUMONIA", key="threshold_folder_path",
            placeholder="/data/films",
            help="On this machine. Each film is read once; a job does it, and goes on if you "
            "leave this page.",
        )  # fmt: skip
        models = {f"{m.name} {m.version}": m for m in registry.list_models()}
        chosen = st.selectbox("Model", list(models), key="threshold_folder_model")
        if not st.form_submit_button("Score", icon=":material/play_arrow:"):
            return
    path = Path(folder).expanduser()
    if not folder or not path.is_dir() or chosen is None:
        st.error("Expected a folder on this machine; found none of that name. Give its whole path.")
        return
    entry = models[chosen]
    config = {"data": str(path.resolve()), "model": entry.name, "version": entry.version}
    try:
        _table().submit(KIND, config, f"{path.name} by {chosen}")
        jobs.executor(_table()).tick()
    except CxrError as problem:
        st.error(plain(problem))
        return
    st.rerun()


def following() -> None:
    """Folders being scored, with progress; the page runs again once one is done."""
    try:
        running = _table().list(kind=KIND, states=(State.QUEUED, State.RUNNING))
        failed = _table().list(kind=KIND, states=(State.FAILED, State.INTERRUPTED))[:2]
    except CxrError as problem:
        st.error(plain(problem))
        return
    for job in failed:
        st.error(plain(f"{job.title}: {job.state}. {job.reason or ''}"))
        if st.button("Remove", key=f"threshold_remove_{job.id}", icon=":material/delete:"):
            _table().remove(job.id)
            st.rerun()
    if running:
        _progress(tuple(job.id for job in running))


@st.fragment(run_every=1.0)
def _progress(ids: tuple[str, ...]) -> None:
    table = _table()
    jobs.executor(table).tick()
    for identifier in ids:
        job = table.get(identifier)
        if job.state.ended:
            st.rerun(scope="app")
        share = job.step / job.steps if job.steps else 0.0
        place, stop = st.columns([5, 1], vertical_alignment="center")
        words = (
            f"{job.title}: {job.step:,} of {job.steps:,}"
            if job.steps
            else f"{job.title}: {job.state}"
        )
        place.progress(min(share, 1.0), text=plain(words))
        if stop.button("", icon=":material/close:", key=f"threshold_stop_{job.id}", help="Cancel"):
            table.cancel(job.id)


def _table() -> JobTable:
    return _opened(str(registry.home()), os.environ.get("CXR_DATABASE_URL"))


@st.cache_resource(max_entries=4)
def _opened(home: str, url: str | None) -> JobTable:
    return jobs.open_table(url)
