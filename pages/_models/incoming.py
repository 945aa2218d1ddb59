"""A `.keras` file in: examined as text at once, built and judged by a job."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from cxr_core import registry
from cxr_core.errors import CxrError
from cxr_core.keras_file import KerasFile, examine
from pages._shared import running

IMPORT = "import"
SCALINGS = ("0..255", "0..1", "-1..1")


def show() -> None:
    """The form and the job as it runs."""
    with st.expander("Import a .keras file", icon=":material/upload:"):
        file = st.file_uploader(
            "A network saved by Keras", type=["keras"], key="models_file",
            help="Its description is read as text first. A file that names code, or a graph that "
            "cannot be served, is refused with the reason; nothing in it is ever run.",
        )  # fmt: skip
        if file is not None:
            _form(file.getvalue())
        job = running.follow(IMPORT)
        if job is not None and job.result:
            made = job.result["model"]
            st.markdown(f"Stored as **{made['name']} {made['version']}**.")


def _form(content: bytes) -> None:
    folder = registry.home() / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.NamedTemporaryFile(suffix=".keras", dir=folder) as kept:
            kept.write(content)
            kept.flush()
            found = examine(Path(kept.name))
    except CxrError as error:
        st.error(str(error), icon=":material/gpp_bad:")
        return
    st.success(_told(found), icon=":material/verified_user:")
    with st.form("models_import", border=False):
        name = st.text_input("Name", key="models_import_name", max_chars=64)
        films = st.text_input(
            "Folder of labelled films", key="models_import_films",
            placeholder="/folder/with/NORMAL/and/PNEUMONIA",
            help="Calibration, threshold and quality gate are made from them.",
        )  # fmt: skip
        scaling = st.selectbox(
            "Grey values it was trained on", SCALINGS, key="models_import_scaling",
            disabled=found.rescales,
            help="Its own graph scales them." if found.rescales else None,
        )  # fmt: skip
        pressed = st.form_submit_button("Import", type="primary", key="models_import_start")
    if not pressed:
        return
    try:
        registry.check_name(name)
    except CxrError as error:
        st.error(str(error), icon=":material/error:")
        return
    if not films.strip() or not Path(films).expanduser().is_dir():
        st.error("Expected a folder of films on this machine; received none. Give its whole path.")
        return
    with tempfile.NamedTemporaryFile(suffix=".keras", dir=folder, delete=False) as kept:
        kept.write(content)
    config = {
        "file": kept.name,
        "films": str(Path(films).expanduser()),
        "name": name,
        "scaling": None if found.rescales else scaling,
        "remove": True,
    }
    running.start(IMPORT, config, f"Import of {name}")


def _told(found: KerasFile) -> str:
    colours = "grey" if found.channels == 1 else "three channels"
    return (
        f"No code in it: {found.layers} layers of Keras' own, written by Keras {found.keras}. "
        f"Input {found.size} × {found.size}, {colours}; one output ({found.activation})."
    )
