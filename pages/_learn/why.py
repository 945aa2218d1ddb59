"""Why? Nine explanations of one answer side by side, each put to two tests that it can fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cxr_core import figures
from cxr_core.explain.gallery import METHODS, Method
from cxr_core.workroom import Answer
from pages._learn import film, network, room, show
from pages._learn.film import Shown

TITLES = {row.key: row.title for row in METHODS}
ACROSS = 3
Question = dict[str, Any]


def page() -> None:
    """Choose a film, a network, a class and a layer; then ask."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = film.choose("why")
        source = network.choose("why", trained=True)
        known = network.layers(source)
        label, layer = "", None
        if known is not None:
            if known["classes"]:
                label = st.selectbox(
                    "Speaks for", known["classes"][::-1], key="learn_label", width=150
                )
            layer = network.layer(known, source, "why", "maps", known["last_map"])
    chosen = st.pills(
        "Methods", list(TITLES), format_func=TITLES.__getitem__, selection_mode="multi",
        default=list(TITLES), key="learn_methods", label_visibility="collapsed",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.button("Ask why", type="primary", key="learn_ask", icon=":material/help:")
        checks = st.toggle(
            "Test each map", key="learn_checks",
            help="Two tests that a map can fail. Masking: does blurring what it points at change "
            "the score more than blurring the same shape elsewhere? Shuffling: does the map "
            "change when the network's weights are put in random order?",
        )  # fmt: skip
    if shown is None:
        st.info("Choose or drop a film.", icon=":material/upload:")
        return
    if known is None:
        return
    rows = [row for row in METHODS if row.key in chosen]
    question = {"source": source, "label": label, "layer": layer}
    if asked:
        st.session_state["learn_asked"] = True
    if not st.session_state.get("learn_asked"):
        st.markdown(
            "#### One film, one answer, nine reasons. They disagree; some of them would say the "
            "same of a network that knows nothing."
        )
        return
    _gallery(rows, shown, question, checks)


def _own(row: Method, question: Question) -> Question:
    """The question to one method: a layer only where it reads one, so that answers are found."""
    layer = question["layer"] if row.layer else None
    return question | {"layer": layer, "method": row.key}


def _gallery(rows: list[Method], shown: Shown, question: Question, checks: bool) -> None:
    places = []
    for start in range(0, len(rows), ACROSS):
        places += list(st.columns(ACROSS, gap="medium"))[: len(rows) - start]
    answers: dict[str, Answer] = {}
    verdicts = {}
    for row, place in zip(rows, places, strict=True):
        with place:
            st.markdown(f"#### {row.title}")
            answer = room.ask("explain", shown, say=row.title, **_own(row, question))
            if answer is None:
                continue
            answers[row.key] = answer
            _map(row, answer)
            verdicts[row.key] = st.empty()
    checked: dict[str, Answer] = {}
    for row in rows:
        if row.key not in answers:
            continue
        with verdicts[row.key].container():
            if checks:
                found = room.ask(
                    "check", shown, arrays={"values": answers[row.key].arrays["values"]},
                    say="Testing the map", **_own(row, question),
                )  # fmt: skip
                if found is not None:
                    checked[row.key] = found
                    _verdict(row, answers[row.key], found)
            elif answers[row.key].values["flat"]:
                st.badge("Flat: it points at nothing", icon=":material/block:", color="red")
            else:
                st.badge("Not tested", icon=":material/help:", color="gray")
    if answers:
        _details(rows, answers, checked)


def _map(row: Method, answer: Answer) -> None:
    values = answer.arrays["values"]
    signed = row.key in ("occlusion", "integrated_gradients")
    show.chart(
        figures.picture(answer.arrays["image"], overlay=values, signed=signed, height=330),
        f"learn_why_{row.key}", row.key.replace("_", "-"),
        f"{row.title} over the film, from {values.min():.3g} to {values.max():.3g}.",
    )  # fmt: skip
    layer = f" · layer {answer.values['layer']}" if answer.values["layer"] else ""
    first = answer.values["first_ms"]
    st.caption(
        f"{answer.values['elapsed_ms']:,.0f} ms"
        + (f", the first time {first:,.0f}" if first else "")
        + f" · {row.by}{layer}"
    )
    st.markdown(f":small[{row.shows}]")


def _verdict(row: Method, answer: Answer, found: Answer) -> None:
    p, correlations = found.values["p"], found.values["correlations"]
    alike = float(np.mean(correlations))
    if answer.values["flat"]:
        st.badge("Fails: flat, it points at nothing", icon=":material/block:", color="red")
        return
    masks = len(found.arrays["at_random"])
    as_far = round(p * (masks + 1)) - 1
    if found.values["moved"]:
        st.badge(
            f"Masking: passed, none of {masks} masks elsewhere did as much (p = {p:.2f})",
            icon=":material/check:", color="green",
        )  # fmt: skip
    else:
        st.badge(
            f"Masking: failed, {as_far} of {masks} masks elsewhere did as much (p = {p:.2f})",
            icon=":material/close:", color="red",
        )  # fmt: skip
    if found.values["changed"]:
        st.badge(
            f"Shuffling: passed (correlation {alike:.2f})", icon=":material/check:", color="green"
        )
    else:
        st.badge(
            f"Shuffling: failed, much the same without knowledge ({alike:.2f})",
            icon=":material/close:", color="red",
        )  # fmt: skip


def _details(rows: list[Method], answers: dict[str, Answer], checked: dict[str, Answer]) -> None:
    first = next(iter(answers.values()))
    st.divider()
    said = f"{first.values['answer']}, " if first.values["answer"] else ""
    st.markdown(f"#### The score that is explained: {said}{first.values['score']:+.2f} (logit)")
    if checked:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            key = st.selectbox(
                "Masking, for", list(checked), format_func=TITLES.__getitem__,
                key="learn_curve_of", width=300,
            )  # fmt: skip
        arrays = checked[key].arrays
        show.chart(
            figures.deletion_curve(arrays["fractions"], arrays["by_map"], arrays["at_random"]),
            "learn_curve", f"masking-{key.replace('_', '-')}",
            f"Score of the film while more of what {TITLES[key]} points at is blurred.",
        )  # fmt: skip
        st.caption(
            "Blurred where the map points, strongest first, against 19 masks of the same shapes "
            "turned over and moved about. Passed: none of the 19 changes the score as far."
        )
    table = _table(rows, answers, checked)
    linked = table.assign(Paper=[f"[{text}]({link})" for text, link in _papers(rows, answers)])
    st.table(linked.set_index("Method").map(_in_words))
    st.download_button(
        "CSV", table.to_csv(index=False), "explanations.csv", "text/csv", key="learn_why_csv",
        icon=":material/download:",
    )  # fmt: skip
    st.markdown(
        ":small[Beside these, LIME (Ribeiro et al. 2016, fits a simple model to a film with parts "
        "left out) and SHAP (Lundberg and Lee 2017, shares the score out by Shapley values) are "
        "common; they are not run here.]"
    )


def _papers(rows: list[Method], answers: dict[str, Answer]) -> list[tuple[str, str]]:
    return [(row.paper, row.link) for row in rows if row.key in answers]


def _in_words(value: Any) -> str:
    """A cell of a table that is read from afar."""
    if value is None or value != value:
        return "not tested"
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:g}"
        if isinstance(value, float)
        else value
    )


def _table(
    rows: list[Method], answers: dict[str, Answer], checked: dict[str, Answer]
) -> pd.DataFrame:
    lines = []
    for row in rows:
        if row.key not in answers:
            continue
        found = checked.get(row.key)
        lines.append(
            {
                "Method": row.title,
                "ms": round(answers[row.key].values["elapsed_ms"]),
                "Masking p": None if found is None else found.values["p"],
                "Correlation when shuffled": None
                if found is None
                else round(float(np.mean(found.values["correlations"])), 2),
                "By": row.by,
                "What was wrong, or missing": row.note,
                "Paper": f"{row.paper}, {row.link}",
            }
        )
    return pd.DataFrame(lines)
