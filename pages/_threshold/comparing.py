"""Two models or two points on the same films, and one point on parts of the films."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cxr_core import operating as op
from cxr_core.figures import operating as draw
from cxr_core.operating import Comparison, McNemar, Sorted, Subgroup
from cxr_core.schema import Interval
from pages._shared import export
from pages._shared.words import plain
from pages._threshold import sources
from pages._threshold.reporting import said
from pages._threshold.session import Bench
from pages._threshold.takeaway import csv_of

ROC = "threshold_compare_roc"
FOREST = "threshold_subgroups"
POINT = "another threshold on these films"


def show(state: Bench, _: float, __: float) -> None:
    """Choose the other side, then paired differences and the films the two disagree on."""
    data = state.loaded_tuning
    found = sources.sources(state)
    mine = st.session_state.get("threshold_tuning")
    places = st.columns([2, 1], vertical_alignment="bottom")
    with places[0]:
        other = st.selectbox(
            "Compare with", [POINT, *(name for name in found if name != mine)],
            key="threshold_compare_with",
            help="Another model's scores of the same films: paired by the film's name.",
        )  # fmt: skip
    with places[1]:
        start = state.standing[0] if state.standing is not None else 0.5
        at = st.number_input(
            "at threshold", 0.0, 1.0, float(start), 0.001, format="%.4f",
            key=f"threshold_compare_at_{data.set.sha256[:12]}",
        )  # fmt: skip
    second = data if other == POINT else sources.opened(state, found, other, "tuning")
    here = state.point.threshold
    key = (data.set.sha256, second.set.sha256, here, at)
    with st.spinner("Comparing…"):
        result = state.once(
            "comparison", key, lambda: op.compare(data.set, second.set, here, at)
        )  # fmt: skip
    for warning in result.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    st.markdown(f"**{plain(result.sentence)}**")
    _figures(result, data, second, other != POINT)
    _disagreements(result)


def _figures(result: Comparison, data: Sorted, second: Sorted, two_models: bool) -> None:
    names = (f"{result.threshold_a:.4f} (slider)", f"{result.threshold_b:.4f}")
    rows: list[tuple[str, str, str, str, str]] = []
    if two_models:
        p = result.auc_p
        rows.append(
            (
                "AUC", said(result.auc_a, False), said(result.auc_b, False),
                said(result.auc_difference, False), "" if p is None else f"{_p(p)} (DeLong)",
            )
        )  # fmt: skip
    for name, test in (
        ("Accuracy", result.all),
        ("Sensitivity", result.ill_only),
        ("Specificity", result.well_only),
    ):  # fmt: skip
        shares = [f"{(test.both_right + only) / test.n:.1%}" for only in (test.only_a, test.only_b)]
        rows.append((name, *shares, said(test.difference, True), f"{_p(test.p)} ({_which(test)})"))
    left, right = st.columns([1.7, 1], gap="medium") if two_models else (st.container(), None)
    with left:
        columns = ("figure", f"here, {names[0]}", f"there, {names[1]}", "difference (95 %)", "p")
        st.dataframe(
            dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)), hide_index=True,
            key="threshold_compare_table", height="content",
        )  # fmt: skip
        left_out = f" {result.left_out:,} films are in one set alone." if result.left_out else ""
        st.caption(
            f"{result.n:,} films in both: {result.ill:,} pneumonia, {result.well:,} normal. "
            f"McNemar's test on the films called differently.{left_out}"
        )
    if right is not None:
        with right:
            figure = draw.roc(
                [("here", data.roc(), data.auc), ("there", second.roc(), second.auc)], 280
            )
            st.plotly_chart(figure, key=ROC, config=draw.CONFIG, alt="Both ROC curves.")
            export.buttons(ROC, "roc-two-models")


def _disagreements(result: Comparison) -> None:
    found = result.disagreements
    if not found:
        st.markdown("They call every film alike.")
        return
    word = ("normal", "pneumonia")
    table: dict[str, list[Any]] = {
        "film": [d.film for d in found],
        "truth": [word[d.label] for d in found],
        "here": [d.score_a for d in found],
        "called here": [word[d.called_a] for d in found],
        "there": [d.score_b for d in found],
        "called there": [word[d.called_b] for d in found],
    }
    st.markdown(f"**The {len(found):,} films they disagree on**")
    st.dataframe(table, hide_index=True, key="threshold_disagree", height=260)
    st.download_button(
        "CSV", csv_of(table), "disagreements.csv", "text/csv", key="threshold_disagree_csv",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip


def groups(state: Bench, _: float, __: float) -> None:
    """Each value of a column on its own, with a warning where its films are too few."""
    data = state.shown
    columns = op.groupings(data.set)
    if not columns:
        st.info(
            "These scores name no groups. A score file with a column such as cause, age, sex or "
            "view brings them."
        )
        return
    column = st.selectbox("Group by", columns, key=f"threshold_group_{data.set.sha256[:12]}")
    at = state.point.threshold
    found = state.once(
        "subgroups", (data.set.sha256, column, at),
        lambda: op.subgroups(data.set, column, at),
    )  # fmt: skip
    few = [group for group in found if group.warning]
    if few:
        said = " ".join(f"{group.value}: {group.warning}" for group in few)
        st.warning(plain(said), icon=":material/warning:")
    table = group_table(found)
    st.dataframe(table, hide_index=True, key="threshold_group_table", height="content")
    notes = [plain(f"{group.value}: {group.against}.") for group in found if group.against]
    if notes:
        st.caption(" ".join(notes))
    st.plotly_chart(
        draw.subgroups(found), key=FOREST, config=draw.CONFIG,
        alt=f"Sensitivity and specificity by {column}, with intervals.",
    )  # fmt: skip
    export.buttons(FOREST, "subgroups")
    st.download_button(
        "CSV", csv_of(_with_numbers(found)), "subgroups.csv", "text/csv", key="threshold_group_csv",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip


def group_table(found: tuple[Subgroup, ...]) -> dict[str, list[Any]]:
    """Subgroups as a data frame or a CSV takes them."""
    table: dict[str, list[Any]] = {
        "group": [g.value for g in found],
        "films": [g.n for g in found],
        "pneumonia": [g.ill for g in found],
        "normal": [g.well for g in found],
    }
    for key, name in (
        ("auc", "AUC"), ("sensitivity", "sensitivity"), ("specificity", "specificity"),
        ("ppv", "PPV"), ("npv", "NPV"),
    ):  # fmt: skip
        table[f"{name} (95 %)"] = [_brief(getattr(g, key), key != "auc") for g in found]
    return table


def _brief(interval: Interval | None, percent: bool) -> str:
    """'97.6 % (87.4–99.6)': seven columns fit a window."""
    if interval is None:
        return "–"
    scale, form = (100, ".1f") if percent else (1, ".3f")
    value, low, high = (
        f"{scale * x:{form}}" for x in (interval.value, interval.low, interval.high)
    )
    return f"{value}{' %' if percent else ''} ({low}–{high})"


def _with_numbers(found: tuple[Subgroup, ...]) -> dict[str, list[Any]]:
    """The same for a file: every limit in a cell of its own, and the caution in words."""
    table: dict[str, list[Any]] = {
        "group": [g.value for g in found],
        "films": [g.n for g in found],
        **{cell: [getattr(g.confusion, cell) for g in found] for cell in ("tp", "fn", "fp", "tn")},
    }
    for key in ("auc", "sensitivity", "specificity", "ppv", "npv"):
        for end in ("value", "low", "high"):
            name = key if end == "value" else f"{key}_{end}"
            limits = [getattr(g, key) for g in found]
            table[name] = ["" if i is None else getattr(i, end) for i in limits]
    table["auc_against"] = [g.against or "" for g in found]
    table["caution"] = [g.warning or "" for g in found]
    return table


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _which(test: McNemar) -> str:
    return "exact McNemar" if test.exact else "McNemar"
