"""One model: its card, and what a person can do with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from cxr_core import registry, shelf
from cxr_core.card import ModelCard, shown
from cxr_core.errors import CxrError
from cxr_core.shelf import Stored
from pages._shared import links, running

EXPORT = "export"
FIGURES = {
    "auc": "AUC",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "brier": "Brier score",
    "ece": "Expected calibration error",
}
FORMATS = {
    "float32": "LiteRT float32, as it is served",
    "float16": "LiteRT float16, half the size",
    "int8": "LiteRT int8, about a quarter",
    "keras": "Keras, to train on",
}


def show(chosen: Stored) -> None:
    """Card on the left; description, default, verify, rename, delete and export on the right."""
    facts, acts = st.columns([1.4, 1], gap="large")
    with facts:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### {chosen.entry.name} {chosen.entry.version}", width="content")
            if chosen.card is not None:
                links.review_with(chosen.entry.name, chosen.entry.version)
        if chosen.card is not None:
            _card(chosen.card)
    with acts:
        if chosen.card is not None:
            _describe(chosen)
            _default_and_verify(chosen)
            _export(chosen)
        if not chosen.entry.shipped:
            _rename_and_delete(chosen)


def _card(card: ModelCard) -> None:
    point, data = card.operating_point, card.data
    st.markdown(
        f"Intended use: {shown(card.intended_use)}\n\n"
        f"Data: {shown(data.name)}; {shown(data.n_train)} training films, "
        f"{shown(data.n_validation)} validation films of {shown(data.patients_validation)} "
        f"patients.\n\n"
        f"Operating point {point.threshold:.3f}, chosen by: {point.criterion} (n = {point.n})."
    )
    st.dataframe(
        {
            "Figure, 95 % interval": list(FIGURES.values()),
            "On validation films": [shown(getattr(card.validation, name)) for name in FIGURES],
        },
        key="models_figures",
        hide_index=True,
    )
    if card.not_measured:
        st.caption("Not measured: " + " ".join(card.not_measured))


def _describe(chosen: Stored) -> None:
    text = st.text_area(
        "Description", chosen.description, key=f"models_text_{chosen.id}", height=90,
        max_chars=shelf.MOST_LETTERS, help="Your own words, kept beside the model.",
    )  # fmt: skip
    if st.button(
        "Save description", key="models_describe", disabled=text.strip() == chosen.description
    ):
        _do(lambda: shelf.describe(chosen.entry, text), "The description is kept.")


def _default_and_verify(chosen: Stored) -> None:
    with st.container(horizontal=True, gap="small"):
        name = f"{chosen.entry.name} {chosen.entry.version}"
        if st.button(
            "Set as default", key="models_default", icon=":material/star:",
            disabled=chosen.default, help="Review and the terminal mean it where none is named.",
        ):  # fmt: skip
            _do(lambda: registry.set_default(chosen.entry), f"{name} is the default now.")
        verify = st.button(
            "Verify", key="models_verify", icon=":material/fact_check:",
            help="Reads every byte and compares it with the model's sums.",
        )  # fmt: skip
    if verify:
        problems = registry.verify(chosen.entry)
        if problems:
            st.error("\n\n".join(problems), icon=":material/broken_image:")
        else:
            st.success("Every file is as it was written.", icon=":material/check:")


def _rename_and_delete(chosen: Stored) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if chosen.card is not None:
            name = st.text_input(
                "Name", chosen.entry.name, key=f"models_name_{chosen.id}", max_chars=64
            )
            if st.button("Rename", key="models_rename", disabled=name == chosen.entry.name):
                _do(lambda: shelf.rename(chosen.entry, name), f"It is called {name} now.")
        if st.button("Delete…", key="models_delete", icon=":material/delete:"):
            _confirm(chosen)


@st.dialog("Delete this model for good?")
def _confirm(chosen: Stored) -> None:
    name = f"{chosen.entry.name} {chosen.entry.version}"
    st.markdown(
        f"**{name}** ({chosen.megabytes:.1f} MB), its description and its locked operating points "
        "go, and nothing brings them back."
    )
    typed = st.text_input(f"Type {chosen.entry.name} to confirm", key="models_typed")
    if st.button(
        "Delete", type="primary", key="models_delete_now", disabled=typed != chosen.entry.name
    ):
        _do(lambda: shelf.delete(chosen.entry), f"{name} is deleted.")


def _export(chosen: Stored) -> None:
    with st.expander("Export", icon=":material/download:"):
        form = st.selectbox(
            "Format", list(FORMATS), format_func=FORMATS.__getitem__, key="models_format"
        )
        films = st.text_input(
            "Folder of the films that it was trained from (optional)", key="models_films",
            help="How far float16 and int8 agree with the served file is measured on the "
            "validation films in it.",
            disabled=form in ("keras", "float32"),
        )  # fmt: skip
        if st.button("Export", key="models_export", type="primary"):
            config = {
                "model": chosen.entry.name,
                "version": chosen.entry.version,
                "format": form,
                "films": str(Path(films).expanduser()) if films.strip() else None,
            }
            running.start(EXPORT, config, f"Export of {chosen.entry.name} as {form}")
        job = running.follow(EXPORT)
        if job is not None and job.result:
            _exported(dict(job.result))


def _exported(result: dict[str, object]) -> None:
    path = Path(str(result["path"]))
    if not path.is_file():
        return
    size, served = float(str(result["bytes"])), float(str(result["served_bytes"]))
    st.markdown(
        f"{size / 1e6:.2f} MB, {size / served:.2f} of the file that is served. "
        + str(result["sentence"] or "Agreement on validation films: not measured.")
    )
    st.download_button(
        f"Save {path.name}", path.read_bytes, path.name, "application/octet-stream",
        key="models_save", on_click="ignore", icon=":material/download:",
    )  # fmt: skip


def _do(act: Callable[[], object], done: str) -> None:
    """Do it and show the page anew, or say why not."""
    try:
        act()
    except CxrError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.session_state["models_done"] = done
    st.rerun()
