"""Where scores come from: the registry's models, score files, and folders scored as a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from cxr_core import operating as op
from cxr_core import points, registry
from cxr_core.errors import CxrError, ModelError
from cxr_core.operating import Role, ScoreSet, Sorted
from cxr_core.registry import ModelEntry
from pages._shared.words import plain
from pages._threshold import incoming
from pages._threshold.session import SAME, Bench

Open = Callable[[Role], ScoreSet]


def choose(state: Bench) -> None:
    """Two lists, one for choosing and one for reporting, and the ways to add to them."""
    found = sources(state)
    if not found:
        st.error("Expected a model with validation scores; found none. Add a score file below.")
        incoming.add(state)
        state.tuning = None
        return
    names = list(found)
    _keep("threshold_tuning", names)
    chosen = st.selectbox(
        "Choose the threshold on", names, key="threshold_tuning", format_func=_label,
        help="Scores and labels of films that the network was not trained on.",
    )  # fmt: skip
    others = [SAME, *(name for name in names if name != chosen)]
    _keep("threshold_reporting", others)
    reported = st.selectbox(
        "Report it on", others, key="threshold_reporting",
        format_func=lambda name: "the same films" if name == SAME else _label(name),
        help="Films that took no part in choosing give honest figures.",
    )  # fmt: skip
    incoming.add(state)
    try:
        before = state.tuning
        state.tuning = opened(state, found, chosen, "tuning")
        state.reporting = None if reported == SAME else opened(state, found, reported, "reporting")
    except CxrError as problem:
        st.error(plain(problem))
        state.tuning = None
        return
    if before is not state.tuning:
        _begin(state)


def sources(state: Bench) -> Mapping[str, Open]:
    """Everything that can be opened now, by the name shown."""
    found: dict[str, Open] = {}
    for entry in registry.list_models():
        if (entry.folder / registry.SCORES).is_file():
            found[f"{entry.name} {entry.version}, validation films"] = _from_model(entry)
    for job in incoming.finished():
        found[incoming.job_name(job)] = _from_job(job)
    for name, scores in state.files.items():
        found[name] = scores.as_role
    return found


def opened(state: Bench, found: Mapping[str, Open], name: str, role: Role) -> Sorted:
    """Sorted once per session and source."""
    key = f"{role}:{name}"
    if key not in state.loaded:
        with st.spinner("Sorting scores…"):
            state.loaded[key] = Sorted(found[name](role))
    return state.loaded[key]


def entry_of(scores: ScoreSet) -> ModelEntry | None:
    """The model that gave these scores, where they say so and it is still there."""
    if scores.model is None:
        return None
    name, _, version = scores.model.partition(" ")
    try:
        return registry.find(name, version or None)
    except ModelError:
        return None


def _begin(state: Bench) -> None:
    """Start from the point in use where these are a model's films, else from Youden's."""
    data = state.tuning
    assert data is not None
    state.applied, state.choice, state.standing = (), None, None
    state.marked = ()
    entry = entry_of(data.set)
    if entry is not None:
        point = points.active(entry)
        state.standing = (point.threshold, point.criterion)
        state.move(point.threshold, point.refer_low, point.refer_high)
        st.session_state["threshold_criterion"] = "hand"
        return
    low, high = op.choose_band(data)
    state.move(op.choose(data, "youden").threshold, low, high)
    st.session_state["threshold_criterion"] = "youden"


def _from_model(entry: ModelEntry) -> Open:
    return lambda role: op.from_model(entry, role)


def _from_job(job: incoming.Job) -> Open:
    return lambda role: op.from_job(job.folder, role)


def _keep(key: str, options: list[str]) -> None:
    """A source that has gone is no longer chosen."""
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)


def _label(name: str) -> str:
    return name if len(name) <= 60 else name[:40] + "…" + name[-18:]
