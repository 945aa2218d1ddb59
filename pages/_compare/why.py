"""The first screen: why MobileNet exists, in one sentence and three pictures."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cxr_core import comparison, figures
from cxr_core.comparison import Results, Row
from cxr_core.figures import Bubble
from pages._compare import show, words
from pages._shared import window

HERO, RIVAL = "mobilenet", "vgg16"
# The layer that MobileNet repeats five times: Howard et al. 2017, table 1.
LAYER = (3, 512, 512, 14)
ACROSS = {"macs": "Operations", "latency": "Latency here"}
UP = {"top1": "ImageNet top-1", "auc": "AUC on chest films"}
KINDS = ("convolution 1×1", "depthwise", "larger convolution", "fully connected", "other")
# What stands above and below the field, and its least and greatest height, in pixels; in windows
# less wide than WIDE the headline is set smaller, to keep to its line.
AROUND, LEAST, GREATEST, WIDE = 452, 360, 760, 1400
# The field's share of the page between its margins.
SHARE, MARGINS = 0.62, 160


def page(rows: Sequence[Row], results: Results) -> None:
    """Headline, field of networks, and beside it what makes the difference."""
    a, b, across, up, runtime = _controls(rows, results)
    head = st.container()
    width, height = window.size("compare_window")
    head.markdown(f"{'###' if width >= WIDE else '####'} {words.against(a, b)}")
    size = (round(SHARE * (width - MARGINS)), min(max(height - AROUND, LEAST), GREATEST))
    field, reason = st.columns([1.7, 1], gap="medium")
    with field:
        _field(rows, results, (a, b), across, up, runtime, size)
    with reason:
        _reason(a, min(max((size[1] - 50) // 2, 160), 240))


def _controls(rows: Sequence[Row], results: Results) -> tuple[Row, Row, str, str, str]:
    titles = {row.id: row.title for row in rows}
    ids = list(titles)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        across = st.segmented_control(
            "Across", list(ACROSS), format_func=ACROSS.__getitem__, default="macs", required=True,
            key="compare_across", label_visibility="collapsed",
        )  # fmt: skip
        a = st.selectbox(
            "Network", ids, index=_place(ids, HERO), format_func=titles.__getitem__,
            key="compare_a", label_visibility="collapsed", width=230,
        )  # fmt: skip
        st.markdown("against", width="content")
        b = st.selectbox(
            "against", ids, index=_place(ids, RIVAL), format_func=titles.__getitem__,
            key="compare_b", label_visibility="collapsed", width=230,
        )  # fmt: skip
        with st.popover("Axes", icon=":material/tune:", type="tertiary"):
            runtimes = {r.id: r.title for r in comparison.RUNTIMES}
            runtime = st.radio(
                "Latency of", list(runtimes), index=list(runtimes).index("litert"),
                format_func=runtimes.__getitem__, key="compare_runtime",
            )  # fmt: skip
            up = st.radio(
                "Accuracy as", list(UP), format_func=UP.__getitem__, key="compare_up",
                help="A backbone's linear probe (see 'On your films'), or a registered model's "
                "own validation.",
            )  # fmt: skip
    by_id = {row.id: row for row in rows}
    return by_id[a], by_id[b], across, up, runtime


def _place(ids: Sequence[str], wanted: str) -> int:
    return ids.index(wanted) if wanted in ids else 0


def _field(
    rows: Sequence[Row],
    results: Results,
    pair: tuple[Row, Row],
    across: str,
    up: str,
    runtime: str,
    size: tuple[int, int],
) -> None:
    title = next(r.title for r in comparison.RUNTIMES if r.id == runtime)
    bubbles, missing = [], []
    for row in rows:
        x, y = _cost(row, results, across, runtime), _accuracy(row, results, up)
        if y is None:
            continue
        if x is None or row.params is None:
            missing.append(row.title)
            continue
        tone: figures.Tone = (
            "chosen" if row is pair[0] else "rival" if row is pair[1]
            else "own" if row.model else "other"
        )  # fmt: skip
        found = results.latency(row.id, runtime, 1) if across == "latency" else None
        bubbles.append(
            Bubble(
                row.title, x, y, row.params, tone, _hover(row, x, y, across, up),
                _short(row) if tone == "other" else "", found is not None and found.busy,
            )
        )  # fmt: skip
    if not bubbles:
        st.info(_nothing(rows, results, across, up, title), icon=":material/timer:")
        return
    front = comparison.pareto([b.x for b in bubbles], [b.y for b in bubbles])
    unit = (
        "multiply-adds for one picture, billions" if across == "macs"
        else f"milliseconds a film on this machine, {title}"
    )  # fmt: skip
    figure = figures.field(
        bubbles, [(bubbles[i].x, bubbles[i].y) for i in front], x_title=unit, y_title=UP[up],
        width=size[0], height=size[1],
    )  # fmt: skip
    on_front = ", ".join(bubbles[i].label for i in front)
    show.chart(
        figure,
        "compare_field",
        f"{UP[up]} against {unit}; area for parameters. On the Pareto front: {on_front}.",
        "backbones",
    )
    st.caption(_small_print(rows, pair, results, across, up, runtime, missing))


def _nothing(rows: Sequence[Row], results: Results, across: str, up: str, title: str) -> str:
    """Why no network can be drawn, and what to do."""
    if all(_accuracy(row, results, up) is None for row in rows):
        return "No AUC on chest films was measured here yet. Choose **On your films** above."
    if across == "latency":
        return (
            f"No network was measured on this machine yet ({title}). "
            "Choose **Measure here** above: a few networks take a minute or two."
        )
    return "Operations of no network with an AUC are counted. Choose **ImageNet top-1** again."


def _short(row: Row) -> str:
    """'B3' of EfficientNetB3: between the first and the last of its family nobody needs more."""
    inner = row.id.startswith("efficientnetb") and row.id[-1] not in "07"
    return row.title[-2:] if inner else row.title


def _small_print(
    rows: Sequence[Row],
    pair: tuple[Row, Row],
    results: Results,
    across: str,
    up: str,
    runtime: str,
    missing: Sequence[str],
) -> str:
    title = next(r.title for r in comparison.RUNTIMES if r.id == runtime)
    why = "Not measured here" if across == "latency" else "Operations not counted"
    left_out = f" {why}, so not drawn: {', '.join(missing)}." if missing else ""
    evidence = (
        "AUC: of a backbone a linear probe, of a registered model its own validation."
        if up == "auc" else "Operations are counted from the graph; accuracy is from Keras' table."
    )  # fmt: skip
    short = any(_short(row) != row.title and _accuracy(row, results, up) for row in rows)
    family = "B1 to B6: EfficientNet. " if short else ""
    how = ""
    if across == "latency":
        shown = [x for row in rows if (x := results.latency(row.id, runtime, 1)) is not None]
        how = f" {words.measured(shown)}"
    return (
        f"Area: parameters. {family}{evidence} "
        f"{words.latency_against(*pair, results, runtime, title)}{how}{left_out}"
    )


def _cost(row: Row, results: Results, across: str, runtime: str) -> float | None:
    if across == "macs":
        return None if row.macs is None else row.macs / 1e9
    found = results.latency(row.id, runtime, 1)
    return None if found is None else found.median_ms


def _accuracy(row: Row, results: Results, up: str) -> float | None:
    if up == "top1":
        return row.top1
    area = comparison.accuracy_on_films(row, results)
    return None if area is None else 100 * area


def _hover(row: Row, x: float, y: float, across: str, up: str) -> str:
    cost = f"{x:.2f} billion multiply-adds" if across == "macs" else f"{words.ms(x)} a film"
    params = figures.in_words(row.params or 0)
    return f"<b>{row.title}</b><br>{UP[up]} {y:.1f} %<br>{cost}<br>{params} parameters"


def _reason(hero: Row, height: int) -> None:
    cost = comparison.convolution_cost(*LAYER)
    kernel, channels, _, size = LAYER
    st.markdown(
        f"**One convolution, split in two**  \n:small[{kernel} × {kernel}, {channels} channels in "
        f"and out, {size} × {size} pixels: multiply-adds]"
    )
    show.chart(
        figures.convolution_cost(
            cost.standard_macs, cost.depthwise_macs, cost.pointwise_macs, height
        ),
        "compare_split",
        f"A standard convolution takes {cost.standard_macs} multiply-adds, a depthwise separable "
        f"one {cost.separable_macs}: {cost.ratio:.3f} of it.",
        staticPlot=True,
    )
    if hero.counts is None:
        return
    st.markdown(f"**So {hero.title} is nearly all 1 × 1 convolutions**" if hero.id == HERO
                else f"**Where {hero.title} works**")  # fmt: skip
    operations, parameters = shares(hero.counts)
    show.chart(
        figures.layer_shares(
            [("Operations", operations), ("Parameters", parameters)], height, small=True
        ),
        "compare_shares",
        "; ".join(f"{kind} {100 * v:.2f} % of operations" for kind, v in operations.items()),
    )


def shares(counts: comparison.Counts) -> tuple[dict[str, float], dict[str, float]]:
    """Share of operations and of weights, from 0 to 1, by kind of layer; every kind is named."""
    operations, weights = dict.fromkeys(KINDS, 0.0), dict.fromkeys(KINDS, 0.0)
    for share in counts.by_type:
        kind = _kind(share.kind)
        operations[kind] += counts.share_of_macs(share.kind)
        weights[kind] += counts.share_of_weights(share.kind)
    return operations, weights


def _kind(kind: str) -> str:
    if kind.startswith("depthwise"):
        return "depthwise"
    if kind.startswith("convolution") and kind != "convolution 1×1":
        return "larger convolution"
    return kind if kind in KINDS else "other"
