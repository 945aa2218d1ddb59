"""Is this a film that the network may judge? ok, caution or refused, with every reason in words.

Three kinds of evidence: what the file's tags say, what the pixels say by themselves, and how far
the network's features lie from those of its training films (`cxr_core.gate`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxr_core.gate import GateModel
from cxr_core.quality._likeness import FAR, UNLIKE, likeness_reasons
from cxr_core.quality._signals import Signals, border_reasons, measure, pixel_reasons
from cxr_core.quality._tags import tag_reasons
from cxr_core.schema import Film, Reason, Status, Verdict

__all__ = ["FAR", "UNLIKE", "Signals", "judge", "measure", "verdict_of"]


def judge(film: Film, features: NDArray[np.float32] | None, gate: GateModel | None) -> Verdict:
    """What to make of a film, refusals first.

    features: (F,) float32 of the network's forward pass, or None where there was none; then, and
    without a gate, tags and pixels alone decide. Raises ModelError for features that the gate was
    not fitted on.
    """
    likeness = gate.compare(features) if gate is not None and features is not None else None
    signals = measure(film)
    reasons = [
        *pixel_reasons(signals),
        *(likeness_reasons(likeness) if likeness is not None else ()),
        *(border_reasons(signals) if likeness is not None and likeness.unlike >= UNLIKE else ()),
        *tag_reasons(film.facts, likeness),
    ]
    return verdict_of(reasons)


def verdict_of(reasons: list[Reason]) -> Verdict:
    """The status that the gravest of `reasons` asks for; refusals first, else as given."""
    ordered = tuple(sorted(reasons, key=lambda reason: reason.severity != "refuse"))
    status: Status = "ok"
    if ordered:
        status = "refused" if ordered[0].severity == "refuse" else "caution"
    return Verdict(status, ordered)
