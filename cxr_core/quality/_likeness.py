"""What the distance from the training films, and their orientation, give as reasons."""

from __future__ import annotations

from cxr_core.gate import Likeness
from cxr_core.schema import Reason

# In units of the thresholds that were set on validation films; see docs/decisions/0005.
UNLIKE = 1.0
FAR = 1.0
# Probability of not being upright: on validation films and upright films of adults it never reached
# the first, on turned ones it was nearly always beyond the second.
PERHAPS_TURNED = 0.5
TURNED = 0.9
# Of pictures as far as no chest film should be, most mean nothing by it; of turned films, few.
TURNED_AND_FAR = 0.99

_TURNS = {
    "rotated_left": ("rotated", "to lie on its side (rotated by 90° to the left)"),
    "rotated_right": ("rotated", "to lie on its side (rotated by 90° to the right)"),
    "upside_down": ("upside-down", "to be upside down"),
    "flipped": ("upside-down", "to be upside down (mirrored top to bottom)"),
    "negative": ("inverted", "to be a negative (air white, bone black)"),
}


def likeness_reasons(likeness: Likeness) -> list[Reason]:
    """Reasons from the gate: how the film lies, whether it is a chest film, and a familiar one."""
    reasons = []
    if likeness.turned >= (PERHAPS_TURNED if likeness.far < FAR else TURNED_AND_FAR):
        code, how = _TURNS[likeness.turn]
        sure = likeness.turned >= TURNED
        reasons.append(
            Reason(
                code,
                "refuse" if sure else "caution",
                f"The film {'appears' if sure else 'may appear'} {how}. Correct it and upload it "
                "again; the probability holds for upright films only.",
            )
        )
    if likeness.far >= FAR:
        reasons.append(
            Reason(
                "not-a-chest-film",
                "refuse",
                "This does not look like a frontal chest X-ray: it is far from every film the "
                "network was trained on. It may be another examination, another part of the body, "
                "a lateral view, a film on its side, or no X-ray at all.",
            )
        )
    if likeness.unlike >= UNLIKE:
        reasons.append(
            Reason(
                "unlike-training",
                "caution",
                "Unlike the films the network learnt from (frontal, children of 1 to 5 years, one "
                "hospital). On films of adults its probability was worthless.",
            )
        )
    return reasons
