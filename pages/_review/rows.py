"""The worklist's rows: a list box with two lines a film, opened by a click or the arrow keys.

Streamlit's own table opens a film at a click on a small circle alone, and has room for eight
letters of a name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

import streamlit as st


class Row(TypedDict):
    """key: the film's. tone: 'red', 'yellow', 'blue' or 'gray'. mark: the reader's finding."""

    key: int
    tone: str
    finding: str
    percent: str
    name: str
    mark: str


_JS = """
const SETTLE = 150, PATIENCE = 3000;

// One and the same for every call: Streamlit calls these lines again for other data, and what they
// return only at the end.
const leave = (event) => event.preventDefault();

const part = (name, text) => {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  return made;
};

const line = (...parts) => {
  const made = document.createElement("div");
  made.append(...parts);
  return made;
};

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector("[role=listbox]");
  list.setAttribute("aria-label", data.label);
  list.title = data.label;
  list.style.maxHeight = `${data.height}px`;
  // What the reader went to while the server was still busy with an earlier film.
  const ahead = list.wanted;
  const pending = ahead && Date.now() - ahead.at < PATIENCE && ahead.key !== data.opened
    && data.rows.some((row) => row.key === ahead.key);
  if (!pending) list.wanted = null;
  let opened = pending ? ahead.key : data.opened;

  const mark = () => {
    for (const option of list.children) {
      const here = Number(option.dataset.key) === opened;
      option.setAttribute("aria-selected", here);
      if (!here) continue;
      list.setAttribute("aria-activedescendant", option.id);
      const low = option.offsetTop, high = low + option.offsetHeight;
      if (low < list.scrollTop) list.scrollTop = low;
      if (high > list.scrollTop + list.clientHeight) list.scrollTop = high - list.clientHeight;
    }
  };
  const go = (key, wait) => {
    if (key === opened) return;
    opened = key;
    list.wanted = { key, at: Date.now() };
    mark();
    document.dispatchEvent(new Event("cxr-open"));
    clearTimeout(list.timer);
    list.timer = setTimeout(() => setTriggerValue("open", key), wait);
  };

  const shown = JSON.stringify(data.rows);
  if (shown !== list.shown) {
    list.shown = shown;
    const rows = data.rows.map((row) => {
      const option = document.createElement("div");
      option.id = `film-${row.key}`;
      option.dataset.key = row.key;
      option.setAttribute("role", "option");
      option.title = row.name;
      option.append(
        line(part(`dot ${row.tone}`, ""), part("finding", row.finding),
          part("percent", row.percent)),
        line(part("name", row.name), part("mark", row.mark)),
      );
      return option;
    });
    list.replaceChildren(...rows);
  }
  list.onclick = (event) => {
    const option = event.target.closest("[role=option]");
    if (option) go(Number(option.dataset.key), 0);
  };
  list.onkeydown = (event) => {
    const keys = data.rows.map((row) => row.key), place = keys.indexOf(opened);
    const page = Math.max(1, Math.floor(list.clientHeight / 46) - 1);
    const to = {
      ArrowDown: place + 1, ArrowUp: place - 1, PageDown: place + page, PageUp: place - page,
      Home: 0, End: keys.length - 1,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(keys[Math.min(Math.max(to, 0), keys.length - 1)], SETTLE);
  };
  mark();
  window[data.unsaved ? "addEventListener" : "removeEventListener"]("beforeunload", leave);
  return () => window.removeEventListener("beforeunload", leave);
}
"""

_HTML = "<div role='listbox' tabindex='0'></div>"

_CSS = """
[role=listbox] {
  position: relative; overflow-y: auto; border: 1px solid var(--st-border-color);
  border-radius: var(--st-base-radius); background: var(--st-background-color);
  font: 0.875rem var(--st-font); color: var(--st-text-color);
}
[role=listbox]:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
[role=option] {
  box-sizing: border-box; height: 46px; padding: 4px 10px 4px 8px; cursor: pointer;
  border-left: 3px solid transparent;
}
[role=option] + [role=option] { border-top: 1px solid var(--st-border-color); }
[role=option]:hover { background: color-mix(in srgb, var(--st-primary-color) 8%, transparent); }
[role=option][aria-selected=true] {
  background: color-mix(in srgb, var(--st-primary-color) 18%, transparent);
  border-left-color: var(--st-primary-color);
}
[role=option] > div { display: flex; align-items: center; gap: 6px; line-height: 19px; }
.dot { flex: none; width: 9px; height: 9px; border-radius: 50%; }
.red { background: var(--st-red-color); }
.yellow { background: var(--st-yellow-color); border-radius: 2px; }
.blue { background: var(--st-blue-color); }
.gray { box-shadow: inset 0 0 0 2px var(--st-gray-color); }
.finding { flex: 1; font-weight: 600; white-space: nowrap; }
.percent { font-variant-numeric: tabular-nums; }
.name, .mark { font-size: 0.8rem; opacity: 0.85; white-space: nowrap; }
.name { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; }
"""

_rows = st.components.v2.component("cxr_rows", html=_HTML, css=_CSS, js=_JS)


def show(
    rows: list[Row],
    opened: int | None,
    on_open: Callable[[int], None],
    *,
    height: int,
    label: str,
    unsaved: bool,
) -> None:
    """Draw the list. on_open: called with the key of the film that the reader chose.

    height: at most, in pixels. unsaved: the browser asks before it closes or reloads the page.
    """

    def chosen() -> None:
        state: Any = st.session_state["review_rows"]
        if state.open is not None:
            on_open(int(state.open))

    _rows(
        key="review_rows",
        data={
            "rows": rows, "opened": opened, "height": height, "label": label, "unsaved": unsaved,
        },
        on_open_change=chosen,
        height="content",
    )  # fmt: skip
