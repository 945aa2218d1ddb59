"""What is said of one film: probabilities, reasons, facts, and who says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from cxr_core import card, figures
from cxr_core.schema import FilmFacts, Prediction, Reading, Reason
from cxr_core.serve import Model
from cxr_core.worklist import Item

AT_SIGHT = 2


def show(
    item: Item, model: Model, show_anyway: Callable[[], None], change: Callable[[], None]
) -> None:
    """The column beside the film.

    show_anyway: reads a refused film in spite of the refusal. change: draws the choice of a model.
    """
    reading = item.reading
    st.markdown(f":small[{_plain(item.name)}]")
    if reading is None:
        st.error(item.error or "", icon=":material/broken_image:")
        return
    refused = reading.verdict.status == "refused"
    if refused:
        _refusal(reading, item.shown_anyway_at, show_anyway)
    if reading.prediction is not None:
        _probabilities(reading.prediction)
    if not refused:
        _cautions(reading.verdict.reasons)
    _facts(reading)
    _maker(reading.prediction, model, change)


def _refusal(reading: Reading, shown_at: str | None, show_anyway: Callable[[], None]) -> None:
    reasons = _reasons(reading.verdict.reasons)
    st.error(f"**Not judged: this film was refused.**\n\n{reasons}", icon=":material/block:")
    _rest(reading.verdict.reasons)
    if shown_at is None:
        st.button(
            "Show anyway", key="review_show_anyway", on_click=show_anyway,
            icon=":material/visibility:",
            help="Shows what the network says of this film all the same. That you asked is "
            "recorded in the results, with the time.",
        )  # fmt: skip
    else:
        at = shown_at.replace("T", " ").replace("+00:00", " UTC")
        st.caption(f"Shown in spite of the refusal; recorded {at}.")
        if reading.prediction is None:
            st.caption("The network can make nothing of this picture: there is nothing to show.")


def _probabilities(prediction: Prediction) -> None:
    if prediction.refer:
        st.markdown("#### :orange[Refer to a reader]")
    elif prediction.label == "PNEUMONIA":
        st.markdown("#### :red[Suggests pneumonia]")
    else:
        st.markdown("#### :blue[Suggests a normal film]")
    left, right = st.columns(2, gap="small")
    left.metric("Pneumonia", _percent(prediction.probability), help="Calibrated probability.")
    right.metric("Normal", _percent(1 - prediction.probability))
    st.plotly_chart(
        figures.probability_bar(prediction),
        key="review_bar",
        config=figures.STILL_CONFIG,
        alt=_bar_in_words(prediction),
    )


def _percent(p: float) -> str:
    """One decimal, and never a certainty that a network cannot have."""
    if p < 0.001:
        return "< 0.1 %"
    if p > 0.999:
        return "> 99.9 %"
    return f"{100 * p:.1f} %"


def _bar_in_words(prediction: Prediction) -> str:
    point = prediction.operating_point
    return (
        f"Probability of pneumonia {prediction.probability:.3f} on a bar from 0 to 1; operating "
        f"point {point.threshold:.2f}; from {point.refer_low:.2f} to {point.refer_high:.2f} "
        "refer to a reader."
    )


def _cautions(reasons: tuple[Reason, ...]) -> None:
    if not reasons:
        st.success("The checks found no reason to distrust this film.", icon=":material/check:")
        return
    st.warning(f"**Read with caution**\n\n{_reasons(reasons)}", icon=":material/warning:")
    _rest(reasons)


def _reasons(reasons: Sequence[Reason]) -> str:
    """The gravest reasons, as many as fit beside a film; `_rest` has the others."""
    shown = _gravest_first(reasons)[:AT_SIGHT]
    return "\n\n".join(f":small[{reason.text}]" for reason in shown)


def _rest(reasons: Sequence[Reason]) -> None:
    rest = _gravest_first(reasons)[AT_SIGHT:]
    if rest:
        count = "one more reason" if len(rest) == 1 else f"{len(rest)} more reasons"
        with st.expander(count):
            st.markdown("\n".join(f"- :small[{reason.text}]" for reason in rest))


def _gravest_first(reasons: Sequence[Reason]) -> list[Reason]:
    return sorted(reasons, key=lambda reason: reason.severity != "refuse")


def _facts(reading: Reading) -> None:
    pairs = _pairs(reading.facts)
    st.markdown(
        ":small[**Film** " + " · ".join(f"{name} {value}" for name, value in pairs)
        + f" · sha256 `{reading.sha256[:12]}`]"
    )  # fmt: skip


def _pairs(facts: FilmFacts) -> list[tuple[str, str]]:
    shown: list[tuple[str, str | None]] = [
        ("", f"{facts.source_format}, {facts.columns} × {facts.rows}, {facts.bits} bit"),
        ("", facts.photometric),
        ("modality", facts.modality),
        ("body part", facts.body_part),
        ("view", facts.view),
        ("age", None if facts.age_years is None else _age(facts.age_years)),
        ("sex", facts.sex),
        (
            "spacing",
            None
            if facts.spacing_mm is None
            else f"{facts.spacing_mm[0]:.3g} × {facts.spacing_mm[1]:.3g} mm",
        ),
        ("frame", f"{facts.frame + 1} of {facts.frames}" if facts.frames > 1 else None),
    ]
    return [(name, value) for name, value in shown if value]


def _plain(name: str) -> str:
    """A file's name as text, whatever marks of Markdown it holds."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!:$|<>~" else c for c in name)


def _age(years: float) -> str:
    return f"{years:.0f} years" if years >= 2 else f"{12 * years:.0f} months"


def _maker(prediction: Prediction | None, model: Model, change: Callable[[], None]) -> None:
    who = model.card
    time = "" if prediction is None else f" · {prediction.elapsed_ms:.0f} ms"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":small[**Model** {who.name} {who.version}{time}]", width="content")
        with st.popover("About", icon=":material/id_card:", type="tertiary"):
            _about(who)
        change()


def _about(who: card.ModelCard) -> None:
    figures_ = who.validation
    point = who.operating_point
    st.markdown(f"**{who.name} {who.version}**")
    st.markdown(f"Intended use: {card.shown(who.intended_use)}")
    st.markdown(
        f"On {card.shown(figures_.n)} validation films (95 % intervals): "
        f"AUC {card.shown(figures_.auc)}; sensitivity {card.shown(figures_.sensitivity)}; "
        f"specificity {card.shown(figures_.specificity)}."
    )
    st.markdown(
        f"Operating point {point.threshold:.3f}, chosen by: {point.criterion} "
        f"({point.data}, n = {point.n}). Between {point.refer_low:.3f} and "
        f"{point.refer_high:.3f} the film is to be referred to a reader."
    )
    if who.not_measured:
        st.markdown("Not measured: " + "; ".join(who.not_measured))
