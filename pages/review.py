"""Review: a film in; probability, heatmap and every reason to distrust them out."""

from __future__ import annotations

import streamlit as st

from cxr_core.serve import Model
from pages._review import choice, decision, findings, intake, listing, viewer, viewport
from pages._review.session import Session, session
from pages._shared import entry

WELCOME = (
    "Drop a frontal chest film here: within a second you see how likely pneumonia is, "
    "which part of the film says so, and every reason to distrust the answer."
)


def main() -> None:
    films = session()
    choice.asked(films)
    model = choice.model(films)
    if model is None:
        return
    choice.notice(films, model)
    if not films.started:
        _welcome(films, model)
        return
    choice.read_again(films, model)
    with st.sidebar:
        intake.upload(films, model)
        _worklist(films)
    if films.current is not None:
        _review(films, model)


def _worklist(films: Session) -> None:
    listing.films(films)
    if len(films.cases) > 1:
        listing.controls(films)
    listing.downloads(films)


def _welcome(films: Session, model: Model) -> None:
    with st.container(horizontal_alignment="center"), st.container(width=820):
        st.subheader(WELCOME)
        intake.upload(films, model)
        st.markdown("No film at hand? Try a drawn one: it shows no patient.")
        with st.container(width=560):
            intake.sample_buttons(films, model)
        with st.popover(
            f"Read with {model.name} {model.version}", icon=":material/id_card:", type="tertiary"
        ):
            choice.control(films, model)
    # Measured before the first film comes, so that its figure fits at once.
    _, films.height = viewport.watch(viewer.CHART, -1, films.viewport, films.height)


def _review(films: Session, model: Model) -> None:
    case = films.current
    assert case is not None

    def show_anyway() -> None:
        intake.read(case, model, frame=case.frame, anyway=True)

    def decide() -> None:
        decision.show(films, case)

    def change() -> None:
        choice.control(films, model)

    if case.item.reading is None:
        findings.show(case.item, model, show_anyway, decide, change, films.height)
        return
    film, words = st.columns([2, 1], gap="medium")
    with film:
        viewer.show(films, case, model)
    with words, st.container(gap="xsmall"):
        findings.show(case.item, model, show_anyway, decide, change, films.height)


entry.through_app("pages/review.py")
main()
