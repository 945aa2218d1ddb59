"""EfficientNet's three ways of scaling a network, and why it takes all of them at once."""

from __future__ import annotations

import math
from functools import cache

import streamlit as st

from cxr_core import comparison, figures
from pages._compare import show

# Tan and Le 2019 (arXiv 1905.11946), section 3.3: found by a small grid search on B0.
ALPHA, BETA, GAMMA = 1.2, 1.1, 1.15


def page() -> None:
    _ways()
    st.divider()
    _family()


@st.fragment
def _ways() -> None:
    """One budget of operations spent on width, on depth, on resolution, or on all three."""
    words, slider = st.columns([2.2, 1], gap="large", vertical_alignment="center")
    with slider:
        budget = st.select_slider(
            "Operations, times the baseline's", (1.5, 2, 3, 4, 6, 8), 4, key="compare_budget",
        )  # fmt: skip
    with words:
        st.markdown(
            "### More operations to spend: on what?  \n"
            "Operations grow with depth, and with the **square** of width and of resolution. "
            "EfficientNet spends on all three at once, in the fixed proportion 1.2 : 1.1 : 1.15."
        )
    rows = _spent(float(budget))
    show.chart(
        figures.scaled_networks(rows),
        "compare_ways",
        "; ".join(f"{n}: width {w:.2f}, depth {d:.2f}, pixels {r:.2f}" for n, w, d, r, _ in rows),
        "scaling",
        staticPlot=True,
    )
    st.caption(
        "Operations are counted for the whole scaled network. They miss the budget a little: "
        "channels come in eights, and layers one by one. Proportion: Tan and Le 2019, section 3.3."
    )


# name, and exponents of width, depth and resolution in the factor that is raised.
WAYS = (
    ("Wider", 1.0, 0.0, 0.0),
    ("Deeper", 0.0, 1.0, 0.0),
    ("More pixels", 0.0, 0.0, 1.0),
    ("All three", math.log(BETA), math.log(ALPHA), math.log(GAMMA)),
)


@cache
def _spent(budget: float) -> tuple[tuple[str, float, float, float, float], ...]:
    """Of each way: name, width, depth, resolution, and operations in times those of B0.

    The factors are those whose counted operations come closest to the budget.
    """
    base = comparison.scaled(1, 1, 1).macs
    rows = [("B0", 1.0, 1.0, 1.0, 1.0)]
    for name, *exponents in WAYS:
        most = math.log(budget) / max(exponents)
        steps = [most * k / 120 for k in range(1, 121)]
        tried = [tuple(math.exp(step * e) for e in exponents) for step in steps]
        counted = [(comparison.scaled(*factors).macs / base, factors) for factors in tried]
        found, (width, depth, resolution) = min(counted, key=lambda pair: abs(pair[0] - budget))
        rows.append((name, width, depth, resolution, found))
    return tuple(rows)


def _family() -> None:
    chart, table = st.columns([1.3, 1], gap="large")
    nets = comparison.efficientnets()
    with chart:
        st.markdown("**EfficientNet B0 to B7: what the operations buy**")
        show.chart(
            figures.scaling_curve(
                [(n.name[-2:].upper(), float(n.macs), n.top1, n.course_top1) for n in nets]
            ),
            "compare_family",
            "; ".join(f"{n.name} {n.top1} % for {n.macs} multiply-adds" for n in nets),
            "efficientnets",
        )
    with table:
        st.dataframe(
            {
                "Network": [n.name for n in nets],
                "Width": [n.width for n in nets],
                "Depth": [n.depth for n in nets],
                "Pixels": [n.size for n in nets],
                "Multiply-adds": [n.macs / 1e9 for n in nets],
                "Top-1": [n.top1 for n in nets],
                "The course": [n.course_top1 for n in nets],
            },
            key="compare_scalings",
            hide_index=True,
            column_config={
                "Width": st.column_config.NumberColumn(format="%.1f"),
                "Depth": st.column_config.NumberColumn(format="%.1f"),
                "Multiply-adds": st.column_config.NumberColumn(format="%.2f G"),
                "Top-1": st.column_config.NumberColumn(format="%.1f %%"),
                "The course": st.column_config.NumberColumn(format="%.2f %%"),
            },
        )
    ways = comparison.WAYS
    st.markdown(
        "**One way alone, or all at once: as the paper measured it on B0** "
        ":small[(Tan and Le 2019, table 7)]"
    )
    st.dataframe(
        {
            "Scaled": [w.name for w in ways],
            "Width": [w.width for w in ways],
            "Depth": [w.depth for w in ways],
            "Resolution": [w.resolution for w in ways],
            "Multiply-adds": [w.gmacs for w in ways],
            "Top-1": [w.top1 for w in ways],
        },
        key="compare_paper",
        hide_index=True,
        column_config={
            **{
                name: st.column_config.NumberColumn(format="× %.1f")
                for name in ("Width", "Depth", "Resolution")
            },
            "Multiply-adds": st.column_config.NumberColumn(format="%.1f G"),
            "Top-1": st.column_config.NumberColumn(format="%.1f %%"),
        },
    )
