"""The film that a lecture looks at: drawn, or the reader's own, kept in this session's memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from cxr_core import image
from cxr_core.errors import CxrError
from cxr_core.preprocess import presentation

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"
DRAWN = {
    "Drawn film with an opacity": "SYNTHETIC-opacity.jpg",
    "Drawn film with clear lungs": "SYNTHETIC-clear-lungs.jpg",
}
OWN = "A film of my own…"
LONGEST = 1024


@dataclass(frozen=True, eq=False)
class Shown:
    """pixels: (H, W) 0..1 as shown, LONGEST at most; key: tells one film from another."""

    pixels: NDArray[np.float32]
    key: str


def choose(page: str) -> Shown | None:
    """The film of this session, the same on every view; None until one of one's own is given."""
    options = [*DRAWN, OWN]
    kept = st.session_state.get("learn_film_kind", options[0])
    kind = st.selectbox(
        "Film", options, index=options.index(kept), key=f"learn_film_{page}", width=270,
    )  # fmt: skip
    st.session_state["learn_film_kind"] = kind
    if kind != OWN:
        return drawn(DRAWN[kind])
    file = st.file_uploader(
        "Film", key=f"learn_upload_{page}", label_visibility="collapsed",
        help="PNG, JPEG, TIFF, WebP, BMP or DICOM up to 50 MB. It stays in this session's memory.",
    )  # fmt: skip
    if file is not None:
        try:
            st.session_state["learn_own_film"] = _read(file.getvalue())
        except CxrError as error:
            st.error(str(error), icon=":material/broken_image:")
            return None
    own: Shown | None = st.session_state.get("learn_own_film")
    return own


@st.cache_data(max_entries=4)
def drawn(name: str) -> Shown:
    """A synthetic film of the repository."""
    return _read((SAMPLES / name).read_bytes())


def _read(data: bytes) -> Shown:
    shown = presentation(image.decode(data))
    scale = LONGEST / max(shown.shape)
    if scale < 1:
        size = (round(shown.shape[1] * scale), round(shown.shape[0] * scale))
        smaller = Image.fromarray(shown).resize(size, Image.Resampling.BILINEAR)
        shown = np.array(smaller, np.float32)
    return Shown(shown, hashlib.sha256(data).hexdigest())
