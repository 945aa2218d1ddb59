"""The film on the screen: heatmap, window, invert, side by side; the zoom survives all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cxr_core import display, figures, image, report, snapshot
from cxr_core.display import Panel
from cxr_core.figures import View, Viewport
from cxr_core.schema import Heatmap, Label, Reading, Window
from cxr_core.serve import Model
from pages._review import intake, viewport
from pages._review.session import Case, Session

# What stands above and below the figure, and the figure's least and greatest height, in pixels.
AROUND, LEAST, GREATEST = 354, 420, 1000
MESSAGE = 40
CHART = "review_film"
VIEWS: tuple[View, ...] = ("Overlay", "Side by side")
LABELS: dict[Label, str] = {"PNEUMONIA": "Pneumonia", "NORMAL": "Normal"}


@st.fragment
def show(session: Session, case: Case, model: Model) -> None:
    """Controls and figure. Only this part of the page runs again when a control moves."""
    reading = case.item.reading
    assert reading is not None
    panel = _panel(session, case)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        view, heatmap, colours = _heatmap_controls(session, reading)
        if reading.facts.frames > 1:
            _frames(case, model)
    flat = heatmap if heatmap is not None and heatmap.flat else None
    heatmap = None if flat else heatmap
    place = st.container(key=f"{CHART}_frame")
    window, invert, corner = _window_controls(session, case, panel)
    film = display.render(panel, window, invert)
    top = display.scale_top(reading.heatmaps or ())
    look = (case.key, case.frame, case.item.shown_anyway_at, view, colours, window, invert)
    seen = _in_view(session, case, panel, (*look, heatmap and heatmap.label))
    figure = figures.film(
        display.data_uri(film), (panel.rows, panel.columns), heatmap,
        view=view, colours=colours, top=top, viewport=seen,
        height=min(max(session.height - AROUND, LEAST), GREATEST) - (MESSAGE if flat else 0),
    )  # fmt: skip
    place.plotly_chart(figure, key=CHART, config=figures.FILM_CONFIG, alt=_alt(heatmap))
    if flat is not None:
        place.markdown(f":material/layers_clear: :small[{_flat(flat, reading)}]")
    with corner:
        _take_away(session, case, Shown(panel, heatmap, view, colours, window, invert, top))


def _heatmap_controls(session: Session, reading: Reading) -> tuple[View, Heatmap | None, str]:
    if reading.heatmaps is None:
        return "Film", None, figures.COLOUR_MAPS[0]
    hidden = session.hidden
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], key="review_view", required=True,
        label_visibility="collapsed", on_change=_hide, args=(session, False),
    )  # fmt: skip
    label = st.segmented_control(
        "Heatmap", list(LABELS), format_func=lambda x: LABELS[x], default="PNEUMONIA",
        key="review_label", required=True, label_visibility="collapsed", disabled=hidden,
    )  # fmt: skip
    with st.popover(
        "", icon=":material/palette:", help="Colour map of the heatmap", disabled=hidden,
        key="review_palette",
    ):  # fmt: skip
        colours = st.radio("Colour map", figures.COLOUR_MAPS, key="review_colours")
    st.button(
        "", key="review_toggle", shortcut="H", on_click=_hide,
        args=(session, not hidden), type="primary" if hidden else "secondary",
        icon=":material/layers:" if hidden else ":material/layers_clear:",
        help="Show the heatmap." if hidden else "Hide the heatmap.",
    )  # fmt: skip
    chosen = next(h for h in reading.heatmaps if h.label == label)
    return ("Film", None, colours) if hidden else (view, chosen, colours)


def _hide(session: Session, hidden: bool) -> None:
    # Not a widget's value: a zoom reported at the same moment would send the old one again.
    session.hidden = hidden


def _window_controls(
    session: Session, case: Case, panel: Panel
) -> tuple[Window | None, bool, DeltaGenerator]:
    """The reader's window, None for the one the file asks for; invert; a place for a button."""
    low, high = round(panel.low), max(round(panel.high), round(panel.low) + 2)
    span = high - low
    level0 = min(max(round(panel.window.centre), low), high)
    width0 = min(max(round(panel.window.width), 1), 2 * span)
    place = f"{case.key}_{case.frame}_{session.windows}"

    def reset() -> None:
        # New sliders rather than new values, for the same reason as in _hide.
        session.windows += 1

    with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="small"):
        level = st.slider("Level", low, high, level0, key=f"review_level_{place}")
        width = st.slider("Window", 1, 2 * span, width0, key=f"review_width_{place}")
        st.button(
            "", key="review_as_stored", on_click=reset, icon=":material/restart_alt:",
            disabled=(level, width) == (level0, width0),
            help="Level and window as the file asks for.",
        )  # fmt: skip
        invert = st.toggle("Invert", key="review_invert")
        picture = st.container(width="content", horizontal=True, wrap=False, gap="small")
    if (level, width) == (level0, width0):
        return None, invert, picture
    return Window(float(level), float(width), "LINEAR_EXACT"), invert, picture


def _panel(session: Session, case: Case) -> Panel:
    """The open film alone is kept decoded; the others stay as the bytes that came."""
    kept = session.panel
    if kept is None or kept[:2] != (case.key, case.frame):
        assert case.data is not None
        film = image.decode(case.data, frame=case.frame)
        kept = session.panel = (case.key, case.frame, display.panel(film))
    return kept[2]


def _in_view(session: Session, case: Case, panel: Panel, look: tuple[object, ...]) -> Viewport:
    """What the figure is drawn at: it changes only when the figure must be drawn anew anyway."""
    if session.viewport_of != case.key:
        session.viewport_of = case.key
        session.viewport = Viewport(opacity=session.viewport.opacity)
    before = session.height
    seen, session.height = viewport.watch(CHART, case.key, session.viewport, before)
    if session.height != before:
        # List and findings are fitted to the window as well, and stand outside this fragment.
        st.rerun()
    if seen is not None:
        whole = seen.shows_all(panel.rows, panel.columns)
        session.viewport = Viewport(opacity=seen.opacity) if whole else seen
    look = (*look, session.height)
    if session.drawn is None or session.drawn[0] != look:
        session.drawn = (look, session.viewport)
    return session.drawn[1]


@dataclass(frozen=True, eq=False)
class Shown:
    """What the figure shows, for pictures of it. heatmap: None where none lies over the film."""

    panel: Panel
    heatmap: Heatmap | None
    view: View
    colours: str
    window: Window | None
    invert: bool
    top: float

    def pictures(self, opacity: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        """The film, (h, w) uint8, and with the heatmap over it, (h, w, 3) uint8."""
        film = display.render(self.panel, self.window, self.invert)
        if self.heatmap is None:
            return film, None
        table = figures.colour_table(self.colours)
        return film, display.overlay_on(film, self.heatmap, table, self.top, opacity / 100)


def _take_away(session: Session, case: Case, shown: Shown) -> None:
    """The view as a picture, and the review on one page."""
    reading = case.item.reading
    assert reading is not None
    stem = reading.sha256[:8]

    def picture() -> bytes:
        seen, heatmap = session.viewport, shown.heatmap
        film, laid = shown.pictures(seen.opacity)
        panels = [film] if laid is None else [laid]
        if laid is not None and shown.view == "Side by side":
            panels = [film, laid]
        size = (shown.panel.rows, shown.panel.columns)
        table = None if heatmap is None else figures.colour_table(shown.colours)
        label = "PNEUMONIA" if heatmap is None else heatmap.label
        captions = _captions(reading)
        return snapshot.png(panels, size, seen.x, seen.y, captions, table, shown.top, label)

    def page() -> bytes:
        film, laid = shown.pictures(session.viewport.opacity)
        how = "Level and window as the file asks for"
        if shown.window is not None:
            how = f"Level {shown.window.centre:.0f}, window {shown.window.width:.0f}"
        pictures = [report.Picture(film, how + (", inverted." if shown.invert else "."))]
        if laid is not None:
            scale = f" Strongest colour: {shown.top:.2f} {figures.UNIT}."
            pictures.append(report.Picture(laid, _alt(shown.heatmap) + scale))
        return report.review_pdf(case.item, pictures)

    st.download_button(
        "PNG", picture, f"cxr-view-{stem}.png", "image/png",
        key="review_png", on_click="ignore", icon=":material/image:", wrap=False,
        help="What is in view as a picture, with probability, model and notice under it.",
    )  # fmt: skip
    st.download_button(
        "PDF", page, f"cxr-review-{stem}.pdf", "application/pdf",
        key="review_pdf", on_click="ignore", icon=":material/description:", wrap=False,
        help="The review on one page: film and heatmap, answer, reasons, your reading.",
    )  # fmt: skip


def _captions(reading: Reading) -> list[str]:
    lines = [f"Film sha256 {reading.sha256[:16]}   status {reading.verdict.status}"]
    if (p := reading.prediction) is not None:
        lines.append(
            f"Probability of pneumonia {p.probability:.3f}   operating point "
            f"{p.operating_point.threshold:.3f}   {p.model_name} {p.model_version}"
        )
    return lines


def _frames(case: Case, model: Model) -> None:
    assert case.item.reading is not None
    frames = case.item.reading.facts.frames
    chosen = st.number_input(
        f"Frame, 1 to {frames}", 1, frames, case.frame + 1, key=f"review_frame_{case.key}",
        label_visibility="collapsed", width=120,
    )  # fmt: skip
    st.markdown(f":small[of {frames} frames]", width="content")
    if chosen - 1 != case.frame:
        intake.read(case, model, frame=chosen - 1)
        st.rerun()


def _flat(heatmap: Heatmap, reading: Reading) -> str:
    word = "pneumonia" if heatmap.label == "PNEUMONIA" else "a normal film"
    called = reading.prediction is not None and reading.prediction.label == heatmap.label
    doubt = ", and an answer to distrust" if called else ""
    return f"No part of this film speaks for {word}: no heatmap{doubt}."


def _alt(heatmap: Heatmap | None) -> str:
    if heatmap is None:
        return "The film, without a heatmap."
    word = "pneumonia" if heatmap.label == "PNEUMONIA" else "normal"
    return f"The film with the heatmap of what speaks for {word} laid over it."
