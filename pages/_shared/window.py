"""The size of the browser's window, so that a first screen can be filled and not overrun."""

from __future__ import annotations

import streamlit as st

DEFAULT = (1440, 900)
# Streamlit calls these lines again for other data, and what they return only at the end.
_JS = """
let stop = () => {};

export default function ({ setStateValue }) {
  stop();
  let told = "", timer = null;
  const tell = () => {
    const size = [window.innerWidth, window.innerHeight];
    if (size.join() !== told) { told = size.join(); setStateValue("size", size); }
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(tell, 300); };
  tell();
  window.addEventListener("resize", later);
  return (stop = () => { clearTimeout(timer); window.removeEventListener("resize", later); });
}
"""
_watch = st.components.v2.component("cxr_window", js=_JS)


def size(key: str) -> tuple[int, int]:
    """Width and height in pixels; DEFAULT until the browser has told."""
    width, height = _watch(key=key, on_size_change=lambda: None, height="content").size or DEFAULT
    return int(width), int(height)
