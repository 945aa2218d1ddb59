"""How the threshold is chosen: criterion, clinic, and what choosing on these films is worth."""

from __future__ import annotations

import math

import streamlit as st

from cxr_core import operating as op
from cxr_core.errors import DataError
from pages._shared.words import plain
from pages._threshold import locking
from pages._threshold.session import Bench

CRITERION = "threshold_criterion"
TITLES = {c.key: c.title for c in op.CRITERIA}
# Above this many films repeated splits take seconds: they wait to be asked for.
SPLITS_AT_ONCE = 20_000
# The lowest sensitivity, in percent, that its criterion takes.
LEAST_ASKED = 100 * next(
    c.parameter.low for c in op.CRITERIA if c.key == "sensitivity" and c.parameter
)


def heading(state: Bench) -> None:
    """Which films choose and which report, and in plain sight whether they are the same."""
    tuned = state.loaded_tuning.set
    films = f"{tuned.n:,} films: {tuned.ill:,} pneumonia, {tuned.well:,} normal"
    problem = state.honesty
    if state.reporting is None:
        st.warning(
            f":small[**Chosen and reported on the same films**: {plain(tuned.name)} ({films}). "
            "Figures look better than they will be on new patients; report on other films.]",
            icon=":material/warning:",
        )
    else:
        reported = state.reporting.set
        said = (
            f"**Chosen on** {plain(tuned.name)} ({films}) · **Reported on** "
            f"{plain(reported.name)}, {reported.n:,} films"
        )
        if problem is None:
            st.markdown(f":small[{said}]")
        else:
            st.warning(f":small[{said}. {plain(problem)}]", icon=":material/warning:")
    if state.trouble is not None:
        st.error(plain(state.trouble), icon=":material/error:")
        state.trouble = None
    for films in filter(None, (state.tuning, state.reporting)):
        for warning in films.warnings:
            whose = "" if state.reporting is None else f"{plain(films.set.name)}: "
            st.markdown(f":orange-badge[:material/info: Data] :small[{whose}{plain(warning)}]")


def controls(state: Bench) -> tuple[float, float]:
    """Criterion with its number, prevalence, and the worth of a miss; the last two are returned."""
    data = state.tuning
    assert data is not None
    places = st.columns([1.7, 1.25, 1.45, 1.15, 0.8], vertical_alignment="bottom")
    with places[0]:
        key = st.selectbox(
            "Criterion", list(TITLES), format_func=TITLES.__getitem__, key=CRITERION,
            help="Moving the slider sets it back to 'By hand'.",
        )  # fmt: skip
    criterion = op.criterion(key)
    with places[2]:
        share = st.number_input(
            "Clinic's prevalence, %", 0.1, 99.9, round(100 * data.set.prevalence, 1), 0.5,
            format="%.1f", key=f"threshold_prevalence_{data.set.sha256[:12]}",
            help=f"Of 100 patients who come to be judged, how many have pneumonia. In these films "
            f"{data.set.prevalence:.1%} do, which is hardly what a clinic sees: set yours.",
        )  # fmt: skip
    with places[3]:
        ratio = st.number_input(
            "A miss is worth", 0.1, 1000.0, 10.0, 1.0, format="%.1f", key="threshold_ratio",
            help="How many false alarms one missed pneumonia is worth.",
        )  # fmt: skip
    value: float | None = None
    with places[4]:
        locking.button(state)
    with places[1]:
        if key == "cost":
            value = ratio
        elif key != "hand" and criterion.parameter is not None:
            value = _parameter(key, criterion.parameter)
    prevalence = share / 100
    _apply(state, key, value, prevalence)
    _sentence(state, criterion)
    return prevalence, ratio


def _parameter(key: str, asked: op.Parameter) -> float:
    scale, name = 100 if asked.percent else 1, f"threshold_value_{key}"
    # Set here, not as the widget's default: other controls may set it too.
    st.session_state.setdefault(name, asked.default * scale)
    given = st.number_input(
        f"{asked.label}{', %' if asked.percent else ''}", asked.low * scale, asked.high * scale,
        step=asked.step * scale, key=name,
    )  # fmt: skip
    return float(given) / scale


def _apply(state: Bench, key: str, value: float | None, prevalence: float) -> None:
    """Choose anew where the criterion, its number, the clinic or the films have changed."""
    data = state.tuning
    assert data is not None
    if key == "hand":
        if state.choice is None or state.choice.threshold != state.point.threshold:
            state.choice = op.choose(data, "hand", state.point.threshold, prevalence)
        state.applied = ()
        return
    clinic = prevalence if op.criterion(key).uses_prevalence else None
    wanted = (data.set.sha256, key, value, clinic)
    if wanted == state.applied:
        return
    try:
        state.choice = op.choose(data, key, value, prevalence)
    except DataError as problem:
        st.error(plain(problem))
        return
    state.applied = wanted
    state.move(state.choice.threshold)


def _sentence(state: Bench, criterion: op.Criterion) -> None:
    """What the criterion optimises and what it costs, in one line that keeps its height."""
    note = state.choice.note if state.choice is not None else None
    words = f"{criterion.optimises} *Its cost:* {criterion.costs}"
    if state.standing is not None and state.point.threshold == state.standing[0]:
        words = f"In use now: {plain(state.standing[1])}."
    elif note is not None:
        words = f"**{note}** {words}"
    with st.container(height=46, border=False, key="threshold_sentence"):
        st.caption(words)


def optimism(state: Bench) -> None:
    """How much better these films look than films that took no part, by repeated splits."""
    data, choice = state.tuning, state.choice
    assert data is not None
    st.markdown(
        "**How optimistic is choosing here?**",
        help="The criterion is applied to a random half, and its figures are taken on that half "
        "and on the other, again and again; patients are kept whole.",
    )
    if choice is None or choice.key == "hand":
        st.caption(
            "A threshold set by hand follows no rule that could be repeated. Choose a criterion, "
            "and its optimism is measured by 200 repeated splits."
        )
        reached = data.figures(state.point.threshold).sensitivity.value
        at_least = math.floor(1000 * reached) / 10
        if at_least >= LEAST_ASKED:
            st.button(
                f"As if chosen for {at_least:.1f} % sensitivity", key="threshold_as_if",
                on_click=_as_if, args=(at_least,), icon=":material/call_split:",
            )  # fmt: skip
        return
    key = (data.set.sha256, choice.key, choice.value, choice.prevalence)
    known = state.kept.get("optimism", (None,))[0] == key
    if (
        data.n > SPLITS_AT_ONCE
        and not known
        and not st.button("Split 200 times", key="threshold_split", icon=":material/call_split:")
    ):
        return
    try:
        found = state.once(
            "optimism", key,
            lambda: op.optimism(data, choice.key, choice.value, choice.prevalence),
        )  # fmt: skip
    except DataError as problem:
        st.caption(plain(problem))
        return
    lines = [
        f"| {row.name} | {100 * row.apparent:.1f} | {100 * row.held_out:.1f} | "
        f"{100 * row.optimism.value:+.1f} |"
        for row in found.rows
    ]
    aim = found.aim.optimism
    # Set small: the side is 240 pixels wide.
    st.caption("\n".join(["| % | here | others | gap |", "| --- | ---: | ---: | ---: |", *lines]))
    st.caption(
        f"{plain(found.sentence)} In 95 % of the splits the gap lay between "
        f"{100 * aim.low:+.1f} and {100 * aim.high:+.1f} points."
    )


def _as_if(at_least: float) -> None:
    """Choose by the sensitivity that the handle has reached."""
    st.session_state["threshold_value_sensitivity"] = at_least
    st.session_state[CRITERION] = "sensitivity"
