"""Films by name: those nearest the threshold, and those called wrongly, with their pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from cxr_core import display, figures, image, registry
from cxr_core.errors import CxrError, DataError, ImageError
from cxr_core.operating import ScoreSet, Sorted
from cxr_core.reading import read_film
from cxr_core.schema import Label
from cxr_core.serve import Model
from pages._shared.words import plain
from pages._threshold import finding, sources
from pages._threshold.session import Bench

NEAR, ACROSS, AT_ONCE, MOST_SHOWN = 12, 6, 12, 96
SIDE, KEPT = 320, 120
WORDS = ("normal", "pneumonia")


def near(state: Bench, _: float, __: float) -> None:
    """The films that the next step of the slider would turn, nearest first."""
    data, at = state.loaded_tuning, state.point.threshold
    found = data.nearest(at, NEAR)
    st.markdown(
        f"The {len(found)} films nearest to {at:.4f}: a small step of the slider turns their call."
    )
    st.dataframe(
        rows(data.set, found, at), hide_index=True, key="threshold_near", height="content",
        column_config=_FORMATS,
    )  # fmt: skip
    _pictures(state, data, found, "near")


def gallery(state: Bench, _: float, __: float) -> None:
    """Missed pneumonias and false alarms, the gravest first, with their heatmaps."""
    data, at = state.shown, state.point.threshold
    c = data.confusion(at)
    counts = {"Missed": c.fn, "False alarms": c.fp}
    kind = st.segmented_control(
        "Which", list(counts), default="Missed", key="threshold_gallery_kind", required=True,
        label_visibility="collapsed", format_func=lambda name: f"{name}: {counts[name]:,}",
    )  # fmt: skip
    pick = data.misses if kind == "Missed" else data.alarms
    total = counts[kind]
    if not total:
        st.markdown("None at this threshold.")
        return
    what = "lowest score first" if kind == "Missed" else "highest score first"
    # The first ones again where the films or what is asked of them have changed.
    asked = f"threshold_shown {data.set.sha256} {kind}"
    shown = st.session_state.get(asked, AT_ONCE)
    found = pick(at, shown)
    st.caption(f"{min(total, shown)} of {total:,}, {what}.")
    if not _pictures(state, data, found, "wrong"):
        st.dataframe(
            rows(data.set, found, at), hide_index=True, key="threshold_wrong", height="content",
            column_config=_FORMATS,
        )  # fmt: skip
    if total > shown and shown < MOST_SHOWN:
        st.button(
            f"Show {min(AT_ONCE, total - shown)} more", key="threshold_more",
            on_click=st.session_state.__setitem__, args=(asked, shown + AT_ONCE),
        )  # fmt: skip


def rows(scores: ScoreSet, found: NDArray[np.intp], threshold: float) -> dict[str, list[Any]]:
    """A table of films by position, as a data frame or a CSV takes it."""
    table: dict[str, list[Any]] = {
        "film": [str(scores.films[i]) for i in found],
        "truth": [WORDS[int(scores.labels[i])] for i in found],
        "probability": [float(scores.scores[i]) for i in found],
        "called": [WORDS[int(scores.scores[i] >= threshold)] for i in found],
    }
    for name, values in scores.columns.items():
        table[name] = [str(values[i]) for i in found]
    return table


_FORMATS = {"probability": st.column_config.NumberColumn(format="%.4f")}


def _pictures(state: Bench, data: Sorted, found: Sequence[int], place: str) -> bool:
    """The films themselves, where their folder is known; whether any could be shown."""
    scores = _with_folder(state, data.set, place)
    if scores is None:
        return False
    here = [
        (int(i), path) for i in found if (path := finding.find(state, scores, int(i))) is not None
    ]
    if not here:
        st.info(
            f"None of these films was found in {plain(scores.folder)}, by name or by content. Give "
            "the folder that holds them; sub-folders are searched too."
        )
        return False
    entry = sources.entry_of(scores) or registry.find()
    model = _model(entry.name, entry.version, str(entry.folder))
    # Small pictures, the latest of them: a session does not grow with what has been looked at.
    for key in [k for k in state.kept if k.startswith("picture ")][:-KEPT]:
        del state.kept[key]
    for start in range(0, len(here), ACROSS):
        for (i, path), column in zip(
            here[start : start + ACROSS], st.columns(ACROSS), strict=False
        ):
            with column:
                _picture(state, scores, i, path, model)
    st.caption(
        f"Read with {entry.name} {entry.version}; each heatmap shows what spoke for the class that "
        "the film is called at this threshold."
    )
    if len(here) < len(found):
        st.caption(f"{len(found) - len(here)} of these {len(found)} films are not in that folder.")
    return True


def _with_folder(state: Bench, scores: ScoreSet, place: str) -> ScoreSet | None:
    if not scores.named:
        st.caption("These scores name no films, so none can be shown.")
        return None
    if scores.folder is None:
        given = st.text_input(
            "Folder of these films, to see them with their heatmaps",
            value=state.folders.get(scores.sha256, ""), placeholder="/data/films",
            key=f"threshold_films_{place}_{scores.sha256[:12]}",
            help="On this machine; films are found by path, name or sha256, and only read.",
        )  # fmt: skip
        if not given:
            return None
        folder = Path(given).expanduser()
        if not folder.is_dir():
            raise DataError(
                "Expected a folder on this machine; found none of that name. Give its whole path."
            )
        state.folders[scores.sha256] = given
        scores = scores.with_folder(folder)
    return scores


def _picture(state: Bench, scores: ScoreSet, i: int, path: Path, model: Model) -> None:
    called: Label = "PNEUMONIA" if scores.scores[i] >= state.point.threshold else "NORMAL"
    key = f"picture {scores.sha256} {i} {called} {model.name} {model.version}"
    try:
        shown = state.once(key, str(path), lambda: _laid(path, model, called))
    except CxrError as problem:
        st.caption(plain(f"{scores.films[i]}: {problem}"))
        return
    name = str(scores.films[i]).rsplit("/", 1)[-1]
    st.image(shown, width="stretch")
    st.caption(f"{scores.scores[i]:.4f} · {WORDS[int(scores.labels[i])]} · {plain(name)}")


def _laid(path: Path, model: Model, label: Label) -> bytes:
    """One film, small, with the heatmap of what speaks for a class laid over it, as JPEG."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise ImageError(
            f"Expected a film that can be read; received {type(problem).__name__}. Look at it."
        ) from problem
    film = image.decode(data)
    reading = read_film(film, "", model, show_anyway=True)
    picture: NDArray[np.uint8] = display.render(display.panel(film, SIDE))
    for heatmap in reading.heatmaps or ():
        if heatmap.label == label and not heatmap.flat:
            colours = figures.colour_table(figures.COLOUR_MAPS[0])
            top = display.scale_top(reading.heatmaps or ())
            picture = display.overlay_on(picture, heatmap, colours, top, 0.45)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@st.cache_resource(max_entries=2, show_spinner="Loading the network…")
def _model(name: str, version: str, _folder: str) -> Model:
    return Model.load(registry.find(name, version))
