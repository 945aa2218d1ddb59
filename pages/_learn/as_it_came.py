"""The network as it came: ImageNet's five best names for a photograph, and for a chest film."""

from __future__ import annotations

import hashlib
import io
import struct
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from cxr_core import figures
from pages._learn import film, room, show
from pages._learn.film import Shown

CAT = Path(__file__).resolve().parents[2] / "assets" / "imagenet" / "cat.jpg"
# Pixels of a photograph, and of the longer side that is shown.
MOST_PIXELS, LONGEST = 100_000_000, 640
# What Pillow raises for files that are damaged in one way or another.
DAMAGED = (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError,
           EOFError, KeyError, TypeError, struct.error)  # fmt: skip


def page() -> None:
    """A photograph and a film, side by side."""
    st.markdown(
        "#### MobileNetV2 has seen 1.3 million photographs and not one chest film. It still names "
        "*something*: what transfers is not its answers but what it sees on the way to them."
    )
    photograph, chest = st.columns(2, gap="large")
    with photograph:
        file = st.file_uploader(
            "A photograph of your own", type=["jpg", "jpeg", "png", "webp"], key="learn_photograph"
        )
        picture = _photograph(CAT.read_bytes() if file is None else file.getvalue())
        if picture is not None:
            _guesses(*picture, "photograph")
    with chest:
        shown = film.choose("came")
        if shown is not None:
            grey = np.rint(np.clip(shown.pixels, 0, 1) * 255).astype(np.uint8)
            _guesses(np.repeat(grey[..., None], 3, axis=2), shown.key, "film")


def _photograph(data: bytes) -> tuple[NDArray[np.uint8], str] | None:
    try:
        opened = Image.open(io.BytesIO(data))
        if opened.width * opened.height > MOST_PIXELS:
            raise ValueError
        opened = ImageOps.exif_transpose(opened).convert("RGB")
    except DAMAGED:
        st.error(
            f"Expected a JPEG, PNG or WebP photograph of at most {MOST_PIXELS // 10**6} million "
            "pixels; received another file, a larger or a damaged one. Choose another picture.",
            icon=":material/broken_image:",
        )
        return None
    opened.thumbnail((LONGEST, LONGEST))
    return np.asarray(opened), hashlib.sha256(data).hexdigest()


def _guesses(picture: NDArray[np.uint8], key: str, name: str) -> None:
    show.chart(
        figures.picture(picture, height=340), f"learn_picture_{name}", name,
        f"The {name} that is to be named.",
    )  # fmt: skip
    answer = room.ask(
        "top5", Shown(np.zeros((1, 1), np.float32), key), arrays={"picture": picture},
        say="Asking for names",
    )  # fmt: skip
    if answer is None:
        return
    names, shares = zip(*answer.values["guesses"], strict=True)
    said = ", ".join(f"{n} {100 * share:.1f} %" for n, share in answer.values["guesses"])
    show.chart(
        figures.guesses(names, shares), f"learn_guesses_{name}", f"imagenet-{name}",
        f"ImageNet's best guesses: {said}.",
    )  # fmt: skip
