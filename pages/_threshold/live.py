"""The live panel: a table of every step, computed once, from which the browser draws."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cxr_core.figures import operating as draw
from cxr_core.operating import Figures, Sorted
from pages._threshold.session import Bench, Point, bench

HERE = Path(__file__).parent
KEY = "threshold_live"
# Chart keys of Streamlit on which the threshold is marked.
SCORES, ROC, PR = "threshold_scores", "threshold_roc", "threshold_pr"
CALIBRATION, DECISION, COST = "threshold_calibration", "threshold_decision", "threshold_cost"
# Halts of the slider: every matrix up to MOST, else about SPREAD; the rail is some 500 pixels long.
MOST, SPREAD = 800, 480
CELLS = ("tn", "fp", "fn", "tp")

_HTML = """
<div class="live" role="group" aria-label="Operating point">
  <div class="rail">
    <div class="refer" data-is="reach"></div>
    <input type="range" min="0" max="1" step="any" data-is="threshold" aria-label="Threshold">
    <input type="range" min="0" max="1" step="any" data-is="low" class="edge"
      aria-label="Refer from" title="Refer from here…">
    <input type="range" min="0" max="1" step="any" data-is="high" class="edge"
      aria-label="Refer to" title="…to here">
  </div>
  <div class="said">
    <label>Threshold <input data-is="typed" type="number" min="0" max="1" step="any"
      aria-label="Threshold, exactly"></label>
    <span data-is="called" aria-live="off"></span>
  </div>
  <div class="columns">
    <div class="matrix">
      <table>
        <thead><tr><th></th><th scope="col">called pneumonia</th>
          <th scope="col">called normal</th></tr></thead>
        <tbody>
          <tr><th scope="row">has pneumonia</th>
            <td class="right"><b data-is="tp"></b><small class="what">found (TP)</small>
              <small class="rate" data-is="tp_rate"></small><small data-is="tp_reach"></small></td>
            <td class="miss"><b data-is="fn"></b><small class="what">missed (FN)</small>
              <small class="rate" data-is="fn_rate"></small><small data-is="fn_reach"></small></td>
          </tr>
          <tr><th scope="row">is normal</th>
            <td class="alarm"><b data-is="fp"></b><small class="what">false alarms (FP)</small>
              <small class="rate" data-is="fp_rate"></small><small data-is="fp_reach"></small></td>
            <td class="right"><b data-is="tn"></b><small class="what">cleared (TN)</small>
              <small class="rate" data-is="tn_rate"></small><small data-is="tn_reach"></small></td>
          </tr>
        </tbody>
        <caption>Below: <span data-is="unit"></span></caption>
      </table>
    </div>
    <div class="figures"><table>
      <colgroup><col class="n"><col class="v"><col class="r"><col></colgroup>
      <tbody data-is="figures"></tbody>
    </table></div>
  </div>
  <div class="band" data-is="band"></div>
</div>
"""

_panel = st.components.v2.component(
    "cxr_threshold",
    html=_HTML,
    css=(HERE / "live.css").read_text(),
    js=(HERE / "live.js").read_text(),
)


def stops(data: Sorted, extra: tuple[float, ...]) -> NDArray[np.float64]:
    """Ascending thresholds at which the slider halts, `extra` among them, and one that calls none.

    Every distinct matrix has one where there are few enough, and between scores far apart there
    is one in a hundredth, so that the thumb follows the hand; else they are spread evenly over
    films and over scores, and keep the corners of the ROC curve.
    """
    values = data.scores[np.diff(data.scores, prepend=-1.0) > 0]
    if len(values) > MOST:
        corners = data.roc().thresholds
        corners = corners[np.isfinite(corners)]
        by_film = data.scores[np.linspace(0, data.n - 1, SPREAD // 2).astype(np.intp)]
        by_corner = corners[:: max(1, len(corners) // (SPREAD // 4))]
        values = np.concatenate([by_film, np.linspace(0, 1, SPREAD // 4 + 1), by_corner])
    else:
        # Half-way between two films, as the criteria choose: rounding drops neither of them.
        between = (values[1:] + values[:-1]) / 2
        even = np.linspace(0, 1, 101)
        values = np.concatenate([values[:1] / 2, between, values[:1], even])
    top = float(data.scores[-1])
    last = (top + 1) / 2 if top < 1 else 1.0
    kept = np.concatenate([values, extra, [0.0, last]])
    return np.unique(kept[(kept >= 0) & (kept <= 1)])


def table(
    data: Sorted,
    prevalence: float,
    ratio: float,
    extra: tuple[float, ...],
    made: dict[float, Figures],
) -> Any:
    """Counts, figures with intervals and the curves' heights at every stop, as JSON can hold.

    made: figures at thresholds that were computed before, and where new ones are kept.
    """
    thresholds: list[float] = stops(data, extra).tolist()
    for t in thresholds:
        if t not in made:
            made[t] = data.figures(t, prevalence)
    found = [made[t] for t in thresholds]
    rows = found[0].rows()
    figures: dict[str, Any] = {
        row.key: {"at": [_plain(getattr(f, row.key)) for f in found]} for row in rows
    }
    for cell in CELLS:
        figures[f"per_1000_{cell}"] = {"at": [_plain(getattr(f.per_1000, cell)) for f in found]}
    below_one = [min(t, math.nextafter(1, 0)) for t in thresholds]
    return {
        "thresholds": thresholds,
        "counts": {c: [getattr(f.confusion, c) for f in found] for c in CELLS},
        "figures": figures,
        "names": [
            {"key": r.key, "name": _short(r.name), "percent": r.percent, "meaning": r.meaning,
             "method": r.method}
            for r in rows
        ],
        "charts": [
            {"key": SCORES, "band": True},
            {"key": ROC, "x": _values(figures, "specificity", 1),
             "y": _values(figures, "sensitivity")},
            {"key": PR, "x": _values(figures, "sensitivity"), "y": _values(figures, "ppv")},
            {"key": CALIBRATION},
            {"key": DECISION, "y": [data.net_benefit(t, prevalence) for t in below_one]},
            {"key": COST, "y": [data.cost_at(t, ratio, prevalence) for t in thresholds]},
        ],
    }  # fmt: skip


def panel(state: Bench, prevalence: float, ratio: float) -> None:
    """Draw it. Where the reader lets a handle go, `state.point` has it before the page runs."""
    data, point = state.tuning, state.point
    assert data is not None
    extra = state.marked
    key = (data.set.sha256, prevalence)
    made: dict[float, Figures] = state.once("figures", key, dict)
    rows = state.once(
        "table", (*key, ratio, extra), lambda: table(data, prevalence, ratio, extra, made)
    )
    _panel(
        key=KEY,
        data={
            **rows,
            "set": data.set.sha256,
            "clinic": f"{prevalence:.1%} ill",
            "colours": {"refer": draw.REFER, "point": draw.ILL},
            "adopt": {
                "seq": point.seq, "threshold": point.threshold, "low": point.wanted_low,
                "high": point.wanted_high,
            },
        },
        on_point_change=_by_hand,
        height="content",
    )  # fmt: skip


def _by_hand() -> None:
    """Take over where the reader let a handle go, unless it is of other data or out of date."""
    state = bench()
    said: Any = st.session_state[KEY].get("point")
    data = state.tuning
    if not said or data is None or said["set"] != data.set.sha256:
        return
    if said["seq"] != state.point.seq:
        return
    threshold, low, high = (float(said[name]) for name in ("threshold", "low", "high"))
    if threshold != state.point.threshold:
        st.session_state["threshold_criterion"] = "hand"
    if said["typed"]:
        state.move(threshold, low, high)
    else:
        state.point = Point(threshold, low, high, state.point.seq)


def _plain(interval: Any) -> list[float | None]:
    """[] where the figure is not defined, null for infinity, five digits that a screen needs."""
    if interval is None:
        return []
    ends = (interval.value, interval.low, interval.high)
    return [float(f"{x:.5g}") if math.isfinite(x) else None for x in ends]


def _values(figures: Any, key: str, minus: int = 0) -> list[float | None]:
    found = [at[0] if at else None for at in figures[key]["at"]]
    return [None if v is None else (minus - v if minus else v) for v in found]


def _short(name: str) -> str:
    return name.replace(" prevalence", "")
