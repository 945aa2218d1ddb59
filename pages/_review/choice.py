"""Which model reads: a choice of this session; films already here are read again with it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from cxr_core import card, points, registry
from cxr_core.errors import ModelError
from cxr_core.registry import ModelEntry
from cxr_core.serve import Model
from pages._review import intake
from pages._review.session import Case, Chosen, Session
from pages._shared import links

MEANWHILE = "Films are read with the default model meanwhile."


def asked(session: Session) -> None:
    """Take over, once, the model that the address names; why it cannot be had is kept for `notice`.

    What is chosen on the page afterwards is not undone by a rerun.
    """
    words = st.query_params.pop(links.MODEL, None)
    if words is None:
        return
    session.unusable = None
    try:
        entry = registry.named(words)
    except ModelError as error:
        session.unusable = f"{error} {MEANWHILE}"
        return
    session.model = (entry.name, entry.version)


def model(session: Session) -> Model | None:
    """The chosen network, else the default one; says why where neither can be had."""
    if session.model is not None:
        try:
            return intake.shared_model(*session.model)
        except ModelError as error:
            session.unusable = f"{error} {MEANWHILE}"
            session.model = None
    try:
        return intake.shared_model()
    except ModelError as error:
        st.error(str(error), icon=":material/deployed_code_alert:")
        return None


def notice(session: Session, model: Model) -> None:
    """Why the model, or the operating point, that was asked for is not in use."""
    if session.unusable:
        st.error(session.unusable, icon=":material/deployed_code_alert:")
    if problem := model.card.other.get(points.PROBLEM):
        st.warning(str(problem), icon=":material/deployed_code_alert:")


def control(session: Session, model: Model) -> None:
    """The list of models, one of which reads."""
    now: Chosen = (model.name, model.version)
    entries = registry.list_models()
    damaged = [e for e in entries if _validation(str(e.folder), e) is None]
    options = [(e.name, e.version) for e in entries if e not in damaged]
    labels = {(e.name, e.version): _label(e) for e in entries}
    # Another key with another choice: this list and the training page may both make one.
    key = f"review_model_{model.name}_{model.version}"
    st.selectbox(
        "Read films with", options, options.index(now) if now in options else None, key=key,
        format_func=lambda option: labels[option], on_change=_choose, args=(session, key),
        help="For this session alone. Films in the list are read again, each with the "
        "operating point of the model that reads it.",
    )  # fmt: skip
    for entry in damaged:
        st.caption(
            f":material/broken_image: {entry.name} {entry.version} is damaged and left out: "
            "`python -m cxr_core models verify` says why."
        )
    st.page_link("pages/fine_tune.py", label="Train another", icon=":material/model_training:")


def read_again(session: Session, model: Model) -> None:
    """Read what another model, or this one at another operating point, has read.

    Goes on where a rerun of the page cut it short.
    """
    wanted: Chosen = (model.name, model.version)
    cases = [c for c in session.cases.values() if c.data is not None]
    waiting = [c for c in cases if c.read_by != wanted or _point_has_moved(c, model)]
    if not waiting:
        return
    place = st.empty()
    bar = place.progress(0.0, text=f"Reading {len(waiting)} films with {model.name}…")
    for done, case in enumerate(waiting):
        bar.progress(done / len(waiting))
        # A refusal that a reader overruled was another model's: this one's is to be seen first.
        overruled = case.item.shown_anyway_at if case.read_by == wanted else None
        intake.read(case, model, frame=case.frame, anyway=overruled is not None)
        case.item = replace(case.item, shown_anyway_at=overruled)
        case.read_by = wanted
    session.drawn = None
    place.empty()


def _point_has_moved(case: Case, model: Model) -> bool:
    reading = case.item.reading
    prediction = None if reading is None else reading.prediction
    return prediction is not None and prediction.operating_point != model.card.operating_point


def _choose(session: Session, key: str) -> None:
    session.model = st.session_state[key]
    session.unusable = None


def _label(entry: ModelEntry) -> str:
    words = f"{entry.name} {entry.version}"
    auc = _validation(str(entry.folder), entry)
    if auc:
        words += f" · validation AUC {auc}"
    return words + (" · shipped" if entry.shipped else "")


@st.cache_data(max_entries=500, ttl=60, show_spinner=False)
def _validation(folder: str, _entry: ModelEntry) -> str | None:
    """A model's AUC in words, '' where it was not measured, None where its card is damaged."""
    try:
        area = _entry.card.validation.auc
    except ModelError:
        return None
    return "" if area is None else card.shown(area)
