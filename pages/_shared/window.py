"""The height of the browser's window, so that a first screen can be filled and not overrun."""

from __future__ import annotations

import streamlit as st

DEFAULT = 900
_JS = """
export default function ({ setStateValue }) {
  let told = null, timer = null;
  const tell = () => {
    if (window.innerHeight !== told) setStateValue("height", (told = window.innerHeight));
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(tell, 300); };
  tell();
  window.addEventListener("resize", later);
  return () => { clearTimeout(timer); window.removeEventListener("resize", later); };
}
"""
_watch = st.components.v2.component("cxr_window", js=_JS)


def height(key: str) -> int:
    """Pixels from top to bottom; DEFAULT until the browser has told."""
    result = _watch(key=key, on_height_change=lambda: None, height="content")
    return int(result.height or DEFAULT)
