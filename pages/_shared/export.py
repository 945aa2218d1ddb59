"""Two small buttons that save a plotly chart as PNG or SVG, in the browser and without a network.

Streamlit's own Plotly is out of reach of a page's JavaScript, and what a live page has moved in a
chart is in its drawing alone. So the drawing itself is saved, as it is seen, with its fonts.
"""

from __future__ import annotations

import re

import streamlit as st

# Pixels of the PNG per pixel on the screen: about 300 per inch for a chart across a page's column.
SCALE = 3

_JS = r"""
const SVG = "http://www.w3.org/2000/svg";

const drawn = (chart) => {
  const graphs = document.querySelectorAll(`.st-key-${chart} .js-plotly-plot`);
  return [...graphs].reverse().find((graph) => graph.querySelector(".main-svg"));
};

const background = (node) => {
  for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (!/^(transparent|rgba\(0, 0, 0, 0\))$/.test(colour)) return colour;
  }
  return "#ffffff";
};

const typefaces = (root) => {
  const used = [...root.querySelectorAll("text")].map((text) => text.style.fontFamily).join();
  const rules = [...document.styleSheets].flatMap((sheet) => {
    try { return [...sheet.cssRules]; } catch { return []; }
  });
  const plain = (name) => name.replaceAll(/["']/g, "");
  return rules.filter((rule) => rule instanceof CSSFontFaceRule
    && plain(used).includes(plain(rule.style.getPropertyValue("font-family")))
    && !/italic/.test(rule.style.getPropertyValue("font-style")));
};

const asData = (blob) => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result);
  reader.onerror = failed;
  reader.readAsDataURL(blob);
});

// A picture cannot fetch a typeface, so the file carries those that its words are set in.
const styled = async (root) => {
  const rules = [];
  for (const rule of typefaces(root)) {
    const source = rule.style.getPropertyValue("src").match(/url\(["']?([^"')]+)["']?\)/)?.[1];
    if (!source) continue;
    const at = new URL(source, rule.parentStyleSheet?.href ?? document.baseURI);
    const data = await asData(await (await fetch(at)).blob());
    rules.push(rule.cssText.replace(/src:[^;]+;/, `src: url(${data});`));
  }
  const style = document.createElementNS(SVG, "style");
  // Plotly's lines keep their width on the screen, and would be a third of it in a larger picture.
  style.textContent = rules.join("\n") + "\n.crisp { shape-rendering: crispEdges; }"
    + "\n* { vector-effect: none !important; }";
  root.prepend(style);
};

const picture = async (graph) => {
  const first = graph.querySelector(".main-svg");
  const width = first.width.baseVal.value, height = first.height.baseVal.value;
  const root = document.createElementNS(SVG, "svg");
  root.setAttribute("viewBox", `0 0 ${width} ${height}`);
  root.setAttribute("width", width);
  root.setAttribute("height", height);
  const ground = document.createElementNS(SVG, "rect");
  ground.setAttribute("width", width);
  ground.setAttribute("height", height);
  ground.setAttribute("fill", background(first));
  root.append(ground);
  for (const layer of graph.querySelectorAll(".main-svg"))
    for (const part of layer.childNodes) root.append(part.cloneNode(true));
  const controls = ".hoverlayer, .draglayer, .menulayer, .slider-container, .zoomlayer";
  root.querySelectorAll(controls).forEach((part) => part.remove());
  // Lines that keep their width on the screen would be a third as wide in a picture of three times.
  root.querySelectorAll("[style*=vector-effect]").forEach((line) => {
    line.style.vectorEffect = "none";
  });
  await styled(root);
  // Clip paths are named by the page's whole address where the page has a base.
  const text = new XMLSerializer().serializeToString(root)
    .replaceAll(/url\((&quot;|['"])?[^'")&#]*#([^'")&]+)(&quot;|['"])?\)/g, "url(#$2)");
  return { text, width, height };
};

const raster = ({ text, width, height }, scale) => new Promise((done, failed) => {
  const image = new Image();
  const at = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  image.onload = () => {
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(at);
    canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("no picture"))), "image/png");
  };
  image.onerror = () => failed(new Error("no picture"));
  image.src = at;
});

const save = (blob, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

export default function ({ data, parentElement }) {
  const said = parentElement.querySelector("output");
  const press = async (kind) => {
    const graph = drawn(data.chart);
    said.textContent = graph ? "" : "No chart to save yet.";
    if (!graph) return;
    try {
      const made = await picture(graph);
      const svg = () => new Blob([made.text], { type: "image/svg+xml" });
      save(kind === "png" ? await raster(made, data.scale) : svg(), `${data.name}.${kind}`);
    } catch (error) {
      said.textContent = `Not saved: ${error.message}.`;
    }
  };
  for (const button of parentElement.querySelectorAll("button")) {
    button.onclick = () => press(button.value);
    button.title = `Save this chart as ${button.value.toUpperCase()}`;
    button.setAttribute("aria-label", `${button.title}: ${data.name}`);
  }
}
"""

_HTML = (
    '<div><button value="png">PNG</button><button value="svg">SVG</button>'
    "<output aria-live='polite'></output></div>"
)

_CSS = """
div { display: flex; gap: 0.25rem; align-items: center; justify-content: flex-end; }
button {
  font: 500 0.72rem var(--st-font); line-height: 1; padding: 0.25rem 0.45rem; cursor: pointer;
  color: var(--st-text-color); background: transparent; opacity: 0.75;
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
}
button:hover, button:focus-visible {
  opacity: 1; color: var(--st-primary-color); border-color: var(--st-primary-color);
}
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
output { order: -1; font: 0.72rem var(--st-font); color: var(--st-text-color); }
output:empty { display: none; }
"""

_buttons = st.components.v2.component("cxr_export", html=_HTML, css=_CSS, js=_JS)


def buttons(chart_key: str, name: str) -> None:
    """PNG and SVG of the chart drawn with `st.plotly_chart(…, key=chart_key)`.

    name: file name without its ending: letters, digits, '.', '_' and '-'. Raises ValueError.
    """
    if not re.fullmatch(r"[\w.-]+", name):
        raise ValueError(f"Expected letters, digits, '.', '_' and '-'; received {name!r}.")
    _buttons(
        key=f"{chart_key}_export",
        data={"chart": chart_key, "name": name, "scale": SCALE},
        height="content",
    )
