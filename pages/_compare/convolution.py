"""A standard against a depthwise separable convolution, to be played with; and whole networks."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cxr_core import comparison, figures
from cxr_core.comparison import Row
from pages._compare import show, why, words

CHANNELS = (8, 16, 32, 64, 128, 256, 512, 1024)
SIZES = (7, 14, 28, 56, 112, 224)
KERNELS = (1, 3, 5, 7)


def page(rows: Sequence[Row]) -> None:
    _separable()
    st.divider()
    _networks(rows)


@st.fragment
def _separable() -> None:
    """Sliders, the picture, the bars and the curve; only these run again when one moves."""
    settings, picture = st.columns([1, 2.6], gap="large")
    with settings:
        kernel = st.select_slider("Kernel k × k", KERNELS, 3, key="compare_kernel")
        entering = st.select_slider("Channels in, M", CHANNELS, 512, key="compare_in")
        leaving = st.select_slider("Channels out, N", CHANNELS, 512, key="compare_out")
        size = st.select_slider("Pixels a side", SIZES, 14, key="compare_size")
        cost = comparison.convolution_cost(kernel, entering, leaving, size)
        st.metric("Cost ratio", f"{cost.ratio:.3f}", help="Separable over standard: multiply-adds.")
        st.markdown(
            f"1/N + 1/k² = 1/{leaving} + 1/{kernel**2} = {cost.formula:.3f}: "
            f"**{_verdict(cost.ratio)}**, and "
            f"{figures.in_words(cost.separable_params)} weights in place of "
            f"{figures.in_words(cost.standard_params)}."
        )
    with picture:
        show.chart(
            figures.convolution_picture(kernel, entering, leaving, size),
            "compare_picture",
            f"Blocks: {size} × {size} × {entering} to {size} × {size} × {leaving}, once through "
            f"{leaving} filters of {kernel} × {kernel} × {entering}, once through {entering} of "
            f"{kernel} × {kernel} × 1 and {leaving} of 1 × 1 × {entering}.",
            "convolution",
            staticPlot=True,
        )
    bars, curve = st.columns(2, gap="large")
    with bars:
        st.markdown("**Multiply-adds**")
        show.chart(
            figures.convolution_cost(
                cost.standard_macs, cost.depthwise_macs, cost.pointwise_macs, height=250
            ),
            "compare_cost",
            f"Standard {cost.standard_macs}, separable {cost.separable_macs} multiply-adds.",
            "convolution-cost",
        )
    with curve:
        st.markdown("**The wider the layer and the kernel, the more is saved**")
        curves = [
            (k, [(n, comparison.convolution_cost(k, entering, n, size).ratio) for n in CHANNELS])
            for k in KERNELS
        ]
        show.chart(
            figures.cost_ratio(curves, (kernel, leaving, cost.ratio)),
            "compare_ratio",
            f"Cost ratio by output channels for kernels {KERNELS}; here {cost.ratio:.3f}.",
            "convolution-ratio",
        )


def _verdict(ratio: float) -> str:
    if ratio < 1:
        return f"{words.times(1 / ratio)} times fewer multiply-adds"
    return "nothing saved: a 1 × 1 kernel has nothing to split" if ratio > 1 else "the same cost"


def _networks(rows: Sequence[Row]) -> None:
    """Bars of where networks' parameters and operations sit, for as many as are chosen."""
    counted = {row.id: row for row in rows if row.counts is not None}
    st.markdown("**Where parameters and operations sit, by type of layer**")
    chosen = st.multiselect(
        "Networks", list(counted), [i for i in (why.HERO, why.RIVAL) if i in counted],
        format_func=lambda i: counted[i].title, key="compare_layers", label_visibility="collapsed",
        placeholder="Choose networks",
    )  # fmt: skip
    bars = []
    for name in chosen:
        counts = counted[name].counts
        assert counts is not None
        operations, parameters = why.shares(counts)
        title = counted[name].title
        bars += [(f"{title}, operations", operations), (f"{title}, parameters", parameters)]
    if not bars:
        st.info("Choose a network to see where it keeps its parameters and spends its operations.")
        return
    show.chart(
        figures.layer_shares(bars, height=90 + 52 * len(bars)),
        "compare_kinds",
        "; ".join(
            f"{what}: " + ", ".join(f"{kind} {100 * v:.2f} %" for kind, v in share.items())
            for what, share in bars
        ),
        "layer-types",
    )
    if why.HERO in chosen:
        st.caption(
            "For MobileNet, Howard et al. 2017 (table 2) print 94.86 % of multiply-adds and "
            "74.59 % of parameters in 1 × 1 convolutions."
        )
