// The slider, the matrix and the figures, drawn from a table that was computed before: nothing is
// asked of the server while a handle moves, and it is told only where the handle was let go.

const SVG = "http://www.w3.org/2000/svg";
const HANDLES = ["threshold", "low", "high"];
const CELLS = ["tp", "fn", "fp", "tn"];
const kept = new WeakMap();

const percent = (x) => (100 * x).toFixed(1);
const count = (x) => x.toLocaleString("en-GB");
const digits = (x) => (x >= 100 ? 0 : x >= 10 ? 1 : x >= 1 ? 2 : 3);
const ratio = (x) => (x === null ? "∞" : x > 0 && x < 0.0005 ? "<0.001" : x.toFixed(digits(x)));
const rate = (x) => (x >= 100 ? x.toFixed(0) : x.toFixed(1));
const within = (x, low, high) => Math.min(Math.max(x, low), high);

// The number of the row whose threshold lies nearest to `value`; thresholds ascend.
const nearest = (thresholds, value) => {
  let low = 0, high = thresholds.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (thresholds[middle] < value) low = middle + 1; else high = middle;
  }
  return low > 0 && value - thresholds[low - 1] <= thresholds[low] - value ? low - 1 : low;
};

const node = (root, name) => root.querySelector(`[data-is="${name}"]`);
const put = (root, name, text) => {
  const at = node(root, name);
  if (at && at.textContent !== text) at.textContent = text;
};

// A figure in words, and a line from the lower to the upper end of its interval.
const interval = (figure, k, isPercent) => {
  const [value, low, high] = figure.at[k];
  if (value === undefined) return ["–", "not defined"];
  const show = isPercent ? percent : ratio;
  return [show(value) + (isPercent ? " %" : ""), `${show(low)} to ${show(high)}`];
};

const figureRows = (body, names) => {
  if (body.dataset.for === JSON.stringify(names)) return;
  body.dataset.for = JSON.stringify(names);
  body.replaceChildren(...names.map(({ key, name, percent: isPercent, meaning, method }) => {
    const row = document.createElement("tr");
    row.title = `${meaning} 95 % interval: ${method}.`;
    row.dataset.figure = key;
    for (const [tag, part] of [["th", "name"], ["td", "value"], ["td", "reach"]]) {
      const cell = document.createElement(tag);
      cell.dataset.part = part;
      if (part === "name") { cell.textContent = name; cell.scope = "row"; }
      row.append(cell);
    }
    const cell = document.createElement("td");
    cell.dataset.part = "drawn";
    if (isPercent) cell.innerHTML = "<i class='whole'><i class='span'></i><i class='dot'></i></i>";
    row.append(cell);
    return row;
  }));
};

const drawFigures = (root, data, k) => {
  for (const row of node(root, "figures").rows) {
    const figure = data.figures[row.dataset.figure];
    const isPercent = row.cells[3].firstChild !== null;
    const [value, reach] = interval(figure, k, isPercent);
    row.cells[1].textContent = value;
    row.cells[2].textContent = reach;
    if (!isPercent) continue;
    const [middle, low, high] = figure.at[k];
    const whole = row.cells[3].firstChild;
    whole.style.visibility = middle === undefined ? "hidden" : "visible";
    if (middle === undefined) continue;
    whole.firstChild.style.left = `${100 * low}%`;
    whole.firstChild.style.width = `${100 * (high - low)}%`;
    whole.lastChild.style.left = `${100 * middle}%`;
  }
};

const drawMatrix = (root, data, k) => {
  for (const cell of CELLS) {
    put(root, cell, count(data.counts[cell][k]));
    const [value, low, high] = data.figures[`per_1000_${cell}`].at[k];
    put(root, `${cell}_rate`, value === undefined ? "" : rate(value));
    put(root, `${cell}_reach`, value === undefined ? "" : `${rate(low)} to ${rate(high)}`);
  }
  const { tp, fp, fn, tn } = data.counts;
  const called = tp[k] + fp[k], all = called + fn[k] + tn[k];
  put(root, "called", `${count(called)} of ${count(all)} called pneumonia`);
};

const drawBand = (root, data, k, l, h) => {
  const { tp, fp, fn, tn } = data.counts;
  const above = tp[h] + fp[h], below = tn[l] + fn[l];
  const all = tp[k] + fp[k] + fn[k] + tn[k], referred = all - above - below;
  put(root, "band", `${count(referred)} of ${count(all)} referred (${percent(referred / all)} %), `
    + `leaving ${count(fn[l])} missed and ${count(fp[h])} false alarms`);
};

// Where a value lies on a chart that Streamlit drew: its plot area and its axis, in pixels.
const place = (graph) => {
  const area = graph.querySelector(".nsewdrag") ?? graph.querySelector(".bglayer rect");
  const { xaxis, yaxis } = graph.layout ?? {};
  if (!area || !xaxis?.range || !yaxis?.range) return null;
  const [x, y, w, h] = ["x", "y", "width", "height"].map((name) => +area.getAttribute(name));
  const on = ([from, to], value) => (value - from) / (to - from);
  return {
    x: (value) => x + w * on(xaxis.range, value), y: (value) => y + h * (1 - on(yaxis.range, value)),
    left: x, top: y, right: x + w, bottom: y + h,
  };
};

const shape = (layer, tag, attributes) => {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  layer.append(made);
};

const overlay = (graph) => {
  let layer = graph.querySelector(".main-svg > g.cxr-live");
  if (layer) return layer;
  layer = document.createElementNS(SVG, "g");
  layer.setAttribute("class", "cxr-live");
  layer.setAttribute("pointer-events", "none");
  graph.querySelector(".main-svg").append(layer);
  return layer;
};

const mark = (state, chart, colours) => {
  const graphs = document.querySelectorAll(`.st-key-${chart.key} .js-plotly-plot`);
  const { data, at } = state;
  for (const graph of graphs) {
    const to = graph.querySelector(".main-svg") && place(graph);
    if (!to) continue;
    const layer = overlay(graph);
    layer.replaceChildren();
    const clamp = (x) => within(x, to.left, to.right);
    const x = clamp(to.x(chart.x ? chart.x[at.threshold] : data.thresholds[at.threshold]));
    if (chart.band) {
      const from = clamp(to.x(data.thresholds[at.low])), end = clamp(to.x(data.thresholds[at.high]));
      shape(layer, "rect", { x: from, y: to.top, width: Math.max(end - from, 0),
        height: to.bottom - to.top, fill: colours.refer, "fill-opacity": 0.18 });
    }
    const value = chart.y?.[at.threshold];
    const dashed = { stroke: colours.text, "stroke-width": chart.band ? 2 : 1, "stroke-opacity": 0.8 };
    if (!chart.band) dashed["stroke-dasharray"] = "3 3";
    if (!chart.x) shape(layer, "line", { x1: x, x2: x, y1: to.top, y2: to.bottom, ...dashed });
    if (value === undefined || value === null) continue;
    const y = within(to.y(value), to.top, to.bottom);
    if (chart.x) {
      shape(layer, "line", { x1: to.left, x2: x, y1: y, y2: y, ...dashed });
      shape(layer, "line", { x1: x, x2: x, y1: y, y2: to.bottom, ...dashed });
    }
    shape(layer, "circle", { cx: x, cy: y, r: 6, fill: colours.point, stroke: colours.ground,
      "stroke-width": 2, "data-threshold": data.thresholds[at.threshold] });
  }
};

const draw = (state) => {
  const { root, data, at } = state;
  const k = at.threshold;
  drawMatrix(root, data, k);
  drawFigures(root, data, k);
  drawBand(root, data, k, at.low, at.high);
  const reach = node(root, "reach");
  const [from, to] = [at.low, at.high].map((row) => within(data.thresholds[row], 0, 1));
  reach.style.left = `${100 * from}%`;
  reach.style.width = `${100 * (to - from)}%`;
  for (const name of HANDLES) {
    const value = data.thresholds[at[name]];
    const input = node(root, name);
    const heard = name === "threshold"
      ? `: ${data.counts.fn[k]} missed, ${data.counts.fp[k]} false alarms` : "";
    input.setAttribute("aria-valuetext", value.toFixed(4) + heard);
    input.dataset.exact = value;
    if (state.held !== name) input.value = value;
  }
  const typed = node(root, "typed");
  if (root.activeElement !== typed) typed.value = data.thresholds[k].toFixed(4);
  const style = getComputedStyle(root.host);
  const colours = { refer: data.colours.refer, point: data.colours.point,
    text: style.getPropertyValue("--st-text-color"),
    ground: style.getPropertyValue("--st-background-color") };
  for (const chart of data.charts) mark(state, chart, colours);
};

// The band always holds the threshold: an edge that is passed goes along, and comes back with it.
const move = (state, name, row) => {
  const { at, wanted, data } = state;
  wanted[name] = within(row, 0, data.thresholds.length - 1);
  if (name === "low") wanted.low = Math.min(wanted.low, wanted.threshold);
  if (name === "high") wanted.high = Math.max(wanted.high, wanted.threshold);
  at.threshold = wanted.threshold;
  at.low = Math.min(wanted.low, wanted.threshold);
  at.high = Math.max(wanted.high, wanted.threshold);
  draw(state);
};

const tell = (state, exact = null) => {
  const { data, at, wanted } = state;
  state.set("point", {
    set: data.set, seq: data.adopt.seq, threshold: exact ?? data.thresholds[at.threshold],
    low: data.thresholds[wanted.low], high: data.thresholds[wanted.high], typed: exact !== null,
  });
};

const keys = (state, name, event) => {
  const { thresholds } = state.data;
  const row = state.at[name];
  const jump = (by) => nearest(thresholds, thresholds[row] + by);
  const to = {
    ArrowLeft: () => row - 1, ArrowDown: () => row - 1, ArrowRight: () => row + 1,
    ArrowUp: () => row + 1, PageDown: () => Math.min(jump(-0.05), row - 1),
    PageUp: () => Math.max(jump(0.05), row + 1), Home: () => 0, End: () => thresholds.length - 1,
  }[event.key]?.();
  if (to === undefined) return;
  event.preventDefault();
  move(state, name, to);
  clearTimeout(state.later);
  state.later = setTimeout(() => tell(state), 500);
};

const listen = (state) => {
  const { root } = state;
  for (const name of HANDLES) {
    const input = node(root, name);
    input.oninput = () => {
      state.held = name;
      move(state, name, nearest(state.data.thresholds, +input.value));
    };
    input.onchange = () => { state.held = null; draw(state); tell(state); };
    input.onkeydown = (event) => keys(state, name, event);
  }
  const typed = node(root, "typed");
  typed.onchange = () => {
    const value = +typed.value;
    if (!typed.value || !(value >= 0 && value <= 1)) { draw(state); return; }
    typed.blur();
    move(state, "threshold", nearest(state.data.thresholds, value));
    tell(state, value);
  };
};

export default function ({ data, parentElement: root, setStateValue }) {
  let state = kept.get(root);
  if (!state) {
    state = { root, at: {}, wanted: {}, held: null, seq: null, of: null };
    kept.set(root, state);
    listen(state);
  }
  // Streamlit gives a new table for a new prevalence: the handle stays where it is.
  const before = state.data && HANDLES.map((name) => state.data.thresholds[state.wanted[name]]);
  state.set = setStateValue;
  if (state.held === null || state.of !== data.set) {
    const adopt = state.seq !== data.adopt.seq || state.of !== data.set;
    const values = adopt ? HANDLES.map((name) => data.adopt[name]) : before;
    HANDLES.forEach((name, k) => { state.wanted[name] = nearest(data.thresholds, values[k]); });
    if (adopt) state.held = null;
    Object.assign(state, { data, seq: data.adopt.seq, of: data.set });
    Object.assign(state.at, state.wanted);
    state.at.low = Math.min(state.at.low, state.at.threshold);
    state.at.high = Math.max(state.at.high, state.at.threshold);
  }
  figureRows(node(root, "figures"), state.data.names);
  put(root, "unit", `per 1,000 patients, ${data.clinic}`);
  draw(state);
  // Charts are mounted after this, and drawn anew when the window's size or the colours change.
  const seen = new WeakMap();
  // Streamlit calls this again for other data, and what it returned only at the end.
  clearInterval(state.watch);
  state.watch = setInterval(() => {
    let fresh = false;
    for (const { key } of state.data.charts)
      for (const graph of document.querySelectorAll(`.st-key-${key} .js-plotly-plot`)) {
        const area = graph.querySelector(".nsewdrag, .bglayer rect");
        const size = area && `${area.getAttribute("width")} ${area.getAttribute("height")} `
          + !!graph.querySelector(".cxr-live > *");
        if (size && seen.get(graph) !== size) { seen.set(graph, size); fresh = true; }
      }
    if (fresh) draw(state);
  }, 150);
  return () => clearInterval(state.watch);
}
