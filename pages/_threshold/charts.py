"""The curves with the threshold on them, each to be saved as PNG or SVG."""

from __future__ import annotations

import streamlit as st

from cxr_core.figures import operating as draw
from cxr_core.operating import Sorted
from pages._shared import export
from pages._threshold import live
from pages._threshold.session import Bench


def distributions(data: Sorted) -> None:
    """Both classes over probability; it shares its axis with the slider under it."""
    figure = draw.distributions(data.histograms(), height=112)
    alt = (
        f"Films over probability: {data.ill:,} with pneumonia upwards, {data.well:,} normal "
        "downwards, with the threshold and the refer band."
    )
    st.plotly_chart(figure, key=live.SCORES, config=draw.CONFIG, alt=alt)


def ranking(data: Sorted) -> None:
    """ROC and precision-recall, one above the other."""
    roc = draw.roc([("ROC", data.roc(), data.auc)], height=262)
    _chart(
        roc, live.ROC, "roc",
        f"ROC curve, area {data.auc.value:.3f}, with the point of the threshold.",
    )  # fmt: skip
    curve = data.precision_recall()
    pr = draw.precision_recall([("Precision-recall", curve)], data.set.prevalence, height=230)
    _chart(
        pr, live.PR, "precision-recall",
        f"Precision over recall, average precision {curve.area:.3f}, with the point.",
    )  # fmt: skip


def trust(state: Bench, prevalence: float, ratio: float) -> None:
    """Calibration, net benefit and expected cost, side by side."""
    data = state.loaded_tuning
    places = st.columns(3, gap="medium")
    with places[0]:
        curve = data.calibration()
        st.markdown(
            "**Calibration** :small[10 bins, 95 % intervals]",
            help="Whether 0.8 means that 8 of 10 such films have pneumonia. ECE: mean gap over 10 "
            "bins. Brier: mean squared error, 0 is perfect.",
        )
        _chart(
            draw.calibration(curve), live.CALIBRATION, "calibration",
            f"Calibration curve, expected calibration error {curve.ece:.3f}.",
        )  # fmt: skip
    with places[1]:
        st.markdown(
            f"**Decision curve** :small[at {prevalence:.1%} prevalence]",
            help="Net benefit: pneumonias found per patient, less false alarms weighed by the odds "
            "of the threshold. A model is worth using where its line lies above both others.",
        )
        _chart(
            draw.decision(data.decision(prevalence)), live.DECISION, "decision-curve",
            "Net benefit over threshold, against calling every film and none.",
        )  # fmt: skip
    with places[2]:
        key = (data.set.sha256, ratio, prevalence)
        found = state.once("cost", key, lambda: data.cost(ratio, prevalence))
        st.markdown(
            f"**Expected cost** :small[a miss worth {ratio:g} alarms]",
            help=f"Least at {found.best:.4f}: {found.best_cost:,.1f} false alarms per 1,000 "
            "patients. The ratio is set beside the prevalence.",
        )
        _chart(
            draw.cost(found), live.COST, "expected-cost",
            f"Expected cost over threshold, least at {found.best:.3f}.",
        )  # fmt: skip


def _chart(figure: object, key: str, name: str, alt: str) -> None:
    st.plotly_chart(figure, key=key, config=draw.CONFIG, alt=alt)
    export.buttons(key, name)
