"""Mistakes made on purpose: the wrong lines beside the right ones, and what they cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from cxr_core import figures, mistakes
from cxr_core.errors import CxrError
from cxr_core.mistakes import MISTAKES, Mistake, Pair
from pages._learn import pairs, show

TITLES = {row.key: row.title for row in MISTAKES}
SURE = 0.05


def page() -> None:
    """One mistake at a time, as shipped or as made here."""
    key = st.pills(
        "Mistake", list(TITLES), format_func=TITLES.__getitem__, default=MISTAKES[0].key,
        required=True, key="learn_mistake", label_visibility="collapsed",
    )  # fmt: skip
    row = mistakes.mistake(key)
    st.markdown(f"### {row.happens}")
    wrong, right = st.columns(2, gap="large")
    high = 38 + 23 * max(code.count("\n") + 1 for code in (row.wrong_code, row.right_code))
    with wrong:
        st.markdown("#### :red[:material/close: Wrong]")
        st.code(row.wrong_code, language="python", height=high)
    with right:
        st.markdown("#### :green[:material/check: Right]")
        st.code(row.right_code, language="python", height=high)
    try:
        paths, whose = _chosen(row)
        found, facts = mistakes.pair(key, paths), mistakes.facts(paths[0])
    except CxrError as error:
        st.error(str(error), icon=":material/error:")
        return
    _cost(found, wrong, right)
    st.markdown(f"#### :blue[Lesson]&ensp;{row.lesson}")
    _losses(found)
    counts, patients = facts["films"], facts["patients"]
    st.caption(
        f"{whose}: {facts['network']}, {facts['size']} pixels a side, {facts['epochs']} epochs a "
        f"phase, one run each from seed {facts['seed']}, {facts['date']}, Keras {facts['keras']}. "
        f"{counts['train']:,} training films; {counts['test']:,} test films of "
        f"{patients['test']:,} patients. Thresholds: highest Youden index on validation films."
    )
    pairs.here(row)


def _cost(found: Pair, wrong: Any, right: Any) -> None:
    c = found.comparison
    truth = c.all
    shares = {
        "wrong": (truth.both_right + truth.only_a) / truth.n,
        "right": (truth.both_right + truth.only_b) / truth.n,
    }
    for place, auc, side in ((wrong, c.auc_a, "wrong"), (right, c.auc_b, "right")):
        with place, st.container(horizontal=True):
            st.metric("AUC on the test films", f"{auc.value:.3f}")
            st.metric("Accuracy on the test films", f"{100 * shares[side]:.1f} %")
    lines = []
    if c.auc_difference is not None and c.auc_p is not None:
        d = c.auc_difference
        lines.append(
            f"AUC, wrong minus right: **{_signed(d.value)}** ({_signed(d.low)} to "
            f"{_signed(d.high)}, DeLong's paired test {_p(c.auc_p)})"
        )
    d = truth.difference
    lines.append(
        f"Accuracy, wrong minus right: **{_signed(100 * d.value, 1)} points** "
        f"({_signed(100 * d.low, 1)} to {_signed(100 * d.high, 1)}, McNemar's test {_p(truth.p)})"
    )
    if found.base_moved[0] == 0 and found.base_moved[1] > 0:
        lines.append(
            "Largest change of a weight that was to be fine-tuned: **0** wrong, "
            f"**{found.base_moved[1]:.4f}** right"
        )
    st.markdown("\n".join(f"- {line}" for line in lines))
    if truth.p > SURE and (c.auc_p is None or c.auc_p > SURE):
        st.info(
            "Here chance alone could have made the difference. That is no proof that the mistake "
            "is harmless: these films are easy, and this is one run each.",
            icon=":material/casino:",
        )


def _signed(value: float, digits: int = 3) -> str:
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _losses(found: Pair) -> None:
    if found.mistake.tuned_on_test:
        return
    show.chart(
        figures.two_losses(*found.histories), "learn_losses",
        f"{found.mistake.key.replace('_', '-')}-losses",
        "Validation loss by epoch, wrong and right.",
    )  # fmt: skip


def _chosen(row: Mistake) -> tuple[tuple[Path, ...], str]:
    """Where the measured runs lie: shipped, or the latest pair made here."""
    done = pairs.latest(row, done=True)
    if done is not None:
        own, shipped = f"made here, {(done[-1].ended or '')[:10]}", "shipped"
        which = st.segmented_control(
            "Result", [own, shipped], default=own, required=True, key=f"learn_result_{row.key}",
        )  # fmt: skip
        if which == own:
            return tuple(job.folder / pairs.RESULT for job in done), "Made here"
    return (mistakes.SHIPPED,), "Kermany et al. 2018, training folder"
