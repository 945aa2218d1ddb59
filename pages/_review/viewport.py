"""Tells the page what of the film is in view, so that a redrawn figure keeps the zoom.

Streamlit mounts a plotly chart anew whenever its content changes, and tells Python nothing of
zooming (docs/decisions/0006-film-viewer.md). These lines listen to plotly's own events.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from cxr_core.figures import Viewport
from pages._review import decision

_JS = """
const PATIENCE = 5000;
const PRESSED = "[data-testid=stButton], [data-testid=stDownloadButton]";
const NEXT = ".st-key-review_next button", PREVIOUS = ".st-key-review_previous button";
const STEPS = `${NEXT}, ${PREVIOUS}`;
// Buttons that show a picture alone have it for a name, until they are given one in words.
const NAMES = {
  ".st-key-review_palette button": "Colour map of the heatmap",
  ".st-key-review_toggle button": "Hide or show the heatmap, key H",
  ".st-key-review_as_stored button": "Level and window as the file asks for",
};
const SHORTCUTS = { h: ".st-key-review_toggle button", n: NEXT, p: PREVIOUS };
let film = null, left = 0, unsaid = false;
// Streamlit calls these lines again for other data, and what they return only at the end.
let stop = () => {};

const typing = ({ tagName, type, isContentEditable }) => isContentEditable
  || tagName === "TEXTAREA" || (tagName === "INPUT" && !/^(checkbox|radio|range)$/.test(type));

export default function ({ data, setStateValue }) {
  stop();
  let graph = null, timer = null;
  if (film !== data.film) { film = data.film; left = 0; }
  const report = () => {
    const { xaxis, yaxis } = graph.layout ?? {};
    if (!xaxis?.range || !yaxis?.range) return;
    const map = (graph.data ?? []).find((trace) => trace.type === "heatmap");
    setStateValue("viewport", {
      film: data.film, x: [...xaxis.range], y: [...yaxis.range], opacity: map?.opacity ?? null,
    });
  };
  let height = data.height;
  const measure = () => {
    if (window.innerHeight !== height) setStateValue("height", (height = window.innerHeight));
  };
  const flush = () => { if (timer) { clearTimeout(timer); timer = null; report(); } };
  const later = () => { clearTimeout(timer); timer = setTimeout(flush, 300); };
  const attach = () => {
    measure();
    name();
    const found = document.querySelector(`.st-key-${data.chart} .js-plotly-plot`);
    if (!found || found === graph || typeof found.on !== "function") return;
    graph = found;
    graph.on("plotly_relayout", moved);
    graph.on("plotly_restyle", later);
    if (unsaid) { unsaid = false; later(); }
  };
  const moved = (change) => {
    if (Object.keys(change).some((key) => key.includes("axis"))) later();
  };
  // The slider inside the figure takes no key of its own: these press it at another place.
  const anywhere = { "[": -1, "]": 1 };
  const focused = {
    ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1,
    PageDown: -4, PageUp: 4, Home: -99, End: 99,
  };
  const press = (event) => {
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    // Streamlit's own shortcuts are deaf on a switch that was clicked before, ours are not.
    if (event.target.tagName === "INPUT")
      document.querySelector(SHORTCUTS[event.key.toLowerCase()] ?? "no-key")?.click();
    const finding = data.findings[event.key];
    if (finding !== undefined) {
      // On the way to another film a key would decide about the one that is being left.
      if (Date.now() - left < PATIENCE) return;
      const buttons = document.querySelectorAll(`.st-key-${data.reader}_${data.film} button`);
      const choice = buttons[finding];
      if (choice?.getAttribute("aria-checked") !== "true") choice?.click();
      return;
    }
    const group = graph?.querySelector(".slider-group");
    const on = group && event.target === group;
    const step = anywhere[event.key] ?? (on ? focused[event.key] : 0);
    const slider = graph?.layout?.sliders?.[0];
    if (!step || !slider) return;
    event.preventDefault();
    const rail = graph.querySelector(".slider-rail-touch-rect");
    const last = slider.steps.length - 1;
    const to = Math.min(Math.max((slider.active ?? 0) + step, 0), last);
    const box = rail.getBoundingClientRect();
    // The grip's middle travels the rail less half a grip at either end.
    const inset = graph.querySelector(".slider-grip-rect").getBoundingClientRect().width / 2;
    const at = {
      clientX: box.left + inset + ((box.width - 2 * inset) * to) / last,
      clientY: box.top + box.height / 2,
    };
    rail.dispatchEvent(new MouseEvent("mousedown", { ...at, bubbles: true, view: window }));
    document.dispatchEvent(new MouseEvent("mouseup", { ...at, bubbles: true, view: window }));
    graph.dispatchEvent(new MouseEvent("mouseup", { ...at, bubbles: true, view: window }));
  };
  // To a keyboard and to a screen reader it is a drawing until it is told otherwise.
  const name = () => {
    for (const [button, words] of Object.entries(NAMES))
      document.querySelector(button)?.setAttribute("aria-label", words);
    const group = graph?.querySelector(".slider-group");
    const slider = graph?.layout?.sliders?.[0];
    if (!group || !slider) return;
    const now = slider.steps[slider.active ?? 0].label;
    const told = { tabindex: 0, role: "slider", "aria-label": "Heatmap opacity, per cent",
      "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": parseInt(now),
      "aria-valuetext": now };
    for (const [key, value] of Object.entries(told))
      if (group.getAttribute(key) !== String(value)) group.setAttribute(key, value);
  };
  // The list says that it opens a film; the buttons beside it, clicked or by key, do so too.
  const leave = () => { left = Date.now(); };
  const leaveBy = (event) => {
    const step = event.type === "click" ? event.target.closest?.(STEPS)
      : document.querySelector({ n: NEXT, p: PREVIOUS }[event.key?.toLowerCase()] ?? "no-key");
    if (step && !step.disabled && !typing(event.target)) leave();
  };
  // What a reader sets next draws the figure anew: it is told first where the reader is. A button's
  // press, which has no value to be found again, would be lost among two messages at once.
  const before = (event) => { if (!event.target.closest?.(PRESSED)) flush(); };
  document.addEventListener("pointerdown", before, true);
  document.addEventListener("cxr-open", leave);
  document.addEventListener("click", leaveBy, true);
  document.addEventListener("keydown", leaveBy, true);
  document.addEventListener("keydown", press);
  // What draws films and lists is large: fetched while the reader still looks for a film.
  const ahead = () => data.chunks.forEach(
    (name) => import(new URL(`static/js/${name}`, document.baseURI)).catch(() => {})
  );
  (window.requestIdleCallback ?? setTimeout)(ahead);
  attach();
  const watch = setInterval(attach, 200);
  return (stop = () => {
    document.removeEventListener("keydown", press);
    document.removeEventListener("pointerdown", before, true);
    document.removeEventListener("cxr-open", leave);
    document.removeEventListener("click", leaveBy, true);
    document.removeEventListener("keydown", leaveBy, true);
    clearInterval(watch);
    // What an earlier call still said would undo what the later one says.
    graph?.removeListener?.("plotly_relayout", moved);
    graph?.removeListener?.("plotly_restyle", later);
    if (timer) { clearTimeout(timer); timer = null; unsaid = true; }
  });
}
"""


@cache
def _chunks() -> list[str]:
    """Streamlit's own scripts for charts and tables; their names change with its version."""
    folder = Path(st.__file__).parent / "static" / "static" / "js"
    return [p.name for kind in ("PlotlyChart", "DataFrame") for p in folder.glob(f"{kind}.*.js")]


_watch = st.components.v2.component("cxr_viewport", js=_JS)


def watch(chart: str, film: int, last: Viewport, height: int) -> tuple[Viewport | None, int]:
    """What is in view of chart `chart`, and the window's height in pixels.

    The view is None where nobody has moved the chart for this film yet; last and height are what
    was known before.
    """
    result = _watch(
        key="review_viewport",
        data={
            "chart": chart,
            "film": film,
            "height": height,
            "chunks": _chunks(),
            "reader": decision.KEY,
            "findings": {str(n + 1): n for n in range(len(decision.FINDINGS))},
        },
        on_viewport_change=lambda: None,
        on_height_change=lambda: None,
        height="content",
    )
    height = int(result.height or height)
    seen: Any = result.viewport
    if not seen or seen.get("film") != film:
        return None, height
    opacity = seen.get("opacity")
    view = Viewport(
        x=(float(seen["x"][0]), float(seen["x"][1])),
        y=(float(seen["y"][0]), float(seen["y"][1])),
        opacity=last.opacity if opacity is None else round(100 * float(opacity)),
    )
    return view, height
