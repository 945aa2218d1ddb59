"""Every backbone and every registered model in one table, with what is not measured said so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from cxr_core import comparison
from cxr_core.card import shown
from cxr_core.comparison import NOT_MEASURED, Results, Row, What
from pages._compare import words
from pages._shared import window
from pages._shared.words import plain

GROUPS = ("Published", "Counted", "Latency here", "On films")
SOURCE = "Keras' own table, keras.io/api/applications"
# Pixels: of a line of the table, and of what stands above and below the table.
HIGH, AROUND = 29, 356
_MB = 1e6


def page(rows: Sequence[Row], results: Results) -> None:
    """Groups of columns to choose, the table, what it was measured with, and CSV."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        groups = st.pills(
            "Columns", GROUPS, selection_mode="multi", default=list(GROUPS), key="compare_columns",
            label_visibility="collapsed",
        )  # fmt: skip
        batch = st.segmented_control(
            "Films at once", (1, 16), default=1, required=True, key="compare_batch",
            format_func=lambda n: "1 film at once" if n == 1 else f"{n} at once",
            label_visibility="collapsed",
        )  # fmt: skip
        download(rows, results, "compare_csv")
        _, height = window.size("compare_window")
    st.dataframe(
        {"Network": [row.title for row in rows]} | _columns(rows, results, groups, batch),
        key="compare_table",
        hide_index=True,
        row_height=HIGH,
        height=3 + HIGH * (1 + min(len(rows), max((height - AROUND) // HIGH - 1, 8))),
        placeholder=NOT_MEASURED,
        column_config={"Network": st.column_config.TextColumn(pinned=True)} | _config(batch),
        alt="Networks by row: accuracy, parameters, operations, sizes, latency on this machine.",
    )
    st.caption(_sources(results))
    problems(rows, results)


def download(rows: Sequence[Row], results: Results, key: str) -> None:
    # Made at once: one made at the click would be lost where the page runs again meanwhile.
    st.download_button(
        "CSV", comparison.as_csv(rows, results), "backbones.csv", "text/csv", key=key,
        on_click="ignore", icon=":material/download:", wrap=False,
        help="Every column, with the date, versions and processor of each measurement.",
    )  # fmt: skip


def problems(
    rows: Sequence[Row], results: Results, of: Sequence[What] = ("latency", "probe", "weights")
) -> None:
    """What could not be measured, each with its reason; nothing else of the table suffers."""
    for row in rows:
        sentences = [row.problem] + [
            found.sentence for what in of if (found := results.problem(row.id, what)) is not None
        ]
        for sentence in dict.fromkeys(filter(None, sentences)):
            told = sentence.removeprefix(f"{row.title}, ").removeprefix(f"{row.title}'s ")
            st.warning(f"**{row.title}** {plain(told)}", icon=":material/warning:")


def _columns(
    rows: Sequence[Row], results: Results, groups: Sequence[str], batch: int
) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    if "Published" in groups:
        columns["Top-1"] = [row.top1 for row in rows]
        columns["Top-5"] = [_top5(row) for row in rows]
        columns["The course says"] = [_course(row) for row in rows]
    if "Counted" in groups:
        counts = [row.counts for row in rows]
        columns["Parameters"] = [_per(row.params, _MB) for row in rows]
        columns["Without top"] = [_per(row.params_without_top, _MB) for row in rows]
        columns["Multiply-adds"] = [_per(row.macs, 1e9) for row in rows]
        columns["Layers"] = [c and c.layers for c in counts]
        columns["Activations"] = [c and c.activation_mb for c in counts]
        columns["On disk"] = [_per(row.disk_bytes, _MB) for row in rows]
    if "Latency here" in groups:
        for runtime in comparison.RUNTIMES:
            found = [results.latency(row.id, runtime.id, batch) for row in rows]
            columns[_short(runtime.title)] = [one and one.per_film_ms for one in found]
        found = [results.latency(row.id, "litert", batch) for row in rows]
        columns["Peak memory"] = [one and one.peak_mb for one in found]
        columns["Measured"] = [_measured(results, row, batch) for row in rows]
    if "On films" in groups:
        columns["AUC, probe"] = [_probe(results, row) for row in rows]
        columns["AUC, validation"] = [
            "–" if row.validation_auc is None else shown(row.validation_auc) for row in rows
        ]
    return columns


def _config(batch: int) -> dict[str, Any]:
    def number(label: str, form: str, told: str, width: int | None = None) -> Any:
        return st.column_config.NumberColumn(label, format=form, help=told, width=width)

    each = "one film at once" if batch == 1 else f"{batch} films at once"
    config = {
        "Top-1": number("Top-1", "%.1f %%", f"ImageNet, {SOURCE}."),
        "Top-5": st.column_config.TextColumn(help=f"ImageNet, {SOURCE}."),
        "The course says": st.column_config.TextColumn(
            help="Parameters in millions and top-1 / top-5 as the course prints them. They differ "
            "from Keras' by source, and nothing here is computed from them."
        ),
        "Parameters": number("Parameters", "%.2f M", "Millions, with the 1,000-class top."),
        "Without top": number("Without top", "%.2f M", "Millions, without the 1,000-class top."),
        "Multiply-adds": number("Multiply-adds", "%.2f G", "Billions for one picture, with top."),
        "Layers": number("Layers", "%d", "Layers of the graph, weights or not."),
        "Activations": number(
            "Activations", "%.0f MB", "All layers' outputs for one picture as float32.", 98
        ),
        "On disk": number("On disk", "%.1f MB", "The weights as float32.", 84),
        "Peak memory": number(
            "Peak memory",
            "%.0f MB",
            "Peak resident memory of the LiteRT float32 process.",
            100,
        ),
        "Measured": st.column_config.TextColumn(
            width=230,
            help="Day and threads. Busy: other programs used more than "
            f"{100 * comparison.BUSY:.0f} % of the processors meanwhile.",
        ),
        "AUC, probe": st.column_config.TextColumn(
            width=176, help="A linear probe on frozen features of your films, with 95 % interval."
        ),
        "AUC, validation": st.column_config.TextColumn(
            width=176, help="A registered model's AUC on its own validation films, from its card."
        ),
    }
    for runtime in comparison.RUNTIMES:
        short = _short(runtime.title)
        told = f"{runtime.title}: median milliseconds a film on this machine, {each}."
        config[short] = number(short, "%.3g ms", told, 100)
    return config


def _measured(results: Results, row: Row, batch: int) -> str | None:
    """Day and threads of a row's latest figures, and which of them come from a busy machine."""
    found = [(r, x) for r in comparison.RUNTIMES if (x := results.latency(row.id, r.id, batch))]
    if not found:
        return None
    last = max((x.circumstances for _, x in found), key=lambda c: c.date)
    threads = " or ".join(str(n) for n in sorted({x.circumstances.threads for _, x in found}))
    busy = [_short(r.title) for r, x in found if x.busy]
    told = "all of them" if len(busy) == len(found) > 1 else ", ".join(busy)
    return f"{last.date[:10]}, threads {threads}" + (f"; busy: {told}" if busy else "")


def _course(row: Row) -> str:
    course = row.backbone.course if row.backbone and not row.model else None
    if course is None:
        return "–"
    params = "" if course.params is None else f"{course.params / 1e6:.3g} M"
    accuracy = " / ".join(f"{v:g}" for v in (course.top1, course.top5) if v is not None)
    if not params and course.top5 is None:
        return f"top-1 {accuracy}"
    return ", ".join(filter(None, (params, accuracy))) or "–"


def _top5(row: Row) -> str | None:
    if row.top5 is None and row.top1 is not None:
        return comparison.NOT_PUBLISHED
    return None if row.top5 is None else f"{row.top5:.1f} %"


def _short(title: str) -> str:
    """'predict' of 'model.predict', 'compiled call' of 'compiled call (tf.function)'."""
    return title.removeprefix("model.").partition(" (")[0]


def _per(value: int | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _probe(results: Results, row: Row) -> str | None:
    if row.model:
        return "–"
    found = results.probe(row.id)
    return None if found is None else shown(found.auc)


def _sources(results: Results) -> str:
    how = dict(comparison.counted_with())
    how.pop("command", None)
    counted = f"on {how.pop('date', 'an unknown day')} with {words.versions(how)}"
    latest = max(results.latencies, key=lambda one: one.circumstances.date, default=None)
    here = (
        f"Latency: {NOT_MEASURED} on this machine yet."
        if latest is None
        else f"Latency, last measured {words.conditions(latest.circumstances)}."
    )
    return f"Accuracy: {SOURCE}. Counted from the graphs {counted}. {here}"
