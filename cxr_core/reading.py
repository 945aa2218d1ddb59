"""One film from its bytes to everything that is said of it: prediction, heatmaps and doubts.

`examine` does what costs time and does not depend on the threshold; a page caches it by (sha256,
model version). `reading` applies the operating point and the refusal to it, at no cost.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from cxr_core import image
from cxr_core.errors import ImageError
from cxr_core.explain import film_cells, from_cam, placed
from cxr_core.preprocess import model_input
from cxr_core.quality import judge
from cxr_core.schema import (
    Film,
    ForwardPass,
    Heatmap,
    OperatingPoint,
    Reading,
    Reason,
    Status,
    Verdict,
)
from cxr_core.serve import Model, predict

# Of the called class's map. Of 746 training films' maps one in 100 had more than 0.14 and 0.06,
# the highest 0.26 and 0.22; a map that ignored the film would have 0.07 (up to 0.2) and 0.04.
OUTSIDE_SHARE = 0.15
MARKER_SHARE = 0.15


@dataclass(frozen=True, eq=False)
class Examination:
    """What was found in a film, before any threshold.

    forward and heatmaps (NORMAL, PNEUMONIA) are None where the film has no contrast to show a
    network. elapsed_ms: from decoding to the heatmaps, wall clock.
    """

    name: str
    film: Film
    forward: ForwardPass | None
    verdict: Verdict
    heatmaps: tuple[Heatmap, Heatmap] | None
    elapsed_ms: float


def read_film(data: bytes | Film, name: str, model: Model, *, show_anyway: bool = False) -> Reading:
    """Decode, judge, predict and explain one film at the model's locked operating point.

    data: a file's bytes, or a film decoded already (then elapsed_ms counts from there).
    show_anyway: keep the prediction of a refused film; its verdict stays 'refused'. Raises
    ImageError where `data` is no film, ModelError where the model is damaged.
    """
    return reading(examine(data, name, model), model, show_anyway=show_anyway)


def examine(data: bytes | Film, name: str, model: Model, *, frame: int = 0) -> Examination:
    """All of a reading that does not depend on the threshold. Raises as `read_film`."""
    started = time.perf_counter()
    film = data if isinstance(data, Film) else image.decode(data, name, frame=frame)
    forward, heatmaps, unusable = None, None, None
    try:
        forward = model.forward(model_input(film, model.preprocessing))
    except ImageError as error:
        unusable = error
    features = None if forward is None else forward.features
    verdict = judge(film, features, model.gate)
    if unusable is not None and verdict.status != "refused":
        raise unusable
    if forward is not None:
        heatmaps = _heatmaps(forward, film, model.card.calibration.scale)
    elapsed = 1000 * (time.perf_counter() - started)
    return Examination(name, film, forward, verdict, heatmaps, elapsed)


def reading(
    found: Examination,
    model: Model,
    *,
    show_anyway: bool = False,
    operating_point: OperatingPoint | None = None,
) -> Reading:
    """What is said of an examined film; cheap, so that it need not be cached.

    operating_point: the model's locked one unless another is given. model: the one it was
    examined with.
    """
    film = found.film
    hidden = found.verdict.status == "refused" and not show_anyway
    if hidden or found.forward is None or found.heatmaps is None:
        return Reading(found.name, found.verdict, film.facts, film.sha256, None, None)
    prediction = predict(model, found.forward, film.sha256, found.elapsed_ms, operating_point)
    called = next(h for h in found.heatmaps if h.label == prediction.label)
    verdict = with_doubts(found.verdict, called)
    return Reading(found.name, verdict, film.facts, film.sha256, prediction, found.heatmaps)


def with_doubts(verdict: Verdict, called: Heatmap) -> Verdict:
    """The verdict with a caution where the map of the called class rests on the wrong places."""
    reasons = list(verdict.reasons)
    if (outside := called.outside_share) is not None and outside > OUTSIDE_SHARE:
        reasons.append(
            Reason(
                "heatmap-outside-body",
                "caution",
                f"{outside:.0%} of the heatmap lies outside the body: the prediction may rest on "
                "something other than the lungs.",
            )
        )
    if (marked := called.marker_share) is not None and marked > MARKER_SHARE:
        reasons.append(
            Reason(
                "heatmap-on-marker",
                "caution",
                f"{marked:.0%} of the heatmap lies on burnt-in markers or text: the prediction may "
                "rest on them instead of the lungs.",
            )
        )
    if len(reasons) == len(verdict.reasons):
        return verdict
    status: Status = "refused" if verdict.status == "refused" else "caution"
    return Verdict(status, tuple(reasons))


def _heatmaps(forward: ForwardPass, film: Film, scale: float) -> tuple[Heatmap, Heatmap]:
    cells = film_cells(film, forward.cam.shape)
    normal, pneumonia = (
        placed(from_cam(forward.cam, label, scale=scale), cells)
        for label in ("NORMAL", "PNEUMONIA")
    )
    return normal, pneumonia
