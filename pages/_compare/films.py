"""On your own films: features once, a linear probe on them, AUC with its interval; as a job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from cxr_core import dataset, figures
from cxr_core.card import shown
from cxr_core.comparison import Results, Row
from cxr_core.errors import CxrError
from pages._compare import show, table, words
from pages._shared import running

PROBE, WEIGHTS = "probe", "weights"


def page(rows: Sequence[Row], results: Results) -> None:
    """The form, the job as it runs, what came of it, and the networks whose weights are absent."""
    ready = [row for row in rows if row.weights and row.weights.present]
    absent = [row for row in rows if row.weights and not row.weights.present]
    form, found = st.columns([1, 1.9], gap="large")
    with form:
        _form(ready)
        _absent(absent)
    with found:
        running.follow(PROBE)
        running.follow(WEIGHTS)
        _found(rows, results)
    table.problems(rows, results, ("probe", "weights"))


def _form(ready: Sequence[Row]) -> None:
    titles = {row.id: row.title for row in ready}
    with st.form("compare_probe", border=False):
        source = st.text_input(
            "Data set", key="compare_probe_data",
            placeholder="/folder/with/NORMAL/and/PNEUMONIA",
            help="The path of a folder with one sub-folder for each class, of TFRecord pairs, of a "
            "MedMNIST .npz or of a CSV. Films are read where they lie; nothing leaves the machine. "
            "Patients never stand on both sides, and a set's own test films are left alone.",
        )  # fmt: skip
        chosen = st.multiselect(
            "Networks with ImageNet weights here", list(titles), list(titles),
            format_func=titles.__getitem__, key="compare_probe_rows",
        )  # fmt: skip
        most = st.number_input(
            "Films at most", 100, None, 1000, step=100, key="compare_probe_films",
            help="Drawn at random, patients kept whole. More films, a narrower interval.",
        )  # fmt: skip
        pressed = st.form_submit_button(
            "Probe", type="primary", icon=":material/biotech:", key="compare_probe_start",
            disabled=not ready,
        )  # fmt: skip
    st.caption(
        "Each network's features are computed once and kept; a logistic regression on them is "
        "then judged on the films of patients that it has not seen."
    )
    if pressed:
        _start(source, [row for row in ready if row.id in chosen], int(most))


def _start(source: str, chosen: Sequence[Row], most: int) -> None:
    if not chosen:
        st.error("Expected at least one network; received none. Choose one and start again.")
        return
    path = Path(source.strip().strip("\"'") or ".").expanduser()
    if not path.is_absolute():
        st.error(
            "Expected the whole path of a data set on this machine; received "
            f"{'a part of one' if source.strip() else 'nothing'}. Give it from the root on."
        )
        return
    try:
        with st.spinner("Indexing films…"):
            dataset.open_source(path)
    except CxrError as error:
        st.error(str(error), icon=":material/folder_off:")
        return
    running.start(
        PROBE,
        {"rows": [row.id for row in chosen], "data": str(path), "films": most, "seed": 0},
        "Linear probe of " + (chosen[0].title if len(chosen) == 1 else f"{len(chosen)} networks"),
    )


def _absent(absent: Sequence[Row]) -> None:
    if not absent:
        return
    with st.expander(f"{len(absent)} networks without weights on this machine"):
        for row in absent:
            state = row.weights
            assert state is not None
            size = "" if state.megabytes is None else f" ({state.megabytes:.0f} MB)"
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(
                    f"**{row.title}**{size}  \n:small[{state.problem or state.sentence}]",
                    width="stretch",
                )
                if st.button(
                    "Download", key=f"compare_download_{row.id}", icon=":material/download:",
                    wrap=False, help=state.url,
                ):  # fmt: skip
                    running.start(WEIGHTS, {"rows": [row.id]}, f"Weights of {row.title}")


def _found(rows: Sequence[Row], results: Results) -> None:
    probes = [(row, one) for row in rows if (one := results.probe(row.id)) is not None]
    if not probes:
        st.info(
            "No probe was run on this machine yet: 'not measured' until it is.",
            icon=":material/biotech:",
        )
        return
    spans = [
        figures.Span(row.title, _short(one.data), one.auc.low, one.auc.value, one.auc.high)
        for row, one in sorted(probes, key=lambda pair: -pair[1].auc.value)
    ]
    show.chart(
        figures.spans(spans, "AUC on films of unseen patients, 95 % interval", log=False, unit=""),
        "compare_aucs",
        "; ".join(f"{row.title} {shown(one.auc)}" for row, one in probes),
        "probes",
    )
    st.dataframe(
        {
            "Network": [row.title for row, _ in probes],
            "AUC": [shown(one.auc) for _, one in probes],
            "Features, s": [one.feature_seconds for _, one in probes],
            "Fit, s": [one.fit_seconds for _, one in probes],
            "Films": [f"{one.n_train} + {one.n_validation}" for _, one in probes],
            "Patients": [f"{one.patients_train} + {one.patients_validation}" for _, one in probes],
            "Data": [_short(one.data) for _, one in probes],
            "Features": ["kept" if one.cached else "new" for _, one in probes],
            "Date": [one.circumstances.date.replace("T", " ")[:16] for _, one in probes],
            "Measured with": [words.conditions(one.circumstances) for _, one in probes],
        },
        key="compare_probes",
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.2f") for name in ("Features, s", "Fit, s")
        },
    )


def _short(data: str) -> str:
    """The last two folders of a path: what tells data sets apart, and no more of the machine."""
    return "/".join(Path(data).parts[-2:])
