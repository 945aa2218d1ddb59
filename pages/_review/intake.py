"""Files in: uploader, archives, sample films; each read once, in turn, with progress."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
import threadpoolctl

from cxr_core import image, points, registry
from cxr_core.batch import in_order, workers
from cxr_core.errors import CxrError, ImageError
from cxr_core.reading import read_film
from cxr_core.registry import ModelEntry
from cxr_core.schema import Film
from cxr_core.serve import Model
from cxr_core.worklist import Item
from pages._review.session import Case, Session, base_name, now, short


@dataclass(frozen=True, eq=False)
class Arrival:
    """One file of an upload. share: how much of the upload is unpacked with it, 0 to 1."""

    key: tuple[str, int]
    name: str
    data: bytes | None
    error: str | None
    share: float
    place: str


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
        "Drop films up to 50 MB, or a ZIP",
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
    for arrival, item in in_order(partial(_read, model), _arrivals(files, session), workers()):
        # A rerun of the page may cut this short at any film; what was read by then stays.
        bar.progress(arrival.share, text=f"{arrival.place}: {short(item.name, 24)}")
        _add(session, item, arrival.data, model)
        session.seen.add(arrival.key)
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
            data = path.read_bytes()
            _add(session, Item(path.name, read_film(data, path.name, model)), data, model)
            _finish(session)


def read(case: Case, model: Model, *, frame: int = 0, anyway: bool = False) -> None:
    """Read a case again: another frame, or its result in spite of a refusal, which is recorded."""
    assert case.data is not None
    name = case.item.name
    try:
        source: bytes | Film = case.data if frame == 0 else image.decode(case.data, frame=frame)
        reading = read_film(source, name, model, show_anyway=anyway)
    except CxrError as problem:
        case.item = replace(case.item, reading=None, error=str(problem))
        return
    case.frame = frame
    at = now() if anyway else None
    case.item = replace(case.item, reading=reading, error=None, shown_anyway_at=at)


def _arrivals(files: Sequence[Any], session: Session) -> Iterator[Arrival]:
    """What came and was not read yet, archives unpacked one film at a time."""
    for done, file in enumerate(files):
        for n, (name, data, error) in enumerate(_unpack(file)):
            if (key := (file.file_id, n)) not in session.seen:
                # An archive's own place tells how much of it is unpacked.
                share = (done + min(file.tell() / max(file.size, 1), 1.0)) / len(files)
                place = f"Film {done + 1} of {len(files)}"
                if error is None and file.tell():
                    place = f"Film {n + 1} of the ZIP"
                # Nothing is read for which there will be no room.
                error = error or session.room(len(data or b""))
                yield Arrival(key, base_name(name), data, error, share, place)


def _read(model: Model, arrival: Arrival) -> tuple[Arrival, Item]:
    """On a thread of its own; nothing of Streamlit is touched."""
    if arrival.data is None or arrival.error:
        error = arrival.error or "Expected a film; received nothing."
        return arrival, Item(arrival.name, error=error)
    try:
        return arrival, Item(arrival.name, read_film(arrival.data, arrival.name, model))
    except CxrError as problem:
        return arrival, Item(arrival.name, error=str(problem))


def _add(session: Session, item: Item, data: bytes | None, model: Model) -> None:
    if item.reading is None or data is None:
        session.add(item, None)
    elif full := session.room(len(data)):
        session.add(Item(item.name, error=full), None)
    else:
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


def _unpack(file: Any) -> Iterator[tuple[str, bytes | None, str | None]]:
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
