"""Which one? Constraints in, the admissible networks out, each with its reason in words."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cxr_core import comparison
from cxr_core.comparison import Choice, Constraints, Results, Row

RANKS = {
    "top1": "ImageNet top-1",
    "auc": "AUC on films",
    "latency": "Latency here",
    "size": "Size",
    "macs": "Operations",
}


def page(rows: Sequence[Row], results: Results) -> None:
    """Constraints, the ranking, and the course's guide beside it."""
    asked, answer, guide = st.columns([1, 1.9, 1.3], gap="large")
    with asked:
        constraints = _constraints()
    with answer:
        _answer(comparison.choose(rows, results, constraints))
    with guide:
        _guide()


def _constraints() -> Constraints:
    runtimes = {r.id: r.title for r in comparison.RUNTIMES}
    st.markdown("**What it must keep to**")
    latency = st.number_input(
        "Latency here at most, ms a film", 1.0, None, None, 5.0, key="compare_max_latency",
        placeholder="no limit",
    )  # fmt: skip
    runtime = st.selectbox(
        "run by", list(runtimes), list(runtimes).index("litert"),
        format_func=runtimes.__getitem__, key="compare_choice_runtime",
    )  # fmt: skip
    size = st.number_input(
        "Size at most, MB", 1.0, None, None, 10.0, key="compare_max_size", placeholder="no limit"
    )
    memory = st.number_input(
        "Memory at most, MB", 1.0, None, None, 50.0, key="compare_max_memory",
        placeholder="no limit", help="Peak memory of its process, measured on this machine.",
    )  # fmt: skip
    top1 = st.number_input(
        "ImageNet top-1 at least, %", 0.0, 100.0, None, 1.0, key="compare_min_top1",
        placeholder="no limit",
    )  # fmt: skip
    auc = st.number_input(
        "AUC on chest films at least", 0.5, 1.0, None, 0.01, key="compare_min_auc",
        placeholder="no limit",
        help="A backbone's linear probe, or a registered model's own validation.",
    )  # fmt: skip
    rank = st.selectbox(
        "The best first by", list(RANKS), format_func=RANKS.__getitem__, key="compare_rank",
    )  # fmt: skip
    return Constraints(
        latency_ms=latency, runtime=runtime, size_mb=size, memory_mb=memory, top1=top1, auc=auc,
        rank_by=rank,
    )  # fmt: skip


def _answer(choices: Sequence[Choice]) -> None:
    admissible = [c for c in choices if c.admissible]
    out = [c for c in choices if not c.admissible]
    if admissible:
        first = admissible[0]
        why = "; ".join(first.reasons)
        st.markdown(f"### {first.row.title}  \n{why[:1].upper()}{why[1:]}.")
        st.markdown("\n".join(f"{c.rank}. {_bold(c)}" for c in admissible[1:]))
    else:
        st.warning(
            "No network keeps to all of these. Loosen one, or measure what is not measured yet.",
            icon=":material/filter_alt_off:",
        )
    if out:
        with st.expander(f"{len(out)} that do not", expanded=not admissible):
            st.markdown("\n".join(f"- {_bold(c)}" for c in out))


def _bold(choice: Choice) -> str:
    title = choice.row.title
    return choice.sentence.replace(title, f"**{title}**", 1)


def _guide() -> None:
    st.markdown("**The course's guide, by situation**")
    for advice in comparison.GUIDE:
        st.markdown(f"**{advice.situation}**: {advice.advice}  \n:small[{advice.why}]")
