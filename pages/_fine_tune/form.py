"""The form of a new run: three choices, the method's few settings, an estimate, start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from cxr_core import comparison
from cxr_core.architectures import Architecture, of_backbone, unserved
from cxr_core.backbones import Backbone, backbone
from cxr_core.errors import CxrError
from cxr_core.jobs import Job, State
from cxr_core.methods import METHODS, NO_AUGMENTATION, Plan, as_config, check_plan, method
from pages._fine_tune import data, queue, settings
from pages._fine_tune.draft import ADDRESS, Draft, backbones, takes_backbone
from pages._fine_tune.words import clock, megabytes


@st.fragment
def show(draft: Draft) -> None:
    """The whole form: only it runs again when something in it changes."""
    if f"tune_method_{draft.entry}" not in st.session_state:
        draft.enter()
    first, second, third = st.columns(3, border=True)
    with first:
        facts = data.choose(draft)
    with second:
        _backbone(draft)
    with third:
        _method(draft)
    settings.first(draft)
    action = st.container()
    if facts is not None:
        with st.expander(
            "Films: split, balance, leaks", key="tune_group_films", icon=":material/database:"
        ):
            data.split(draft, facts)
            data.details(draft, facts)
    settings.folded(draft)
    # Drawn last, placed first: it judges what the widgets below it say.
    with action:
        _action(draft, facts)
    address = draft.to_address()
    if st.query_params.get(ADDRESS, "{}") != address:
        st.query_params[ADDRESS] = address


def title(plan: Plan) -> str:
    """How the queue calls a run."""
    row = method(plan.method)
    if not takes_backbone(row):
        return row.title
    return f"{row.title} · {_called(plan.settings.backbone)}"


def _called(name: str) -> str:
    own = of_backbone(name)
    return f"{own.name}, as Learn builds it" if own else backbone(name).constructor


def _backbone(draft: Draft) -> None:
    if not takes_backbone(draft.row):
        own = draft.row.defaults
        names = [backbone(n).constructor for n in own.members] or ["Its own four blocks"]
        st.selectbox("Backbone", [" + ".join(names)], disabled=True, key="tune_backbone_fixed")
        st.caption("This method brings its own.")
        return
    names = backbones(draft.row)
    st.selectbox(
        "Backbone", names, names.index(draft.backbone), key=f"tune_backbone_{draft.entry}",
        format_func=_called,
        help="The network whose features are used. The Compare page measures them side by side.",
        on_change=_picked, args=(draft.use, f"tune_backbone_{draft.entry}"),
    )  # fmt: skip
    if own := of_backbone(draft.backbone):
        _architecture_facts(own)
    else:
        _backbone_facts(backbone(draft.backbone))


def _architecture_facts(row: Architecture) -> None:
    st.markdown(f":small[{row.name}, {row.year} · from random weights, with its own head]")
    if why := unserved(row):
        st.markdown(
            f":small[:orange[:material/info:] The trained model stays with the job, for {why}.]"
        )


def _backbone_facts(row: Backbone) -> None:
    count = comparison.counts().get(row.name)
    words = [f"{row.family}, {row.year}"]
    if count is not None:
        words.append(f"{count.params / 1e6:.1f} M parameters")
        words.append(f"{count.gmacs:.2g} G multiply-adds a film")
    st.markdown(f":small[{' · '.join(words)}]")
    state = comparison.weights(row)
    if state is None:
        return
    if state.present:
        st.markdown(":small[:green[:material/check:] ImageNet weights are on this machine]")
    elif state.problem:
        st.markdown(f":small[:orange[:material/warning:] {state.problem}]")
    else:
        st.markdown(
            ":small[:orange[:material/cloud_download:] ImageNet weights are not on this machine: "
            "the run downloads them first]"
        )


def _method(draft: Draft) -> None:
    keys = [m.key for m in METHODS]
    st.selectbox(
        "Method", keys, keys.index(draft.method), key=f"tune_method_{draft.entry}",
        format_func=lambda key: method(key).title,
        on_change=_picked, args=(draft.choose, f"tune_method_{draft.entry}"),
    )  # fmt: skip
    st.markdown(f":small[{draft.row.what}]")
    st.markdown(f":small[:material/lightbulb: {draft.row.when}]")


def _picked(take: Callable[[str], None], key: str) -> None:
    take(st.session_state[key])


def _start(config: dict[str, Any], title: str) -> None:
    queue.open_job(queue.submit(queue.TRAIN, config, title).id)


def _action(draft: Draft, facts: data.Facts | None) -> None:
    """Start and measure; or why neither can be done."""
    plan = draft.plan()
    problem = None
    if facts is None:
        problem = "" if not draft.source else None
    try:
        check_plan(plan)
        if facts is not None:
            data.check(facts, plan)
    except CxrError as error:
        problem = str(error) if draft.source else ""
    ready = facts is not None and problem is None
    config: dict[str, Any] = as_config(plan)
    measured = _estimate(config) if ready else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button(
            "Start", key="tune_start", type="primary", icon=":material/play_arrow:",
            disabled=not ready, wrap=False, on_click=queue.attempt,
            args=(_start, config, title(plan)),
        ):  # fmt: skip
            st.rerun()
        st.button(
            "Measure a few steps", key="tune_measure", icon=":material/timer:", wrap=False,
            disabled=not ready or (measured is not None and not measured.state.ended),
            help="Runs four steps on a sample of the films: how long it will take, how much memory "
            "it needs, and what augmentation does to the films.",
            on_click=queue.attempt,
            args=(queue.submit, queue.ESTIMATE, config, f"Measuring: {title(plan)}"),
        )  # fmt: skip
        if draft.changes:
            st.button(
                f"Back to the method's defaults ({len(draft.changes)} changed)", key="tune_reset",
                on_click=draft.reset, type="tertiary", icon=":material/restart_alt:", wrap=False,
            )  # fmt: skip
        if ready and measured is None:
            st.markdown(":small[Time and memory: not measured yet for these settings.]")
    queue.problems()
    if problem:
        st.error(problem, icon=":material/block:")
    if measured is not None:
        _measured(measured, plan.settings.augmentation != NO_AUGMENTATION)


def _estimate(config: dict[str, Any]) -> Job | None:
    """The newest measurement of exactly these settings, whoever asked for it."""
    return queue.latest(queue.ESTIMATE, config)


def _measured(job: Job, augmented: bool) -> None:
    if not job.state.ended:
        queue.follow(job.id)
        return
    if job.state is not State.DONE or not job.result:
        st.warning(
            f"The measurement ended {job.state}: {job.reason or 'no reason given'}",
            icon=":material/timer_off:",
        )
        return
    found = job.result
    most = ", at most" if found.get("at_most") else ""
    threads = int(found.get("threads", 1))
    facts = st.columns(4)
    facts[0].metric(f"Time in all{most}", clock(found["seconds_total"]))
    facts[1].metric("Time an epoch", clock(found["seconds_per_epoch"]))
    facts[2].metric("Memory", megabytes(found["peak_mb"]))
    facts[3].metric("Disk for decoded films", megabytes(found["disk_mb"]))
    st.caption(
        f"Measured on {found.get('measured_on', 'a few steps')} with "
        f"{threads} thread{'' if threads == 1 else 's'}; a busy machine takes longer."
    )
    preview = job.folder / str(found.get("preview", "preview.png"))
    if preview.is_file() and augmented:
        with st.expander(
            "What augmentation does to the films", key="tune_preview",
            icon=":material/auto_awesome_motion:",
        ):  # fmt: skip
            st.image(
                preview.read_bytes(), width="content",
                caption="Each row: a film as it is, then as the network would see it.",
            )  # fmt: skip
