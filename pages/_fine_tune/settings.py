"""The settings' widgets: the method's few on the form, the rest folded away by group."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from cxr_core.backbones import BACKBONES
from cxr_core.figures import training
from cxr_core.methods import NO_FLIPS, Settings, rates
from pages._fine_tune import fields
from pages._fine_tune.draft import AUGMENTATION, Draft
from pages._fine_tune.fields import Field

HEAD_ALONE, ALL = "head", "all"


def first(draft: Draft) -> None:
    """The settings that the method's row names, beside each other."""
    rows = [fields.field(n) for n in draft.row.shown if n not in ("backbone", "augmentation")]
    rows = [row for row in rows if fields.is_shown(row, draft.settings())]
    if not rows:
        return
    for place, row in zip(st.columns(max(4, len(rows))), rows, strict=False):
        with place:
            _ask(draft, row)


def folded(draft: Draft) -> None:
    """All other settings, by group."""
    already = {n for n in draft.row.shown if n != "augmentation"}
    for group in fields.GROUPS:
        rows = [r for r in fields.FIELDS if r.group == group and r.name not in already]
        rows = [r for r in rows if fields.is_shown(r, draft.settings())]
        own = sum(1 for r in rows if r.name in draft.changes)
        if rows or group == fields.AUGMENTATION:
            # A changing label would fold it up again: the key keeps it as it is.
            label = f"{group} · {own} changed" if own else group
            with st.expander(label, key=f"tune_group_{group}", icon=_ICONS[group]):
                _group(draft, group, rows)


_ICONS = {
    fields.NETWORK: ":material/lan:",
    fields.HEAD: ":material/function:",
    fields.TRAINING: ":material/trending_down:",
    fields.BALANCE: ":material/balance:",
    fields.AUGMENTATION: ":material/auto_awesome_motion:",
}


def _group(draft: Draft, group: str, rows: list[Field]) -> None:
    if group == fields.AUGMENTATION and draft.settings().features:
        st.markdown(
            "Features are computed once for each film, so there is nothing left to vary. "
            "Choose a method whose base stays inside the model to augment."
        )
    for start in range(0, len(rows), 4):
        for place, row in zip(st.columns(4), rows[start : start + 4], strict=False):
            with place:
                _ask(draft, row)
    if group == fields.AUGMENTATION and not draft.settings().features:
        st.caption(f"Flips are at 0 by default. {NO_FLIPS}")
    if group == fields.TRAINING and draft.settings().head == "dense":
        _rate_chart(draft.settings())


def _rate_chart(settings: Settings) -> None:
    try:
        table, spec = training.schedule(rates(settings))
    except (ValueError, OverflowError):
        return
    st.markdown(":small[Learning rate at the start of each epoch]")
    with st.container(key="tune_schedule", width=520):
        st.vega_lite_chart(table, spec, key="tune_schedule_chart")


def _ask(draft: Draft, row: Field) -> None:
    """One widget; what it says is kept only where it differs from the method's default."""
    base = fields.value_of(draft.defaults(), row.name)
    start = draft.start.get(row.name, base)
    value = _widget(row, start, draft.key(row.name))
    if row.name.startswith(AUGMENTATION) or isinstance(base, float):
        same = math.isclose(float(value), float(base), rel_tol=1e-9, abs_tol=1e-12)
    else:
        same = value == base
    if same:
        draft.changes.pop(row.name, None)
    else:
        draft.changes[row.name] = value


def _widget(row: Field, start: Any, key: str) -> Any:
    match row.how:
        case "whole":
            return int(st.number_input(
                row.label, int(row.low or 0), int(row.high or 1), int(start),
                int(row.step or 1), key=key, help=row.help,
            ))  # fmt: skip
        case "share" | "number":
            return st.number_input(
                row.label, float(row.low or 0), float(row.high or 1), float(start),
                float(row.step or 0.1), key=key, help=row.help, format="%g",
            )  # fmt: skip
        case "rate" | "rate0":
            step = 10.0 ** (math.floor(math.log10(start)) - 1) if start > 0 else 0.01
            return st.number_input(
                row.label, float(row.low or 0.0), float(row.high or 1.0), float(start), step,
                key=key, help=row.help, format="%.3g",
            )  # fmt: skip
        case "choice":
            return st.selectbox(
                row.label, row.options, row.options.index(start), key=key, help=row.help,
                format_func=lambda option: fields.WORDS.get(option, option),
            )  # fmt: skip
        case "switch":
            st.space("small")
            return st.toggle(row.label, start, key=key, help=row.help)
        case "layer":
            words = {None: HEAD_ALONE, "": ALL}.get(start, start)
            given = st.text_input(row.label, words, key=key, help=row.help).strip()
            return {HEAD_ALONE: None, ALL: "", "": None}.get(given, given)
        case "name":
            return st.text_input(row.label, start, key=key, help=row.help).strip()
        case "list":
            names = [b.name for b in BACKBONES]
            return tuple(st.multiselect(row.label, names, list(start), key=key, help=row.help))
        case "text":
            words = ", ".join(f"{weight:g}" for weight in start)
            return _numbers(st.text_input(row.label, words, key=key, help=row.help))
    raise AssertionError(row.how)


def _numbers(text: str) -> tuple[float, ...]:
    """Numbers between commas; what is none of them counts as 0, which the check refuses."""
    found: list[float] = []
    for part in text.split(","):
        if part.strip():
            try:
                found.append(float(part))
            except ValueError:
                found.append(0.0)
    return tuple(found)
