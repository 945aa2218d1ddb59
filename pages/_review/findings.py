"""What is said of one film: probabilities, reasons, facts, and who says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from cxr_core import card, figures
from cxr_core.report import described, placement
from cxr_core.schema import Prediction, Reading, Reason
from cxr_core.serve import Model
from cxr_core.worklist import Item
from pages._review.session import short
from pages._shared.words import plain

# How many reasons stand beside a film at sight; on a low screen one, and the rest a click away.
AT_SIGHT, LOW = 2, 860
LONGEST_NAME = 36


def show(
    item: Item,
    model: Model,
    show_anyway: Callable[[], None],
    decide: Callable[[], None],
    change: Callable[[], None],
    height: int,
) -> None:
    """The column beside the film, in a window of `height` pixels.

    show_anyway: reads a refused film in spite of the refusal. decide: draws the reader's own
    decision. change: draws the choice of a model.
    """
    reading = item.reading
    st.markdown(f":small[{plain(short(item.name, LONGEST_NAME))}]")
    if reading is None:
        st.error(item.error or "", icon=":material/broken_image:")
        return
    refused = reading.verdict.status == "refused"
    at_sight = AT_SIGHT if height >= LOW else 1
    if refused:
        _refusal(reading, item.shown_anyway_at, show_anyway, at_sight)
    if reading.prediction is not None:
        _probabilities(reading.prediction)
    if not refused:
        _cautions(reading.verdict.reasons, at_sight)
    decide()
    _facts(reading)
    _maker(model, change)


def _refusal(
    reading: Reading, shown_at: str | None, show_anyway: Callable[[], None], at_sight: int
) -> None:
    words = _reasons("Refused, not judged.", reading.verdict.reasons, at_sight)
    st.error(words, icon=":material/block:")
    _rest(reading.verdict.reasons, at_sight)
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
        st.markdown("#### :blue[Suggests normal]")
    # As wide as their words: half a narrow column each would cut the longer one off.
    with st.container(horizontal=True, gap="small"):
        st.metric(
            "Pneumonia", percent(prediction.probability), help="Calibrated probability.",
            width="content",
        )  # fmt: skip
        st.metric("Normal", percent(1 - prediction.probability), width="content")
    st.plotly_chart(
        figures.probability_bar(prediction),
        key="review_bar",
        config=figures.STILL_CONFIG,
        alt=_bar_in_words(prediction),
    )


def percent(p: float) -> str:
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


def _cautions(reasons: tuple[Reason, ...], at_sight: int) -> None:
    if not reasons:
        st.success("The checks found no reason to distrust this film.", icon=":material/check:")
        return
    st.warning(_reasons("Read with caution.", reasons, at_sight), icon=":material/warning:")
    _rest(reasons, at_sight)


def _reasons(verdict: str, reasons: Sequence[Reason], at_sight: int) -> str:
    """The gravest reasons, as many as fit beside a film; `_rest` has the others."""
    texts = [reason.text for reason in _gravest_first(reasons)[:at_sight]]
    texts[0] = f"**{verdict}** {texts[0]}"
    return "\n\n".join(f":small[{text}]" for text in texts)


def _rest(reasons: Sequence[Reason], at_sight: int) -> None:
    rest = _gravest_first(reasons)[at_sight:]
    if rest:
        count = "one more reason" if len(rest) == 1 else f"{len(rest)} more reasons"
        with st.expander(count):
            st.markdown("\n".join(f"- :small[{reason.text}]" for reason in rest))


def _gravest_first(reasons: Sequence[Reason]) -> list[Reason]:
    return sorted(reasons, key=lambda reason: reason.severity != "refuse")


def _facts(reading: Reading) -> None:
    words = [*described(reading.facts), f"sha256 {reading.sha256[:12]}"]
    lines = ["**Film** " + " · ".join(words)]
    if reading.prediction is not None and reading.heatmaps is not None:
        called = next(h for h in reading.heatmaps if h.label == reading.prediction.label)
        lines[0] += f" · read in {reading.prediction.elapsed_ms:.0f} ms"
        lines.append(f"**Heatmap** {placement(called)}")
    st.caption("  \n".join(lines))


def _maker(model: Model, change: Callable[[], None]) -> None:
    who = model.card
    with st.popover(
        f"{who.name} {who.version}", icon=":material/id_card:", type="tertiary",
        help="What this model is, and the choice of another",
    ):  # fmt: skip
        change()
        _about(who)


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
        st.markdown("Not measured: " + " ".join(who.not_measured))
