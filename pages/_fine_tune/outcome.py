"""What a finished run is worth: figures with intervals, confusion matrix, worst films, model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cxr_core.figures import training
from cxr_core.jobs import Job
from pages._fine_tune.words import clock, interval
from pages._shared import export, links

NAMES = {
    "auc": "AUC", "accuracy": "Accuracy", "sensitivity": "Sensitivity",
    "specificity": "Specificity",
}  # fmt: skip
ACROSS = 6


def show(job: Job) -> None:
    result = job.result or {}
    _model(result)
    sides = [
        (name, words, result[name])
        for name, words in (("validation", "validation films"), ("test", "test films"))
        if result.get(name)
    ]
    for place, side in zip(st.columns(max(1, len(sides))), sides, strict=False):
        with place:
            _judged(job, *side)
    if parts := result.get("parts"):
        _parts(parts)
    if worst := result.get("worst"):
        _worst(job, worst)
    if first := result.get("first"):
        _named(result, first)
    for note in result.get("notes", ()):
        st.caption(note)


def _model(result: Mapping[str, Any]) -> None:
    model = result.get("model")
    if model:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(
                f":green[:material/deployed_code:] Stored as **{model['name']} {model['version']}**"
                f"{_took(result)}",
                width="content",
            )
            links.review_with(model["name"], model["version"])
    elif words := result.get("not_registered"):
        st.info(words, icon=":material/info:")


def _took(result: Mapping[str, Any]) -> str:
    seconds = result.get("seconds", {})
    counts = result.get("parameters", {})
    words = ""
    if "all" in counts:
        words += f" · {counts['all']:,} parameters, {counts['learnt']:,} learnt"
    if "all" in seconds:
        words += f" · {clock(seconds['all'])}"
    return words


def _judged(job: Job, name: str, words: str, found: Mapping[str, Any]) -> None:
    threshold = found.get("threshold")
    at = "" if threshold is None else f", operating point {threshold:.3f}"
    st.markdown(f"**{found['n']:,} {words}**:small[{at}; 95 % intervals]")
    if name == "test":
        st.caption("The data set's own test films: neither trained on nor tuned on.")
    else:
        st.caption("Held out of training; the epoch and the operating point were chosen on them.")
    figures, matrix = st.columns([1, 1.15], vertical_alignment="center")
    with figures:
        rows = {key: interval(row) for key, row in found["figures"].items()}
        st.dataframe(
            {
                "Figure": [NAMES.get(k, k[:1].upper() + k[1:]) for k in rows],
                "Value": [value for value, _ in rows.values()],
                "95 % interval": [reach for _, reach in rows.values()],
            },
            hide_index=True, key=f"tune_figures_{name}_{job.id}", height=38 + 35 * len(rows),
        )  # fmt: skip
        if found.get("brier") is not None:
            st.caption(f"Brier score {found['brier']:.3f} · calibration error {found['ece']:.3f}")
    with matrix:
        key = f"tune_confusion_{name}"
        st.plotly_chart(
            training.confusion(
                found["confusion"], found["classes"], dark=st.context.theme.type == "dark"
            ),
            key=key,
            config={"displayModeBar": False}, alt="Confusion matrix: rows true, columns called.",
        )  # fmt: skip
        export.buttons(key, f"confusion-{name}-{job.id}")


def _parts(parts: Sequence[Mapping[str, Any]]) -> None:
    st.markdown("**Each part on its own validation films**")
    st.dataframe(
        {
            "Part": list(range(1, len(parts) + 1)),
            "Backbone": [p.get("backbone") for p in parts],
            "Films": [p.get("n") for p in parts],
            "AUC": [p.get("auc") for p in parts],
            "Accuracy": [p.get("accuracy") for p in parts],
            "Epochs": [p.get("epochs") for p in parts],
        },
        hide_index=True, height=38 + 35 * len(parts),
        column_config={
            name: st.column_config.NumberColumn(name, format="%.3f") for name in ("AUC", "Accuracy")
        },
    )  # fmt: skip
    areas = [p["auc"] for p in parts if p.get("auc") is not None]
    if len(areas) > 1:
        mean = sum(areas) / len(areas)
        spread = (sum((a - mean) ** 2 for a in areas) / (len(areas) - 1)) ** 0.5
        st.caption(f"AUC {mean:.3f}, standard deviation {spread:.3f} over {len(areas)} parts.")


def _worst(job: Job, worst: Sequence[Mapping[str, Any]]) -> None:
    with st.expander(
        "The validation films it gets most wrong, as the network saw them",
        key=f"tune_worst_{job.id}", icon=":material/sentiment_dissatisfied:",
    ):  # fmt: skip
        st.caption("Each with its own class, and the probability that the network gave to it.")
        for start in range(0, len(worst), ACROSS):
            for place, row in zip(st.columns(ACROSS), worst[start : start + ACROSS], strict=False):
                path = job.folder / str(row["picture"])
                with place:
                    if path.is_file():
                        st.image(path.read_bytes(), width="stretch")
                    st.markdown(
                        f":small[{str(row['label']).lower()} {100 * row['probability']:.1f} %  \n"
                        f"`{str(row['film_id']).rsplit('/', 1)[-1]}`]"
                    )


def _named(result: Mapping[str, Any], first: Mapping[str, int]) -> None:
    st.markdown(f"**What ImageNet's network calls {result.get('films_named', 0)} chest films**")
    st.dataframe(
        {"Name": list(first), "Films it came first for": list(first.values())}, hide_index=True
    )
    with st.expander("The five likeliest names of each film", icon=":material/list:"):
        st.dataframe(
            {
                "Film": [r["film_id"] for r in result.get("top5", ())],
                "Names": [
                    ", ".join(f"{n} {100 * p:.0f} %" for n, p in r["top5"])
                    for r in result.get("top5", ())
                ],
            },
            hide_index=True,
        )
