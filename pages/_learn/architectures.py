"""Architectures from scratch: the problem, the idea, the block, the figures, the code."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import streamlit as st

from cxr_core import figures, jobs, methods, tally
from cxr_core.architectures import (
    ARCHITECTURES,
    NOT_TRAINED,
    Architecture,
    backbone_name,
    block_plan,
    plan,
    unserved,
)
from cxr_core.errors import CxrError
from cxr_core.graph import LayerRow
from cxr_core.methods import DataChoice, Plan
from pages._learn import queue, show

ROOT = Path(__file__).resolve().parents[2]
TITLES = {row.key: f"{row.year}  {row.name}" for row in ARCHITECTURES}
ROWS = {row.key: row for row in ARCHITECTURES}
PARTS = ("Block", "Layers", "Where it is large", "Code")


def page() -> None:
    """One architecture at a time."""
    with st.container(horizontal=True, vertical_alignment="center"):
        key = st.selectbox(
            "Architecture", list(TITLES), index=list(TITLES).index("resnet50"),
            format_func=TITLES.__getitem__, key="learn_architecture", width=420,
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
        part = st.segmented_control(
            "Part", PARTS, default=PARTS[0], required=True, key="learn_architecture_part",
            label_visibility="collapsed",
        )  # fmt: skip
    row, layers = ROWS[key], plan(key)
    problem, idea = st.columns(2, gap="large")
    problem.markdown(f"#### :orange[Problem]&ensp;{row.problem}")
    idea.markdown(f"#### :blue[Idea]&ensp;{row.idea}")
    if part == "Block":
        _block(row)
        if key == "mobilenet_course":
            _beside(layers, plan("mobilenet"))
    elif part == "Layers":
        _layers(row, layers)
    elif part == "Code":
        st.code((ROOT / row.source).read_text(), language="python", line_numbers=True)
    else:
        show.chart(
            figures.layer_profile(layers), "learn_profile", f"{key}-profile",
            f"Activations and parameters of each layer of {row.name}, from input to output.",
        )  # fmt: skip
    _figures(row, layers)
    if key in NOT_TRAINED:
        st.info(
            "It cannot be trained on films: it gives seven answers for one film, and a film has "
            "one label. Train *MobileNet v1* instead.", icon=":material/block:",
        )  # fmt: skip
    else:
        _queue(row)


def _queue(row: Architecture) -> None:
    """This architecture from random weights, as a fine-tuning job."""
    method = methods.method("scratch")
    with st.form("learn_architecture_queue", border=True):
        source = st.text_input(
            "Folder of films to train it on, from random weights", key="learn_architecture_source"
        )
        if why := unserved(row):
            st.caption(f"The trained model stays with its job, for {why}.")
        if not st.form_submit_button(f"Queue: {row.name}", icon=":material/play_arrow:"):
            return
        try:
            data = DataChoice(str(queue.folder(source)))
            settings = methods.with_backbone(method.defaults, backbone_name(row))
            wanted = Plan(data, method.key, settings)
            methods.check_plan(wanted)
            title = f"{method.title} · {row.name}"
            job = queue.table().submit("train", methods.as_config(wanted), title=title)
            jobs.executor(queue.table()).tick()
        except CxrError as error:
            st.error(str(error), icon=":material/error:")
            return
        queue.said(job.id)


def _block(row: Architecture) -> None:
    whole = row.block is None
    st.markdown(
        f"**{'The whole network' if whole else 'Its block'}.** Below each step the shape that "
        "leaves it and, in orange, how many numbers it has learnt."
    )
    show.chart(
        figures.block_diagram(block_plan(row.key), dark=show.dark()),
        "learn_block", f"{row.key}-block", f"Diagram of {row.name}'s block: {_in_words(row)}.",
    )  # fmt: skip


def _beside(course: tuple[LayerRow, ...], correct: tuple[LayerRow, ...]) -> None:
    """The course's construction and the correct net, from where they part."""
    wrong, right = st.columns(2, gap="large")
    for place, title, rows, code in (
        (wrong, ":red[:material/close: As the course builds it]", course,
         'AveragePooling2D(7, 1, data_format="channels_first")'),
        (right, ":green[:material/check: The correct net]", correct, "GlobalAveragePooling2D()"),
    ):  # fmt: skip
        with place:
            st.markdown(f"#### {title}")
            st.code(code, language="python")
            shapes = " → ".join("×".join(map(str, r.shape)) for r in rows[-3:])
            answers = math.prod(n or 1 for n in rows[-1].shape[:-1])
            st.markdown(
                f"##### {shapes}\n##### {answers} answer{'s' if answers > 1 else ''} a picture, "
                f"{sum(r.parameters for r in rows):,} parameters"
            )


def _in_words(row: Architecture) -> str:
    return ", then ".join(r.label for r in block_plan(row.key)[1:])


def _layers(row: Architecture, layers: tuple[LayerRow, ...]) -> None:
    table = pd.DataFrame(
        {
            "Layer": [r.name for r in layers],
            "What": [r.label for r in layers],
            "Shape": ["×".join("?" if n is None else str(n) for n in r.shape) for r in layers],
            "Parameters": [r.parameters for r in layers],
            "Multiply-adds": [r.multiply_adds for r in layers],
            "Reads": [", ".join(r.sources) for r in layers],
        }
    )
    st.dataframe(
        table, hide_index=True, height=430, key="learn_layers",
        column_config={
            "Parameters": st.column_config.NumberColumn(format="localized"),
            "Multiply-adds": st.column_config.NumberColumn(format="localized"),
        },
    )  # fmt: skip
    st.download_button(
        "CSV", table.to_csv(index=False), f"{row.key}-layers.csv", "text/csv",
        key="learn_layers_csv", icon=":material/download:",
    )  # fmt: skip


def _figures(row: Architecture, layers: tuple[LayerRow, ...]) -> None:
    work = sum(r.multiply_adds for r in layers)
    largest = max(layers[1:], key=lambda r: math.prod(n or 1 for n in r.shape))
    four = st.columns(4)
    four[0].metric("Parameters, counted here", f"{row.parameters:,}")
    four[1].metric("of them trainable", f"{row.trainable:,}")
    four[2].metric(
        "Multiply-adds", _short(work),
        help="Of convolutions, dense layers and attention, for one picture at "
        f"{row.input_shape[1]}×{row.input_shape[0]}.",
    )  # fmt: skip
    four[3].metric(
        "Largest map", "×".join(str(n) for n in largest.shape), help=f"Given out by {largest.name}."
    )
    lines = [
        f"| {p.what} | **{p.value}** | {'not measured here' if here is None else f'**{here}**'} | "
        f"{p.source} |"
        for p, here in zip(row.published, tally.counted(row), strict=True)
    ]
    head = "| | published | counted here | source |\n| --- | --- | --- | --- |\n"
    st.markdown(head + "\n".join(lines))
    st.markdown(f":small[{row.paper} · [{row.link}]({row.link}) · `{row.source}`]")


def _short(number: int) -> str:
    for size, word in ((10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number / size:.2f} {word}"
    return f"{number:,}"
