"""Files in: uploader, archives, sample films; each read once, in turn, with progress."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import streamlit as st
import threadpoolctl

from cxr_core import image, points, registry
from cxr_core.errors import CxrError, ImageError
from cxr_core.reading import read_film
from cxr_core.registry import ModelEntry
from cxr_core.schema import Film
from cxr_core.serve import Model
from cxr_core.worklist import Item
from pages._review.session import Case, Session, base_name, now, short

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"


def shared_model(name: str | None = None, version: str | None = None) -> Model:
    """The network, loaded once for all sessions, at the operating point that is in force now.

    It holds no film. Raises ModelError.
    """
    entry = registry.find(name, version)
    # Its sums are part of the key: a model deleted and trained again is another one.
    network = _loaded(str(entry.folder), tuple(sorted(entry.sums().items())), entry)
    return network.at(points.card(entry))


@st.cache_resource(show_spinner="Loading the network…", max_entries=6)
def _loaded(folder: str, sums: tuple[tuple[str, str], ...], _entry: ModelEntry) -> Model:
    # Films are read on a thread each; BLAS's own threads would spin on the processors they need.
    threadpoolctl.threadpool_limits(1, user_api="blas")
    model = Model.load(_entry)
    # The first film of a session should not wait for decoders, pandas and buffers to load.
    import pandas  # noqa: F401

    read_film((SAMPLES / "SYNTHETIC-opacity.jpg").read_bytes(), "", model)
    return model


def upload(session: Session, model: Model) -> None:
    """The uploader, and the reading of what came in."""
    files = st.file_uploader(
        "Drop films, or a ZIP of them",
        accept_multiple_files=True,
        key=f"review_upload_{session.round}",
        help="PNG, JPEG, TIFF, WebP, BMP or DICOM up to 50 MB each, or a ZIP of up to 200 of "
        "them. Of a DICOM file's tags only modality, body part, view, size, spacing, age and sex "
        "are kept. Films stay in this session's memory and go when you remove them or close it.",
    )
    # A place of its own: what stands below keeps its place while films are read.
    place = st.empty()
    if not files:
        return
    bar = place.progress(0.0, text="Reading films…")
    for done, file in enumerate(files):
        for n, (name, data, error) in enumerate(_unpack(file, session)):
            if (file.file_id, n) in session.seen:
                continue
            count = len(session.arrived) + 1
            bar.progress(done / len(files), text=f"Reading film {count}: {short(base_name(name))}")
            _take(session, model, name, data, error)
            session.seen.add((file.file_id, n))
    _finish(session)


def sample_buttons(session: Session, model: Model) -> None:
    """One click to a drawn film, for whoever has none at hand."""
    labels = {
        "SYNTHETIC-opacity": "Drawn film with an opacity",
        "SYNTHETIC-clear-lungs": "Drawn film with clear lungs",
    }
    for (stem, label), place in zip(labels.items(), st.columns(2), strict=True):
        path = SAMPLES / f"{stem}.jpg"
        place.image(str(path), width="stretch")
        if place.button(label, key=f"review_sample_{stem}", width="stretch"):
            _take(session, model, path.name, path.read_bytes(), None)
            _finish(session)


def read(case: Case, model: Model, *, frame: int = 0, anyway: bool = False) -> None:
    """Read a case again: another frame, or its result in spite of a refusal, which is recorded."""
    assert case.data is not None
    name = case.item.name
    try:
        source: bytes | Film = case.data if frame == 0 else image.decode(case.data, frame=frame)
        reading = read_film(source, name, model, show_anyway=anyway)
    except CxrError as problem:
        case.item = Item(name, error=str(problem))
        return
    case.frame = frame
    case.item = Item(name, reading, shown_anyway_at=now() if anyway else None)


def _take(session: Session, model: Model, name: str, data: bytes | None, error: str | None) -> None:
    name = base_name(name)
    if data is None or error:
        session.add(Item(name, error=error or "Expected a film; received nothing."), None)
        return
    if full := session.room(len(data)):
        session.add(Item(name, error=full), None)
        return
    try:
        item = Item(name, read_film(data, name, model))
    except CxrError as problem:
        session.add(Item(name, error=str(problem)), None)
        return
    session.add(item, data, (model.name, model.version))


def _finish(session: Session) -> None:
    """Open the most urgent of the films that came, and empty the uploader: the list has them now.

    A new uploader also makes Streamlit forget its own copy of the files.
    """
    arrived = set(session.arrived)
    for case in session.sorted():
        if case.key in arrived:
            session.open(case.key)
            break
    session.arrived = []
    session.seen = set()
    session.round += 1
    session.started = bool(session.cases)
    st.rerun()


def _unpack(file: Any, session: Session) -> Iterator[tuple[str, bytes | None, str | None]]:
    head = file.read(64)
    file.seek(0)
    if not image.is_archive(head):
        if file.size > image.MAX_FILE_BYTES:
            yield file.name, None, _too_large(file.size)
        else:
            yield file.name, file.getvalue(), None
        return
    try:
        for member in image.members(file, base_name(file.name)):
            yield member.name, member.data, None if member.error is None else str(member.error)
    except ImageError as error:
        yield file.name, None, str(error)


def _too_large(size: int) -> str:
    limit = image.MAX_FILE_BYTES // 2**20
    return (
        f"Expected a film of up to {limit} MB; received {size / 2**20:.0f} MB. "
        "Export one image, or put several into a ZIP."
    )
