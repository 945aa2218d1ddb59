"""Latency and memory on this machine: measured as a job, shown with what they were measured on."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cxr_core import comparison, figures
from cxr_core.comparison import Latency, Results, Row
from pages._compare import show, table, words
from pages._shared import running

FIRST = ("mobilenet", "mobilenetv2", "efficientnetb0", "resnet50", "vgg16")
KIND = "latency"


def page(rows: Sequence[Row], results: Results) -> None:
    """The form, the job as it runs, and every figure kept."""
    form, found = st.columns([1, 1.9], gap="large")
    with form:
        _form(rows)
    with found:
        running.follow(KIND)
        _found(rows, results)
    table.problems(rows, results, ("latency",))


def _form(rows: Sequence[Row]) -> None:
    machine = comparison.machine()
    titles = {row.id: row.title for row in rows}
    runtimes = {r.id: r.title for r in comparison.RUNTIMES}
    with st.form("compare_measure", border=False):
        chosen = st.multiselect(
            "Networks", list(titles), [i for i in FIRST if i in titles],
            format_func=titles.__getitem__, key="compare_measure_rows",
        )  # fmt: skip
        ways = st.pills(
            "Run by", list(runtimes), selection_mode="multi", default=["compiled", "litert"],
            format_func=runtimes.__getitem__, key="compare_measure_runtimes",
        )  # fmt: skip
        batches = st.pills(
            "Films at once", (1, 16), selection_mode="multi", default=[1],
            key="compare_measure_batches",
        )  # fmt: skip
        threads = st.number_input(
            "Threads", 1, machine.cores, machine.cores, key="compare_measure_threads",
            help="How many processors one forward pass may use.",
        )  # fmt: skip
        pressed = st.form_submit_button(
            "Measure on this machine", type="primary", icon=":material/timer:",
            key="compare_measure_start",
        )  # fmt: skip
    st.caption(
        f"{machine.processor}, {machine.cores} cores, {machine.memory_mb / 1000:.0f} GB. Each "
        "measurement runs in a process of its own after a warm-up, so that its memory is its own. "
        "Leave the machine alone meanwhile: where it was not, the figure says 'busy'."
    )
    if pressed:
        _start([row for row in rows if row.id in chosen], ways, batches, int(threads))


def _start(
    rows: Sequence[Row], runtimes: Sequence[str], batches: Sequence[int], threads: int
) -> None:
    if not (rows and runtimes and batches):
        st.error(
            "Expected at least one network, one way to run it and one number of films; "
            "received none of one of them. Choose and start again."
        )
        return
    fitting, refused = [], []
    for row in rows:
        asked = [(way, n) for way in runtimes for n in batches]
        why = next(filter(None, (comparison.refusal(row, way, n) for way, n in asked)), None)
        if why:
            refused.append(f"**{row.title}** {why}")
        else:
            fitting.append(row)
    for sentence in refused:
        st.warning(sentence, icon=":material/memory:")
    if not fitting:
        return
    names = fitting[0].title if len(fitting) == 1 else f"{len(fitting)} networks"
    running.start(
        KIND,
        {
            "rows": [row.id for row in fitting],
            "runtimes": list(runtimes),
            "batches": list(batches),
            "threads": threads,
        },
        f"Latency of {names}",
        threads,
    )


def _found(rows: Sequence[Row], results: Results) -> None:
    latest = _latest(rows, results)
    if not latest:
        st.info(
            "Nothing was measured on this machine yet: every latency reads 'not measured' until "
            "it is.",
            icon=":material/timer:",
        )
        return
    runtimes = {r.id: r.title for r in comparison.RUNTIMES}
    batch = st.segmented_control(
        "Films at once", sorted({one.batch for _, one in latest}), key="compare_found_batch",
        default=min(one.batch for _, one in latest), required=True, label_visibility="collapsed",
        format_func=lambda n: "1 film at once" if n == 1 else f"{n} films at once",
    )  # fmt: skip
    shown = [(title, one) for title, one in latest if one.batch == batch]
    spans = [
        figures.Span(
            title, runtimes[one.runtime], *(v / one.batch for v in _quartiles(one)), one.busy
        )
        for title, one in shown
    ]
    show.chart(
        figures.spans(spans, "milliseconds a film: median, quartiles, 95th percentile"),
        "compare_spans",
        "; ".join(f"{s.row}, {s.group}: median {s.middle:.3g} ms" for s in spans),
        "latency",
    )
    if any(one.busy for _, one in shown):
        st.caption(
            f"Hollow: other programs used more than {100 * comparison.BUSY:.0f} % of the "
            "processors meanwhile, so the figure is too high, by how much nobody knows."
        )
    st.dataframe(
        _table(shown, runtimes), key="compare_latencies", hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.3g ms")
            for name in ("Median", "95th percentile", "Quartiles apart")
        }
        | {
            name: st.column_config.NumberColumn(format="%.0f MB")
            for name in ("Peak memory", "File")
        },
        placeholder="–",
    )  # fmt: skip


def _latest(rows: Sequence[Row], results: Results) -> list[tuple[str, Latency]]:
    """The latest figure of each network, way and batch on this machine, in the table's order."""
    batches = sorted({one.batch for one in results.latencies})
    return [
        (row.title, found)
        for row in rows
        for runtime in comparison.RUNTIMES
        for batch in batches
        if (found := results.latency(row.id, runtime.id, batch)) is not None
    ]


def _quartiles(one: Latency) -> tuple[float, float, float, float]:
    return one.q1_ms, one.median_ms, one.q3_ms, one.p95_ms


def _table(
    shown: Sequence[tuple[str, Latency]], runtimes: dict[str, str]
) -> dict[str, list[object]]:
    return {
        "Network": [title for title, _ in shown],
        "Run by": [runtimes[one.runtime] for _, one in shown],
        "Median": [one.median_ms for _, one in shown],
        "95th percentile": [one.p95_ms for _, one in shown],
        "Quartiles apart": [one.iqr_ms for _, one in shown],
        "Peak memory": [one.peak_mb for _, one in shown],
        "File": [one.file_mb for _, one in shown],
        "Machine": [
            f"busy: {100 * one.circumstances.other_load:.0f} % by others" if one.busy else "quiet"
            for _, one in shown
        ],
        "Calls": [one.n for _, one in shown],
        "Weights": [one.weights for _, one in shown],
        "Measured with": [words.conditions(one.circumstances) for _, one in shown],
    }
